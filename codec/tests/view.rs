//! Regions, smaller pictures and rows: all must be what a whole decoding gives.

mod support;

use std::io::{Cursor, Read, Seek, SeekFrom};
use std::sync::atomic::{AtomicUsize, Ordering};

use lic_codec::format::{BitDepth, LicFile};
use lic_codec::prior::random::Noise;
use lic_codec::{
    Alpha, Colour, Decoder, DeviceChoice, EncodeOptions, Encoder, Error, Limits, Model, Picture, Region, RowReader,
    Samples, Scale, View,
};
use lic_model::Preset;
use lic_model::plain::Enhancement;
use lic_model::preset::ModelConfig;
use lic_model::quantise::{with_deblocking, with_enhancement};
use proptest::prelude::*;
use support::{block_model, picture, random_model, random_model_of};

const CPU: DeviceChoice = DeviceChoice::Cpu;

fn encode(model: &Model, picture: &Picture, tile: u32, alpha_quality: Option<f32>) -> Vec<u8> {
    let options = EncodeOptions { quality: 40.0, tile, alpha_quality, ..EncodeOptions::default() };
    Encoder::new(model, CPU).unwrap().encode(picture, &options).unwrap().bytes
}

/// A picture that fades out to the right, with `bits` per sample.
fn fading(width: u32, height: u32, colour: Colour, depth: BitDepth) -> Picture {
    let plain = picture(width, height, colour);
    let alpha: Vec<u8> = (0..width * height).map(|i| 255 - (i % width * 255 / width) as u8).collect();
    let deepen = |samples: &[u8]| match depth {
        BitDepth::Eight => Samples::Eight(samples.to_vec()),
        depth => Samples::Deep(depth, samples.iter().map(|&s| u16::from(s) * 4 + u16::from(s % 4)).collect()),
    };
    let alpha = Alpha { samples: deepen(&alpha), premultiplied: false };
    Picture { alpha: Some(alpha), pixels: deepen(plain.pixels.as_eight().unwrap()), ..plain }
}

/// A region of a picture, taken sample by sample.
fn cut(whole: &Picture, region: Region) -> Picture {
    let part = |samples: &Samples, channels: u32| {
        let places = (region.y..region.y + region.height).flat_map(|y| {
            let start = (y * whole.width + region.x) * channels;
            start..start + region.width * channels
        });
        match samples {
            Samples::Eight(samples) => Samples::Eight(places.map(|at| samples[at as usize]).collect()),
            Samples::Deep(depth, samples) => Samples::Deep(*depth, places.map(|at| samples[at as usize]).collect()),
        }
    };
    let alpha = whole.alpha.as_ref().map(|alpha| Alpha { samples: part(&alpha.samples, 1), ..*alpha });
    let pixels = part(&whole.pixels, whole.channels() as u32);
    Picture { width: region.width, height: region.height, pixels, alpha, ..whole.clone() }
}

fn region([x, y, width, height]: [u32; 4]) -> Region {
    Region { x, y, width, height }
}

fn assert_regions(decoder: &Decoder, file: &[u8], regions: &[[u32; 4]]) {
    let whole = decoder.decode(file).unwrap().picture;
    for &numbers in regions {
        let found = decoder.view(file, &View::of(region(numbers))).unwrap().picture;
        assert!(found == cut(&whole, region(numbers)), "{numbers:?} of {}x{} differs", whole.width, whole.height);
    }
}

/// The model with a strong filter between its patches.
fn smoothing(model: &Model) -> Model {
    let weights = std::array::from_fn(|i| [0.5, 0.3, 0.2, 0.1, -0.2, -0.1, -0.1, 0.0][i % 8]);
    Model::from_bytes(with_deblocking(model.bytes(), &weights).unwrap()).unwrap()
}

/// The model with a strong filter for all pixels.
fn mending(model: &Model) -> Model {
    let weights = (0..Enhancement::COUNT).map(|i| ((i * 37 + i / 216 * 5) % 101) as f32 / 2000.0 - 0.02);
    let enhancement = Enhancement::new(weights.collect()).unwrap();
    Model::from_bytes(with_enhancement(model.bytes(), &enhancement).unwrap()).unwrap()
}

