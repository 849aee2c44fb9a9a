//! Limits times entry points: what is just enough passes, one less is refused, and the error says what to do.

use std::cell::RefCell;
use std::io::Cursor;

use image::error::{ImageError, LimitErrorKind};
use image::{ColorType, DynamicImage, ImageDecoder, ImageEncoder, ImageReader};
use lic_codec::image::{LicDecoder, LicEncoder, register};
use lic_codec::{Decoder, DeviceChoice, Error, Limits, Model, Region, Scale, View};

const WIDTH: u32 = 70;
const HEIGHT: u32 = 50;

/// A picture of one of the kinds that matter for memory: 8 and 16 bits, with and without alpha.
fn file(kind: ColorType) -> Vec<u8> {
    let bytes = (WIDTH * HEIGHT) as usize * usize::from(kind.bytes_per_pixel());
    let samples: Vec<u8> = (0..bytes).map(|i| (i / 3 % 250) as u8).collect();
    let mut file = Vec::new();
    LicEncoder::new(&mut file).write_image(&samples, WIDTH, HEIGHT, kind.into()).unwrap();
    file
}

const KINDS: [ColorType; 4] = [ColorType::L8, ColorType::Rgba8, ColorType::Rgb16, ColorType::La16];

/// The least number that passes, of those up to `most`.
fn least(most: u64, passes: impl Fn(u64) -> bool) -> u64 {
    assert!(passes(most) && !passes(0), "there is no border");
    let (mut below, mut border) = (0, most);
    while border - below > 1 {
        let middle = below + (border - below) / 2;
        if passes(middle) { border = middle } else { below = middle }
    }
    border
}

#[test]
fn a_decoder_takes_what_is_just_within_its_limits() {
    let model = Model::embedded().unwrap();
    let decoder = RefCell::new(Some(Decoder::new(&model, DeviceChoice::Cpu).unwrap()));
    for kind in KINDS {
        let file = file(kind);
        let decode = |limits: Limits| {
            let limited = decoder.take().unwrap().with_limits(limits);
            let result = limited.decode(&file);
            decoder.replace(Some(limited));
            result
        };
        let pixels = |most| decode(Limits::default().with_pixels(most));
        let border = u64::from(WIDTH * HEIGHT);
        assert!(pixels(border).is_ok());
        let error = pixels(border - 1).unwrap_err();
        assert!(matches!(error, Error::LimitExceeded { limit: "max_pixels", found: 3500, allowed: 3499 }), "{error}");
        let text = "the file needs 3500, but Limits::max_pixels is 3499: raise it if the file can be trusted";
        assert_eq!(error.to_string(), text);

        let bytes = |most| decode(Limits::default().with_bytes(most));
        let Error::LimitExceeded { limit: "max_bytes", .. } = bytes(0).unwrap_err() else { panic!("another error") };
        let samples = border * u64::from(kind.bytes_per_pixel());
        let border = least(1 << 30, |bytes_allowed| bytes(bytes_allowed).is_ok());
        assert!((samples..2 * samples + 600_000).contains(&border), "{kind:?} takes {border} bytes");
        let error = bytes(border - 1).unwrap_err();
        let Error::LimitExceeded { limit: "max_bytes", found, allowed } = error else { panic!("{error}") };
        assert_eq!((found, allowed), (border, border - 1));

        let both = Limits::default().with_pixels(3500).with_bytes(border);
        assert!(decode(both).is_ok());
        assert!(decode(both.with_bytes(border - 1)).is_err());
        assert!(decode(both.with_pixels(3499)).is_err());
        assert!(decode(Limits::default()).is_ok());
    }
}

