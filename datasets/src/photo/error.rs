//! Why an image cannot be read.

use image::ImageFormat;

use super::MAX_EDGE;

/// Why an image cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PhotoError {
    /// The file cannot be opened or read.
    #[error("cannot read the file: {0}")]
    Io(#[from] std::io::Error),
    /// There is nothing in the file.
    #[error("the file is empty")]
    NoBytes,
    /// The content is of no known format.
    #[error("not a PNG, JPEG, WebP or PNM image")]
    UnknownFormat,
    /// A format that is known but not read here.
    #[error("{} are not read, convert it to PNG first", name(*format))]
    UnsupportedFormat {
        /// The format.
        format: ImageFormat,
    },
    /// More than one picture after the other.
    #[error(
        "this {format:?} is animated, only still images are read: take one picture out of it (ffmpeg -i IN -frames:v 1 OUT.png)"
    )]
    Animated {
        /// The format.
        format: ImageFormat,
    },
    /// Longer than a `.lic` file can be.
    #[error("{width}x{height} pixels, the longest edge allowed is {MAX_EDGE}")]
    TooLarge {
        /// Width in pixels.
        width: u32,
        /// Height in pixels.
        height: u32,
    },
    /// A width or height of 0.
    #[error("damaged image: it has {width}x{height} pixels")]
    Empty {
        /// Width in pixels.
        width: u32,
        /// Height in pixels.
        height: u32,
    },
    /// A JPEG that is sound, but coded as hardly any program does.
    #[error("this JPEG is {coding}, which is not read: convert it to PNG first")]
    ForeignJpeg {
        /// How it is coded.
        coding: &'static str,
    },
    /// A JPEG that breaks off. The decoder would make something grey of what is missing.
    #[error("damaged image: the JPEG is cut off, its {bytes} bytes have no end marker")]
    CutOff {
        /// Bytes of the file.
        bytes: u64,
    },
    /// A picture that cannot be in a file that small: it is cut off, or its header is damaged.
    #[error("damaged image: {width}x{height} pixels take at least {least} bytes, the file has {bytes}")]
    TooFewBytes {
        /// Width in pixels.
        width: u32,
        /// Height in pixels.
        height: u32,
        /// Bytes that such a picture has at the very least.
        least: u64,
        /// Bytes of the file.
        bytes: u64,
    },
    /// The samples do not fit into memory.
    #[error("there is no memory for a picture of {width}x{height} pixels, {bytes} bytes")]
    OutOfMemory {
        /// Width in pixels.
        width: u32,
        /// Height in pixels.
        height: u32,
        /// Bytes that are needed at the same time.
        bytes: u64,
    },
    /// More than 8 bits per sample, where only 8 make sense.
    #[error("it has more than 8 bits per sample, convert it to 8 bits first (ImageMagick: -depth 8)")]
    Deep,
    /// Pixels that are not opaque, where only opaque ones make sense.
    #[error("it has transparent pixels, put it on a background first (ImageMagick: -background white -alpha remove)")]
    Transparent,
    /// The image is damaged, or uses what the reading library does not know.
    #[error("damaged image: {0}")]
    Damaged(#[from] image::ImageError),
}

/// What a user calls images of a format that is not read.
fn name(format: ImageFormat) -> String {
    match format {
        ImageFormat::Gif => "GIF images, animated or not,".to_owned(),
        other => format!("{other:?} images"),
    }
}
