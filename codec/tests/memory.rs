//! What limits refuse allocates next to nothing, and what they allow takes no more memory than they say. A program of its own with a
//! single test, because the counting allocator counts every thread.

use std::io::Cursor;
use std::sync::Arc;

use image::ImageDecoder;
use lic_codec::format::{BitDepth, Header, Section, SectionKind, write_file};
use lic_codec::image::LicDecoder;
use lic_codec::{
    Alpha, Colour, Decoder, DeviceChoice, EncodeOptions, Encoder, Error, Limits, Metadata, Model, Picture, Region,
    Samples, Scale, View,
};
use peak_alloc::PeakAlloc;

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

/// The result, and the bytes allocated at the peak beyond those before.
fn peak<T>(work: impl FnOnce() -> T) -> (T, u64) {
    let before = MEMORY.current_usage();
    MEMORY.reset_peak_usage();
    let result = work();
    (result, MEMORY.peak_usage().saturating_sub(before) as u64)
}

/// A file of zeros, which are symbols too: for sizes that would take long to encode.
fn zeros(model: &Model, width: u16, height: u16, tile_size: u16, depth: BitDepth) -> Vec<u8> {
    let header = Header {
        width,
        height,
        colour: Colour::Rgb,
        depth,
        quality: 100,
        tile_size,
        parse_id: model.parse_id(),
        synthesis_id: model.synthesis_id(),
        has_sections: false,
    };
    write_file(&header, &[], &vec![[0]; header.tile_count() as usize]).unwrap()
}

/// The same with a plane of alpha that the networks have coded.
fn with_lossy_alpha(file: &[u8]) -> Vec<u8> {
    let header = Header::parse(file).unwrap();
    // Index and tiles look like those of the colours.
    let body = [&[1, 0, 100], &file[header.byte_len()..]].concat();
    let section = Section::new(SectionKind::Alpha, &body);
    write_file(&header, &[section], &vec![[0]; header.tile_count() as usize]).unwrap()
}

/// The same with lossless alpha of 16 bits that has to be inflated.
fn with_lossless_alpha(file: &[u8]) -> Vec<u8> {
    let header = Header::parse(file).unwrap();
    let payload = |width: u16, height: u16| {
        miniz_oxide::deflate::compress_to_vec(&vec![0; usize::from(height) * (1 + 2 * usize::from(width))], 1)
    };
    let payloads: Vec<Vec<u8>> = header.tiles().map(|tile| payload(tile.width, tile.height)).collect();
    let tiles = write_file(&header, &[], &payloads).unwrap();
    let body = [&[0, 0], &tiles[header.byte_len()..]].concat();
    let section = Section::new(SectionKind::Alpha, &body);
    write_file(&header, &[section], &vec![[0]; header.tile_count() as usize]).unwrap()
}

/// Files of different kinds.
fn files(model: &Model) -> Vec<(&'static str, Vec<u8>)> {
    let encoder = Encoder::new(model, DeviceChoice::Cpu).unwrap();
    let mut deep = Picture::new(200, 150, Colour::Grey, Samples::Deep(BitDepth::Ten, vec![500; 30_000])).unwrap();
    deep.alpha = Some(Alpha {
        samples: Samples::Deep(BitDepth::Ten, (0..30_000).map(|i| i % 1000).collect()),
        premultiplied: true,
    });
    deep.metadata = Metadata { xmp: Some(vec![b' '; 100_000]), ..Metadata::default() };
    let lossless = encoder.encode(&deep, &EncodeOptions::default()).unwrap().bytes;
    let lossy = EncodeOptions { alpha_quality: Some(50.0), tile: 64, ..EncodeOptions::default() };
    let lossy = encoder.encode(&deep, &lossy).unwrap().bytes;
    vec![
        ("a dot", zeros(model, 1, 1, 1024, BitDepth::Eight)),
        ("a hyper-latent", zeros(model, 64, 64, 1024, BitDepth::Eight)),
        ("a square", zeros(model, 700, 700, 1024, BitDepth::Eight)),
        ("deep samples", zeros(model, 400, 300, 128, BitDepth::Twelve)),
        ("a line", zeros(model, 65535, 1, 64, BitDepth::Eight)),
        ("a column", zeros(model, 1, 65535, 64, BitDepth::Eight)),
        ("a wide picture", zeros(model, 30_000, 64, 1024, BitDepth::Eight)),
        ("a wide picture with lossy alpha", with_lossy_alpha(&zeros(model, 16_000, 64, 64, BitDepth::Sixteen))),
        ("alpha in large tiles", with_lossless_alpha(&zeros(model, 5000, 700, 1024, BitDepth::Sixteen))),
        ("lossless alpha", lossless),
        ("lossy alpha", lossy),
    ]
}

