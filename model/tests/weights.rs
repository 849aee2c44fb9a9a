//! Weight files that are not what they say are refused by name, before they cost memory.

use std::collections::BTreeMap;

use burn::tensor::Device;
use lic_model::Preset;
use lic_model::inference::Transforms;
use lic_model::weights::{EMBEDDED, Entry, FORMAT, Info, WeightFile, WeightsError, write};

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
