//! [`Samples`]: the numbers of a picture, of 8 bits or more.

use std::borrow::Cow;
use std::ops::Range;

use crate::error::Error;
use crate::format::BitDepth;

/// Samples of one depth; what they mean is said by who holds them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Samples {
    /// 8 bits each.
    Eight(Vec<u8>),
    /// 10, 12 or 16 bits each, 0..=2^bits - 1; 8 bits are refused here.
    Deep(BitDepth, Vec<u16>),
}

impl From<Vec<u8>> for Samples {
    fn from(samples: Vec<u8>) -> Self {
        Self::Eight(samples)
    }
}

impl Samples {
    /// None yet, with room for so many.
    pub(crate) fn reserve(depth: BitDepth, samples: u64) -> Result<Self, Error> {
        fn room<T>(samples: u64) -> Result<Vec<T>, Error> {
            let mut room = Vec::new();
            let reserved = usize::try_from(samples).ok().and_then(|samples| room.try_reserve_exact(samples).ok());
            reserved.map(|()| room).ok_or(Error::OutOfMemory { bytes: samples * size_of::<T>() as u64 })
        }
        Ok(match depth {
            BitDepth::Eight => Self::Eight(room(samples)?),
            depth => Self::Deep(depth, room(samples)?),
        })
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        match self {
            Self::Eight(samples) => samples.len(),
            Self::Deep(_, samples) => samples.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bits per sample.
    pub fn depth(&self) -> BitDepth {
        match self {
            Self::Eight(_) => BitDepth::Eight,
            Self::Deep(depth, _) => *depth,
        }
    }

    /// The samples, if they have 8 bits each.
    pub fn as_eight(&self) -> Option<&[u8]> {
        match self {
            Self::Eight(samples) => Some(samples),
            Self::Deep(..) => None,
        }
    }

    /// The samples with 16 bits each: as they are, or stretched to that range.
    pub fn to_sixteen(&self) -> Cow<'_, [u16]> {
        match self {
            Self::Eight(samples) => samples.iter().map(|&sample| 257 * u16::from(sample)).collect(),
            Self::Deep(BitDepth::Sixteen, samples) => samples.into(),
            Self::Deep(depth, samples) => {
                let peak = u32::from(peak(*depth));
                samples.iter().map(|&s| ((u32::from(s) * 65535 + peak / 2) / peak).min(65535) as u16).collect()
            }
        }
    }

    /// The samples with 8 bits each: as they are, or rounded.
    pub fn to_eight(&self) -> Cow<'_, [u8]> {
        match self {
            Self::Eight(samples) => samples.into(),
            Self::Deep(depth, samples) => samples.iter().map(|&sample| eight_bits(sample, *depth)).collect(),
        }
    }

    /// Some columns of some rows of `stride` samples each, all of which must be there.
    pub(crate) fn crop(&self, stride: usize, rows: Range<usize>, columns: Range<usize>) -> Self {
        fn cut<T: Copy>(samples: &[T], stride: usize, rows: Range<usize>, columns: Range<usize>) -> Vec<T> {
            let rows = samples.chunks_exact(stride.max(1)).skip(rows.start).take(rows.len());
            rows.flat_map(|row| &row[columns.clone()]).copied().collect()
        }
        match self {
            Self::Eight(samples) => Self::Eight(cut(samples, stride, rows, columns)),
            Self::Deep(depth, samples) => Self::Deep(*depth, cut(samples, stride, rows, columns)),
        }
    }

    /// Takes over the samples of others of the same depth.
    pub(crate) fn append(&mut self, more: Self) {
        match (self, more) {
            (Self::Eight(samples), Self::Eight(mut more)) => samples.append(&mut more),
            (Self::Deep(_, samples), Self::Deep(_, mut more)) => samples.append(&mut more),
            // One picture has one depth, and 8 bits have one byte: whoever takes samples checks that.
            _ => {}
        }
    }

    /// Takes the first `count` samples out; all if there are no more.
    pub(crate) fn take_first(&mut self, count: usize) -> Self {
        fn first<T>(samples: &mut Vec<T>, count: usize) -> Vec<T> {
            let rest = samples.split_off(count.min(samples.len()));
            std::mem::replace(samples, rest)
        }
        match self {
            Self::Eight(samples) => Self::Eight(first(samples, count)),
            Self::Deep(depth, samples) => Self::Deep(*depth, first(samples, count)),
        }
    }

