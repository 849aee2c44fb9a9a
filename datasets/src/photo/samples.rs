//! The samples of an image: 8 bits each as almost everywhere, or 16.

/// Samples of one depth.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PhotoSamples {
    /// 8 bits each.
    Eight(Vec<u8>),
    /// 16 bits each, whatever the depth of the image was: 0 is none, 65535 all.
    Sixteen(Vec<u16>),
}

impl From<Vec<u8>> for PhotoSamples {
    fn from(samples: Vec<u8>) -> Self {
        Self::Eight(samples)
    }
}

impl PhotoSamples {
    /// How many there are.
    pub fn len(&self) -> usize {
        match self {
            Self::Eight(samples) => samples.len(),
            Self::Sixteen(samples) => samples.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The samples with 8 bits each: as they are, or rounded.
    pub fn into_eight(self) -> Vec<u8> {
        match self {
            Self::Eight(samples) => samples,
            Self::Sixteen(samples) => samples.iter().map(|&sample| ((u32::from(sample) + 128) / 257) as u8).collect(),
        }
    }
}

/// Samples [.., `ALL`] as those of colours [.., `COLOURS`] and of alpha, the last of each pixel; no alpha if all of it is `opaque`.
pub(super) fn split<T: Copy + PartialEq, const ALL: usize, const COLOURS: usize>(
    samples: &[T],
    opaque: T,
) -> (Vec<T>, Option<Vec<T>>) {
    let pixels = samples.as_chunks::<ALL>().0;
    let colours = pixels.iter().filter_map(|pixel| pixel.first_chunk::<COLOURS>()).flatten().copied().collect();
    let alpha = || pixels.iter().filter_map(|pixel| pixel.last()).copied();
    (colours, alpha().any(|sample| sample != opaque).then(|| alpha().collect()))
}

/// The other way round.
pub(super) fn joined<T: Copy>(colours: &[T], alpha: &[T], channels: usize) -> Vec<T> {
    let pixels = colours.chunks_exact(channels).zip(alpha);
    pixels.flat_map(|(colours, alpha)| colours.iter().chain([alpha])).copied().collect()
}
