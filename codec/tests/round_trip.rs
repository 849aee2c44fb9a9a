//! Pictures in, files, pictures out: sizes, tiles, headers, targets.

mod support;

use lic_codec::entropy::TileDecoder;
use lic_codec::format::LicFile;
use lic_codec::{
    Colour, Decoder, DeviceChoice, Effort, EncodeOptions, Encoder, Error, ErrorKind, Miss, Picture, QualityIndex,
    Target, Warning,
};
use rayon::prelude::*;
use support::{block_model, block_model_with, picture, random_model};

fn options(quality: f32, tile: u32) -> EncodeOptions {
    EncodeOptions { quality, tile, ..EncodeOptions::default() }
}

#[test]
fn every_size_comes_back() {
    for model in [random_model(1), block_model()] {
        let encoder = Encoder::new(&model, DeviceChoice::Cpu).unwrap();
        let decoder = Decoder::new(&model, DeviceChoice::Cpu).unwrap();
        for (width, height) in [(1, 1), (1, 4000), (7, 5), (4097, 3), (64, 64), (100, 70)] {
            for colour in [Colour::Rgb, Colour::Grey] {
                let original = picture(width, height, colour);
                let encoded = encoder.encode(&original, &options(50.0, 1024)).unwrap();
                let decoded = decoder.decode(&encoded.bytes).unwrap();
                let found = (decoded.picture.width, decoded.picture.height, decoded.picture.colour);
                assert_eq!(found, (width, height, colour));
                assert_eq!(decoded.picture.pixels.len(), original.pixels.len());
                assert_eq!(decoded.warnings, []);
                assert_eq!(decoded.stats.pixels, u64::from(width * height));
                assert_eq!(decoded.stats.payload, encoded.stats.payload);
                assert_eq!(decoded.stats.symbols, encoded.stats.symbols);
            }
        }
    }
}

#[test]
fn better_quality_is_larger_and_closer() {
    let encoder = Encoder::new(&block_model(), DeviceChoice::Cpu).unwrap();
    let decoder = Decoder::new(&block_model(), DeviceChoice::Cpu).unwrap();
    for colour in [Colour::Rgb, Colour::Grey] {
        let original = picture(150, 131, colour);
        let analysed = encoder.analyse(&original, &EncodeOptions::default()).unwrap();
        let mut before = (0, 0.0);
        for t in [0, 63, 126, 189, 252] {
            let encoded = analysed.encode(QualityIndex::new(t).unwrap()).unwrap();
            let psnr = decoder.decode(&encoded.bytes).unwrap().picture.psnr(&original);
            assert!(encoded.bytes.len() > before.0 && psnr > before.1, "{before:?} {psnr}");
            before = (encoded.bytes.len(), psnr);
        }
        assert!(before.1 > 25.0, "{before:?}");
    }
}

#[test]
fn analysing_once_gives_the_same_files_as_encoding() {
    let model = random_model(2);
    let encoder = Encoder::new(&model, DeviceChoice::Cpu).unwrap();
    let original = picture(200, 130, Colour::Rgb);
    let analysed = encoder.analyse(&original, &options(50.0, 64)).unwrap();
    for quality in [0.0, 33.3, 100.0] {
        let whole = encoder.encode(&original, &options(quality, 64)).unwrap();
        let half = analysed.encode(lic_codec::quality_index(quality).unwrap()).unwrap();
        assert_eq!(whole.bytes, half.bytes);
    }
}

#[test]
fn the_overhead_of_a_plain_file_is_at_most_32_bytes() {
    let encoder = Encoder::new(&block_model(), DeviceChoice::Cpu).unwrap();
    for (width, height) in [(1, 1), (300, 200)] {
        // Not with a filter, which is there only where it is worth more.
        let options = EncodeOptions { effort: Effort::Nearest, ..options(60.0, 1024) };
        let encoded = encoder.encode(&picture(width, height, Colour::Rgb), &options).unwrap();
        // The flag byte is the payload's first.
        assert!(encoded.bytes.len() as u64 - (encoded.stats.payload - 1) <= 32);
    }
}

