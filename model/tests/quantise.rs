//! What `lic quantize` does with checkpoints that no training wrote, or that training should not have written.

use std::path::{Path, PathBuf};

use burn::tensor::Device;
use lic_model::Preset;
use lic_model::checkpoint::{Meta, save};
use lic_model::network::Network;
use lic_model::params::{slots, values};
use lic_model::quantise::{QuantiseError, checkpoint_network, checkpoint_to_weights};
use lic_model::train::Adam;
use lic_model::weights::WeightFile;

mod support;
use support::grid;

/// A checkpoint of an untrained `tiny` with a grid, with some metadata changed, and the second element of some averaged tensors.
fn checkpoint(folder: &Path, change: impl FnOnce(&mut Meta), weights: &[(&str, f32)]) -> PathBuf {
    let mut meta = Meta { grid: Some(grid()), ..Meta::new(Preset::Tiny, 0) };
    let network = Network::new(&meta.config, 0, &Device::flex());
    let (slots, mut adam) = (slots(&network), Adam::new(values(&network)));
    for (name, value) in weights {
        let slot = slots.iter().find(|slot| slot.name == *name).unwrap();
        adam.average[slot.offset + 1] = *value;
    }
    change(&mut meta);
    let path = folder.join("checkpoint.safetensors");
    save(&path, &meta, &adam, &slots).unwrap();
    path
}

#[test]
fn checkpoints_whose_description_is_not_that_of_their_tensors_are_errors() {
    type Change = fn(&mut Meta);
    let hostile: [Change; 9] = [
        |meta| meta.config.c8 = 1 << 42,
        |meta| meta.config.y = 0,
        |meta| meta.config.y = 36,
        |meta| meta.config.hidden = 64,
        |meta| meta.config.context_blocks = 1_000_000_000_000,
        |meta| meta.config.context_blocks = 3,
        |meta| meta.config.head_width = Some(0),
        |meta| meta.config.head_width = Some(16),
        |meta| meta.config.z = 33,
    ];
    let folder = tempfile::tempdir().unwrap();
    let device = Device::flex();
    for (case, change) in hostile.into_iter().enumerate() {
        let path = checkpoint(folder.path(), change, &[]);
        assert!(checkpoint_to_weights(&path, None).is_err(), "case {case}");
        assert!(checkpoint_network(&path, &device).is_err(), "case {case}");
    }
    let path = checkpoint(folder.path(), |_| {}, &[]);
    WeightFile::parse(&checkpoint_to_weights(&path, None).unwrap().bytes).unwrap();
    checkpoint_network(&path, &device).unwrap();
}

#[test]
fn grids_that_no_calibration_makes_are_errors() {
    let folder = tempfile::tempdir().unwrap();
    for (steps, possible) in [(-1.0f32, false), (0.0, false), (3.0, false), (8192.0, false), (32.0, true)] {
        let change = |meta: &mut Meta| {
            let mut changed = grid();
            changed.insert("z".to_owned(), steps);
            meta.grid = Some(changed);
        };
        let path = checkpoint(folder.path(), change, &[]);
        assert_eq!(checkpoint_to_weights(&path, None).is_ok(), possible, "{steps}");
    }
}

#[test]
fn weights_that_are_no_numbers_are_refused_by_name_in_every_part() {
    let folder = tempfile::tempdir().unwrap();
    for name in [
        "analysis.stem.weight",
        "synthesis.blocks8.0.conv.bias",
        "prior.hyper_analysis.down1.weight",
        "prior.hyper.up1.weight",
        "prior.passes.0.blocks.1.expand.bias",
        "prior.heads.2.scale",
        "prior.density.width",
        "prior.log_gain",
    ] {
        for value in [f32::NAN, f32::INFINITY] {
            let path = checkpoint(folder.path(), |_| {}, &[(name, value)]);
            let error = checkpoint_to_weights(&path, None).unwrap_err();
            assert!(matches!(&error, QuantiseError::NotFinite { name: found, .. } if found == name), "{error}");
        }
    }
}

#[test]
fn transforms_beyond_the_numbers_of_weight_files_are_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    for (changed, value, named) in [
        ("synthesis.head.weight", 1e5, "synthesis.head.weight"),
        ("prior.hyper_analysis.stem.bias", -7e4, "prior.hyper_analysis.stem.bias"),
        // e^12 is 162,755.
        ("synthesis.log_gain", 12.0, "synthesis.log_gain"),
        ("prior.log_deviation", -200.0, "analysis.head.weight"),
        ("prior.log_deviation", 200.0, "synthesis.stem.weight"),
    ] {
        let path = checkpoint(folder.path(), |_| {}, &[(changed, value)]);
        let error = checkpoint_to_weights(&path, None).unwrap_err();
        assert!(matches!(&error, QuantiseError::Large { name, .. } if name == named), "{changed}: {error}");
        assert!(error.to_string().contains("at most 65504"), "{error}");
    }
    // What a weight file has numbers for is none of this.
    let path = checkpoint(folder.path(), |_| {}, &[("synthesis.head.weight", 6e4)]);
    checkpoint_to_weights(&path, None).unwrap();
}

#[test]
fn a_folder_to_calibrate_with_is_opened_even_if_the_checkpoint_has_a_grid() {
    let folder = tempfile::tempdir().unwrap();
    let path = checkpoint(folder.path(), |_| {}, &[]);
    let error = checkpoint_to_weights(&path, Some(&folder.path().join("nowhere"))).unwrap_err();
    assert!(matches!(error, QuantiseError::Data(_)) && error.to_string().contains("nowhere"), "{error}");
    checkpoint_to_weights(&path, None).unwrap();
}
