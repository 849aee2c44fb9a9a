//! The functions of `lic.h`, called as C calls them: what they give, and that no misuse is worse than an error code.
#![allow(unsafe_code, reason = "called as C calls")]

mod support;

use std::ffi::CStr;
use std::ptr;

use lic_capi::*;
use lic_codec::format::{BitDepth, Cicp, Header, Section, SectionKind, write_file};
use lic_codec::{Alpha, Colour, Metadata};
use support::{HEIGHT, WIDTH, decoded, drawn, encoded, own, rgba8, rgba16};

const W: usize = WIDTH as usize;
const H: usize = HEIGHT as usize;

/// An open image that is freed at the end.
struct Open(*mut LicImage);

impl Drop for Open {
    fn drop(&mut self) {
        // SAFETY: from `lic_open`, and freed here only.
        unsafe { lic_free(self.0) }
    }
}

/// Opens a file whose bytes are gone when this returns.
fn open(file: &[u8]) -> Result<Open, LicStatus> {
    let file = file.to_vec();
    let mut image = ptr::dangling_mut();
    // SAFETY: the bytes are there, and so is the place.
    match unsafe { lic_open(file.as_ptr(), file.len(), &mut image) } {
        LicStatus::Ok => Ok(Open(image)),
        status => {
            assert!(image.is_null(), "a handle came with {status:?}");
            Err(status)
        }
    }
}

/// A file that can be opened but not decoded: what is asked of it must be refused before that. Made without networks, so that Miri can run
/// the tests that use it (`cargo miri test -p lic-capi --test calls -- null buffers`).
fn hollow() -> Open {
    let [width, height] = [WIDTH, HEIGHT].map(|side| side as u16);
    let (colour, depth, tile_size) = (Colour::Rgb, BitDepth::Eight, 1024);
    let header = Header {
        width,
        height,
        colour,
        depth,
        quality: 0,
        tile_size,
        parse_id: 0,
        synthesis_id: 0,
        has_sections: true,
    };
    let sections = [Section::new(SectionKind::Icc, b"a profile")];
    open(&write_file(&header, &sections, &[[0; 2]]).unwrap()).unwrap()
}

fn message() -> String {
    // SAFETY: it ends with NUL, and no other call comes before it is copied.
    unsafe { CStr::from_ptr(lic_error_message()) }.to_str().unwrap().to_owned()
}

/// Decodes to 8 bits with a gap of seven bytes behind every row but the last. Gives the status, the pixels and all gaps.
fn decode8(image: &Open, channels: usize) -> (LicStatus, Vec<u8>, Vec<u8>) {
    let stride = channels * W + 7;
    let mut buffer = vec![0xa5; stride * H - 7];
    let call = if channels == 3 { lic_decode_rgb8 } else { lic_decode_rgba8 };
    // SAFETY: an open image, and a buffer of that length.
    let status = unsafe { call(image.0, buffer.as_mut_ptr(), stride, buffer.len()) };
    let (mut pixels, mut gaps) = (Vec::new(), Vec::new());
    for row in buffer.chunks(stride) {
        let (inside, gap) = row.split_at(channels * W);
        pixels.extend_from_slice(inside);
        gaps.extend_from_slice(gap);
    }
    (status, pixels, gaps)
}

