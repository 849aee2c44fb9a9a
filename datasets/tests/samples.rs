//! The images inside the crate are what their README says.

use lic_datasets::{Channels, SAMPLES, generate};

#[test]
fn every_sample_decodes() {
    for sample in SAMPLES {
        let photo = sample.photo().unwrap_or_else(|e| panic!("{}: {e}", sample.name));
        assert_eq!(photo.pixels.len(), photo.width as usize * photo.height as usize * photo.channels.count());
    }
}

#[test]
fn together_they_take_less_than_a_megabyte() {
    let bytes: usize = SAMPLES.iter().map(|sample| sample.bytes.len()).sum();
    assert!(bytes < 1_000_000, "{bytes} bytes");
}

#[test]
fn generated_samples_are_what_the_generator_draws() {
    for (name, drawn) in generate::committed() {
        let sample = SAMPLES.iter().find(|sample| sample.name == name).expect("a generated image is among the samples");
        assert_eq!(sample.photo().expect("samples decode"), drawn, "{name}: run the example `samples` again");
    }
}

#[test]
fn another_size_and_another_seed_are_other_pictures() {
    let picture = generate::landscape(33, 17, 1);
    assert_eq!((picture.width, picture.height, picture.channels), (33, 17, Channels::Rgb));
    assert_ne!(picture, generate::landscape(33, 17, 2));
    assert_eq!(picture, generate::landscape(33, 17, 1));
    assert_eq!(generate::page(0, 3, 1).pixels.len(), 3);
}
