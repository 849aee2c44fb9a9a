//! Round trips of headers, sections and whole files; damaged, cut, forged and foreign ones.

use proptest::prelude::*;

use super::alpha::{AlphaCoding, write_alpha};
use super::header::{MAX_HEADER_BYTES, MAX_TILE, TILE_UNIT};
use super::{BitDepth, ColourModel, Header, LicFile, Section, SectionKind, write_file};
use crate::error::{Error, Part, Warning};

fn plain(width: u16, height: u16) -> Header {
    Header {
        width,
        height,
        colour: ColourModel::Rgb,
        depth: BitDepth::Eight,
        quality: 100,
        tile_size: 1024,
        parse_id: 0x0123_4567,
        synthesis_id: 0x89ab_cdef,
        has_sections: false,
    }
}

/// Payloads of different lengths, some shorter than allowed and so to be filled with zeros.
fn payloads(header: &Header) -> Vec<Vec<u8>> {
    (0..header.tile_count()).map(|tile| (0..1 + tile * 53 % 200).map(|i| (i * 31 + tile) as u8 | 1).collect()).collect()
}

fn write(header: &Header, sections: &[Section<'_>]) -> Vec<u8> {
    write_file(header, sections, &payloads(header)).expect("the pieces fit")
}

/// The CRC-32 at the end of a changed header made right again.
fn forge(header: &mut [u8]) {
    let (fields, crc) = header.split_at_mut(header.len() - 4);
    crc.copy_from_slice(&crc32fast::hash(fields).to_be_bytes());
}

const EXIF: &[u8] = b"II*\0exif";

/// A small file with everything in it: grey, own tile size, six tiles, three sections.
fn rich() -> Vec<u8> {
    let header = Header { colour: ColourModel::Grey, tile_size: 64, ..plain(150, 100) };
    let sections = [
        Section::new(SectionKind::Orientation, &[6]),
        Section::new(SectionKind::Unknown(50), b"private"),
        Section::new(SectionKind::Exif, EXIF),
    ];
    write(&header, &sections)
}

fn header() -> impl Strategy<Value = Header> {
    let depth =
        prop_oneof![Just(BitDepth::Eight), Just(BitDepth::Ten), Just(BitDepth::Twelve), Just(BitDepth::Sixteen)];
    let shape = (1u16.., 1u16.., 1..=MAX_TILE / TILE_UNIT, any::<bool>(), depth);
    (shape, 0u8..=252, any::<[u32; 2]>(), any::<bool>()).prop_map(
        |((width, height, tile, grey, depth), quality, ids, has_sections)| Header {
            width,
            height,
            colour: if grey { ColourModel::Grey } else { ColourModel::Rgb },
            depth,
            quality,
            tile_size: tile * TILE_UNIT,
            parse_id: ids[0],
            synthesis_id: ids[1],
            has_sections,
        },
    )
}

proptest! {
    #[test]
    fn any_header_comes_back(header in header()) {
        let mut bytes = Vec::new();
        header.write(&mut bytes).unwrap();
        prop_assert_eq!(bytes.len(), header.byte_len());
        prop_assert!(bytes.len() <= MAX_HEADER_BYTES);
        bytes.extend([7; 9]);
        prop_assert_eq!(Header::parse(&bytes).unwrap(), header);
    }

    #[test]
    fn tiles_cover_the_picture_and_know_their_least_length(header in header()) {
        prop_assume!(header.tile_count() < 20_000);
        let (mut area, mut least) = (0u64, 0);
        for (number, tile) in header.tiles().enumerate() {
            prop_assert_eq!(tile.index as usize, number);
            prop_assert!(tile.width > 0 && tile.height > 0);
            prop_assert!(tile.x % header.tile_size == 0 && tile.y % header.tile_size == 0);
            prop_assert!(u32::from(tile.x) + u32::from(tile.width) <= u32::from(header.width));
            prop_assert!(u32::from(tile.y) + u32::from(tile.height) <= u32::from(header.height));
            area += u64::from(tile.width) * u64::from(tile.height);
            least += tile.min_payload();
        }
        prop_assert_eq!(area, u64::from(header.width) * u64::from(header.height));
        let tiles = u64::from(header.tile_count());
        let index_crc = if tiles > 1 { 4 } else { 0 };
        prop_assert_eq!(header.min_file_bytes(), header.byte_len() as u64 + index_crc + 5 * tiles + least);
        prop_assert_eq!(header.tile(header.tile_count()), None);
    }

    #[test]
    fn any_file_comes_back(
        header in header(),
        bodies in prop::collection::btree_map(9u8..64, prop::collection::vec(any::<u8>(), 0..300), 0..5),
        icc in prop::option::of(prop::collection::vec(any::<u8>(), 0..300)),
    ) {
        prop_assume!(header.tile_count() < 500);
        let mut sections: Vec<Section> = bodies
            .iter()
            .map(|(&kind, body)| Section::new(SectionKind::Unknown(kind), body))
            .collect();
        sections.extend(icc.as_deref().map(|body| Section::new(SectionKind::Icc, body)));
        let payloads = payloads(&header);
        let bytes = write_file(&header, &sections, &payloads).unwrap();

        let file = LicFile::parse(&bytes).unwrap();
        prop_assert_eq!(file.header(), &Header { has_sections: !sections.is_empty(), ..header });
        prop_assert_eq!(file.sections(), &sections[..]);
        prop_assert_eq!(file.warnings().len(), bodies.len());
        prop_assert!(bytes.len() as u64 >= header.min_file_bytes());
        let mut count = 0;
        for (entry, payload) in file.tiles().zip(&payloads) {
            let (tile, stored) = entry.unwrap();
            prop_assert!(stored.starts_with(payload));
            prop_assert!(stored[payload.len()..].iter().all(|&byte| byte == 0));
            prop_assert_eq!(stored.len() as u64, tile.min_payload().max(payload.len() as u64));
            count += 1;
        }
        prop_assert_eq!(count, payloads.len());
        let sections: u64 = sections.iter().map(Section::byte_len).sum();
        let tiles: u64 = header.tiles().map(|t| file.index().stored(t.index).unwrap().1).sum();
        prop_assert_eq!(
            header.byte_len() as u64 + sections + file.index().index_bytes() + tiles,
            bytes.len() as u64
        );
    }

    #[test]
    fn arbitrary_bytes_after_a_good_header_never_panic(
        header in header(),
        rest in prop::collection::vec(any::<u8>(), 0..300),
    ) {
        let mut bytes = Vec::new();
        header.write(&mut bytes).unwrap();
        bytes.extend(rest);
        prop_assert!(LicFile::parse(&bytes).is_err());
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..100)) {
        prop_assert!(LicFile::parse(&bytes).is_err());
    }
}

