//! Log-spaced continuous relative position bias (section 3.3 of arXiv 2111.09883).
//!
//! Swin V1 learns a free table of 15x15 numbers per head; here a small network maps the distance to the bias, smooth by
//! construction. It depends on weights only, so its 225 evaluations cost the same for a patch and for a large plane.

use burn::module::{Module, Param};
use burn::tensor::activation::{relu, sigmoid};
use burn::tensor::{Device, Int, Tensor, TensorData};

use super::window::{AREA, WINDOW};
use crate::net::{Dense, Init, full, product};

/// Hidden width (Swin's code).
const HIDDEN: usize = 512;

/// The bias lies in 0..this (Swin's code).
pub(crate) const BIAS_MAX: f32 = 16.0;

/// Distances along one axis: -7..=7.
const SPAN: usize = 2 * WINDOW - 1;

/// (row distance, column distance) -> bias per head.
#[derive(Module, Debug)]
pub struct PositionBias {
    /// 2 -> hidden.
    pub hidden: Dense,
    /// Hidden -> heads [hidden, heads], without bias.
    pub output: Param<Tensor<2>>,
}

impl PositionBias {
    /// Randomly initialised. The hidden biases are random too: at zero every unit would bend at distance zero only.
    pub fn new(heads: usize, init: &mut Init) -> Self {
        let hidden = Dense { weight: init.fan_in([2, HIDDEN], 2, 1.0), bias: init.uniform([HIDDEN], 1.0) };
        Self { hidden, output: init.fan_in([HIDDEN, heads], HIDDEN, 1.0) }
    }

    /// Bias of every (query, key) pair of a window [heads, 64, 64].
    pub(super) fn forward(&self) -> Tensor<3> {
        let heads = self.output.dims()[1];
        let device = self.output.val().device();
        let hidden = relu(full(self.hidden.forward(distances(&device))));
        let scores = product(hidden.reshape([SPAN * SPAN, HIDDEN]), self.output.val());
        let table = sigmoid(scores) * BIAS_MAX;
        table.select(0, pairs(&device)).swap_dims(0, 1).reshape([heads, AREA, AREA])
    }
}

/// The coordinates of all distances [1, 15, 15, 2].
fn distances(device: &Device) -> Tensor<4> {
    Tensor::from_data(TensorData::new(coordinates(), [1, SPAN, SPAN, 2]), device)
}

/// The coordinates of all distances, row by row [225, 2].
pub(crate) fn coordinates() -> Vec<f32> {
    let axis = || (0..SPAN).map(|i| log_spaced(i as f32 - (WINDOW - 1) as f32));
    axis().flat_map(|dy| axis().flat_map(move |dx| [dy, dx])).collect()
}

/// `sign(d) log2(1 + 8 |d| / 7) / log2(8)`: near distances are told apart better than far ones; |d| = 7 maps to 1.06.
fn log_spaced(distance: f32) -> f32 {
    let normalised = distance.abs() * 8.0 / (WINDOW - 1) as f32;
    distance.signum() * (1.0 + normalised).log2() / 3.0
}

/// The row, in the table of all distances, of a query and a key of one window, given by their rows and columns.
pub(crate) fn row_of_pair(query: [usize; 2], key: [usize; 2]) -> usize {
    let [row, column] = [0, 1].map(|axis| query[axis] + WINDOW - 1 - key[axis]);
    row * SPAN + column
}

/// For each of the 64 * 64 (query, key) pairs the row of its distance `query - key` in the table.
fn pairs(device: &Device) -> Tensor<1, Int> {
    let place = |position: usize| [position / WINDOW, position % WINDOW];
    let index = |query: usize, key: usize| row_of_pair(place(query), place(key)) as i32;
    let values: Vec<i32> = (0..AREA * AREA).map(|pair| index(pair / AREA, pair % AREA)).collect();
    Tensor::from_data(TensorData::new(values, [AREA * AREA]), device)
}
