//! More than 8 bits per sample: what goes in deep comes out deep, and smooth gradients without steps.

mod support;

use lic_codec::format::{BitDepth, LicFile, Section, SectionKind, write_file};
use lic_codec::{Alpha, Colour, Decoder, DeviceChoice, EncodeOptions, Encoder, Error, Model, Picture, Samples};
use support::{block_model, picture};

const DEPTHS: [(BitDepth, u16); 3] = [(BitDepth::Ten, 1023), (BitDepth::Twelve, 4095), (BitDepth::Sixteen, 65535)];

fn coders(model: &Model, device: DeviceChoice) -> (Encoder, Decoder) {
    (Encoder::new(model, device).unwrap(), Decoder::new(model, device).unwrap())
}

fn deep(samples: &Samples) -> &[u16] {
    match samples {
        Samples::Deep(_, samples) => samples,
        Samples::Eight(_) => panic!("8 bits only"),
    }
}

/// A picture of 8 bits at another depth, without a change of its colours.
fn deepened(picture: &Picture, depth: BitDepth, peak: u16) -> Picture {
    let stretch = |&sample: &u8| ((u32::from(sample) * u32::from(peak) + 127) / 255) as u16;
    let pixels = Samples::Deep(depth, picture.pixels.to_eight().iter().map(stretch).collect());
    Picture { pixels, ..picture.clone() }
}

#[test]
fn every_depth_comes_back_at_its_depth_and_as_near_as_eight_bits_do() {
    for device in [DeviceChoice::Cpu, DeviceChoice::Reference] {
        let (encoder, decoder) = coders(&block_model(), device);
        for colour in [Colour::Rgb, Colour::Grey] {
            let eight = picture(150, 70, colour);
            let options = EncodeOptions { quality: 90.0, tile: 64, ..EncodeOptions::default() };
            let file = encoder.encode(&eight, &options).unwrap().bytes;
            let eight_psnr = decoder.decode(&file).unwrap().picture.psnr(&eight);
            for (depth, peak) in DEPTHS {
                let original = deepened(&eight, depth, peak);
                let file = encoder.encode(&original, &options).unwrap().bytes;
                assert_eq!(LicFile::parse(&file).unwrap().header().depth, depth);
                let decoded = decoder.decode(&file).unwrap().picture;
                assert_eq!(decoded.pixels.depth(), depth);
                let psnr = decoded.psnr(&original);
                assert!(psnr > eight_psnr - 0.1, "{device:?}, {depth:?}: {psnr} dB, 8 bits {eight_psnr} dB");
                assert!(decoded.psnr(&eight).is_nan(), "depths are not compared with each other");
            }
        }
    }
}

#[test]
fn the_lowest_bits_reach_the_decoder() {
    // Two pictures that are the same with 8 bits, of a depth that tells them apart.
    let flat =
        |sample| Picture::new(64, 64, Colour::Grey, Samples::Deep(BitDepth::Twelve, vec![sample; 4096])).unwrap();
    assert_eq!(flat(2000).pixels.to_eight(), flat(2006).pixels.to_eight());
    let options = EncodeOptions { quality: 100.0, ..EncodeOptions::default() };
    for device in [DeviceChoice::Cpu, DeviceChoice::Reference] {
        let (encoder, decoder) = coders(&block_model(), device);
        let mean = |sample| {
            let file = encoder.encode(&flat(sample), &options).unwrap().bytes;
            let decoded = decoder.decode(&file).unwrap().picture;
            let sum: u32 = deep(&decoded.pixels).iter().map(|&s| u32::from(s)).sum();
            f64::from(sum) / 4096.0
        };
        // A step of 8 bits is 16 here; the model's own step at this quality is about 18.
        let (low, high) = (mean(2000), mean(2006));
        assert!(low < high && (low - 2000.0).abs() < 12.0 && (high - 2006.0).abs() < 12.0, "{device:?}: {low}, {high}");
    }
}

/// How a row of samples, in 8-bit steps, keeps to a slope: the longest run without a change, and the largest error.
fn banding(row: &[f64], slope: impl Fn(usize) -> f64) -> (usize, f64) {
    let mut longest = 0;
    let mut run = 1;
    for pair in row.windows(2) {
        run = if pair[0] == pair[1] { run + 1 } else { 1 };
        longest = longest.max(run);
    }
    let error = row.iter().enumerate().map(|(x, value)| (value - slope(x)).abs()).fold(0.0, f64::max);
    (longest, error)
}

#[test]
fn smooth_gradients_have_no_bands_above_quality_90() {
    let (encoder, decoder) = coders(&Model::embedded().unwrap(), DeviceChoice::Cpu);
    let (width, height) = (512, 64);
    // 8 steps of 8 bits over 512 pixels: with 8 bits these are bands of 64 pixels.
    let slope = |x: usize| 100.0 + 8.0 * x as f64 / 512.0;
    let samples: Vec<u16> = (0..width * height).map(|i| (slope(i % width) * 257.0).round() as u16).collect();
    let pixels = Samples::Deep(BitDepth::Sixteen, samples);
    let original = Picture::new(width as u32, height as u32, Colour::Grey, pixels).unwrap();
    let rounded = Picture { pixels: original.pixels.to_eight().into_owned().into(), ..original.clone() };
    for quality in [91.0, 100.0] {
        let options = EncodeOptions { quality, ..EncodeOptions::default() };
        let decode = |picture| decoder.decode(&encoder.encode(picture, &options).unwrap().bytes).unwrap().picture;
        let middle = |decoded: &Picture| -> Vec<f64> {
            let row = &decoded.pixels.to_sixteen()[height / 2 * width..][..width];
            row.iter().map(|&sample| f64::from(sample) / 257.0).collect()
        };
        let (run, error) = banding(&middle(&decode(&original)), slope);
        let (run_of_eight, error_of_eight) = banding(&middle(&decode(&rounded)), slope);
        println!("quality {quality}: runs of {run}, error {error:.2}; with 8 bits {run_of_eight}, {error_of_eight:.2}");
        assert!(run_of_eight > 16, "the measure sees bands: {run_of_eight}");
        assert!(run <= 4, "quality {quality}: {run} equal samples in a row, with 8 bits {run_of_eight}");
        assert!(error < 3.0, "quality {quality}: off by {error} steps, with 8 bits {error_of_eight}");
    }
}

