//! Files that are read: what is refused is refused before anything is read beyond it, and errors are the end.

use std::io::{self, Read};
use std::sync::atomic::{AtomicU64, Ordering};

use lic_codec::format::{BitDepth, Header, Section, SectionKind, write_file};
use lic_codec::{Colour, Decoder, DeviceChoice, Error, Limits, Model, Region, RowReader, View};

fn decoder(limits: Limits) -> Decoder {
    Decoder::new(&Model::embedded().unwrap(), DeviceChoice::Cpu).unwrap().with_limits(limits)
}

fn header(width: u16, height: u16) -> Header {
    let model = Model::embedded().unwrap();
    Header {
        width,
        height,
        colour: Colour::Rgb,
        depth: BitDepth::Eight,
        quality: 100,
        tile_size: 64,
        parse_id: model.parse_id(),
        synthesis_id: model.synthesis_id(),
        has_sections: false,
    }
}

/// A file whose tiles have these payloads.
fn file(header: &Header, sections: &[Section<'_>], payload: impl Fn(u32) -> Vec<u8>) -> Vec<u8> {
    let payloads: Vec<Vec<u8>> = (0..header.tile_count()).map(payload).collect();
    write_file(header, sections, &payloads).unwrap()
}

fn zeros(_: u32) -> Vec<u8> {
    vec![0]
}

/// Bytes, then zeros without an end; counts what is read.
struct Endless<'a>(&'a [u8], &'a AtomicU64);

impl Read for Endless<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = match self.0.read(buffer)? {
            0 => io::repeat(0).read(buffer)?,
            read => read,
        };
        self.1.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}

/// The error of opening a file that goes on without an end, and how many bytes were read until then.
fn refused(decoder: &Decoder, start: &[u8], view: &View) -> (Error, u64) {
    let read = AtomicU64::new(0);
    let error = decoder.rows(Endless(start, &read), view).map(drop).unwrap_err();
    (error, read.into_inner())
}

/// A header that promises sections, and the head of the first one with its length.
fn announcing(kind: SectionKind, mut length: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    Header { has_sections: true, ..header(64, 64) }.write(&mut bytes).unwrap();
    bytes.push(kind.number() | if kind == SectionKind::Alpha { 0x80 } else { 0 });
    while length >= 0x80 {
        bytes.push(length as u8 | 0x80);
        length >>= 7;
    }
    bytes.push(length as u8);
    bytes
}

#[test]
fn a_header_that_is_refused_is_all_that_is_read() {
    let whole = View::default();
    let (error, read) =
        refused(&decoder(Limits::default().with_pixels(4095)), &announcing(SectionKind::Icc, 9), &whole);
    assert!(matches!(error, Error::LimitExceeded { limit: "max_pixels", found: 4096, allowed: 4095 }), "{error}");
    assert_eq!(read, 24);
    let (error, read) = refused(&decoder(Limits::default().with_bytes(9999)), &announcing(SectionKind::Icc, 9), &whole);
    assert!(matches!(error, Error::LimitExceeded { limit: "max_bytes", allowed: 9999, .. }), "{error}");
    assert_eq!(read, 24);
    let mut foreign = Vec::new();
    Header { parse_id: 7, has_sections: true, ..header(64, 64) }.write(&mut foreign).unwrap();
    let (error, read) = refused(&decoder(Limits::default()), &foreign, &whole);
    assert!(matches!(error, Error::WrongParseId { file: 7, .. }), "{error}");
    assert_eq!(read, 24);
    let outside = View::of(Region { x: 0, y: 0, width: 65, height: 1 });
    let (error, read) = refused(&decoder(Limits::default()), &announcing(SectionKind::Icc, 9), &outside);
    assert!(matches!(error, Error::RegionOutside { .. }), "{error}");
    assert_eq!(read, 24);
}

#[test]
fn a_section_that_is_announced_with_more_bytes_than_are_allowed_is_not_read() {
    let decoder = decoder(Limits::default().with_bytes(10 << 20));
    for kind in [SectionKind::Icc, SectionKind::Exif, SectionKind::Xmp, SectionKind::Alpha] {
        for length in [(1 << 35) - 1, 10 << 20] {
            let start = announcing(kind, length);
            let (error, read) = refused(&decoder, &start, &View::default());
            let Error::LimitExceeded { limit: "max_bytes", found, .. } = error else { panic!("{kind:?}: {error}") };
            assert!(found > length, "{kind:?}: {found}");
            assert_eq!(read, start.len() as u64, "{kind:?}");
        }
    }
}

