//! Samples in a caller's buffer: whether they have room there, and how they get there.

use std::mem::MaybeUninit;

use lic_codec::{Picture, Samples};

use crate::image::LicImage;
use crate::status::Failure;

/// What a pixel is in the buffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pixel {
    Rgb8,
    Rgba8,
    Rgba16,
}

impl Pixel {
    fn bytes(self) -> usize {
        match self {
            Self::Rgb8 => 3,
            Self::Rgba8 => 4,
            Self::Rgba16 => 8,
        }
    }
}

/// How a picture lies in a buffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Layout {
    pixel: Pixel,
    /// Bytes from the start of a row to that of the next.
    stride: usize,
    /// Bytes of a row that are written.
    row: usize,
    /// Bytes of the whole picture; the last row has no gap behind it.
    pub(crate) size: usize,
}

impl Layout {
    /// The layout of an image in a buffer of `available` bytes, if it fits.
    pub(crate) fn new(image: &LicImage, pixel: Pixel, stride: usize, available: usize) -> Result<Self, Failure> {
        let [width, height] = [image.header.width, image.header.height].map(usize::from);
        let row = width * pixel.bytes();
        if stride < row {
            return Err(Failure::argument(format!(
                "the stride is {stride} bytes, a row of {width} pixels takes {row}"
            )));
        }
        let before_last = height.checked_sub(1).and_then(|rows| stride.checked_mul(rows));
        let size = before_last.and_then(|bytes| bytes.checked_add(row)).filter(|&bytes| isize::try_from(bytes).is_ok());
        let Some(size) = size else {
            return Err(Failure::argument(format!("{height} rows with a stride of {stride} bytes fit no memory")));
        };
        if available < size {
            return Err(Failure::argument(format!("the buffer has {available} bytes, the picture takes {size}")));
        }
        Ok(Self { pixel, stride, row, size })
    }

    /// Writes a picture; bytes between its rows stay as they are.
    pub(crate) fn write(&self, picture: &Picture, buffer: &mut [MaybeUninit<u8>]) {
        let width = self.row / self.pixel.bytes();
        let channels = picture.channels();
        let alpha = picture.alpha.as_ref().map(|alpha| &alpha.samples);
        for (y, place) in buffer.chunks_mut(self.stride).enumerate() {
            let colours = row(&picture.pixels, y, width * channels);
            let alpha = alpha.map(|samples| row(samples, y, width));
            let places = place.chunks_exact_mut(self.pixel.bytes());
            if self.pixel == Pixel::Rgba16 {
                let alpha = alpha.as_ref().map(Samples::to_sixteen);
                put(places, &colours.to_sixteen(), channels, alpha.as_deref(), u16::MAX, u16::to_ne_bytes);
            } else {
                let alpha = alpha.as_ref().map(Samples::to_eight);
                put(places, &colours.to_eight(), channels, alpha.as_deref(), u8::MAX, u8::to_ne_bytes);
            }
        }
    }
}

/// Row `y` of samples with `length` in a row.
fn row(samples: &Samples, y: usize, length: usize) -> Samples {
    fn part<T: Copy>(all: &[T], y: usize, length: usize) -> Vec<T> {
        all.chunks_exact(length).nth(y).unwrap_or_default().to_vec()
    }
    match samples {
        Samples::Eight(all) => Samples::Eight(part(all, y, length)),
        Samples::Deep(depth, all) => Samples::Deep(*depth, part(all, y, length)),
    }
}

/// Writes pixels to their places: three colours, and alpha where a place has room for it.
fn put<'a, T: Copy, const N: usize>(
    places: impl Iterator<Item = &'a mut [MaybeUninit<u8>]>,
    colours: &[T],
    channels: usize,
    alpha: Option<&[T]>,
    opaque: T,
    bytes: impl Fn(T) -> [u8; N],
) {
    let mut alpha = alpha.into_iter().flatten().copied();
    for (place, pixel) in places.zip(colours.chunks_exact(channels)) {
        let [red, green, blue] = match *pixel {
            [red, green, blue] => [red, green, blue],
            [grey] => [grey; 3],
            _ => return,
        };
        let samples = [red, green, blue, alpha.next().unwrap_or(opaque)];
        for (place, byte) in place.iter_mut().zip(samples.map(&bytes).as_flattened()) {
            place.write(*byte);
        }
    }
}
