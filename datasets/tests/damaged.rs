//! Files that break off or whose headers are damaged: errors, never a picture with something made up, and never a
//! process that ends for lack of memory.

use std::io::Cursor;

use image::{DynamicImage, ImageFormat};
use lic_datasets::{Photo, PhotoError, PhotoRows, generate};
use mozjpeg::{ColorSpace, Compress};

/// A JPEG of a landscape, in one scan or in many.
fn jpeg(progressive: bool) -> Vec<u8> {
    let landscape = generate::landscape(80, 50, 3).pixels.into_eight();
    let mut compress = Compress::new(ColorSpace::JCS_RGB);
    compress.set_size(80, 50);
    if progressive {
        compress.set_progressive_mode();
    }
    let mut started = compress.start_compress(Vec::new()).expect("starts");
    started.write_scanlines(&landscape).expect("samples");
    started.finish().expect("ends")
}

/// Where the bytes of the first marker from `markers` are, behind 0xff.
fn marker(bytes: &[u8], markers: &[u8]) -> usize {
    bytes.windows(2).position(|pair| pair[0] == 0xff && markers.contains(&pair[1])).expect("a marker") + 1
}

fn encoded(image: &DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    image.write_to(&mut bytes, format).expect("encoding to memory");
    bytes.into_inner()
}

#[track_caller]
fn assert_impossible(bytes: &[u8]) {
    let error = Photo::read(bytes).expect_err("damaged");
    let length = bytes.len() as u64;
    assert!(
        matches!(error, PhotoError::TooFewBytes { least, bytes, .. } if bytes == length && least > bytes),
        "{error}"
    );
}

#[test]
fn a_jpeg_that_is_cut_off_is_refused() {
    for progressive in [false, true] {
        let whole = jpeg(progressive);
        assert!(Photo::read(&whole).is_ok());
        for end in 3..whole.len() {
            let error = Photo::read(&whole[..end]).expect_err("no end");
            assert!(matches!(error, PhotoError::CutOff { bytes } if bytes == end as u64), "{end}: {error}");
        }
    }
}

#[test]
fn a_jpeg_of_a_kind_that_is_not_read_is_not_called_damaged() {
    let whole = jpeg(false);
    for (frame, word) in [(0xc3, "lossless"), (0xc5, "hierarchical"), (0xc9, "arithmetic")] {
        let mut other = whole.clone();
        other[marker(&whole, &[0xc0, 0xc1, 0xc2])] = frame;
        let error = Photo::read(&other).expect_err("no such JPEG is read").to_string();
        assert!(error.contains(word) && error.contains("PNG") && !error.contains("damaged"), "{error}");
    }
    let mut deep = whole.clone();
    deep[marker(&whole, &[0xc0, 0xc1, 0xc2]) + 3] = 12;
    assert!(Photo::read(&deep).expect_err("12 bits").to_string().contains("8 bits per sample"));
    assert!(matches!(Photo::read(&[]), Err(PhotoError::NoBytes)));
    // The first component's samples, across and down, and the second's.
    for (factors, words) in [
        ([0x11, 0x11], None),
        ([0x22, 0x11], None),
        ([0x11, 0x21], Some("more finely in its colours")),
        ([0x11, 0x12], Some("more finely in its colours")),
        ([0x31, 0x11], Some("three times as finely in its brightness")),
    ] {
        let mut sampled = whole.clone();
        let frame = marker(&whole, &[0xc0, 0xc1, 0xc2]);
        (sampled[frame + 10], sampled[frame + 13]) = (factors[0], factors[1]);
        match (Photo::read(&sampled), words) {
            (Err(error @ PhotoError::ForeignJpeg { .. }), Some(words)) => {
                assert!(error.to_string().contains(words), "{error}");
            }
            (Err(PhotoError::ForeignJpeg { coding }), None) => panic!("{factors:x?}: {coding}"),
            (_, words) => assert_eq!(words, None, "{factors:x?}"),
        }
    }
}

#[test]
fn a_cut_off_jpeg_is_not_saved_by_the_pictures_behind_it() {
    let whole = jpeg(false);
    let cut = &whole[..whole.len() - 2];
    assert!(matches!(Photo::read(&[cut, &whole].concat()), Err(PhotoError::CutOff { .. })));
}

#[test]
fn what_is_behind_the_end_of_a_jpeg_does_not_matter() {
    let whole = jpeg(true);
    let photo = Photo::read(&whole).expect("a valid image");
    for behind in [b"anything \xff\xd8".as_slice(), &whole, &whole[..40]] {
        assert!(Photo::read(&[&whole, behind].concat()).expect("a valid image") == photo);
    }
}

#[test]
fn fill_bytes_and_restart_markers_are_no_ends_of_a_jpeg() {
    let mut compress = Compress::new(ColorSpace::JCS_GRAYSCALE);
    compress.set_size(64, 64);
    let mut started = compress.start_compress(Vec::new()).expect("starts");
    started
        .write_scanlines(&generate::landscape(64, 64, 1).into_image().expect("samples").to_luma8())
        .expect("samples");
    let plain = started.finish().expect("ends");
    // Restart markers every so many blocks are beyond `mozjpeg`'s interface; one at the end of the scan is read over,
    // too.
    let end = plain.len() - 2;
    let bytes = [&plain[..end], &[0xff, 0xd0, 0xff, 0xff], &plain[end..]].concat();
    assert!(Photo::read(&bytes).expect("a valid image") == Photo::read(&plain).expect("a valid image"));
    // And fill bytes before a segment.
    let bytes = [&plain[..2], &[0xff, 0xff], &plain[2..]].concat();
    assert!(Photo::read(&bytes).expect("a valid image") == Photo::read(&plain).expect("a valid image"));
}