    /// Whether every sample has the greatest value of its depth.
    pub(crate) fn all_are_greatest(&self) -> bool {
        match self {
            Self::Eight(samples) => samples.iter().all(|&sample| sample == u8::MAX),
            Self::Deep(depth, samples) => samples.iter().all(|&sample| sample == peak(*depth)),
        }
    }

    /// Checks what types do not rule out: two bytes for 8 bits, and a sample that is greater than its depth allows.
    ///
    /// # Errors
    /// [`Error::InvalidInput`].
    pub(crate) fn check(&self) -> Result<(), Error> {
        let Self::Deep(depth, samples) = self else { return Ok(()) };
        if *depth == BitDepth::Eight {
            return Err(Error::InvalidInput {
                what: "the number of bytes per sample of 8 bits",
                found: 2,
                expected: 1,
            });
        }
        let most = peak(*depth);
        match samples.iter().find(|&&sample| sample > most) {
            Some(&found) => Err(Error::InvalidInput { what: "a sample", found: found.into(), expected: most.into() }),
            None => Ok(()),
        }
    }

    /// Sum of the squared differences from samples of the same depth and number, in units of one step.
    pub(crate) fn squared_error(&self, other: &Self) -> Option<f64> {
        fn sum<T: Copy + Into<i64>>(a: &[T], b: &[T]) -> f64 {
            let square = |(&a, &b): (&T, &T)| (a.into() - b.into()).pow(2) as u64;
            a.iter().zip(b).map(square).sum::<u64>() as f64
        }
        match (self, other) {
            (Self::Eight(a), Self::Eight(b)) if a.len() == b.len() => Some(sum(a, b)),
            (Self::Deep(p, a), Self::Deep(q, b)) if p == q && a.len() == b.len() => Some(sum(a, b)),
            _ => None,
        }
    }
}

/// A type of samples.
pub(crate) trait Sample: Copy + Default + Send + Sync + Into<f32> {
    /// From an integer that fits.
    fn of(value: i32) -> Self;
}

impl Sample for u8 {
    #[inline(always)]
    fn of(value: i32) -> Self {
        value as Self
    }
}

impl Sample for u16 {
    #[inline(always)]
    fn of(value: i32) -> Self {
        value as Self
    }
}

/// The greatest sample of a depth.
pub(crate) fn peak(depth: BitDepth) -> u16 {
    match depth {
        BitDepth::Eight => 255,
        BitDepth::Ten => 1023,
        BitDepth::Twelve => 4095,
        BitDepth::Sixteen => u16::MAX,
    }
}

/// The nearest sample up to `peak`; what is no number becomes 0.
#[inline(always)]
pub(crate) fn nearest<T: Sample>(value: f32, peak: f32) -> T {
    let value = value + 0.5;
    // Not `max` and `min`, which would make a limit of what is no number.
    let value = if value > 0.0 { value } else { 0.0 };
    T::of(if value < peak { value } else { peak } as i32)
}

/// A sample rounded to 8 bits.
pub(crate) fn eight_bits(sample: u16, depth: BitDepth) -> u8 {
    let peak = u32::from(peak(depth));
    ((u32::from(sample) * 255 + peak / 2) / peak).min(255) as u8
}

/// A sample of 8 bits as one of another depth.
pub(crate) fn deepened(sample: u8, depth: BitDepth) -> u16 {
    ((u32::from(sample) * u32::from(peak(depth)) + 127) / 255) as u16
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn eight_bits_survive_every_depth() {
        for depth in [BitDepth::Ten, BitDepth::Twelve, BitDepth::Sixteen] {
            for sample in 0..=255 {
                assert_eq!(eight_bits(deepened(sample, depth), depth), sample, "{depth:?}");
            }
            assert_eq!(deepened(255, depth), peak(depth));
        }
    }

    #[test]
    fn samples_beyond_their_depth_are_found() {
        assert!(Samples::Deep(BitDepth::Ten, vec![0, 1023]).check().is_ok());
        let found = Samples::Deep(BitDepth::Ten, vec![0, 1024]).check();
        assert!(matches!(found, Err(Error::InvalidInput { found: 1024, expected: 1023, .. })), "{found:?}");
    }
}
