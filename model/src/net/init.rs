//! Reproducible initial values: one seeded generator for all parameters of a model.
//!
//! burn's own initialisers draw from the device's generator, which differs between devices; here the same seed gives the same
//! network everywhere.

use burn::module::Param;
use burn::tensor::{Device, Tensor, TensorData};
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};

/// Draws initial parameter values.
#[derive(Debug)]
pub struct Init {
    rng: SmallRng,
    device: Device,
}

impl Init {
    /// A generator whose draws depend on `seed` alone.
    pub fn new(seed: u64, device: &Device) -> Self {
        Self { rng: SmallRng::seed_from_u64(seed), device: device.clone() }
    }

    /// Uniform values in `-bound..bound`.
    pub fn uniform<const D: usize>(&mut self, shape: [usize; D], bound: f32) -> Param<Tensor<D>> {
        let values = self.draws(shape.iter().product(), bound);
        self.tensor(shape, values)
    }

    /// `count` uniform values in `-bound..bound`.
    pub fn draws(&mut self, count: usize, bound: f32) -> Vec<f32> {
        (0..count).map(|_| self.rng.random_range(-1.0f32..1.0) * bound).collect()
    }

    /// Uniform values in `-1..1` times `factor / sqrt(fan_in)` (the bound of Kaiming initialisation with a = sqrt 5, PyTorch's default for linear and
    /// convolution layers: signals shrink a little from layer to layer, which keeps the prior near its prescribed start).
    pub fn fan_in<const D: usize>(&mut self, shape: [usize; D], fan_in: usize, factor: f32) -> Param<Tensor<D>> {
        self.uniform(shape, factor / (fan_in as f32).sqrt())
    }

    /// The same value everywhere.
    pub fn constant<const D: usize>(&self, shape: [usize; D], value: f32) -> Param<Tensor<D>> {
        self.tensor(shape, vec![value; shape.iter().product()])
    }

    /// Given values, row-major; `values` must have as many elements as `shape`.
    pub fn tensor<const D: usize>(&self, shape: [usize; D], values: Vec<f32>) -> Param<Tensor<D>> {
        Param::from_data(TensorData::new(values, shape), &self.device)
    }
}