/// A PNG of 16-bit RGBA that claims to be as large as can be and has `padding` bytes behind its end.
fn boasting_png(padding: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, 65535, 65535);
    encoder.set_color(png::ColorType::Rgba);
    encoder.set_depth(png::BitDepth::Sixteen);
    let mut writer = encoder.write_header().expect("a header");
    writer.write_chunk(png::chunk::IDAT, b"\x78\x01\x03\0\0\0\0\x01").expect("a chunk");
    drop(writer);
    bytes.resize(bytes.len() + padding, 0);
    bytes
}

#[test]
fn a_small_png_with_the_header_of_a_huge_one_is_refused() {
    assert_impossible(&boasting_png(0));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("boasting.png");
    std::fs::write(&path, boasting_png(0)).unwrap();
    let error = PhotoRows::open(&path, 0).expect_err("damaged");
    assert!(matches!(error, PhotoError::TooFewBytes { .. }), "{error}");
}

#[test]
fn a_picture_for_which_there_is_no_memory_is_an_error() {
    // With 34 MB, it could be true. On a machine that has 70 GB, samples are missing.
    let error = Photo::read(&boasting_png(34_000_000)).expect_err("too large");
    assert!(matches!(error, PhotoError::OutOfMemory { .. } | PhotoError::Damaged(_)), "{error}");
}

#[test]
fn a_jpeg_with_a_damaged_size_is_refused() {
    for progressive in [false, true] {
        let mut bytes = jpeg(progressive);
        let frame = marker(&bytes, &[0xc0, 0xc1, 0xc2]);
        // Behind the marker: length, precision, height, width.
        bytes[frame + 4..frame + 8].fill(0xff);
        assert_impossible(&bytes);
    }
}

#[test]
fn a_pixmap_without_its_samples_is_refused_whatever_its_encoding() {
    for header in ["P1 65535 65535 ", "P2 65535 65535 255 ", "P3 65535 65535 65535 ", "P4 65535 65535 "] {
        assert_impossible(header.as_bytes());
    }
    for header in ["P5 65535 65535 255 ", "P6 65535 65535 65535 "] {
        assert_impossible(header.as_bytes());
    }
    assert_impossible(b"P7\nWIDTH 65535\nHEIGHT 65535\nDEPTH 4\nMAXVAL 65535\nTUPLTYPE RGB_ALPHA\nENDHDR\n\0");
}

#[test]
fn the_smallest_files_of_large_pictures_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let grey = DynamicImage::new_luma8(4000, 3000);
    for format in [ImageFormat::Jpeg, ImageFormat::WebP] {
        assert!(Photo::read(&encoded(&grey, format)).is_ok(), "{format:?}");
    }
    // Of one bit, in a palette with transparency: 32 bits are made of it.
    let path = folder.path().join("one.png");
    let mut encoder = png::Encoder::new(std::fs::File::create(&path).unwrap(), 8192, 4096);
    encoder.set_color(png::ColorType::Indexed);
    encoder.set_depth(png::BitDepth::One);
    encoder.set_palette(vec![1, 2, 3]);
    encoder.set_trns(&[7][..]);
    encoder.set_compression(png::Compression::High);
    let mut writer = encoder.write_header().unwrap();
    writer.write_image_data(&vec![0; 8192 / 8 * 4096]).unwrap();
    writer.finish().unwrap();
    let bytes = std::fs::read(&path).unwrap();
    assert!(bytes.len() < 8192 * 4096 * 4 / 1100, "{} bytes", bytes.len());
    assert_eq!(Photo::read(&bytes).expect("a valid image").pixels.len(), 8192 * 4096 * 3);
    assert!(PhotoRows::open(&path, 0).unwrap().is_some());
    for (header, samples) in [("P1 5 2 ", "0101001111"), ("P2 3 1 9 ", "1 2 3"), ("P4 9 2 ", "\0\0\0\0")] {
        assert!(Photo::read(format!("{header}{samples}").as_bytes()).is_ok(), "{header}");
    }
}

#[test]
fn a_pixmap_without_width_or_height_is_damaged() {
    for header in ["P5\n0 10\n255\n", "P6\n10 0\n255\n", "P4 0 0 ", "P2 0 70000 255 "] {
        let error = Photo::read(header.as_bytes()).expect_err("no pixels");
        assert!(matches!(error, PhotoError::Empty { .. }), "{error}");
        assert!(error.to_string().starts_with("damaged image"), "{error}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_pipe_keeps_its_bytes_for_the_reader_of_whole_pictures() {
    use std::io::{Read, Write};
    use std::os::fd::AsRawFd;
    let (mut reader, mut writer) = std::io::pipe().unwrap();
    let png = encoded(&DynamicImage::new_luma8(9, 9), ImageFormat::Png);
    writer.write_all(&png).unwrap();
    drop(writer);
    let path = format!("/proc/self/fd/{}", reader.as_raw_fd());
    assert!(PhotoRows::open(path.as_ref(), 0).unwrap().is_none());
    let mut bytes = Vec::new();
    reader.read_to_end(&mut bytes).unwrap();
    assert_eq!(bytes, png);
}
