//! Every codec on small pictures: what comes back is the picture, more quality is more bytes, and versions are the true ones.

use lic_benches::codecs::{self, LicDefaults, Session, Spec};
use lic_codec::{Colour, DeviceChoice, Effort, Model, Picture};
use lic_datasets::{Channels, Photo, SAMPLES};

fn defaults() -> LicDefaults {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../model/weights/tiny.safetensors");
    let model = Model::open(&path).expect("the frozen weights of tiny");
    LicDefaults { model, device: DeviceChoice::Cpu, effort: Effort::default() }
}

fn sample() -> Picture {
    let photo = SAMPLES.iter().find(|s| s.name == "coffee.png").expect("a sample").photo().expect("a photo");
    let Photo { width, height, channels, pixels, .. } = photo;
    assert_eq!(channels, Channels::Rgb);
    Picture::new(width, height, Colour::Rgb, pixels.into_eight()).expect("a picture")
}

fn grey(picture: &Picture) -> Picture {
    let pixels: Vec<u8> = picture.pixels.to_eight().chunks_exact(3).map(|rgb| rgb[1]).collect();
    Picture::new(picture.width, picture.height, Colour::Grey, pixels).expect("a picture")
}

/// Size of the file and PSNR after decoding.
#[track_caller]
fn once(session: &mut dyn Session, picture: &Picture, quality: f32) -> (usize, f64) {
    let coded = session.encode(quality).expect("it encodes");
    let (decoded, _) = session.decode(&coded.file).expect("it decodes what it wrote");
    (coded.file.len(), decoded.psnr(picture))
}

#[track_caller]
fn works(spec: &str, least_psnr: f64) {
    let spec: Spec = spec.parse().expect("a specification");
    let codec = codecs::open(&spec, &defaults()).expect("the codec is there");
    let picture = sample();
    for picture in [&picture, &grey(&picture)] {
        let mut session = codec.open(picture).expect("the picture fits");
        let (low, high) = (once(session.as_mut(), picture, 20.0), once(session.as_mut(), picture, 85.0));
        assert!(low.0 < high.0 && low.1 < high.1, "{}: {low:?}, {high:?}", codec.about().label);
        assert!(high.1 > least_psnr && high.1 < 60.0, "{}: {high:?}", codec.about().label);
    }
}

#[test]
fn lic_codes_pictures() {
    works("lic", 26.0);
    works("lic:effort=0:tile=256", 26.0);
}

#[test]
fn jpeg_codes_pictures() {
    works("jpeg", 32.0);
    works("jpeg:chroma=444", 32.0);
    works("jpeg:chroma=420dct", 32.0);
    works("mozjpeg", 32.0);
}

#[test]
fn webp_codes_pictures() {
    works("webp", 32.0);
    works("webp:method=0", 32.0);
}

#[test]
fn avif_codes_pictures() {
    works("avif:speed=9", 32.0);
    works("avif:speed=9:chroma=420:depth=8", 32.0);
}

#[test]
fn jxl_codes_pictures() {
    works("jxl:effort=3", 32.0);
}

#[test]
fn odd_sizes_come_back_as_they_were() {
    let large = sample();
    for spec in
        ["lic", "jpeg", "jpeg:chroma=444", "jpeg:chroma=420dct", "mozjpeg", "webp", "avif:speed=9", "jxl:effort=3"]
    {
        let codec = codecs::open(&spec.parse().expect("a specification"), &defaults()).expect("the codec is there");
        for (width, height) in [(1, 1), (17, 9), (61, 37)] {
            let pixels = large.pixels.to_eight();
            let rows = pixels.chunks_exact(3 * large.width as usize).take(height as usize);
            let pixels: Vec<u8> = rows.flat_map(|row| row[..3 * width as usize].to_vec()).collect();
            let small = Picture::new(width, height, Colour::Rgb, pixels).expect("a picture");
            let (_, psnr) = once(codec.open(&small).expect("it fits").as_mut(), &small, 90.0);
            // NaN if the shape were another.
            assert!(psnr > 20.0, "{spec}, {width}x{height}: {psnr} dB");
        }
    }
}