/// Finds the least limit with which the rows of a view can be opened, and decodes them with it.
fn rows_keep_their_limit(name: &str, mut decoder: Decoder, file: &[u8], view: &View) -> Decoder {
    let open = |decoder: &Decoder| decoder.rows(file, view).map(drop);
    // What a file that is read takes is known piece by piece.
    let mut border = 0;
    decoder = decoder.with_limits(Limits::default().with_bytes(border));
    while let Err(Error::LimitExceeded { found, .. }) = open(&decoder) {
        border = found;
        decoder = decoder.with_limits(Limits::default().with_bytes(border));
    }
    let ((), taken) = peak(|| {
        let mut rows = decoder.rows(file, view).unwrap();
        while rows.next_band().unwrap().is_some() {}
    });
    println!("{name}: {taken} bytes of {border} in rows");
    assert!(taken <= border, "{name} in rows: {taken} of {border} bytes");
    decoder
}

#[test]
fn limits_hold_for_what_is_really_allocated() {
    let model = Model::embedded().unwrap();
    let files = files(&model);
    let decoder = Arc::new(Decoder::new(&model, DeviceChoice::Cpu).unwrap());
    // Loaded once, and not counted: the networks, and an engine's buffers.
    decoder.decode(&files[1].1).unwrap();
    let nothing = Decoder::new(&model, DeviceChoice::Cpu).unwrap().with_limits(Limits::default().with_bytes(0));
    let mut limited = Decoder::new(&model, DeviceChoice::Cpu).unwrap();

    for (name, file) in &files {
        let Err(Error::LimitExceeded { found: border, .. }) = nothing.decode(file) else {
            panic!("{name} needs nothing")
        };
        let (decoded, taken) = peak(|| decoder.decode(file).unwrap());
        let samples = decoded.picture.pixels.len() as u64;
        println!("{name}: {taken} bytes of {border}");
        assert!(taken > samples, "{name}: the counter does not count");
        assert!(taken <= border, "{name}: a limit of {border} bytes lets {taken} through");

        // A region, and rows that nobody keeps.
        let region = Region { x: 0, y: 0, width: 1 + decoded.picture.width / 3, height: 1 };
        let views = [View::of(region), View::at(Scale::Eighth)];
        drop(decoded);
        for view in &views {
            let Err(Error::LimitExceeded { found: border, .. }) = nothing.view(file, view) else { panic!("{name}") };
            let (part, taken) = peak(|| decoder.view(file, view).map(drop));
            println!("{name}, {view:?}: {taken} bytes of {border}");
            assert!(part.is_ok() && taken <= border, "{name}, {view:?}: {taken} of {border} bytes");
        }
        limited = rows_keep_their_limit(name, limited, file, &View::default());

        // The traits of `image`: nearly the least that passes, and what it takes beside the caller's buffer.
        let mut pixels = vec![0; LicDecoder::new(Cursor::new(file)).unwrap().total_bytes() as usize];
        let mut read = |most: u64| {
            let mut limits = image::Limits::no_limits();
            limits.max_alloc = Some(most);
            let mut decoder = LicDecoder::with_decoder(Cursor::new(file), decoder.clone())?;
            decoder.set_limits(limits)?;
            decoder.read_image(&mut pixels)
        };
        let (mut below, mut border) = (0, 1 << 28);
        while border - below > border / 32 {
            let middle = (below + border) / 2;
            if read(middle).is_ok() { border = middle } else { below = middle }
        }
        let (result, taken) = peak(|| read(border));
        println!("{name}: {taken} bytes of {border} through `image`");
        assert!(result.is_ok() && taken <= border, "{name}: a limit of {border} bytes lets {taken} through");
    }

    // One tile wide, and high: what the colours need beside it must not make alpha run ahead of them.
    let column = with_lossless_alpha(&zeros(&model, 768, 40_000, 256, BitDepth::Sixteen));
    let middle = View::of(Region { x: 256, y: 0, width: 256, height: 40_000 });
    rows_keep_their_limit("a column of tiles with alpha", limited, &column, &middle);

    // 537 megapixels in a file of 131 KB: refused before anything is allocated for them.
    let huge = zeros(&model, 65535, 8192, 4096, BitDepth::Eight);
    let border = 65535 * 8192;
    let pixels = Limits::default().with_pixels(border - 1);
    let bytes = Limits::default().with_bytes(3 * border);
    for limits in [pixels, bytes] {
        let decoder = Decoder::new(&model, DeviceChoice::Cpu).unwrap().with_limits(limits);
        let (result, taken) = peak(|| decoder.decode(&huge));
        assert!(matches!(result, Err(Error::LimitExceeded { .. })) && taken < 10_000, "{limits:?}: {taken} bytes");
    }
    let mut limits = image::Limits::no_limits();
    limits.max_alloc = Some(3 * border);
    let (result, taken) = peak(|| LicDecoder::new(Cursor::new(&huge)).unwrap().set_limits(limits));
    assert!(result.is_err() && taken < 10_000, "{taken} bytes");
}
