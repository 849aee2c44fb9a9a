//! Whether a picture can be as large as its header says. A few damaged bytes there ask for memory that no machine has,
//! and an allocation that fails ends the process, with all files that it still had before it.

use image::ColorType;

use super::{MAX_EDGE, PhotoError};

/// Width and height in pixels.
pub(super) type Size = (u32, u32);

/// Whether the edges are allowed.
pub(super) fn check_edges((width, height): Size) -> Result<(), PhotoError> {
    if width == 0 || height == 0 {
        return Err(PhotoError::Empty { width, height });
    }
    if width > MAX_EDGE || height > MAX_EDGE {
        return Err(PhotoError::TooLarge { width, height });
    }
    Ok(())
}

/// Whether a file of so many `bytes` can hold a picture that takes `least` of them.
pub(super) fn check_file((width, height): Size, least: u64, bytes: u64) -> Result<(), PhotoError> {
    if bytes < least { Err(PhotoError::TooFewBytes { width, height, least, bytes }) } else { Ok(()) }
}

/// Whether there is memory for so many `bytes`. They are given back at once, and systems promise more than they have, so
/// this finds only what is far too much: what would end the process when it is asked for in one piece.
pub(super) fn check_memory((width, height): Size, bytes: u64) -> Result<(), PhotoError> {
    let mut samples = Vec::<u8>::new();
    let reserved = usize::try_from(bytes).is_ok_and(|bytes| samples.try_reserve_exact(bytes).is_ok());
    // Memory that nobody looks at would never be asked for.
    std::hint::black_box(&mut samples);
    if reserved { Ok(()) } else { Err(PhotoError::OutOfMemory { width, height, bytes }) }
}

/// The least bytes of a PNG, whose edges were checked.
pub(super) fn least_of_png(info: &png::Info<'_>) -> u64 {
    // DEFLATE makes at most 258 bytes (its longest match) of at least 2 bits (a code for the length, one for the
    // distance), that is 1032 of one byte. Samples are counted as they are stored: the decoder makes up to 32 bits of
    // one of a palette.
    let bits = pixels((info.width, info.height)) * info.bits_per_pixel() as u64;
    bits / 8 / 1032
}

/// The least bytes of a JPEG.
pub(super) fn least_of_jpeg(size: Size) -> u64 {
    // Each block of 8x8 samples has at least one bit, for its mean; runs of empty blocks are only for what comes after
    // that. A block covers at most 128 pixels: components may have 1 to 4 blocks a unit in either direction, but one of
    // them has the most across and one, perhaps another, the most down. So the fewest are 4 + 4 blocks for 32x32
    // pixels.
    pixels(size) / 128 / 8
}

/// The least bytes of a PNM that begins with `bytes`.
pub(super) fn least_of_pnm(bytes: &[u8], size: Size, colour: ColorType) -> u64 {
    let samples = pixels(size) * u64::from(colour.channel_count());
    match bytes.get(1) {
        Some(b'1') => samples,
        // A digit, and something between it and the next.
        Some(b'2' | b'3') => samples.saturating_mul(2).saturating_sub(1),
        Some(b'4') => u64::from(size.0.div_ceil(8)) * u64::from(size.1),
        _ => pixels(size) * u64::from(colour.bytes_per_pixel()),
    }
}

fn pixels((width, height): Size) -> u64 {
    u64::from(width) * u64::from(height)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_that_no_machine_has_is_refused() {
        for bytes in [1 << 60, u64::MAX] {
            let error = check_memory((7, 9), bytes).expect_err("too much");
            assert!(
                matches!(error, PhotoError::OutOfMemory { width: 7, height: 9, bytes: b } if b == bytes),
                "{error}"
            );
        }
        assert!(check_memory((7, 9), 1 << 20).is_ok());
    }

    #[test]
    fn the_least_of_a_png_is_that_of_its_samples_as_they_are_stored() {
        let mut info = png::Info::with_size(65535, 65535);
        (info.color_type, info.bit_depth) = (png::ColorType::Indexed, png::BitDepth::One);
        assert_eq!(least_of_png(&info), 65535 * 65535 / 8 / 1032);
        (info.color_type, info.bit_depth) = (png::ColorType::Rgba, png::BitDepth::Sixteen);
        assert_eq!(least_of_png(&info), 65535 * 65535 * 8 / 1032);
    }

    #[test]
    fn the_least_of_a_pnm_is_that_of_its_encoding() {
        let least = |kind: &[u8], colour| least_of_pnm(kind, (9, 2), colour);
        let kinds = [b"P1", b"P2", b"P4", b"P5", b"P7"].map(|kind| least(kind, ColorType::L8));
        assert_eq!(kinds, [18, 35, 4, 18, 18]);
        assert_eq!((least(b"P3", ColorType::Rgb16), least(b"P6", ColorType::Rgb16)), (107, 108));
    }
}
