//! A larger network that computes what a smaller one does, to train on from: how the teacher begins where the student's training ended.
//!
//! The idea of function-preserving growth is Net2Net's (Chen et al., arXiv 1511.05641); how it is done here is ours. Net2Net copies units and halves their
//! outgoing weights; here new units have random incoming weights and outgoing weights of zero into everything old, so that nothing is computed twice and
//! every new unit is different from the first step on:
//!
//! | weight | from an old channel | from a new channel |
//! |---|---|---|
//! | **into an old channel** | the smaller network's | 0 |
//! | **into a new channel** | as a new network has it | as a new network has it |
//!
//! The zeros get gradients at the first step, the random weights behind them from the second on. New blocks and attention layers begin as the identity, as
//! they do in every new network. New channels of the latent and the hyper-latent begin *silent*: their last analysis layer is zero, the weights that read
//! them are random (so gradients arrive), and the prior expects zeros, which makes them almost free of charge ([`silence`]).
//!
//! Every channel keeps what its place means: see [`axis`].
//!
//! In place of a new network it may be one that was trained before (`--additions`): attention is then as it was, and what leads into new channels and through
//! new blocks, while all that leads back from them is 0, as always.

mod axis;
mod layout;
mod revive;
mod silence;

use crate::load::{Named, ParamError};
use crate::network::Network;
use crate::params::{self, Slot};
use crate::preset::ModelConfig;

use axis::Axis;
use layout::{Dimensions, Layout, Role};

pub use revive::{Shut, revive, shut_units};

/// Why a network cannot be grown to a size.
#[derive(Debug, thiserror::Error)]
pub enum GrowError {
    /// A dimension would shrink.
    #[error("the model to begin with has {small} {what}, more than the {large} of the preset")]
    Smaller {
        /// What there is too much of.
        what: &'static str,
        /// Of the model to begin with.
        small: usize,
        /// Of the preset.
        large: usize,
    },
    /// The norm of an attention layer averages over all channels: with more of them it computes something else.
    #[error("a model with attention cannot be grown: its norms would see the new channels")]
    Attention,
    /// The smaller network's tensors do not fit its own description.
    #[error(transparent)]
    Params(#[from] ParamError),
}

/// Checks that a model of one size fits in another.
///
/// # Errors
/// It does not.
pub fn fits(small: &ModelConfig, large: &ModelConfig) -> Result<(), GrowError> {
    if small == large {
        return Ok(());
    }
    if small.head_width.is_some() {
        return Err(GrowError::Attention);
    }
    for (what, small, large) in [
        ("channels at 1/8", small.c8, large.c8),
        ("channels at 1/16", small.c16, large.c16),
        ("latent channels", small.y, large.y),
        ("hyper-latent channels", small.z, large.z),
        ("channels in the prior", small.hidden, large.hidden),
        ("blocks in a context pass", small.context_blocks, large.context_blocks),
        ("blocks at 1/8", small.blocks8, large.blocks8),
        ("blocks at 1/16", small.blocks16, large.blocks16),
    ] {
        if small > large {
            return Err(GrowError::Smaller { what, small, large });
        }
    }
    Ok(())
}

/// `fresh`, a new network of size `large`, with the weights `named` of a network of size `small` embedded: it computes what that network does.
///
/// If `fresh` has been trained, new channels and new blocks begin with what they have learnt to look for, and attention stays as it is; a network with
/// attention then computes something else than the smaller one.
///
/// # Errors
/// See [`GrowError`].
pub fn grow(fresh: Network, named: &Named, small: &ModelConfig, large: &ModelConfig) -> Result<Network, GrowError> {
    fits(small, large)?;
    if small == large {
        return Ok(params::with_named(fresh, named)?);
    }
    let layout = Layout::new(small, large);
    let mut values = params::values(&fresh);
    let silence = silence::Silence::new(named, small)?;
    for slot in params::slots(&fresh) {
        let target = &mut values[slot.range()];
        match (layout.of(&slot.name), named.get(&slot.name)) {
            (Some(dimensions), Some(tensor)) => {
                check(&slot, &dimensions, tensor)?;
                embed(&dimensions, &tensor.1, target, |at, fresh| {
                    silence.value(&slot.name, at, fresh).unwrap_or(if at.reads_new { 0.0 } else { fresh })
                });
            }
            (Some(_), None) if !is_of_new_block(&slot.name, small) => return Err(ParamError::Missing(slot.name).into()),
            // A block more than the smaller network has: the identity, which the prior's and a trained network's are not by themselves.
            _ if is_of_new_block(&slot.name, small) && is_last(&slot.name) => target.fill(0.0),
            _ => {}
        }
    }
    Ok(params::with_values(fresh, &values))
}

/// Whether a tensor is of a block that a network of size `small` does not have.
fn is_of_new_block(name: &str, small: &ModelConfig) -> bool {
    let parts: Vec<&str> = name.split('.').collect();
    let (number, count) = match parts.as_slice() {
        [_, "blocks8", number, ..] => (number, small.blocks8),
        [_, "blocks16", number, ..] => (number, small.blocks16),
        ["prior", "passes", _, "blocks", number, ..] => (number, small.context_blocks),
        _ => return false,
    };
    number.parse::<usize>().is_ok_and(|number| number >= count)
}

/// Whether a tensor is of a block's last layer, whose output is added to the stream.
fn is_last(name: &str) -> bool {
    name.ends_with(".project.weight") || name.ends_with(".project.bias")
}

/// Adam's moments of the smaller network in the places of its weights, zero elsewhere, in the order of `slots`.
///
/// # Errors
/// See [`GrowError`].
pub fn grow_moments(
    named: &Named,
    slots: &[Slot],
    small: &ModelConfig,
    large: &ModelConfig,
) -> Result<Vec<f32>, GrowError> {
    fits(small, large)?;
    let layout = Layout::new(small, large);
    let mut moments = vec![0.0; slots.iter().map(Slot::len).sum()];
    for slot in slots {
        if let (true, Some((shape, values))) = (small == large, named.get(&slot.name)) {
            if *shape == slot.shape && values.len() == slot.len() {
                moments[slot.range()].copy_from_slice(values);
            }
        } else if let (Some(dimensions), Some(tensor)) = (layout.of(&slot.name), named.get(&slot.name)) {
            check(slot, &dimensions, tensor)?;
            embed(&dimensions, &tensor.1, &mut moments[slot.range()], |_, _| 0.0);
        }
    }
    Ok(moments)
}

/// The place in a larger residual stream of each channel of a smaller one.
pub(crate) fn stream_places(small: usize, large: usize) -> Vec<usize> {
    Axis::stream(small, large).places
}

/// The place in a larger latent of each channel of a smaller one.
pub(crate) fn latent_places(small: &ModelConfig, large: &ModelConfig) -> Vec<usize> {
    Axis::first(small.y / 4, large.y / 4).repeated(4).places
}

fn check(slot: &Slot, dimensions: &Dimensions, (shape, values): &(Vec<usize>, Vec<f32>)) -> Result<(), ParamError> {
    let expected: Vec<usize> = dimensions.iter().map(|(_, axis)| axis.places.len()).collect();
    if *shape == expected && values.len() == expected.iter().product::<usize>() {
        Ok(())
    } else {
        Err(ParamError::Shape { name: slot.name.clone(), found: shape.clone(), expected })
    }
}

/// A place in the larger tensor that the smaller one does not have.
struct NewPlace<'a> {
    /// Index along each dimension.
    index: &'a [usize],
    /// Whether it leads from something new into something old.
    reads_new: bool,
}