#[test]
fn a_region_has_the_samples_of_the_whole_picture() {
    assert_regions_of(&random_model(3));
}

#[test]
fn a_region_of_a_model_that_smooths_its_patches_and_mends_its_pixels_has_them_too() {
    let model = random_model(3);
    let file = encode(&model, &picture(100, 90, Colour::Rgb), 64, None);
    let decode = |model| Decoder::new(model, CPU).unwrap().decode(&file).unwrap().picture;
    let filters = [smoothing(&model), mending(&model), mending(&smoothing(&model))];
    let mut shown: Vec<Picture> = filters.iter().map(decode).collect();
    shown.push(decode(&model));
    for (i, picture) in shown.iter().enumerate() {
        assert!(shown[..i].iter().all(|other| other != picture), "a filter does nothing");
    }
    let [.., all] = filters;
    assert_regions_of(&all);
}

fn assert_regions_of(model: &Model) {
    let decoder = Decoder::new(model, CPU).unwrap();
    for (colour, tile) in [(Colour::Rgb, 64), (Colour::Grey, 128), (Colour::Rgb, 1024)] {
        let file = encode(model, &picture(333, 270, colour), tile, None);
        let corners = [[0, 0, 1, 1], [332, 269, 1, 1], [332, 0, 1, 270], [0, 269, 333, 1], [0, 0, 333, 270]];
        assert_regions(&decoder, &file, &corners);
        assert_regions(&decoder, &file, &[[100, 90, 40, 50], [63, 63, 2, 2], [64, 64, 64, 64], [17, 3, 300, 20]]);
    }
}

#[test]
fn a_region_of_a_model_with_attention_has_them_too() {
    let config = ModelConfig { head_width: Some(8), ..Preset::Tiny.config() };
    let model = random_model_of(config, 4);
    let decoder = Decoder::new(&model, CPU).unwrap();
    let file = encode(&model, &picture(520, 400, Colour::Rgb), 128, None);
    let whole = decoder.decode(&file).unwrap().picture;
    for numbers in [[0, 0, 30, 30], [300, 200, 100, 90], [500, 390, 20, 10]] {
        let found = decoder.view(&file, &View::of(region(numbers))).unwrap().picture;
        let wanted = cut(&whole, region(numbers));
        let pairs = found.pixels.as_eight().unwrap().iter().zip(wanted.pixels.as_eight().unwrap());
        // burn's sums may take another order in a window of another size.
        assert!(pairs.map(|(a, b)| a.abs_diff(*b)).max() <= Some(1), "{numbers:?}");
    }
}

#[test]
fn limits_count_every_tile_that_a_model_with_attention_decodes_for_a_region() {
    let config = ModelConfig { head_width: Some(8), ..Preset::Tiny.config() };
    let model = random_model_of(config, 4);
    let file = encode(&model, &picture(640, 128, Colour::Rgb), 128, None);
    let payload = |tile| LicFile::parse(&file).unwrap().tile(tile).unwrap().len() as u64;
    let dot = View::of(region([0, 0, 1, 1]));
    let decoder = |pixels| Decoder::new(&model, CPU).unwrap().with_limits(Limits::default().with_pixels(pixels));
    // It looks 17 latents, 272 pixels, beyond the dot: into the third tile.
    let [enough, less] = [3 * 128 * 128, 3 * 128 * 128 - 1];
    let decoded = decoder(enough).view(&file, &dot).unwrap();
    assert_eq!(decoded.stats.payload, (0..3).map(payload).sum::<u64>());
    for error in [
        decoder(less).view(&file, &dot).map(drop).unwrap_err(),
        decoder(less).rows(file.as_slice(), &dot).map(drop).unwrap_err(),
    ] {
        let Error::LimitExceeded { limit: "max_pixels", found, allowed } = error else { panic!("{error}") };
        assert_eq!((found, allowed), (enough, less));
    }
}

