//! JPEGs of inks: through their profile where they have one, by multiplying inks where not.

use lic_datasets::{Channels, Lost, Photo, PhotoMetadata};
use mozjpeg::{ColorSpace, Compress};

/// What a pixel looks like with no ink, with cyan, with magenta and with black, by [`press`]: CIE Lab, D50, to sRGB.
const BY_PROFILE: [([u8; 4], [f64; 3]); 4] = [
    ([0, 0, 0, 0], [255.0, 255.0, 255.0]),
    ([255, 0, 0, 0], [0.0, 152.2, 187.9]),
    ([0, 255, 0, 0], [202.0, 60.1, 124.3]),
    ([0, 0, 0, 255], [19.0, 19.0, 19.0]),
];

/// A JPEG of 16x16 pixels of these inks (255: full), stored inverted as all programs do.
fn jpeg(inks: [u8; 4], stored: ColorSpace) -> Vec<u8> {
    let mut compress = Compress::new(ColorSpace::JCS_CMYK);
    compress.set_size(16, 16);
    compress.set_color_space(stored);
    compress.set_quality(100.0);
    let mut started = compress.start_compress(Vec::new()).expect("starts");
    started.write_scanlines(&inks.map(|ink| 255 - ink).repeat(16 * 16)).expect("samples");
    started.finish().expect("ends")
}

/// The JPEG with a profile.
fn with_profile(jpeg: &[u8], icc: &[u8]) -> Vec<u8> {
    let body = [b"ICC_PROFILE\0\x01\x01".as_slice(), icc].concat();
    // The length counts itself.
    let length = (body.len() as u16 + 2).to_be_bytes();
    [&jpeg[..2], &[0xff, 0xe2], &length, &body, &jpeg[2..]].concat()
}

/// A profile of a made-up press: a table (lut8) of the Lab colours of all 16 mixtures of full inks.
fn press() -> Vec<u8> {
    let ramp = || (0..=255u8).collect::<Vec<u8>>();
    let mut lut = [b"mft1\0\0\0\0".as_slice(), &[4, 3, 2, 0]].concat();
    for i in 0..9 {
        lut.extend(if i % 4 == 0 { 0x1_0000u32 } else { 0 }.to_be_bytes());
    }
    (0..4).for_each(|_| lut.extend(ramp()));
    for mixture in 0..16 {
        // The first ink changes slowest.
        let [c, m, y, k] = [8, 4, 2, 1].map(|bit| i32::from(mixture & bit != 0));
        let lightness = 255 - 110 * c - 130 * m - 20 * y - 240 * k;
        let [a, b] = [128 - 30 * c + 60 * m - 5 * y, 128 - 30 * c - 3 * m + 80 * y];
        lut.extend([lightness, a, b].map(|v| v.clamp(0, 255) as u8));
    }
    (0..3).for_each(|_| lut.extend(ramp()));

    let mut icc = vec![0; 128];
    let size = (icc.len() + 16 + lut.len()) as u32;
    for (at, bytes) in [(0, size.to_be_bytes()), (8, [2, 0x40, 0, 0]), (12, *b"prtr"), (16, *b"CMYK"), (20, *b"Lab ")] {
        icc[at..at + 4].copy_from_slice(&bytes);
    }
    icc[36..40].copy_from_slice(b"acsp");
    for (at, value) in [(68, 0xf6d6u32), (72, 0x1_0000), (76, 0xd32d)] {
        icc[at..at + 4].copy_from_slice(&value.to_be_bytes());
    }
    icc.extend(1u32.to_be_bytes());
    icc.extend(b"A2B0");
    icc.extend([144u32, lut.len() as u32].map(u32::to_be_bytes).concat());
    [icc, lut].concat()
}

#[track_caller]
fn assert_colour(photo: &Photo, expected: [f64; 3], most: f64) {
    assert_eq!((photo.width, photo.height, photo.channels), (16, 16, Channels::Rgb));
    for pixel in photo.pixels.clone().into_eight().chunks_exact(3) {
        let near = pixel.iter().zip(expected).all(|(&found, expected)| (f64::from(found) - expected).abs() <= most);
        assert!(near, "{pixel:?}, not {expected:?}");
    }
}

#[test]
fn inks_with_a_profile_look_as_it_says_and_the_profile_is_used_up() {
    for stored in [ColorSpace::JCS_CMYK, ColorSpace::JCS_YCCK] {
        for (inks, expected) in BY_PROFILE {
            let photo = Photo::read(&with_profile(&jpeg(inks, stored), &press())).expect("a valid image");
            assert_colour(&photo, expected, 3.0);
            assert_eq!((photo.metadata, photo.lost), (PhotoMetadata::default(), vec![]));
        }
    }
}

#[test]
fn inks_without_a_profile_multiply() {
    for stored in [ColorSpace::JCS_CMYK, ColorSpace::JCS_YCCK] {
        for (inks, expected) in [
            ([0, 0, 0, 0], [255.0, 255.0, 255.0]),
            ([255, 0, 0, 0], [0.0, 255.0, 255.0]),
            ([0, 255, 255, 0], [255.0, 0.0, 0.0]),
            ([51, 0, 0, 128], [101.6, 127.0, 127.0]),
        ] {
            let photo = Photo::read(&jpeg(inks, stored)).expect("a valid image");
            assert_colour(&photo, expected, 3.0);
            assert_eq!(photo.lost, []);
        }
    }
}

#[test]
fn a_profile_that_cannot_be_used_is_said() {
    let mut broken = press();
    broken.truncate(400);
    for icc in [&broken[..], b"no profile", &press()[..100]] {
        let photo =
            Photo::read(&with_profile(&jpeg([255, 0, 0, 0], ColorSpace::JCS_CMYK), icc)).expect("a valid image");
        assert_colour(&photo, [0.0, 255.0, 255.0], 3.0);
        assert_eq!((photo.metadata.icc, photo.lost), (None, vec![Lost::UnusableInks]));
    }
}

#[test]
fn a_cut_file_is_an_error_and_not_a_panic() {
    let whole = with_profile(&jpeg([9, 99, 0, 50], ColorSpace::JCS_YCCK), &press());
    for end in (0..whole.len()).step_by(7) {
        let _ = Photo::read(&whole[..end]);
    }
    assert!(Photo::read(&whole[..whole.len() / 2]).is_err());
}