#[test]
fn sizes_asked_for_are_met_from_below() {
    let encoder = Encoder::new(&block_model(), DeviceChoice::Cpu).unwrap();
    let original = picture(256, 192, Colour::Rgb);
    let with = |target| {
        let options = EncodeOptions { target: Some(target), ..EncodeOptions::default() };
        encoder.encode(&original, &options).unwrap()
    };
    let analysed = encoder.analyse(&original, &EncodeOptions::default()).unwrap();
    let middle = analysed.encode(QualityIndex::new(130).unwrap()).unwrap().bytes.len() as u64;
    let encoded = with(Target::Bytes(middle + 5));
    let outcome = encoded.target.unwrap();
    assert_eq!(outcome.reached, encoded.bytes.len() as f64);
    assert!(encoded.bytes.len() as u64 <= middle + 5 && encoded.bytes.len() as f64 >= 0.97 * middle as f64);
    assert_eq!(outcome.miss, None);

    let bits = middle as f64 * 8.0 / f64::from(256 * 192);
    let encoded = with(Target::BitsPerPixel(bits));
    assert!(encoded.bytes.len() as u64 <= middle);

    let encoded = with(Target::Bytes(20));
    assert_eq!(encoded.target.unwrap().miss, Some(Miss::LowestQuality));
    let encoded = with(Target::Bytes(10_000_000));
    assert_eq!(encoded.target.unwrap().miss, Some(Miss::HighestQuality));
    assert_eq!(encoded.quality, QualityIndex::MAX);
}

#[test]
fn a_psnr_asked_for_is_met_from_above() {
    let model = block_model();
    let encoder = Encoder::new(&model, DeviceChoice::Cpu).unwrap();
    let original = picture(128, 128, Colour::Rgb);
    let lossy = encoder.encode(&original, &options(50.0, 1024)).unwrap();
    let decoder = Decoder::new(&model, DeviceChoice::Cpu).unwrap();
    let wanted = decoder.decode(&lossy.bytes).unwrap().picture.psnr(&original);
    let target = Some(Target::Psnr(wanted));
    let encoded = encoder.encode(&original, &EncodeOptions { target, ..EncodeOptions::default() }).unwrap();
    let psnr = decoder.decode(&encoded.bytes).unwrap().picture.psnr(&original);
    let outcome = encoded.target.unwrap();
    assert!(psnr >= wanted && outcome.reached == psnr && outcome.miss.is_none());
    assert!(encoded.quality <= lossy.quality);
}

#[test]
fn options_that_make_no_sense_are_refused() {
    let encoder = Encoder::new(&random_model(1), DeviceChoice::Cpu).unwrap();
    let small = picture(8, 8, Colour::Rgb);
    for quality in [-0.1, 100.1, f32::NAN] {
        let refused = encoder.encode(&small, &options(quality, 1024));
        assert!(matches!(refused, Err(Error::InvalidOption { .. })));
    }
    for tile in [0, 63, 96, 4160, 1 << 20] {
        let refused = encoder.encode(&small, &options(50.0, tile));
        let Err(error @ Error::InvalidOption { value, .. }) = refused else { panic!("{tile}") };
        assert_eq!((value, error.kind()), (tile.into(), ErrorKind::Caller));
    }
    let broken = Picture { width: 9, ..small };
    assert!(matches!(encoder.encode(&broken, &options(50.0, 64)), Err(Error::InvalidInput { .. })));
}

