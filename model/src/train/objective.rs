//! What a run minimises: the interface between the training loop and a loss.
//!
//! Every loss contains the rate-distortion loss ([`RateDistortion`]); those of [`crate::distill`] add a distance to a teacher. A loss may have
//! parameters of its own, which are trained and checkpointed beside the network's and never leave the checkpoint.

use burn::tensor::Device;

use super::data::Batch;
use super::step::{StepReport, step};
use super::{Guide, TrainError};
use crate::backprop::Addition;
use crate::net::Precision;
use crate::network::Network;
use crate::params::Slot;
use crate::prior::Taps;

/// Where in a run a step is: what its noise depends on, and where it is computed.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    /// The run's seed.
    pub seed: u64,
    /// Steps before this one.
    pub step: u64,
    /// Device with autodiff.
    pub device: &'a Device,
}

/// This step's parameters: the network's, then a loss's own.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Weights<'a> {
    pub(crate) values: &'a [f32],
    pub(crate) slots: &'a [Slot],
    /// Format of the operands of products.
    pub(crate) precision: Precision,
}

/// A loss.
pub(crate) trait Objective {
    /// The teacher that it follows on a set of fixed crops; `None` for new crops at every step.
    fn guide(&self) -> Option<Guide> {
        None
    }

    /// Its own parameters: names that no part of a network has, offsets from zero.
    fn slots(&self) -> Vec<Slot> {
        Vec::new()
    }

    /// Their values at the start, in the order of [`Self::slots`].
    fn values(&self) -> Vec<f32> {
        Vec::new()
    }

    /// Takes new values.
    fn set_values(&mut self, _values: &[f32]) {}

    /// What it adds to the rate-distortion loss of a batch, for our own kernels.
    ///
    /// # Errors
    /// As [`Self::step`].
    fn addition(&mut self, _batch: &Batch, _weights: Weights<'_>) -> Result<Option<&dyn Addition>, TrainError> {
        Ok(None)
    }

    /// The whole loss, by burn. Report and gradient on a batch: the network's parameters in the order of [`slots`](crate::params::slots), then its own.
    ///
    /// # Errors
    /// Something that the loss needs, such as a teacher's stored outputs, cannot be read or written.
    fn step(
        &mut self,
        network: &Network,
        batch: &Batch,
        place: Place<'_>,
        taps: &mut Taps<'_>,
    ) -> Result<(StepReport, Vec<f32>), TrainError>;
}

/// The rate-distortion loss alone.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RateDistortion;

impl Objective for RateDistortion {
    fn step(
        &mut self,
        network: &Network,
        batch: &Batch,
        place: Place<'_>,
        taps: &mut Taps<'_>,
    ) -> Result<(StepReport, Vec<f32>), TrainError> {
        Ok(step(network, batch, place, taps))
    }
}