#[test]
fn a_plain_file_has_at_most_31_bytes_beside_its_stream() {
    for (stream, overhead) in [(100, 29), (16_000, 30), (2_000_000, 31)] {
        let payload = vec![1; 1 + stream];
        let bytes = write_file(&plain(700, 500), &[], &[payload]).unwrap();
        assert_eq!(bytes.len() - stream, overhead);
    }
}

/// The layout of version 1: these bytes never change.
#[test]
fn a_fixed_file_has_exactly_these_bytes() {
    let bytes = write_file(&plain(3, 2), &[], &[[1, 0xaa, 0xbb]]).unwrap();
    let fields = [0x8f, b'L', b'I', b'C', 1, 0, 0, 3, 0, 2, 100, 1, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef];
    assert_eq!(bytes[..19], fields);
    assert_eq!(bytes[23..27], [3, 1, 0xaa, 0xbb]);
    assert_eq!(bytes[19..23], HEADER_CRC);
    assert_eq!(bytes[27..], TILE_CRC);
}

// Computed with Python's zlib.crc32.
const HEADER_CRC: [u8; 4] = [0x18, 0x4e, 0x2a, 0xf0];
const TILE_CRC: [u8; 4] = [0x3a, 0x68, 0x24, 0xa2];

#[test]
fn every_prefix_is_an_error_that_names_the_missing_part() {
    for bytes in [rich(), write(&plain(40, 30), &[])] {
        LicFile::parse(&bytes).unwrap();
        for end in 0..bytes.len() {
            match LicFile::parse(&bytes[..end]).unwrap_err() {
                Error::NotLic { looks_like } => assert_eq!((end, looks_like), (0, "an empty file")),
                Error::Truncated { offset, needed, .. } => {
                    assert_eq!(offset, end as u64);
                    assert!(needed > offset && needed <= bytes.len() as u64, "{needed}");
                }
                Error::ImplausibleSize { present, .. } => assert_eq!(present, end as u64),
                error => panic!("prefix of {end} bytes: {error}"),
            }
        }
    }
}

