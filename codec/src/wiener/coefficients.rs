//! [`Coefficients`]: the filter as integers, and as the bytes of its section.

use super::{NEAR, PAIRS, features};
use crate::entropy::{Bit, TileDecoder, TileEncoder};
use crate::error::{EntropyError, Error};
use crate::format::{ColourModel, SectionKind};
use crate::picture::channels;

/// Bits of the greatest magnitude after the first.
const MAX_BITS: u32 = 14;
/// The finest unit: 2^-15.
pub(super) const MAX_PRECISION: u8 = 15;
/// How much finer the unit of coefficients at the pixel is, in bits, and how much coarser that of the constant.
const LEVEL_BITS: i32 = 2;
const CONSTANT_BITS: i32 = 6;

/// The filter of a picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Coefficients {
    channels: usize,
    /// Bits behind the point.
    precision: u8,
    /// Integers [signals out, features]: constant, signals at the pixel, pairs of the first signal, of the second, ..
    values: Vec<i16>,
}

/// Classes of coefficients with statistics of their own.
const CLASSES: usize = 5;

/// The class of a feature for a signal.
fn class(channels: usize, out: usize, feature: usize) -> usize {
    match feature.checked_sub(1 + channels) {
        None => 0,
        Some(pair) => {
            let (of_same, near) = (pair / PAIRS.len() == out, pair % PAIRS.len() < NEAR);
            1 + usize::from(!of_same) + 2 * usize::from(!near)
        }
    }
}

/// How often a bit was 0 and 1.
#[derive(Debug, Clone, Copy, Default)]
struct Counts([u32; 2]);

impl Counts {
    fn model(self) -> Bit {
        Bit::after(self.0[0], self.0[1])
    }

    fn learn(&mut self, bit: bool) {
        self.0[usize::from(bit)] += 1;
    }
}

/// What coefficients have taught: whether they are other than 0, and whether there is one bit more.
#[derive(Debug, Clone, Copy, Default)]
struct Learnt {
    present: Counts,
    longer: Counts,
}

impl Coefficients {
    /// From integers [signals out, features].
    pub(super) fn new(channels: usize, precision: u8, values: Vec<i16>) -> Self {
        Self { channels, precision, values }
    }

    /// Whether nothing would change.
    pub(super) fn is_nothing(&self) -> bool {
        self.values.iter().all(|&value| value == 0)
    }

    /// What an integer of a feature counts in.
    pub(super) fn unit(channels: usize, precision: u8, feature: usize) -> f64 {
        let bits = i32::from(precision)
            + match feature {
                0 => -CONSTANT_BITS,
                f if f <= channels => LEVEL_BITS,
                _ => 0,
            };
        // Exact: a power of two.
        2f64.powi(-bits)
    }

    /// The coefficients [signals out, features], of orthonormal signals.
    pub(super) fn numbers(&self) -> Vec<f64> {
        let count = features(self.channels);
        let number =
            |(i, &value): (usize, &i16)| f64::from(value) * Self::unit(self.channels, self.precision, i % count);
        self.values.iter().enumerate().map(number).collect()
    }

    /// Signals, 1 or 3.
    pub(super) fn channels(&self) -> usize {
        self.channels
    }

    /// The body of the section: precision, then the range coder's stream.
    pub(crate) fn write(&self) -> Result<Vec<u8>, EntropyError> {
        let mut coder = TileEncoder::new(false);
        let mut learnt = [Learnt::default(); CLASSES];
        let count = features(self.channels);
        for (i, &value) in self.values.iter().enumerate() {
            let learnt = &mut learnt[class(self.channels, i / count, i % count)];
            coder.encode_bit(value != 0, learnt.present.model())?;
            learnt.present.learn(value != 0);
            if value == 0 {
                continue;
            }
            coder.encode_bit(value < 0, Bit::RAW)?;
            let magnitude = value.unsigned_abs();
            let bits = magnitude.ilog2();
            // Whoever has all the bits there are is not told that it has no more.
            for bit in 0..=bits.min(MAX_BITS - 1) {
                let longer = bit < bits;
                coder.encode_bit(longer, learnt.longer.model())?;
                learnt.longer.learn(longer);
            }
            for bit in (0..bits).rev() {
                coder.encode_bit(magnitude >> bit & 1 != 0, Bit::RAW)?;
            }
        }
        Ok(coder.finish_after(self.precision))
    }

    /// The filter of a section's body.
    ///
    /// # Errors
    /// [`Error::InvalidSection`].
    pub(crate) fn read(colour: ColourModel, body: &[u8]) -> Result<Self, Error> {
        let invalid = |reason| Error::InvalidSection { kind: SectionKind::Filter.number(), reason };
        let Some((&precision, stream)) = body.split_first().filter(|(precision, _)| **precision <= MAX_PRECISION)
        else {
            return Err(invalid("it does not begin with a precision of 0..=15"));
        };
        let channels = channels(colour);
        let values = Self::values(channels, stream).map_err(|_| invalid("its stream is none of a filter's"))?;
        Ok(Self { channels, precision, values })
    }

    fn values(channels: usize, stream: &[u8]) -> Result<Vec<i16>, EntropyError> {
        let mut coder = TileDecoder::of_stream(stream);
        let mut learnt = [Learnt::default(); CLASSES];
        let count = features(channels);
        let mut values = Vec::with_capacity(channels * count);
        for i in 0..channels * count {
            let learnt = &mut learnt[class(channels, i / count, i % count)];
            let present = coder.decode_bit(learnt.present.model())?;
            learnt.present.learn(present);
            if !present {
                values.push(0);
                continue;
            }
            let negative = coder.decode_bit(Bit::RAW)?;
            let mut bits = 0;
            while bits < MAX_BITS {
                let longer = coder.decode_bit(learnt.longer.model())?;
                learnt.longer.learn(longer);
                if !longer {
                    break;
                }
                bits += 1;
            }
            let mut magnitude = 1i16;
            for _ in 0..bits {
                magnitude = magnitude << 1 | i16::from(coder.decode_bit(Bit::RAW)?);
            }
            values.push(if negative { -magnitude } else { magnitude });
        }
        coder.finish()?;
        Ok(values)
    }
}