#[test]
fn every_kind_of_picture_has_the_samples_of_the_rust_interface() {
    for (colour, alpha, channels) in
        [(Colour::Grey, false, 1), (Colour::Grey, true, 2), (Colour::Rgb, false, 3), (Colour::Rgb, true, 4)]
    {
        for depth in [BitDepth::Eight, BitDepth::Ten, BitDepth::Twelve, BitDepth::Sixteen] {
            let file = encoded(&drawn(colour, alpha, depth));
            let image = open(&file).unwrap();
            // SAFETY: an open image.
            let found = unsafe { [lic_width(image.0), lic_height(image.0), lic_channels(image.0), lic_bits(image.0)] };
            assert_eq!(found, [WIDTH, HEIGHT, channels, depth.bits()]);
            let expected = decoded(&file);
            let eight = rgba8(&expected);
            let (status, pixels, gaps) = decode8(&image, 4);
            assert_eq!(status, LicStatus::Ok);
            assert_eq!(pixels, eight.as_flattened(), "{colour:?} {alpha} {depth:?}");
            assert!(gaps.iter().all(|&byte| byte == 0xa5), "bytes between rows were written");
            let (_, pixels, gaps) = decode8(&image, 3);
            let three: Vec<u8> = eight.iter().flat_map(|[r, g, b, _]| [*r, *g, *b]).collect();
            assert_eq!(pixels, three, "{colour:?} {alpha} {depth:?}");
            assert!(gaps.iter().all(|&byte| byte == 0xa5), "bytes between rows were written");
            let mut sixteen = vec![0u16; 4 * W * H];
            // SAFETY: an open image, and a buffer of that length.
            let status = unsafe { lic_decode_rgba16(image.0, sixteen.as_mut_ptr(), 8 * W, 8 * W * H) };
            assert_eq!(status, LicStatus::Ok);
            assert_eq!(sixteen, rgba16(&expected).as_flattened(), "{colour:?} {alpha} {depth:?}");
        }
    }
}

#[test]
fn premultiplied_colours_come_out_straight() {
    let mut picture = drawn(Colour::Grey, true, BitDepth::Eight);
    picture.pixels = vec![40; W * H].into();
    picture.alpha = Some(Alpha { samples: vec![80; W * H].into(), premultiplied: true });
    let (_, pixels, _) = decode8(&open(&encoded(&picture)).unwrap(), 4);
    let [.., grey, alpha] = pixels[..] else { panic!() };
    assert!((120..=136).contains(&grey) && alpha == 80, "grey {grey} with alpha {alpha}");
}

#[test]
fn metadata_are_what_the_file_holds() {
    let mut picture = drawn(Colour::Rgb, false, BitDepth::Eight);
    picture.metadata = Metadata {
        icc: Some(b"a profile".to_vec()),
        cicp: Some(Cicp { primaries: 12, transfer: 13, matrix: 0, full_range: 1 }),
        exif: Some(b"II*\0rest".to_vec()),
        xmp: None,
        orientation: 6,
    };
    let image = open(&encoded(&picture)).unwrap();
    let bytes = |call: unsafe extern "C" fn(*const LicImage, *mut *const u8, *mut usize) -> LicStatus| {
        let (mut data, mut len) = (ptr::dangling(), 77);
        // SAFETY: an open image and two places; what comes back lives as long as the image.
        unsafe {
            assert_eq!(call(image.0, &mut data, &mut len), LicStatus::Ok);
            (!data.is_null()).then(|| std::slice::from_raw_parts(data, len).to_vec()).ok_or(len)
        }
    };
    assert_eq!(bytes(lic_icc), Ok(b"a profile".to_vec()));
    assert_eq!(bytes(lic_exif), Ok(b"II*\0rest".to_vec()));
    assert_eq!(bytes(lic_xmp), Err(0));
    let cicp = |image: &Open| {
        let [mut primaries, mut transfer] = [77, 77];
        // SAFETY: an open image and two places.
        assert_eq!(unsafe { lic_cicp(image.0, &mut primaries, &mut transfer) }, LicStatus::Ok);
        [primaries, transfer]
    };
    // SAFETY: an open image.
    assert_eq!((cicp(&image), unsafe { lic_orientation(image.0) }), ([12, 13], 6));
    let plain = hollow();
    // SAFETY: an open image.
    assert_eq!((cicp(&plain), unsafe { lic_orientation(plain.0) }), ([2, 2], 1));
}