#[test]
fn alpha_and_depth_follow_the_region() {
    let model = smoothing(&block_model());
    let decoder = Decoder::new(&model, CPU).unwrap();
    for (colour, depth) in [(Colour::Rgb, BitDepth::Eight), (Colour::Grey, BitDepth::Ten)] {
        for alpha_quality in [None, Some(60.0)] {
            let file = encode(&model, &fading(200, 150, colour, depth), 64, alpha_quality);
            assert_regions(&decoder, &file, &[[0, 0, 200, 150], [70, 60, 100, 30], [199, 149, 1, 1], [1, 140, 3, 10]]);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn any_region_of_any_tiling_has_the_samples_of_the_whole(
        seed in 0u64..1000, tile in 1u32..4, width in 1u32..300, height in 1u32..300, parts in any::<[u32; 4]>(),
    ) {
        let plain = random_model(seed);
        let model = if seed % 2 == 0 { smoothing(&plain) } else { plain };
        let file = encode(&model, &picture(width, height, Colour::Rgb), 64 * tile, None);
        let (x, y) = (parts[0] % width, parts[1] % height);
        let region = Region { x, y, width: 1 + parts[2] % (width - x), height: 1 + parts[3] % (height - y) };
        let decoder = Decoder::new(&model, CPU).unwrap();
        let whole = decoder.decode(&file).unwrap().picture;
        let found = decoder.view(&file, &View::of(region)).unwrap().picture;
        prop_assert!(found == cut(&whole, region), "{region:?}");
    }
}

/// Means of blocks, one output at a time.
fn smaller(whole: &Picture, factor: u32) -> Picture {
    let channels = whole.channels();
    let alpha = whole.alpha.as_ref().map(|alpha| alpha.samples.as_eight().unwrap());
    let samples = whole.pixels.as_eight().unwrap();
    let (width, height) = (whole.width.div_ceil(factor), whole.height.div_ceil(factor));
    let (mut colours, mut plane) = (Vec::new(), Vec::new());
    for (y, x) in (0..height).flat_map(|y| (0..width).map(move |x| (y, x))) {
        let rows = y * factor..((y + 1) * factor).min(whole.height);
        let columns = x * factor..((x + 1) * factor).min(whole.width);
        let places: Vec<usize> =
            rows.flat_map(|row| columns.clone().map(move |column| (row * whole.width + column) as usize)).collect();
        let weight = |at: usize| alpha.map_or(1.0, |alpha| f64::from(alpha[at]));
        let total: f64 = places.iter().map(|&at| weight(at)).sum();
        for channel in 0..channels {
            let value = |at: usize| f64::from(samples[at * channels + channel]);
            let mean = match total {
                0.0 => places.iter().map(|&at| value(at)).sum::<f64>() / places.len() as f64,
                total => places.iter().map(|&at| weight(at) * value(at)).sum::<f64>() / total,
            };
            colours.push((mean + 0.5) as u8);
        }
        if let Some(alpha) = alpha {
            plane.push((places.iter().map(|&at| f64::from(alpha[at])).sum::<f64>() / places.len() as f64 + 0.5) as u8);
        }
    }
    let alpha = whole.alpha.as_ref().map(|alpha| Alpha { samples: plane.into(), ..*alpha });
    Picture { alpha, ..Picture::new(width, height, whole.colour, colours).unwrap() }
}

#[test]
fn a_smaller_picture_has_the_means_of_the_whole_one() {
    let model = random_model(5);
    let decoder = Decoder::new(&model, CPU).unwrap();
    let plain = encode(&model, &picture(203, 150, Colour::Rgb), 64, None);
    let clear = encode(&model, &fading(131, 90, Colour::Grey, BitDepth::Eight), 64, None);
    let lossy = encode(&model, &fading(131, 90, Colour::Rgb, BitDepth::Eight), 64, Some(50.0));
    for file in [plain, clear, lossy] {
        let whole = decoder.decode(&file).unwrap().picture;
        for scale in [Scale::Half, Scale::Quarter, Scale::Eighth, Scale::Preview] {
            // These weights have no preview, so it falls back to the means.
            let found = decoder.view(&file, &View::at(scale)).unwrap().picture;
            assert!(found == smaller(&whole, scale.divisor()), "{scale:?} of {}x{}", whole.width, whole.height);
            let part = region([17, 33, 40, 21]);
            let view = View { region: Some(part), scale };
            let size = view.size(LicFile::parse(&file).unwrap().header()).unwrap();
            let found = decoder.view(&file, &view).unwrap().picture;
            assert_eq!([found.width, found.height], size);
            if scale != Scale::Preview {
                assert!(found == smaller(&cut(&whole, part), scale.divisor()), "{scale:?} of a region");
            }
        }
    }
}

#[test]
fn a_preview_looks_like_the_picture_at_an_eighth() {
    let model = Model::embedded().unwrap();
    let decoder = Decoder::new(&model, CPU).unwrap();
    let sample = image::open("../datasets/samples/coffee.png").unwrap().into_rgb8();
    let (width, height) = sample.dimensions();
    let file = encode(&model, &Picture::new(width, height, Colour::Rgb, sample.into_raw()).unwrap(), 256, None);
    let eighth = decoder.view(&file, &View::at(Scale::Eighth)).unwrap().picture;
    let preview = decoder.view(&file, &View::at(Scale::Preview)).unwrap().picture;
    let psnr = preview.psnr(&eighth);
    assert!((28.0..60.0).contains(&psnr), "{psnr} dB");
    // A region of it has the same samples; it grows to multiples of 8 pixels.
    let view = View { region: Some(region([100, 51, 90, 70])), scale: Scale::Preview };
    let part = decoder.view(&file, &view).unwrap().picture;
    assert!(part == cut(&preview, region([12, 6, 12, 10])));
}

/// A reader that gives a byte or a few at a time.
struct Slow<'a>(&'a [u8], usize);

impl Read for Slow<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        self.1 = self.1 % 7 + 1;
        let length = self.1.min(buffer.len());
        self.0.read(&mut buffer[..length])
    }
}