/// Writes a smaller tensor to its places in a larger one, and `new(place, old value)` to all others.
fn embed(dimensions: &Dimensions, small: &[f32], large: &mut [f32], new: impl Fn(&NewPlace<'_>, f32) -> f32) {
    let origins: Vec<Vec<Option<usize>>> = dimensions.iter().map(|(_, axis)| axis.origins()).collect();
    let mut index = vec![0; dimensions.len()];
    for value in large.iter_mut() {
        let (mut from, mut is_old, mut output_is_old) = (0, true, true);
        for (((role, axis), origins), &i) in dimensions.iter().zip(&origins).zip(&index) {
            match origins[i] {
                Some(origin) => from = from * axis.places.len() + origin,
                None => {
                    is_old = false;
                    output_is_old &= *role == Role::Input;
                }
            }
        }
        *value = if is_old { small[from] } else { new(&NewPlace { index: &index, reads_new: output_is_old }, *value) };
        for ((_, axis), i) in dimensions.iter().zip(&mut index).rev() {
            *i += 1;
            if *i < axis.size {
                break;
            }
            *i = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;

    use super::*;
    use crate::preset::Preset;

    #[test]
    fn a_tensor_that_the_smaller_model_should_have_is_asked_for_by_name() {
        let small = Preset::Tiny.config();
        let large = ModelConfig { c16: 48, context_blocks: 3, blocks8: 2, blocks16: 2, ..small };
        let device = Device::flex();
        let named = params::named(&Network::new(&small, 0, &device));
        let grown = |named: &Named| grow(Network::new(&large, 1, &device), named, &small, &large);
        // The larger model's new blocks are not missing.
        grown(&named).unwrap();
        for name in [
            "analysis.down.bias",
            "synthesis.blocks16.0.project.bias",
            "prior.passes.1.blocks.1.project.weight",
            "prior.heads.3.scale",
        ] {
            let mut fewer = named.clone();
            fewer.remove(name).unwrap();
            let error = grown(&fewer).unwrap_err();
            assert!(matches!(&error, GrowError::Params(ParamError::Missing(missing)) if missing == name), "{error}");
        }
    }
}