#[test]
fn null_is_an_error_or_nothing_everywhere() {
    let image = hollow();
    let (mut data, mut len, mut pixels) = (ptr::dangling(), 77, [0u8; 8]);
    let (null, none) = (ptr::null::<LicImage>(), ptr::null_mut());
    // SAFETY: NULL is allowed, and everything else is valid.
    unsafe {
        let mut out = ptr::dangling_mut();
        assert_eq!(lic_open(ptr::null(), 5, &mut out), LicStatus::Argument);
        assert!(out.is_null());
        assert_eq!(message(), "data is NULL, or longer than memory");
        assert_eq!(lic_open([1, 2].as_ptr(), usize::MAX, &mut out), LicStatus::Argument);
        assert_eq!(lic_open([1, 2].as_ptr(), 2, ptr::null_mut()), LicStatus::Argument);
        assert_eq!(message(), "out is NULL");
        lic_free(ptr::null_mut());
        assert_eq!(
            [lic_width(null), lic_height(null), lic_channels(null), lic_bits(null), lic_orientation(null)],
            [0; 5]
        );
        for call in [lic_icc, lic_exif, lic_xmp] {
            assert_eq!(call(null, &mut data, &mut len), LicStatus::Argument);
            assert!(data.is_null() && len == 0);
            assert_eq!(call(image.0, ptr::null_mut(), &mut len), LicStatus::Argument);
            assert_eq!(call(image.0, &mut data, ptr::null_mut()), LicStatus::Argument);
        }
        assert_eq!((lic_icc(image.0, &mut data, &mut len), len), (LicStatus::Ok, 9));
        assert_eq!(std::slice::from_raw_parts(data, len), b"a profile");
        // One place for both is nobody's plan, but no crime.
        let mut byte = 0;
        let byte = &raw mut byte;
        assert_eq!(lic_cicp(image.0, byte, byte), LicStatus::Ok);
        assert_eq!(lic_cicp(null, byte, byte), LicStatus::Argument);
        assert_eq!(lic_cicp(image.0, ptr::null_mut(), byte), LicStatus::Argument);
        assert_eq!(lic_cicp(image.0, byte, ptr::null_mut()), LicStatus::Argument);
        assert_eq!(lic_set_limit(ptr::null_mut(), 5), LicStatus::Argument);
        for call in [lic_decode_rgb8, lic_decode_rgba8] {
            assert_eq!(call(null, pixels.as_mut_ptr(), 4, 8), LicStatus::Argument);
            assert_eq!(message(), "image is NULL");
            assert_eq!(call(image.0, none, 4 * W, 4 * W * H), LicStatus::Argument);
            assert_eq!(message(), "buffer is NULL");
        }
        assert_eq!(lic_decode_rgba16(null, none.cast(), 4, 8), LicStatus::Argument);
        assert_eq!(lic_decode_rgba16(image.0, none.cast(), 8 * W, 8 * W * H), LicStatus::Argument);
    }
}

#[test]
fn buffers_that_the_picture_does_not_fit_into_are_not_touched() {
    let image = hollow();
    let mut buffer = vec![0xa5u8; 8 * W * H];
    for (stride, len, reason) in [
        (4 * W - 1, 8 * W * H, "the stride is 279 bytes, a row of 70 pixels takes 280"),
        (0, 8 * W * H, "the stride is 0 bytes"),
        (4 * W, 4 * W * H - 1, "the buffer has 13999 bytes, the picture takes 14000"),
        (8 * W, 4 * W * H, "the buffer has 14000 bytes, the picture takes 27720"),
        (4 * W, 0, "the buffer has 0 bytes"),
        (usize::MAX, usize::MAX, "fit no memory"),
        (usize::MAX / (H - 1), usize::MAX, "fit no memory"),
        (isize::MAX as usize / 16, usize::MAX, "fit no memory"),
        (usize::MAX / 8, 8 * W * H, "fit no memory"),
    ] {
        // SAFETY: an open image; the buffer is shorter than some of these lengths say, but no byte of it may be touched, as is asserted.
        let status = unsafe { lic_decode_rgba8(image.0, buffer.as_mut_ptr(), stride, len) };
        assert_eq!(status, LicStatus::Argument, "stride {stride}, length {len}");
        assert!(message().contains(reason), "{}", message());
        // SAFETY: as above.
        let status = unsafe { lic_decode_rgba16(image.0, buffer.as_mut_ptr().cast(), stride, len) };
        assert_eq!(status, LicStatus::Argument, "16 bits, stride {stride}, length {len}");
    }
    assert!(buffer.iter().all(|&byte| byte == 0xa5));
}