#[test]
fn files_of_another_model_are_refused_and_of_another_synthesis_reported() {
    let (first, second) = (random_model(1), random_model(2));
    let original = picture(40, 30, Colour::Rgb);
    let file = Encoder::new(&first, DeviceChoice::Cpu).unwrap().encode(&original, &options(50.0, 1024)).unwrap();
    let refused = Decoder::new(&second, DeviceChoice::Cpu).unwrap().decode(&file.bytes);
    let (a, b) = (first.parse_id(), second.parse_id());
    assert!(matches!(refused, Err(Error::WrongParseId { file, model }) if file == a && model == b));

    // The same prior with other transforms.
    let parsed = LicFile::parse(&file.bytes).unwrap();
    let header = lic_codec::format::Header { synthesis_id: 7, ..*parsed.header() };
    let other = lic_codec::format::write_file(&header, &[], &[parsed.tile(0).unwrap()]).unwrap();
    let decoder = Decoder::new(&first, DeviceChoice::Cpu).unwrap();
    let decoded = decoder.decode(&other).unwrap();
    let expected = Warning::SynthesisIdMismatch { file: 7, model: first.synthesis_id() };
    assert_eq!(decoded.warnings, [expected]);
    assert_eq!(decoded.picture, decoder.decode(&file.bytes).unwrap().picture);
}

#[test]
fn skipping_is_off_where_it_would_hurt_and_on_where_it_would_not() {
    // A prior that is sure that everything is 0.
    let sure = block_model_with(|prior| {
        for (name, _, _, bytes) in &mut prior.0 {
            if name == "prior.gain.offset" {
                bytes.fill(0);
            }
        }
    });
    let encoder = Encoder::new(&sure, DeviceChoice::Cpu).unwrap();
    let decoder = Decoder::new(&sure, DeviceChoice::Cpu).unwrap();
    let skips = |original: &Picture| {
        let file = encoder.encode(original, &options(70.0, 1024)).unwrap().bytes;
        let psnr = decoder.decode(&file).unwrap().picture.psnr(original);
        let payload = LicFile::parse(&file).unwrap().tile(0).unwrap().to_vec();
        (TileDecoder::new(&payload).unwrap().skip(), psnr)
    };
    let flat = Picture::new(64, 64, Colour::Grey, vec![127; 64 * 64]).unwrap();
    assert!(skips(&flat).0);
    let (skip, psnr) = skips(&picture(64, 64, Colour::Rgb));
    assert!(!skip && psnr > 20.0, "{psnr}");
}

#[test]
fn one_encoder_and_one_decoder_serve_several_threads_at_once() {
    fn shared<T: Send + Sync>(value: T) -> T {
        value
    }
    let model = shared(block_model());
    let encoder = shared(Encoder::new(&model, DeviceChoice::Cpu).unwrap());
    let decoder = shared(Decoder::new(&model, DeviceChoice::Cpu).unwrap());
    let work = &|width: u32| {
        let file = encoder.encode(&picture(width, 130, Colour::Rgb), &EncodeOptions::default()).unwrap().bytes;
        (decoder.decode(&file).unwrap().picture, file)
    };
    let alone: Vec<_> = (0..6).map(|i| work(100 + i)).collect();
    let together: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..6).map(|i| scope.spawn(move || work(100 + i))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert!(alone == together);
}

/// Threads of the pool that wait take up other pictures, which find the same decoder in the middle of its first work.
#[test]
fn the_threads_of_the_pool_may_all_decode_with_a_new_decoder() {
    let model = block_model();
    let encoder = Encoder::new(&model, DeviceChoice::Cpu).unwrap();
    let file = encoder.encode(&picture(150, 130, Colour::Rgb), &EncodeOptions::default()).unwrap().bytes;
    let expected = Decoder::new(&model, DeviceChoice::Cpu).unwrap().decode(&file).unwrap().picture;
    for _ in 0..10 {
        let decoder = Decoder::new(&model, DeviceChoice::Cpu).unwrap();
        let work = |_| decoder.decode(&file).unwrap().picture == expected;
        assert!((0..16).into_par_iter().with_max_len(1).all(work));
    }
}