#[test]
fn baseline_jpeg_at_low_quality_has_libjpegs_tables_of_a_byte_each() {
    let codec = codecs::open(&"jpeg".parse().expect("a specification"), &defaults()).expect("it is inside");
    let picture = sample();
    let mut session = codec.open(&picture).expect("the picture fits");
    let mut tables = |quality: u32| {
        let file = session.encode(quality as f32).expect("it encodes").file;
        // From marker to marker until the scan begins.
        let (mut segments, mut rest) = (Vec::new(), &file[2..]);
        while rest[1] != 0xda {
            let length = usize::from(u16::from_be_bytes([rest[2], rest[3]]));
            segments.push((rest[1], &rest[4..2 + length]));
            rest = &rest[2 + length..];
        }
        let body = |code: u8| segments.iter().find(|segment| segment.0 == code).map(|segment| segment.1);
        assert!(body(0xc0).is_some() && body(0xc2).is_none(), "quality {quality}: SOF0 is baseline");
        // DQT: for each table precision and number, and 64 entries.
        let table: Vec<u32> = body(0xdb).expect("a table")[..65].iter().map(|&byte| byte.into()).collect();
        assert_eq!(table[0] >> 4, 0, "quality {quality}: entries of 8 bits");
        table[1..].to_vec()
    };
    // At quality 50 they are those of the standard's annex K.
    let standard = tables(50);
    for quality in 1..=24 {
        let scaled = |entry: &u32| ((entry * (5000 / quality) + 50) / 100).clamp(1, 255);
        assert_eq!(tables(quality), standard.iter().map(scaled).collect::<Vec<_>>(), "quality {quality}");
    }
}

#[test]
fn libraries_have_the_versions_they_claim() {
    let lock = std::fs::read_to_string(std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../Cargo.lock"));
    let lock = lock.expect("Cargo.lock is committed");
    for (spec, crates) in [("jpeg", &["mozjpeg", "mozjpeg-sys"][..]), ("webp", &["libwebp-sys"])] {
        let codec = codecs::open(&spec.parse().expect("a specification"), &defaults()).expect("it is inside");
        for name in crates {
            let entry = lock.split("[[package]]").find(|entry| entry.contains(&format!("name = \"{name}\"\n")));
            let line = entry.and_then(|entry| entry.lines().find_map(|line| line.strip_prefix("version = ")));
            let version = line.expect("a version").trim_matches('"');
            assert!(
                codec.about().version.contains(&format!("{name} {version}")),
                "{}: {version}",
                codec.about().version
            );
        }
    }
}

#[test]
fn other_weights_are_another_codec_to_the_cache_even_under_the_same_name() {
    let here = tempfile::tempdir().expect("a writable folder");
    let weights = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../model/weights/tiny.safetensors");
    let copy = here.path().join("weights.safetensors");
    let spec: Spec = format!("lic:model={}", copy.display()).parse().expect("a specification");
    let mut bytes = std::fs::read(weights).expect("the frozen weights");
    let identity = |bytes: &[u8]| {
        std::fs::write(&copy, bytes).expect("a writable folder");
        codecs::open(&spec, &defaults()).expect("weights").identity()
    };
    let first = identity(&bytes);
    // The last bytes belong to a tensor of the synthesis or the analysis; which one does not matter.
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    assert_ne!(first, identity(&bytes));
}

#[test]
fn wrong_options_are_refused_before_anything_runs() {
    let message = |text: &str| {
        let spec: Spec = text.parse().expect("well formed");
        codecs::open(&spec, &defaults()).err().expect("wrong").to_string()
    };
    assert!(message("lic:effort=7").contains("effort=7"));
    assert!(message("lic:tile=100").contains("multiples of 64"));
    assert!(message("lic:model=nowhere.safetensors").contains("nowhere.safetensors"));
    assert!(message("jpeg:chroma=422").contains("420 or 444 or 420dct"));
    assert!(message("webp:method=9").contains("0 to 6"));
    assert!(message("avif:effort=1").contains("no option effort"));
    assert!(message("jxl:effort=0").contains("1 to 9"));
}