fn rows_of<'a>(decoder: &'a Decoder, file: &'a [u8]) -> Result<RowReader<'a>, Error> {
    decoder.rows(Slow(file, 0), &View::default())
}

#[test]
fn rows_from_a_reader_are_those_of_the_picture() {
    let model = random_model(6);
    let decoder = Decoder::new(&model, CPU).unwrap();
    for alpha_quality in [None, Some(50.0)] {
        let original = fading(250, 300, Colour::Rgb, BitDepth::Eight);
        let file = encode(&model, &original, 64, alpha_quality);
        let whole = decoder.decode(&file).unwrap().picture;
        let mut rows = rows_of(&decoder, &file).unwrap();
        assert_eq!(rows.size(), [250, 300]);
        let (mut next, mut progress) = (0, 0.0);
        while let Some(band) = rows.next_band().unwrap() {
            assert_eq!(band.y, next);
            let wanted = cut(&whole, region([0, next, 250, band.height]));
            assert!(band.pixels == wanted.pixels && band.alpha == wanted.alpha);
            next += band.height;
            assert!(rows.progress() >= progress && rows.progress() <= 1.0);
            progress = rows.progress();
        }
        assert_eq!((next, progress), (300, 1.0));
    }
}

#[test]
fn a_reader_that_ends_too_early_or_too_late_is_an_error() {
    let model = random_model(7);
    let decoder = Decoder::new(&model, CPU).unwrap();
    let file = encode(&model, &fading(130, 70, Colour::Rgb, BitDepth::Eight), 64, None);
    let all = |bytes: &[u8]| {
        let mut rows = rows_of(&decoder, bytes)?;
        while rows.next_band()?.is_some() {}
        Ok::<(), Error>(())
    };
    all(&file).unwrap();
    for end in 0..file.len() {
        let found = all(&file[..end]).unwrap_err();
        assert!(matches!(found, Error::Truncated { .. } | Error::NotLic { .. }), "{end}: {found}");
    }
    // Of what is read nobody counts what follows; of what is in memory everybody can.
    for (more, counted) in [("x", "1 byte follows"), ("xy", "2 bytes follow")] {
        let longer = [file.as_slice(), more.as_bytes()].concat();
        let end = format!("the end of the picture at byte {}", file.len());
        assert_eq!(all(&longer).unwrap_err().to_string(), format!("bytes follow {end}"));
        assert_eq!(decoder.decode(&longer).unwrap_err().to_string(), format!("{counted} {end}"));
    }
}