#[test]
fn every_single_flipped_bit_is_an_error() {
    for bytes in [rich(), write(&plain(40, 30), &[])] {
        for bit in 0..8 * bytes.len() {
            let mut damaged = bytes.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert!(LicFile::parse(&damaged).is_err(), "bit {bit}");
        }
    }
}

#[test]
fn flipped_bits_are_reported_where_they_are() {
    let bytes = rich();
    let part_of = |at: usize| {
        let mut damaged = bytes.clone();
        damaged[at] ^= 0x10;
        match LicFile::parse(&damaged) {
            Err(Error::Checksum { part, .. }) => part,
            other => panic!("byte {at}: {other:?}"),
        }
    };
    assert_eq!(part_of(7), Part::Header);
    assert_eq!(part_of(26), Part::Section(5));
    let file = LicFile::parse(&bytes).unwrap();
    let (offset, length) = file.index().stored(4).unwrap();
    assert_eq!(part_of(offset as usize), Part::Tile(4));
    assert_eq!(part_of((offset + length) as usize - 1), Part::Tile(4));
    assert_eq!(part_of(file.index().stored(0).unwrap().0 as usize - 1), Part::TileIndex);
}

#[test]
fn a_damaged_tile_leaves_the_others_readable() {
    let mut bytes = rich();
    let (offset, _) = LicFile::parse(&bytes).unwrap().index().stored(2).unwrap();
    bytes[offset as usize] ^= 1;
    let file = LicFile::open(&bytes).unwrap();
    let readable: Vec<bool> = file.tiles().map(|tile| tile.is_ok()).collect();
    assert_eq!(readable, [true, true, false, true, true, true]);
    assert_eq!(file.tile(6).unwrap_err().to_string(), "the tile number is 6, expected 5");
}

#[test]
fn absurd_headers_are_refused_before_anything_is_allocated() {
    for tile_size in [64, 1024, 4096] {
        let header = Header { tile_size, ..plain(65535, 65535) };
        let mut bytes = Vec::new();
        header.write(&mut bytes).unwrap();
        bytes.resize(40, 0x55);
        match LicFile::parse(&bytes).unwrap_err() {
            Error::ImplausibleSize { needed, present: 40, .. } => assert!(needed > 1 << 20),
            error => panic!("{error}"),
        }
    }
}

#[test]
fn forbidden_header_values_are_refused_even_with_a_right_checksum() {
    let mut good = Vec::new();
    Header { tile_size: 256, ..plain(9, 9) }.write(&mut good).unwrap();
    let forged = |at: usize, value: u8| {
        let mut bytes = good.clone();
        bytes[at] = value;
        forge(&mut bytes);
        Header::parse(&bytes).unwrap_err()
    };
    assert!(matches!(forged(7, 0), Error::InvalidHeader { field: "width", value: 0, .. }));
    assert!(matches!(forged(9, 0), Error::InvalidHeader { field: "height", value: 0, .. }));
    assert!(matches!(forged(10, 253), Error::InvalidHeader { field: "quality", value: 253, .. }));
    for (code, size) in [(0, 0), (16, 1024), (65, 4160), (255, 16320)] {
        let error = forged(19, code);
        let Error::InvalidHeader { field: "tile size", value, .. } = error else {
            panic!("{error}");
        };
        assert_eq!(value, size);
    }
    assert!(matches!(forged(5, 0x42), Error::UnsupportedFeature { value: 2, .. }));
    assert!(matches!(forged(5, 0x60), Error::UnsupportedFeature { value: 4, .. }));
    assert!(matches!(forged(4, 2), Error::UnsupportedVersion { found: 2, supported: 1 }));

    for header in [
        plain(0, 1),
        plain(1, 0),
        Header { quality: 253, ..plain(1, 1) },
        Header { tile_size: 100, ..plain(1, 1) },
        Header { tile_size: 0, ..plain(1, 1) },
    ] {
        assert!(matches!(header.write(&mut Vec::new()), Err(Error::InvalidHeader { .. })));
    }
}

