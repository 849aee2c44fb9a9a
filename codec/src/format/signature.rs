//! The signature, and a name for what a file is that has another one.

use super::header::MIN_HEADER_BYTES;
use crate::error::{Error, Part};

/// The first four bytes of every file: a byte that no UTF-8 text starts with, then "LIC".
pub const SIGNATURE: [u8; 4] = [0x8f, b'L', b'I', b'C'];

/// Checks the first bytes of a file.
pub(super) fn check_signature(bytes: &[u8]) -> Result<(), Error> {
    if bytes.is_empty() || !bytes.iter().zip(&SIGNATURE).all(|(a, b)| a == b) {
        return Err(Error::NotLic { looks_like: looks_like(bytes) });
    }
    if bytes.len() < SIGNATURE.len() {
        return Err(Error::Truncated {
            part: Part::Header,
            offset: bytes.len() as u64,
            needed: MIN_HEADER_BYTES as u64,
        });
    }
    Ok(())
}

/// Names the file type that `bytes` start like, with an article.
fn looks_like(bytes: &[u8]) -> &'static str {
    const STARTS: [(&[u8], &str); 16] = [
        (b"\x89PNG\r\n\x1a\n", "a PNG image"),
        (b"\xff\xd8\xff", "a JPEG image"),
        (b"GIF8", "a GIF image"),
        (b"BM", "a BMP image"),
        (b"II*\0", "a TIFF image"),
        (b"MM\0*", "a TIFF image"),
        (b"\xff\x0a", "a JPEG XL image"),
        (b"\0\0\0\x0cJXL ", "a JPEG XL image"),
        (b"\0\0\0\x0cjP  ", "a JPEG 2000 image"),
        (b"qoif", "a QOI image"),
        (b"8BPS", "a Photoshop image"),
        (b"%PDF", "a PDF document"),
        (b"PK\x03\x04", "a ZIP archive"),
        (b"\x1f\x8b", "a gzip archive"),
        (b"\x76\x2f\x31\x01", "an OpenEXR image"),
        (b"<?xml", "an XML document"),
    ];
    if bytes.is_empty() {
        return "an empty file";
    }
    if let Some((_, name)) = STARTS.iter().find(|(start, _)| bytes.starts_with(start)) {
        return name;
    }
    if bytes.starts_with(b"RIFF") && bytes.get(8..12) == Some(b"WEBP") {
        return "a WebP image";
    }
    match (bytes.get(4..8), bytes.get(8..12)) {
        (Some(b"ftyp"), Some(b"avif" | b"avis")) => return "an AVIF image",
        (Some(b"ftyp"), Some(b"heic" | b"heix" | b"mif1")) => return "a HEIF image",
        (Some(b"ftyp"), _) => return "a video or another ISO media file",
        _ => {}
    }
    if let [b'P', b'1'..=b'7', space, ..] = bytes
        && space.is_ascii_whitespace()
    {
        return "a PNM image";
    }
    let start = bytes.get(..64).unwrap_or(bytes);
    // A cut through the middle of a character is no sign of a binary file.
    let text = match std::str::from_utf8(start) {
        Ok(_) => true,
        Err(error) => error.error_len().is_none(),
    };
    if text && !start.iter().any(|b| matches!(b, 0..=8 | 14..=31)) {
        return "text (licence files are called .lic too)";
    }
    "an unknown binary file"
}