#[test]
fn damage_in_tiles_that_are_not_needed_does_no_harm() {
    let model = random_model(8);
    let decoder = Decoder::new(&model, CPU).unwrap();
    let mut file = encode(&model, &picture(1000, 70, Colour::Rgb), 64, None);
    let last = file.len() - 10;
    file[last] ^= 1;
    assert!(matches!(decoder.decode(&file), Err(Error::Checksum { .. })));
    let near = View::of(region([900, 0, 100, 70]));
    assert!(matches!(decoder.view(&file, &near), Err(Error::Checksum { .. })));
    let far = View::of(region([0, 0, 100, 70]));
    let found = decoder.view(&file, &far).unwrap().picture;
    // A reader stops before the damage.
    let band = decoder.rows(Slow(&file, 0), &far).unwrap().next_band().unwrap().unwrap();
    assert_eq!(band.pixels, found.crop_rows(band.height));
}

#[test]
fn a_file_that_can_seek_is_read_where_it_must_be() {
    /// Counts what is read.
    struct Counting<'a>(Cursor<Vec<u8>>, &'a AtomicUsize);
    impl Read for Counting<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            let read = self.0.read(buffer)?;
            self.1.fetch_add(read, Ordering::Relaxed);
            Ok(read)
        }
    }
    impl Seek for Counting<'_> {
        fn seek(&mut self, to: SeekFrom) -> std::io::Result<u64> {
            self.0.seek(to)
        }
    }
    let model = block_model();
    let decoder = Decoder::new(&model, CPU).unwrap();
    let file = encode(&model, &picture(2000, 1500, Colour::Rgb), 64, None);
    for numbers in [[0, 0, 30, 30], [900, 700, 100, 100], [1990, 1490, 10, 10]] {
        let view = View::of(region(numbers));
        let count = AtomicUsize::new(0);
        let mut rows = decoder.rows_seeking(Counting(Cursor::new(file.clone()), &count), &view).unwrap();
        assert!(rows.collect().unwrap() == decoder.view(&file, &view).unwrap().picture);
        // Header and index of 768 tiles, and the tiles of the region.
        let count = count.load(Ordering::Relaxed);
        assert!(count < file.len() / 4, "{count} of {} bytes", file.len());
    }
    let last = View::of(region([1990, 1490, 10, 10]));
    let count = AtomicUsize::new(0);
    let mut cut = decoder.rows_seeking(Counting(Cursor::new(file[..file.len() / 2].to_vec()), &count), &last).unwrap();
    assert!(matches!(cut.next_band(), Err(Error::Truncated { offset, .. }) if offset == file.len() as u64 / 2));
}

/// The first rows of a picture.
trait CropRows {
    fn crop_rows(&self, rows: u32) -> Samples;
}

impl CropRows for Picture {
    fn crop_rows(&self, rows: u32) -> Samples {
        cut(self, Region { x: 0, y: 0, width: self.width, height: rows }).pixels
    }
}

#[test]
fn regions_beyond_the_picture_are_refused() {
    let model = random_model(9);
    let decoder = Decoder::new(&model, CPU).unwrap();
    let file = encode(&model, &picture(30, 20, Colour::Grey), 64, None);
    let mut noise = Noise(1);
    for _ in 0..200 {
        let mut number = || (noise.symmetric(40) + 5) as u32;
        let numbers = [number(), number(), number(), number()];
        let [x, y, width, height] = numbers.map(u64::from);
        let fits = width > 0 && height > 0 && x + width <= 30 && y + height <= 20;
        match decoder.view(&file, &View::of(region(numbers))) {
            Ok(_) => assert!(fits, "{numbers:?}"),
            Err(Error::RegionOutside { .. }) => assert!(!fits, "{numbers:?}"),
            Err(other) => panic!("{other}"),
        }
    }
}