#[test]
fn other_files_are_called_by_their_name() {
    let cases: [(&[u8], &str); 9] = [
        (b"", "an empty file"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR", "a PNG image"),
        (b"\xff\xd8\xff\xe0\0\x10JFIF", "a JPEG image"),
        (b"RIFF\x10\0\0\0WEBPVP8 ", "a WebP image"),
        (b"\0\0\0\x1cftypavif", "an AVIF image"),
        (b"P6\n3 3\n255\n", "a PNM image"),
        (b"MIT License\n\nCopyright", "text (licence files are called .lic too)"),
        ("grüße".as_bytes(), "text (licence files are called .lic too)"),
        (b"\x01\x02\x03\x04\x05", "an unknown binary file"),
    ];
    for (bytes, expected) in cases {
        match LicFile::parse(bytes).unwrap_err() {
            Error::NotLic { looks_like } => assert_eq!(looks_like, expected),
            error => panic!("{expected}: {error}"),
        }
    }
}

#[test]
fn sections_are_refused_for_what_is_wrong_with_them() {
    let header = plain(5, 5);
    let refused = |sections: &[Section<'_>]| write_file(&header, sections, &[[0]]).unwrap_err();
    for body in [&[][..], &[0], &[9], &[1, 1]] {
        let error = refused(&[Section::new(SectionKind::Orientation, body)]);
        assert!(matches!(error, Error::InvalidSection { kind: 5, .. }), "{error}");
    }
    let error = refused(&[Section::new(SectionKind::Cicp, &[9, 16, 9, 0])]);
    assert!(matches!(error, Error::InvalidSection { kind: 2, .. }), "{error}");
    let error = refused(&[Section::new(SectionKind::Xmp, b"a"), Section::new(SectionKind::Xmp, b"b")]);
    assert!(matches!(error, Error::InvalidSection { kind: 4, .. }), "{error}");

    let error = refused(&[Section::new(SectionKind::Unknown(3), b"")]);
    assert!(matches!(error, Error::InvalidSection { kind: 3, .. }), "{error}");

    // What the writer refuses is forged: tag 60 with the critical bit, and alpha without it.
    let forged = |tag: u8| {
        let mut bytes = Vec::new();
        Header { has_sections: true, ..header }.write(&mut bytes).unwrap();
        let section = [tag, 1, 0];
        bytes.extend(section);
        bytes.extend(crc32fast::hash(&section).to_be_bytes());
        bytes.extend(&write(&header, &[])[header.byte_len()..]);
        LicFile::parse(&bytes).map(|file| file.warnings().to_vec())
    };
    assert!(matches!(forged(0x80 | 60), Err(Error::UnknownCriticalSection { kind: 60 })));
    assert!(matches!(forged(6), Err(Error::InvalidSection { kind: 6, .. })));
    assert_eq!(forged(60).unwrap(), [Warning::SectionSkipped { kind: 60, bytes: 1 }]);
}

#[test]
fn orientation_and_colour_are_read_from_their_sections() {
    let cicp = Section::new(SectionKind::Cicp, &[9, 16, 0, 1]);
    let bytes = write(&plain(8, 8), &[cicp]);
    let file = LicFile::parse(&bytes).unwrap();
    assert_eq!(file.orientation(), 1);
    let found = file.section(SectionKind::Cicp).unwrap().cicp().unwrap().unwrap();
    assert_eq!((found.primaries, found.transfer), (9, 16));

    let bytes = rich();
    let file = LicFile::parse(&bytes).unwrap();
    assert_eq!(file.orientation(), 6);
    assert_eq!(file.section(SectionKind::Exif).unwrap().body, EXIF);
    assert_eq!(file.warnings(), [Warning::SectionSkipped { kind: 50, bytes: 7 }]);
}

#[test]
fn alpha_sections_say_how_they_are_coded_and_are_refused_where_they_break_a_rule() {
    let header = plain(8, 8);
    let with = |body: &[u8]| write(&header, &[Section::new(SectionKind::Alpha, body)]);
    let good = write_alpha(&header, AlphaCoding::Lossy { quality: 252 }, true, &[b"plane"]).unwrap();
    let file = with(&good);
    let section = LicFile::parse(&file).unwrap().alpha().unwrap().unwrap();
    assert_eq!((section.coding, section.premultiplied), (AlphaCoding::Lossy { quality: 252 }, true));
    assert_eq!(section.tiles().tile(0).unwrap(), b"plane");
    assert!(LicFile::parse(&rich()).unwrap().alpha().unwrap().is_none());

    for body in [&[][..], &[0], &[1, 0], &[1, 0, 253], &[2, 0, 0], &[0, 2], &[1, 0x80, 0]] {
        let error = LicFile::parse(&with(body)).unwrap_err();
        assert!(matches!(error, Error::InvalidSection { kind: 6, .. }), "{body:?}: {error}");
    }
    let inner = |body: &[u8]| match LicFile::parse(&with(body)).unwrap_err() {
        Error::Alpha(error) => *error,
        error => panic!("{body:?}: {error}"),
    };
    assert!(matches!(inner(&good[..good.len() - 1]), Error::Truncated { part: Part::Tile(0), .. }));
    assert!(matches!(inner(&[&good[..], b"!"].concat()), Error::TrailingGarbage { extra: Some(1), .. }));
    let mut damaged = good.clone();
    damaged[5] ^= 1;
    assert!(matches!(inner(&damaged), Error::Checksum { part: Part::Tile(0), .. }));
    // The plane of 200x200 pixels takes 16 bytes if the networks have coded it, one if not.
    let large = plain(200, 200);
    let short = [&[1, 0, 9][..], &write_alpha(&large, AlphaCoding::Lossless, false, &[b"!"]).unwrap()[2..]].concat();
    let error = LicFile::parse(&write(&large, &[Section::new(SectionKind::Alpha, &short)])).unwrap_err();
    let too_short = |e: &Error| matches!(e, Error::TileTooShort { tile: 0, length: 1, needed: 16 });
    assert!(matches!(&error, Error::Alpha(e) if too_short(e)), "{error}");
}

#[test]
fn appended_bytes_short_tiles_and_long_lengths_are_refused() {
    let mut bytes = write(&plain(8, 8), &[]);
    let offset = bytes.len() as u64;
    bytes.extend(b"more");
    let error = LicFile::parse(&bytes).unwrap_err();
    assert!(matches!(error, Error::TrailingGarbage { offset: o, extra: Some(4) } if o == offset), "{error}");

    // 200x200 pixels need 16 bytes; the index says 3.
    let header = plain(200, 200);
    let mut bytes = Vec::new();
    header.write(&mut bytes).unwrap();
    let start = bytes.len();
    bytes.resize(start + 100, 0);
    bytes[start] = 3;
    let error = LicFile::parse(&bytes).unwrap_err();
    assert!(matches!(error, Error::TileTooShort { tile: 0, length: 3, needed: 16 }), "{error}");

    for length in [&[0x90, 0x00][..], &[0x80, 0x80, 0x80, 0x80, 0x80, 0x01]] {
        bytes[start..start + length.len()].copy_from_slice(length);
        let error = LicFile::parse(&bytes).unwrap_err();
        assert!(matches!(error, Error::InvalidLength { part: Part::TileIndex, .. }), "{error}");
    }
    // The greatest length there is: far beyond the end, and no overflow.
    bytes[start..start + 5].copy_from_slice(&[0xff, 0xff, 0xff, 0xff, 0x7f]);
    let error = LicFile::parse(&bytes).unwrap_err();
    assert!(matches!(error, Error::Truncated { part: Part::Tile(0), .. }), "{error}");
}

#[test]
fn the_writer_refuses_pieces_that_do_not_fit() {
    let none: [&[u8]; 0] = [];
    let error = write_file(&plain(8, 8), &[], &none).unwrap_err();
    assert!(matches!(error, Error::InvalidInput { found: 0, expected: 1, .. }), "{error}");
    let error = write_file(&plain(8, 8), &[], &[b""]).unwrap_err();
    assert!(matches!(error, Error::InvalidInput { found: 0, .. }), "{error}");
}
