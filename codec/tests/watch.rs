//! A watch sees the work go on, and ends it.

mod support;

use std::ops::ControlFlow;

use lic_codec::{Alpha, Colour, Decoder, DeviceChoice, EncodeOptions, Encoder, Error, Target, View, quality_index};
use support::{block_model, picture};

/// What a watch was told until the work ended; it ends the work when `most` is passed.
fn seen(
    most: f64,
    mut work: impl FnMut(&mut lic_codec::Watch<'_>) -> Result<(), Error>,
) -> (Vec<f64>, Result<(), Error>) {
    let mut seen = Vec::new();
    let result = work(&mut |done| {
        seen.push(done);
        if done > most { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    (seen, result)
}

fn assert_watched(mut work: impl FnMut(&mut lic_codec::Watch<'_>) -> Result<(), Error>) {
    let (told, result) = seen(2.0, &mut work);
    result.unwrap();
    assert!(told.len() > 1 && told.is_sorted(), "{told:?}");
    assert_eq!(told.last(), Some(&1.0));
    let (told, result) = seen(0.3, &mut work);
    assert!(matches!(result, Err(Error::Cancelled)));
    assert!(told.last() < Some(&1.0), "{told:?}");
}

#[test]
fn encoding_and_decoding_are_watched_and_ended() {
    let model = block_model();
    let encoder = Encoder::new(&model, DeviceChoice::Cpu).unwrap();
    let decoder = Decoder::new(&model, DeviceChoice::Cpu).unwrap();
    // Three bands: one has 8 tiles of 1024x1024 pixels.
    let original = picture(1000, 20000, Colour::Grey);
    let options = EncodeOptions { quality: 20.0, ..EncodeOptions::default() };
    let file = encoder.encode(&original, &options).unwrap().bytes;
    assert_watched(|watch| {
        encoder.encode_watched(&original, &options, watch).map(|encoded| assert_eq!(encoded.bytes, file))
    });
    let whole = decoder.decode(&file).unwrap().picture;
    assert_watched(|watch| {
        decoder.view_watched(&file, &View::default(), watch).map(|decoded| assert!(decoded.picture == whole))
    });
}

#[test]
fn a_picture_of_one_row_of_tiles_is_watched_and_ended_too() {
    let model = block_model();
    let encoder = Encoder::new(&model, DeviceChoice::Cpu).unwrap();
    let decoder = Decoder::new(&model, DeviceChoice::Cpu).unwrap();
    // Three bands: one has 13 tiles of 1024x600 pixels.
    let mut original = picture(40000, 600, Colour::Grey);
    original.alpha = Some(Alpha { samples: original.pixels.clone(), premultiplied: false });
    let options = EncodeOptions { quality: 20.0, ..EncodeOptions::default() };
    let file = encoder.encode(&original, &options).unwrap().bytes;
    assert_watched(|watch| decoder.view_watched(&file, &View::default(), watch).map(|_| ()));
    // Asked before anything is done; alpha comes first then, and its tiles are asked about as well.
    let (told, result) = seen(2.0, |watch| encoder.encode_watched(&original, &options, watch).map(|_| ()));
    result.unwrap();
    assert_eq!(told.iter().take_while(|&&done| done == 0.0).count(), 4, "{told:?}");
}

#[test]
fn the_two_halves_of_encoding_are_watched_and_ended_one_by_one() {
    let encoder = Encoder::new(&block_model(), DeviceChoice::Cpu).unwrap();
    let original = picture(200, 5000, Colour::Grey);
    let options = EncodeOptions { quality: 20.0, ..EncodeOptions::default() };
    assert_watched(|watch| encoder.analyse_watched(&original, &options, watch).map(|_| ()));
    let analysed = encoder.analyse(&picture(1000, 20000, Colour::Grey), &options).unwrap();
    let quality = quality_index(options.quality).unwrap();
    assert_watched(|watch| analysed.encode_watched(quality, watch).map(|_| ()));
}

#[test]
fn searches_for_a_size_and_for_a_distance_are_watched_and_ended() {
    let encoder = Encoder::new(&block_model(), DeviceChoice::Cpu).unwrap();
    let original = picture(300, 200, Colour::Rgb);
    for target in [Target::Bytes(2000), Target::Psnr(25.0)] {
        let options = EncodeOptions { target: Some(target), tile: 64, ..EncodeOptions::default() };
        let file = encoder.encode(&original, &options).unwrap().bytes;
        assert_watched(|watch| {
            encoder.encode_watched(&original, &options, watch).map(|encoded| assert_eq!(encoded.bytes, file))
        });
    }
}

#[test]
fn a_search_for_a_distance_is_asked_about_while_it_decodes() {
    let encoder = Encoder::new(&block_model(), DeviceChoice::Cpu).unwrap();
    // Three bands.
    let original = picture(1000, 20000, Colour::Grey);
    let told = |target: Target| {
        let options = EncodeOptions { target: Some(target), ..EncodeOptions::default() };
        let mut trials = 0;
        let (told, result) = seen(2.0, |watch| {
            let encoded = encoder.encode_watched(&original, &options, watch)?;
            trials = encoded.target.map_or(0, |outcome| outcome.trials as usize);
            Ok(())
        });
        result.unwrap();
        (told.len(), trials)
    };
    let ((of_size, sizes), (of_distance, distances)) = (told(Target::Bytes(20_000)), told(Target::Psnr(25.0)));
    // The analysis is the same, and each trial is asked about at its beginning and codes three bands.
    let analysis = of_size - 4 * sizes;
    assert_eq!(of_distance, analysis + 8 * distances, "{of_size} in {sizes} trials, {distances} trials");
}