#[test]
fn every_truncated_file_is_an_error_with_a_message() {
    let file = encoded(&drawn(Colour::Rgb, true, BitDepth::Eight));
    for end in 0..file.len() {
        let status = open(&file[..end]).map(drop).unwrap_err();
        let expected = if end == 0 { LicStatus::NotLic } else { LicStatus::Damaged };
        assert_eq!(status, expected, "{end} of {} bytes: {}", file.len(), message());
        assert!(!message().is_empty());
    }
}

#[test]
fn damage_in_the_samples_is_found_by_decoding_and_leaves_the_buffer_alone() {
    let mut file = encoded(&drawn(Colour::Rgb, true, BitDepth::Eight));
    *file.last_mut().unwrap() ^= 1;
    let image = open(&file).unwrap();
    let (status, pixels, _) = decode8(&image, 4);
    assert_eq!(status, LicStatus::Damaged);
    assert!(message().starts_with("checksum of tile 1 is"), "{}", message());
    assert!(pixels.iter().all(|&byte| byte == 0xa5));
}

#[test]
fn foreign_files_and_files_of_other_models_have_their_own_codes() {
    assert_eq!(open(b"\x89PNG\r\n\x1a\n").map(drop), Err(LicStatus::NotLic));
    assert_eq!(message(), "not a lic image: this looks like a PNG image");
    let other = std::fs::read(own("../codec/tests/golden/rgb.lic")).unwrap();
    let image = open(&other).unwrap();
    let mut buffer = vec![0; 4 << 20];
    // SAFETY: an open image, and a buffer of that length.
    let status =
        unsafe { lic_decode_rgb8(image.0, buffer.as_mut_ptr(), 3 * lic_width(image.0) as usize, buffer.len()) };
    assert_eq!(status, LicStatus::Model, "{}", message());
    assert!(message().starts_with("the file needs a model with parse id"), "{}", message());
    let mut newer = other.clone();
    newer[4] = 2;
    assert_eq!(open(&newer).map(drop), Err(LicStatus::Unsupported), "{}", message());
}

#[test]
fn the_limit_decides_what_is_decoded() {
    let file = encoded(&drawn(Colour::Rgb, true, BitDepth::Sixteen));
    let needed = file.len() as u64 + lic_codec::format::LicFile::open(&file).unwrap().decoding_memory();
    let image = open(&file).unwrap();
    for (limit, expected) in
        [(0, LicStatus::Limit), (needed - 1, LicStatus::Limit), (needed, LicStatus::Ok), (u64::MAX, LicStatus::Ok)]
    {
        // SAFETY: an open image.
        assert_eq!(unsafe { lic_set_limit(image.0, limit) }, LicStatus::Ok);
        assert_eq!(decode8(&image, 4).0, expected, "{limit} of {needed}");
    }
    // Samples alone take as much.
    assert!(needed > (W * H * 4 * 2) as u64);
}

#[test]
fn threads_share_an_image_and_use_their_own() {
    struct Shared(*const LicImage);
    // SAFETY: functions that take a const image may be called from several threads.
    unsafe impl Sync for Shared {}

    let file = encoded(&drawn(Colour::Rgb, true, BitDepth::Eight));
    let expected = rgba8(&decoded(&file));
    let image = open(&file).unwrap();
    let shared = Shared(image.0);
    std::thread::scope(|scope| {
        for thread in 0..6 {
            let (file, expected, shared) = (&file, &expected, &shared);
            scope.spawn(move || {
                let own = open(file).unwrap();
                let image = if thread % 2 == 0 { own.0.cast_const() } else { shared.0 };
                let mut pixels = vec![0; 4 * W * H];
                // SAFETY: an open image, and a buffer of that length.
                let status = unsafe { lic_decode_rgba8(image, pixels.as_mut_ptr(), 4 * W, pixels.len()) };
                assert_eq!((status, message().as_str()), (LicStatus::Ok, ""));
                assert_eq!(pixels, expected.as_flattened());
            });
        }
    });
}

#[test]
fn the_version_is_that_of_the_crate() {
    // SAFETY: it ends with NUL and lives for ever.
    assert_eq!(unsafe { CStr::from_ptr(lic_version()) }.to_str(), Ok(env!("CARGO_PKG_VERSION")));
}