#[test]
fn alpha_has_the_depth_of_the_colours_and_is_exact() {
    let (encoder, decoder) = coders(&block_model(), DeviceChoice::Cpu);
    for (depth, peak) in DEPTHS {
        let colours = deepened(&picture(100, 70, Colour::Rgb), depth, peak);
        let planes =
            [(0..7000u32).map(|i| (i * 31 % (u32::from(peak) + 1)) as u16).collect::<Vec<u16>>(), vec![258; 7000]];
        for plane in planes {
            let samples = Samples::Deep(depth, plane);
            let original = Picture { alpha: Some(Alpha { samples, premultiplied: false }), ..colours.clone() };
            for alpha_quality in [None, Some(90.0)] {
                let options = EncodeOptions { tile: 64, alpha_quality, ..EncodeOptions::default() };
                let file = encoder.encode(&original, &options).unwrap().bytes;
                let found = decoder.decode(&file).unwrap().picture.alpha.unwrap().samples;
                assert_eq!((found.depth(), found.len()), (depth, 7000));
                assert!(alpha_quality.is_some() || Some(found) == original.alpha.as_ref().map(|a| a.samples.clone()));
            }
        }
        let opaque = Alpha { samples: Samples::Deep(depth, vec![peak; 7000]), premultiplied: false };
        let file = encoder.encode(&Picture { alpha: Some(opaque), ..colours }, &EncodeOptions::default()).unwrap();
        assert!(LicFile::parse(&file.bytes).unwrap().section(SectionKind::Alpha).is_none());
    }
}

#[test]
fn samples_beyond_the_depth_and_alpha_of_another_depth_are_refused() {
    let (encoder, _) = coders(&block_model(), DeviceChoice::Cpu);
    let new = |samples| Picture::new(1, 1, Colour::Grey, Samples::Deep(BitDepth::Ten, samples));
    assert!(matches!(new(vec![1024]), Err(Error::InvalidInput { found: 1024, expected: 1023, .. })));
    let alpha = Some(Alpha { samples: vec![9].into(), premultiplied: false });
    let mixed = Picture { alpha, ..new(vec![1023]).unwrap() };
    let error = encoder.encode(&mixed, &EncodeOptions::default()).unwrap_err();
    assert!(matches!(error, Error::InvalidInput { found: 8, expected: 10, .. }), "{error}");
}

#[test]
fn eight_bits_in_two_bytes_each_are_refused() {
    let (encoder, _) = coders(&block_model(), DeviceChoice::Cpu);
    let wide = || Samples::Deep(BitDepth::Eight, vec![9; 4]);
    let refused = |result: Result<(), Error>| {
        let error = result.unwrap_err();
        assert_eq!(error.to_string(), "the number of bytes per sample of 8 bits is 2, expected 1");
    };
    refused(Picture::new(2, 2, Colour::Grey, wide()).map(drop));
    // The fields are public, and each of the two may be the one that is too wide.
    let plain = Picture::new(2, 2, Colour::Grey, vec![9; 4]).unwrap();
    let with = |pixels: &Samples, alpha: Samples| {
        let alpha = Some(Alpha { samples: alpha, premultiplied: false });
        let picture = Picture { pixels: pixels.clone(), alpha, ..plain.clone() };
        refused(encoder.encode(&picture, &EncodeOptions::default()).map(drop));
    };
    with(&plain.pixels, wide());
    with(&wide(), vec![9; 4].into());
    with(&wide(), wide());
}

#[test]
fn stored_alpha_beyond_its_depth_is_refused() {
    let (encoder, decoder) = coders(&block_model(), DeviceChoice::Cpu);
    let original = deepened(&picture(8, 8, Colour::Grey), BitDepth::Ten, 1023);
    let file = encoder.encode(&original, &EncodeOptions::default()).unwrap().bytes;
    let parsed = LicFile::parse(&file).unwrap();
    let decode = |payload: &[u8]| {
        let stored = [&[payload.len() as u8], payload].concat();
        let body = [&[0, 0], &stored[..], &crc32fast::hash(&stored).to_be_bytes()].concat();
        let section = Section::new(SectionKind::Alpha, &body);
        decoder.decode(&write_file(parsed.header(), &[section], &[parsed.tile(0).unwrap()]).unwrap())
    };
    let alpha = decode(&1023u16.to_be_bytes()).unwrap().picture.alpha.unwrap().samples;
    assert_eq!(alpha, Samples::Deep(BitDepth::Ten, vec![1023; 64]));
    for (payload, words) in [(&1024u16.to_be_bytes()[..], "a sample is 1024"), (&[77], "DEFLATE")] {
        let error = decode(payload).unwrap_err();
        assert!(matches!(error, Error::Alpha(_)) && error.to_string().contains(words), "{error}");
    }
}
