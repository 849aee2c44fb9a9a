//! Weight files that are not what they say are refused by name, before they cost memory.

use std::collections::BTreeMap;

use burn::tensor::Device;
use lic_model::inference::Transforms;
use lic_model::quantise::{restore, restore_to_run};
use lic_model::weights::{EMBEDDED, Entry, FORMAT, Grid, Info, WeightFile, WeightsError, check_grid, write};
use lic_model::{ModelConfig, Preset};

/// The frozen model.
const TINY: &[u8] = include_bytes!("../weights/tiny.safetensors");

fn info() -> Info {
    Info {
        format: FORMAT,
        preset: Preset::Student,
        config: Preset::Student.config(),
        steps: 1,
        seconds: 1.0,
        grid: None,
    }
}

#[test]
fn the_embedded_student_loads_and_fits_a_package() {
    let file = WeightFile::parse(EMBEDDED).unwrap();
    assert_eq!(file.info.config, Preset::Student.config());
    assert!(Transforms::load(&file, &Device::flex(), true).unwrap().has_encoder());
    assert!(EMBEDDED.len() < 9_000_000, "{} bytes: crates.io takes packages of 10 MB", EMBEDDED.len());
}

#[test]
fn ids_depend_on_tensors_and_not_on_metadata() {
    let entries = |bias: i16| {
        BTreeMap::from([
            ("prior.x".to_owned(), Entry::i16(&[1], &[bias])),
            ("synthesis.y".to_owned(), Entry::u8(&[1], &[7])),
        ])
    };
    let ids = |info: &Info, bias| {
        let bytes = write(info, &entries(bias)).unwrap();
        let file = WeightFile::parse(&bytes).unwrap();
        (file.parse_id(), file.synthesis_id())
    };
    let first = ids(&info(), 5);
    assert_eq!(first, ids(&Info { steps: 99, ..info() }, 5));
    let other = ids(&info(), 6);
    assert!(first.0 != other.0 && first.1 == other.1);
}

#[test]
fn a_description_larger_than_its_file_is_refused() {
    let mut info = info();
    info.config.c16 = 4096;
    info.config.blocks16 = 64;
    let bytes = write(&info, &BTreeMap::from([("synthesis.gain".to_owned(), Entry::f16(&[1], &[1.0]))])).unwrap();
    let error = Transforms::load(&WeightFile::parse(&bytes).unwrap(), &Device::flex(), false).unwrap_err();
    assert!(error.to_string().starts_with("impossible model description"), "{error}");
}

#[test]
fn foreign_files_and_other_layouts_are_refused_with_the_reason() {
    assert!(matches!(WeightFile::parse(b"not a weight file"), Err(WeightsError::Safetensors(_))));
    let bytes = write(&Info { format: 99, ..info() }, &BTreeMap::new()).unwrap();
    assert!(matches!(WeightFile::parse(&bytes), Err(WeightsError::Format { found: 99 })));
}

#[test]
fn values_that_are_no_finite_numbers_are_refused_by_the_tensor_s_name() {
    for value in [f32::NAN, f32::INFINITY] {
        let entries = BTreeMap::from([("synthesis.gain".to_owned(), Entry::f16(&[2], &[1.0, value]))]);
        let bytes = write(&info(), &entries).unwrap();
        let error = WeightFile::parse(&bytes).unwrap().floats("synthesis.").unwrap_err();
        assert!(matches!(&error, WeightsError::NotFinite { name } if name == "synthesis.gain"), "{error}");
    }
}

/// The frozen model's tensors with another description.
fn tiny_with(change: impl FnOnce(&mut Info)) -> Vec<u8> {
    let mut file = WeightFile::parse(TINY).unwrap();
    change(&mut file.info);
    file.with(|_| {}).unwrap()
}

#[test]
fn impossible_descriptions_are_refused_with_their_number_wherever_a_network_is_made_of_them() {
    type Change = fn(&mut ModelConfig);
    let hostile: [(&str, Change); 15] = [
        ("0 channels at 1/8", |c| c.c8 = 0),
        ("4398046511104 channels at 1/8", |c| c.c8 = 1 << 42),
        ("30 channels at 1/16", |c| c.c16 = 30),
        ("0 latent channels", |c| c.y = 0),
        ("33 latent channels", |c| c.y = 33),
        ("0 hyper-latent channels", |c| c.z = 0),
        ("4100 channels in the prior", |c| c.hidden = 4100),
        ("65 blocks at 1/8", |c| c.blocks8 = 65),
        ("0 blocks in a context pass", |c| c.context_blocks = 0),
        ("1000000000000 blocks in a context pass", |c| c.context_blocks = 1_000_000_000_000),
        ("heads of 0 channels", |c| c.head_width = Some(0)),
        ("heads of 5 channels", |c| c.head_width = Some(5)),
        // One head cannot be half of the heads.
        ("heads of 32 channels", |c| c.head_width = Some(32)),
        ("of which the file holds 158055", |c| c.hidden = 4096),
        ("of which the file holds 158055", |c| (c.c8, c.blocks8) = (4096, 64)),
    ];
    let device = Device::flex();
    for (reason, change) in hostile {
        let bytes = tiny_with(|info| change(&mut info.config));
        let file = WeightFile::parse(&bytes).unwrap();
        let errors = [
            Transforms::load(&file, &device, true).unwrap_err().to_string(),
            restore(&file, &device).unwrap_err().to_string(),
            restore_to_run(&file, &device).unwrap_err().to_string(),
        ];
        for error in errors {
            assert!(error.starts_with("impossible model description") && error.contains(reason), "{reason}: {error}");
        }
    }
}

#[test]
fn possible_descriptions_that_are_not_the_tensors_own_are_errors_too() {
    type Change = fn(&mut ModelConfig);
    let wrong: [Change; 6] = [
        |c| c.c8 = 36,
        |c| c.y = 16,
        |c| c.z = 4,
        |c| c.hidden = 28,
        |c| c.context_blocks = 3,
        |c| c.head_width = Some(16),
    ];
    for (case, change) in wrong.into_iter().enumerate() {
        let bytes = tiny_with(|info| change(&mut info.config));
        assert!(restore_to_run(&WeightFile::parse(&bytes).unwrap(), &Device::flex()).is_err(), "case {case}");
    }
    assert!(restore_to_run(&WeightFile::parse(TINY).unwrap(), &Device::flex()).is_ok());
}

#[test]
fn grids_of_other_than_powers_of_two_are_refused_with_their_site() {
    let grid = |steps| Grid::from([("feedback".to_owned(), 64.0), ("z".to_owned(), steps)]);
    for steps in [-1.0, 0.0, 0.5, 3.0, 4095.9998, 8192.0, f32::MAX] {
        let bytes = tiny_with(|info| info.grid = Some(grid(steps)));
        let file = WeightFile::parse(&bytes).unwrap();
        for error in [restore(&file, &Device::flex()), restore_to_run(&file, &Device::flex())].map(Result::unwrap_err) {
            let expected = format!("impossible integer grid: {steps} steps per unit at z");
            assert!(error.to_string().starts_with(&expected), "{error}");
        }
    }
    assert!(check_grid(&grid(f32::NAN)).is_err() && check_grid(&grid(f32::INFINITY)).is_err());
    for steps in [1.0, 2.0, 128.0, 4096.0] {
        check_grid(&grid(steps)).unwrap();
    }
}