#[test]
fn sections_that_nobody_needs_are_passed_over_whatever_their_length() {
    let body = vec![7; 3 << 20];
    let sections = [Section::new(SectionKind::Preview, &body), Section::new(SectionKind::Unknown(40), &body)];
    let with = file(&header(64, 64), &sections, zeros);
    let without = file(&header(64, 64), &[], zeros);
    let decoder = decoder(Limits::default().with_bytes(1 << 20));
    let picture = |file: &[u8]| decoder.rows(file, &View::default()).unwrap().collect().unwrap();
    assert!(picture(&with) == picture(&without));
    assert_eq!(decoder.rows(with.as_slice(), &View::default()).unwrap().warnings().len(), 1);
    // They are checked all the same.
    let mut damaged = with.clone();
    damaged[1 << 20] ^= 1;
    assert!(matches!(decoder.rows(damaged.as_slice(), &View::default()), Err(Error::Checksum { .. })));
}

#[test]
fn tiles_that_are_too_long_together_are_refused_before_they_are_read() {
    let header = header(640, 640);
    let long = file(&header, &[], |tile| vec![0; if tile == 99 { 8 << 20 } else { 1 }]);
    let limits = Limits::default().with_bytes(16 << 20);
    let (decoder, whole) = (decoder(limits), View::default());
    let error = decoder.rows(long.as_slice(), &whole).map(drop).unwrap_err();
    assert!(matches!(error, Error::LimitExceeded { limit: "max_bytes", .. }), "{error}");
    // Other tiles can be had, and a file in memory takes no copies.
    let far = View::of(Region { x: 0, y: 0, width: 64, height: 64 });
    assert!(decoder.rows(long.as_slice(), &far).unwrap().collect().is_ok());
    assert!(decoder.view(&long, &whole).is_ok());
}

#[test]
fn an_index_without_an_end_is_refused() {
    let mut start = Vec::new();
    header(6400, 64).write(&mut start).unwrap();
    start.extend([0xff; 1000]);
    let (error, read) = refused(&decoder(Limits::default()), &start, &View::default());
    assert!(matches!(error, Error::InvalidLength { .. }), "{error}");
    assert!(read < 24 + 700, "{read} bytes were read");
}

#[test]
fn there_are_no_rows_after_an_error() {
    // Three tiles one below the other; the second has a right checksum, but no encoder writes a payload that starts with 2.
    let bad = file(&header(64, 192), &[], |tile| vec![if tile == 1 { 2 } else { 0 }; 9]);
    let decoder = decoder(Limits::default());
    let mut rows = decoder.rows(bad.as_slice(), &View::default()).unwrap();
    let error = loop {
        match rows.next_band() {
            Ok(band) => assert!(band.is_some(), "the error was not noticed"),
            Err(error) => break error,
        }
    };
    assert!(matches!(error, Error::InvalidTile { tile: 1, .. }), "{error}");
    for _ in 0..3 {
        assert!(matches!(rows.next_band(), Err(Error::FailedBefore)));
        assert!(matches!(rows.collect(), Err(Error::FailedBefore)));
    }
    let mut rows = decoder.rows(bad.as_slice(), &View::default()).unwrap();
    assert!(matches!(rows.collect(), Err(Error::InvalidTile { tile: 1, .. })));
    assert!(matches!(rows.next_band(), Err(Error::FailedBefore)));
}

#[test]
fn there_is_no_picture_after_the_last_row() {
    let file = file(&header(64, 192), &[], zeros);
    let decoder = decoder(Limits::default());
    let mut rows = decoder.rows(file.as_slice(), &View::default()).unwrap();
    while rows.next_band().unwrap().is_some() {}
    let error = rows.collect().unwrap_err();
    assert_eq!(error.to_string(), "the number of rows that are left is 0, expected 192");
    assert!(rows.next_band().unwrap().is_none(), "nothing has failed");
}

#[test]
fn metadata_go_into_the_picture() {
    let exif = b"II*\0exif";
    let sections = [Section::new(SectionKind::Exif, exif), Section::new(SectionKind::Orientation, &[6])];
    let file = file(&header(64, 64), &sections, zeros);
    let decoder = decoder(Limits::default());
    let mut rows = decoder.rows(file.as_slice(), &View::default()).unwrap();
    assert_eq!((rows.metadata().exif.as_deref(), rows.metadata().orientation), (Some(&exif[..]), 6));
    let picture = rows.collect().unwrap();
    assert_eq!(picture.metadata, decoder.decode(&file).unwrap().picture.metadata);
    assert_eq!((picture.metadata.exif.as_deref(), rows.metadata().exif.as_deref()), (Some(&exif[..]), None));
}

#[test]
fn a_reader_of_rows_may_go_to_another_thread() {
    let file = file(&header(64, 192), &[], zeros);
    let decoder = decoder(Limits::default());
    let mut rows: RowReader<'_> = decoder.rows(file.as_slice(), &View::default()).unwrap();
    let height: u32 = std::thread::scope(|scope| {
        let there = move || std::iter::from_fn(|| rows.next_band().unwrap()).map(|band| band.height).sum();
        scope.spawn(there).join().unwrap()
    });
    assert_eq!(height, 192);
}
