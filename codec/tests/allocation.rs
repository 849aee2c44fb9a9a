//! What a damaged or absurd file may make a decoder allocate. A program of its own with a single test, because the counting
//! allocator counts every thread.

mod support;

use lic_codec::format::{Header, LicFile, Section, SectionKind, write_file};
use lic_codec::{Colour, Decoder, DeviceChoice, EncodeOptions, Encoder};
use peak_alloc::PeakAlloc;
use support::{block_model, picture};

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

/// Bytes that may be allocated before a header is proven plausible.
const MOST: usize = 64 << 20;

/// Decodes what must be refused; the bytes allocated at the peak, beyond those before.
fn refused(decoder: &Decoder, file: &[u8], what: &dyn std::fmt::Display) -> usize {
    let before = MEMORY.current_usage();
    MEMORY.reset_peak_usage();
    assert!(decoder.decode(file).is_err(), "{what} was decoded");
    MEMORY.peak_usage().saturating_sub(before)
}

#[test]
fn damaged_and_absurd_files_never_allocate_64_megabytes() {
    let model = block_model();
    let encoder = Encoder::new(&model, DeviceChoice::Cpu).unwrap();
    let options = EncodeOptions { quality: 20.0, tile: 64, ..EncodeOptions::default() };
    let file = encoder.encode(&picture(70, 20, Colour::Rgb), &options).unwrap().bytes;
    let decoder = Decoder::new(&model, DeviceChoice::Cpu).unwrap();
    let mut most = 0;

    for end in 0..file.len() {
        most = most.max(refused(&decoder, &file[..end], &format_args!("a prefix of {end} bytes")));
    }
    for bit in 0..8 * file.len() {
        let mut damaged = file.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        most = most.max(refused(&decoder, &damaged, &format_args!("a file with bit {bit} flipped")));
    }
    // Headers with the right checksum that promise much more than the file holds.
    let honest = *LicFile::parse(&file).unwrap().header();
    for (width, height) in [(65535, 65535), (65535, 1), (1, 65535), (4096, 4096), (65535, 64)] {
        for tile_size in [64, 1024, 4096] {
            let mut absurd = Vec::new();
            Header { width, height, tile_size, ..honest }.write(&mut absurd).unwrap();
            absurd.resize(absurd.len() + 200, 1);
            most = most.max(refused(&decoder, &absurd, &format_args!("{width}x{height} in 200 bytes")));
        }
    }
    // An alpha plane whose stream goes on for 128 MB after the tile's last sample.
    let bomb = miniz_oxide::deflate::compress_to_vec(&vec![0; 2 * MOST], 6);
    let mut body = vec![0, 0];
    let mut length = bomb.len();
    while length >= 0x80 {
        body.push(length as u8 | 0x80);
        length >>= 7;
    }
    body.push(length as u8);
    let mut stored = body[2..].to_vec();
    stored.extend(&bomb);
    body.extend(&bomb);
    body.extend(crc32fast::hash(&stored).to_be_bytes());
    drop((bomb, stored));
    let one_tile = EncodeOptions { tile: 1024, ..options };
    let plain = encoder.encode(&picture(70, 20, Colour::Rgb), &one_tile).unwrap().bytes;
    let parsed = LicFile::parse(&plain).unwrap();
    let section = Section::new(SectionKind::Alpha, &body);
    let forged = write_file(parsed.header(), &[section], &[parsed.tile(0).unwrap()]).unwrap();
    most = most.max(refused(&decoder, &forged, &"a DEFLATE bomb"));
    assert!(most < MOST, "{most} bytes");

    // The counter counts: a file that is right takes more than its own samples.
    let before = MEMORY.current_usage();
    MEMORY.reset_peak_usage();
    let pixels = decoder.decode(&file).unwrap().picture.pixels.len();
    assert!(MEMORY.peak_usage() - before > pixels);
}
