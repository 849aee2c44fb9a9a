//! How much of a file `LicDecoder` reads, and when: no more than it must before limits can be set, and than they allow afterwards.

use std::cell::Cell;
use std::io::{Cursor, Read};

use image::error::{ImageError, LimitErrorKind};
use image::{ColorType, DynamicImage, ImageDecoder, ImageDecoderRect, ImageEncoder, Limits};
use lic_codec::format::Header;
use lic_codec::image::{LicDecoder, LicEncoder};

const WIDTH: u32 = 70;
const HEIGHT: u32 = 50;

/// Samples of a picture that is not the same everywhere.
fn drawn(kind: ColorType) -> Vec<u8> {
    let samples = WIDTH * HEIGHT * u32::from(kind.channel_count());
    (0..samples).map(|i| (i / 3 % 250) as u8).collect()
}

fn encoded(kind: ColorType) -> Vec<u8> {
    let mut bytes = Vec::new();
    LicEncoder::new(&mut bytes).write_image(&drawn(kind), WIDTH, HEIGHT, kind.into()).unwrap();
    bytes
}

/// Counts what is read.
struct Counting<'a, R>(R, &'a Cell<usize>);

impl<R: Read> Read for Counting<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let count = self.0.read(buffer)?;
        self.1.set(self.1.get() + count);
        Ok(count)
    }
}

#[test]
fn only_the_header_is_read_before_it_is_needed() {
    let bytes = encoded(ColorType::Rgb8);
    let count = Cell::new(0);
    let decoder = LicDecoder::new(Counting(bytes.as_slice(), &count)).unwrap();
    assert!(count.get() <= 24 && bytes.len() > 100, "{} of {} bytes were read", count.get(), bytes.len());
    assert_eq!(decoder.total_bytes(), u64::from(WIDTH * HEIGHT * 3));
}

#[test]
fn metadata_are_read_but_alpha_behind_them_is_not() {
    let mut bytes = Vec::new();
    let mut writer = LicEncoder::new(&mut bytes);
    writer.set_icc_profile(vec![7; 1000]).unwrap();
    writer.write_image(&drawn(ColorType::Rgba8), WIDTH, HEIGHT, ColorType::Rgba8.into()).unwrap();
    let count = Cell::new(0);
    let mut decoder = LicDecoder::new(Counting(bytes.as_slice(), &count)).unwrap();
    assert!((1000..1050).contains(&count.get()) && bytes.len() > 1200, "{} of {}", count.get(), bytes.len());
    assert_eq!((decoder.color_type(), decoder.icc_profile().unwrap()), (ColorType::Rgba8, Some(vec![7; 1000])));
    let whole = DynamicImage::from_decoder(decoder).unwrap();
    assert_eq!((whole.color(), count.get()), (ColorType::Rgba8, bytes.len()));
}

#[test]
fn sections_without_an_end_are_not_read_before_limits_are_set() {
    let small = encoded(ColorType::Rgb8);
    let mut start = Vec::new();
    Header { has_sections: true, ..Header::parse(&small).unwrap() }.write(&mut start).unwrap();
    // ICC and a type that nobody knows: 2^35 - 1 bytes of them, and 64 MiB and one.
    let (most, more) = ([0xff, 0xff, 0xff, 0xff, 0x7f], [0x81, 0x80, 0x80, 0x20]);
    for (tag, length) in [(1, &most[..]), (50, &most), (1, &more), (50, &more)] {
        let start = [start.as_slice(), &[tag], length].concat();
        let count = Cell::new(0);
        let opened = LicDecoder::new(Counting(start.chain(std::io::repeat(0)), &count));
        let Err(ImageError::Limits(error)) = opened.map(drop) else { panic!("section {tag}") };
        assert_eq!((error.kind(), count.get()), (LimitErrorKind::InsufficientMemory, start.len()));
    }
}

#[test]
fn a_refused_rectangle_does_not_read_on_each_time() {
    let bytes = encoded(ColorType::Rgb8);
    let count = Cell::new(0);
    let mut decoder = LicDecoder::new(Counting(bytes.as_slice().chain(std::io::repeat(0)), &count)).unwrap();
    let limit = 10_000_000;
    let mut limits = Limits::no_limits();
    limits.max_alloc = Some(limit);
    decoder.set_limits(limits).unwrap();
    let mut read = || {
        let refused = decoder.read_rect(0, 0, 1, 1, &mut [0; 3], 3);
        assert!(matches!(refused, Err(ImageError::Limits(_))), "{refused:?}");
        count.get()
    };
    let first = read();
    assert!(first > bytes.len() && first <= limit as usize, "{first} bytes");
    assert!((0..5).all(|_| read() == first));
}

#[test]
fn a_file_longer_than_the_limit_is_not_read_to_its_end() {
    let bytes = encoded(ColorType::Rgb8);
    let mut decoder = LicDecoder::new(Cursor::new(bytes).chain(std::io::repeat(0))).unwrap();
    let limit = 10_000_000;
    let mut limits = Limits::no_limits();
    limits.max_alloc = Some(limit);
    decoder.set_limits(limits).unwrap();
    let mut pixels = vec![0; decoder.total_bytes() as usize];
    assert!(matches!(decoder.read_image(&mut pixels), Err(ImageError::Limits(_))));
}
