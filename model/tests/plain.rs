//! The transforms as plain arrays are those that burn runs.

use burn::tensor::Device;
use lic_model::inference::Transforms;
use lic_model::plain;
use lic_model::weights::WeightFile;
use lic_shaders::transform::reference::{self, Activations};

const TINY: &[u8] = include_bytes!("../weights/tiny.safetensors");

/// Values of about unit size, different everywhere.
fn values(count: usize) -> Vec<f32> {
    (0..count).map(|i| ((i * 7919 + 13) % 1009) as f32 / 504.0 - 1.0).collect()
}

fn assert_close(what: &str, found: &[f32], expected: &[f32]) {
    assert_eq!(found.len(), expected.len(), "{what}");
    for (i, (a, b)) in found.iter().zip(expected).enumerate() {
        assert!((a - b).abs() <= 1e-4 * b.abs().max(1.0), "{what}, number {i}: {a}, not {b}");
    }
}

#[test]
fn the_reference_agrees_with_burn_in_all_three_transforms() {
    let file = WeightFile::parse(TINY).unwrap();
    let burn = Transforms::load(&file, &Device::flex(), true).unwrap();
    let (rows, columns, channels) = (8, 4, file.info.config.y);

    let latent = Activations { rows, columns, values: values(rows * columns * channels) };
    for quality in [0, 77, 252] {
        let net = plain::synthesis(&file).unwrap().unwrap();
        let found = reference::synthesise(&net, &latent, quality);
        assert_close("synthesis", &found.values, &burn.synthesise(latent.values.clone(), rows, columns, quality));
        let net = plain::hyper_analysis(&file).unwrap();
        let found = reference::hyper_analyse(&net, &latent, quality);
        let expected = burn.hyper_analyse(&latent.values, rows, columns, quality).unwrap();
        assert_close("hyper-analysis", &found.values, &expected);
    }
    let patches = Activations { rows: 2 * rows, columns: 2 * columns, values: values(4 * rows * columns * 192) };
    let found = reference::analyse(&plain::analysis(&file).unwrap().unwrap(), &patches);
    assert_close("analysis", &found.values, &burn.analyse(patches.values, 2 * rows, 2 * columns).unwrap());
}

#[test]
fn a_synthesis_with_more_tensors_than_its_description_says_is_refused_by_both() {
    let parsed = WeightFile::parse(TINY).unwrap();
    let more = parsed.with(|entries| {
        let another: Vec<_> = entries
            .iter()
            .filter_map(|(name, entry)| Some((name.strip_prefix("synthesis.blocks8.0.")?.to_owned(), entry.clone())))
            .collect();
        for (name, entry) in another {
            entries.insert(format!("synthesis.blocks8.1.{name}"), entry);
        }
    });
    let more = more.unwrap();
    let file = WeightFile::parse(&more).unwrap();
    for error in [plain::synthesis(&file).unwrap_err(), Transforms::load(&file, &Device::flex(), false).unwrap_err()] {
        assert!(error.to_string().starts_with("tensor synthesis.blocks8.1."), "{error}");
    }
}