#[test]
fn regions_and_rows_take_what_is_just_within_the_limits() {
    let model = Model::embedded().unwrap();
    let file = file(ColorType::Rgba8);
    let decoder = |limits: Limits| Decoder::new(&model, DeviceChoice::Cpu).unwrap().with_limits(limits);
    let pixels = |most| decoder(Limits::default().with_pixels(most));
    let with_bytes = |most| decoder(Limits::default().with_bytes(most));
    // Pixels are those of the region's tiles, whatever the scale: here there is one.
    let region = Some(Region { x: 10, y: 20, width: 30, height: 7 });
    for view in [View { region, scale: Scale::Full }, View { region, scale: Scale::Half }] {
        assert!(pixels(3500).view(&file, &view).is_ok());
        let error = pixels(3499).view(&file, &view).unwrap_err();
        assert!(matches!(error, Error::LimitExceeded { limit: "max_pixels", found: 3500, allowed: 3499 }), "{error}");
        assert!(pixels(3499).rows(file.as_slice(), &view).is_err());
    }
    let bytes = |view: &View| match with_bytes(0).view(&file, view) {
        Err(Error::LimitExceeded { limit: "max_bytes", found, .. }) => found,
        other => panic!("{other:?}"),
    };
    let views = [View::of(Region { x: 0, y: 0, width: 1, height: 1 }), View::at(Scale::Eighth), View::default()];
    let needed = views.map(|view| bytes(&view));
    assert!(needed[0] < needed[1] && needed[1] < needed[2], "{needed:?}");
    for (view, needed) in views.iter().zip(needed) {
        assert!(with_bytes(needed).view(&file, view).is_ok());
        assert!(with_bytes(needed - 1).view(&file, view).is_err());
    }
    // Rows take less than the picture that they become, but alpha and payloads are kept beside them.
    let [.., whole] = needed;
    let samples = u64::from(WIDTH * HEIGHT * 4);
    let open = |most| with_bytes(most).rows(file.as_slice(), &View::default()).map(drop);
    let mut border = 0;
    while let Err(Error::LimitExceeded { found, .. }) = open(border) {
        border = found;
    }
    assert!(open(border).is_ok() && open(border - 1).is_err());
    assert!((whole - samples..whole - samples + 2 * file.len() as u64).contains(&border), "{border}");
    let enough_for_rows = with_bytes(border);
    let mut rows = enough_for_rows.rows(file.as_slice(), &View::default()).unwrap();
    assert!(matches!(rows.collect(), Err(Error::LimitExceeded { found, .. }) if found == border + samples));
    assert!(rows.next_band().unwrap().is_some(), "what was refused as a whole still comes in rows");
}

type Change = fn(&mut image::Limits, u64);
/// The limits of the `image` crate, and which error each gives.
const CHANGES: [(&str, Change, LimitErrorKind); 3] = [
    ("width", |limits, value| limits.max_image_width = Some(value as u32), LimitErrorKind::DimensionError),
    ("height", |limits, value| limits.max_image_height = Some(value as u32), LimitErrorKind::DimensionError),
    ("memory", |limits, value| limits.max_alloc = Some(value), LimitErrorKind::InsufficientMemory),
];

#[test]
fn the_traits_and_hooks_of_image_take_what_is_just_within_their_limits() {
    type Entry = fn(&[u8], image::Limits) -> Result<DynamicImage, ImageError>;
    let with_decoder: Entry = |file, limits| {
        let mut decoder = LicDecoder::new(Cursor::new(file))?;
        decoder.set_limits(limits)?;
        DynamicImage::from_decoder(decoder)
    };
    let with_reader: Entry = |file, limits| {
        let mut reader = ImageReader::new(Cursor::new(file)).with_guessed_format()?;
        reader.limits(limits);
        reader.decode()
    };
    register();
    for (entry, decode) in [("LicDecoder", with_decoder), ("ImageReader", with_reader)] {
        for kind in KINDS {
            let file = file(kind);
            let samples = u64::from(WIDTH * HEIGHT) * u64::from(kind.bytes_per_pixel());
            for (what, change, expected) in &CHANGES {
                let attempt = |value| {
                    let mut limits = image::Limits::no_limits();
                    change(&mut limits, value);
                    decode(&file, limits)
                };
                let border = match *what {
                    "width" => WIDTH.into(),
                    "height" => HEIGHT.into(),
                    _ => least(1 << 30, |value| attempt(value).is_ok()),
                };
                assert!(attempt(border).is_ok_and(|image| image.color() == kind), "{entry}, {what}, {kind:?}");
                assert!(*what != "memory" || (samples..3 * samples + 600_000).contains(&border), "{kind:?}: {border}");
                match attempt(border - 1) {
                    Err(ImageError::Limits(error)) => assert_eq!(error.kind(), *expected, "{entry}, {what}, {kind:?}"),
                    other => panic!("{entry}, {what}, {kind:?}: {other:?}"),
                }
            }
        }
    }
}

#[test]
fn the_limits_of_a_decoder_hold_in_the_traits_of_image_too() {
    let model = Model::embedded().unwrap();
    let file = file(ColorType::Rgb8);
    for (limits, kind) in [
        (Limits::default().with_pixels(3499), LimitErrorKind::DimensionError),
        (Limits::default().with_bytes(10_000), LimitErrorKind::InsufficientMemory),
    ] {
        let decoder = Decoder::new(&model, DeviceChoice::Cpu).unwrap().with_limits(limits);
        let decoder = LicDecoder::with_decoder(Cursor::new(&file), decoder.into()).unwrap();
        match DynamicImage::from_decoder(decoder) {
            Err(ImageError::Limits(error)) => assert_eq!(error.kind(), kind),
            other => panic!("{other:?}"),
        }
    }
}
