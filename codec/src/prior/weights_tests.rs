//! Which weight files are accepted, and what is read from them.

use safetensors::Dtype;

use super::super::random::{RandomTensor, RandomTensors};
use super::super::{LayerError, Sizes};
use super::*;
use crate::error::TableError;

const SMALL: Sizes = Sizes { latents: 20, hyper: 5, hidden: 12 };

fn load(tensors: &RandomTensors) -> Result<PriorWeights, WeightsError> {
    let bytes = tensors.to_bytes();
    PriorWeights::from_safetensors(&SafeTensors::deserialize(&bytes).unwrap())
}

#[test]
fn a_tensor_of_a_later_prior_is_refused_and_others_are_nobodys_business() {
    let mut tensors = RandomTensors::prior(SMALL, 6);
    tensors.0.push(("synthesis.later".to_owned(), Dtype::U8, vec![1], vec![0]));
    assert!(load(&tensors).is_ok());
    tensors.0.push(("prior.later".to_owned(), Dtype::U8, vec![1], vec![0]));
    let error = load(&tensors).err().unwrap();
    assert!(matches!(&error, WeightsError::Unknown { name } if name == "prior.later"), "{error}");
}

/// A tensor of a random weight file, to be damaged.
fn tensor<'a>(tensors: &'a mut RandomTensors, name: &str) -> &'a mut RandomTensor {
    tensors.0.iter_mut().find(|tensor| tensor.0 == name).unwrap()
}

#[test]
fn damaged_weight_files_are_refused_with_the_name_of_the_tensor() {
    let good = RandomTensors::prior(SMALL, 6);
    let damaged = |name: &str, damage: &dyn Fn(&mut RandomTensor)| {
        let mut tensors = good.clone();
        damage(tensor(&mut tensors, name));
        let error = load(&tensors).err().unwrap_or_else(|| panic!("damaged {name} was accepted"));
        assert!(error.to_string().contains(name.trim_start_matches("prior.").trim_end_matches(".weight")), "{error}");
        error
    };
    for (name, ..) in &good.0 {
        let error = damaged(name, &|tensor| tensor.0.push('x'));
        // The only one that a file may lack, if it is alone: then the other name is one too many.
        let lacking = name == "prior.z.context.cdf";
        assert!(matches!(error, WeightsError::Unknown { .. }) == lacking, "{name}: {error}");
        assert!(matches!(error, WeightsError::Missing { .. }) != lacking, "{name}: {error}");
        damaged(name, &|tensor| {
            // The same bytes as another type: one axis more, so that the size fits.
            tensor.1 = Dtype::I8;
            tensor.2.push(tensor.3.len() / tensor.2.iter().product::<usize>());
        });
    }
    let error = damaged("prior.pass2.input.bias", &|tensor| {
        tensor.2.swap(0, 1);
    });
    assert!(matches!(error, WeightsError::Shape { .. }), "{error}");
    let error = damaged("prior.pass3.input.weight", &|tensor| tensor.3.as_chunks_mut().0.fill(i16::MAX.to_le_bytes()));
    assert!(matches!(error, WeightsError::Layer { source: LayerError::Overflow { .. }, .. }), "{error}");
    let error = damaged("prior.z_shift", &|tensor| tensor.3[0] = 13);
    assert!(matches!(error, WeightsError::Table { .. }), "{error}");
    for name in ["prior.scale.cdf", "prior.z.cdf"] {
        let error = damaged(name, &|tensor| tensor.2.insert(0, 1));
        assert!(matches!(error, WeightsError::Shape { .. }), "{error}");
        let error = damaged(name, &|tensor| tensor.3[..4].copy_from_slice(&[0; 4]));
        let not_rising = TableError::NotRising { table: 0, entry: 1 };
        assert!(matches!(&error, WeightsError::Tables { source, .. } if *source == not_rising), "{error}");
        let error = damaged(name, &|tensor| tensor.3[0] = 1);
        let start = TableError::Start { table: 0, first: 1 };
        assert!(matches!(&error, WeightsError::Tables { source, .. } if *source == start), "{error}");
    }
    damaged("prior.z.count", &|tensor| tensor.3[..2].fill(0));
    damaged("prior.z.low", &|tensor| tensor.3[..2].copy_from_slice(&(-4096i16).to_le_bytes()));
    damaged("prior.scale.radius", &|tensor| tensor.3[..2].fill(255));
    damaged("prior.gain.shift_b", &|tensor| tensor.3[0] = 31);
    damaged("prior.z.context.cdf", &|tensor| tensor.3[0] = 1);
    let error = damaged("prior.z.context.cdf", &|tensor| tensor.2.swap(0, 1));
    assert!(matches!(&error, WeightsError::Tables { source: TableError::Contexts { .. }, .. }), "{error}");
    damaged("prior.adapt.score", &|tensor| tensor.3[..2].fill(127));
    damaged("prior.adapt.information", &|tensor| tensor.3[..2].fill(0));
}

#[test]
fn files_without_contexts_and_adaptation_have_one_table_for_all_neighbours_and_keep_it() {
    let mut tensors = RandomTensors::prior(SMALL, 7);
    let with = load(&tensors).unwrap();
    tensors.0.retain(|(name, ..)| !name.starts_with("prior.adapt.") && name != "prior.z.context.cdf");
    let without = load(&tensors).unwrap();
    assert!(with.adapter(3).is_some() && without.adapter(3).is_none());
    let tables = |weights: &PriorWeights| [-1, 0, 1].map(|sum| weights.hyper_tables().table(0, 2, sum));
    assert_eq!((tables(&with), tables(&without)), ([2, 8 * 5 + 2, 16 * 5 + 2], [2; 3]));
}

#[test]
fn every_context_pass_must_have_the_blocks_that_one_has() {
    let mut tensors = RandomTensors::prior(SMALL, 8);
    assert_eq!(load(&tensors).unwrap().network().contexts.each_ref().map(|c| c.blocks.len()), [2; 3]);
    for pass in 1..=3 {
        for (name, dtype, shape, bytes) in tensors.0.clone() {
            if let Some(rest) = name.strip_prefix(&format!("prior.pass{pass}.block1.")) {
                tensors.0.push((format!("prior.pass{pass}.block2.{rest}"), dtype, shape, bytes));
            }
        }
        match load(&tensors) {
            Ok(weights) => assert_eq!((pass, weights.network().contexts[2].blocks.len()), (3, 3)),
            Err(error) => assert!(matches!(error, WeightsError::Missing { .. }) && pass < 3, "{error}"),
        }
    }
}

#[test]
fn loaded_tables_have_the_stored_sizes() {
    let weights = load(&RandomTensors::prior(SMALL, 7)).unwrap();
    assert_eq!(weights.sizes(), SMALL);
    let scales = weights.scale_tables().tables();
    let table = scales.model(63).unwrap();
    assert_eq!((table.low(), table.escape()), (-190, 381));
    assert!(scales.model(64).is_err());
    let hyper = weights.hyper_tables();
    assert_eq!(hyper.channels(), SMALL.hyper);
    let last = hyper.tables().model(hyper.table(hyper.first_table(252), 4, 1)).unwrap();
    assert_eq!(last.low(), -(last.escape() as i32) / 2);
    assert!(hyper.tables().model(hyper.table(hyper.first_table(252), 5, 1)).is_err());
}
