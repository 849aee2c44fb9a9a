//! The factorised density of the hyper-latent: a mixture of three logistics per channel and quality knot.
//!
//! Plays the part of the non-parametric density of arXiv 1802.01436 (appendix 6.1) with three numbers a component; the quantiser turns it into
//! integer tables at 8 knots of the quality.

use burn::module::{Module, Param};
use burn::tensor::activation::{sigmoid, softmax, softplus};
use burn::tensor::{Int, Tensor};

use crate::net::Init;
use crate::preset::Z_KNOTS;

/// Components of the mixture.
pub(crate) const COMPONENTS: usize = 3;

/// Probability of a hyper-latent's unit interval, per channel.
#[derive(Module, Debug)]
pub struct ZDensity {
    /// Centres [8, z * 3].
    pub centre: Param<Tensor<2>>,
    /// Widths before softplus [8, z * 3].
    pub width: Param<Tensor<2>>,
    /// Mixture weights before softmax [8, z * 3].
    pub weight: Param<Tensor<2>>,
}

/// Added to every width: keeps the density bounded.
pub(crate) const MIN_WIDTH: f64 = 0.01;

impl ZDensity {
    /// Centres spread around zero, equal weights.
    pub fn new(channels: usize, init: &mut Init) -> Self {
        // All knots start alike, so that rarely drawn ones are not left behind.
        let row: Vec<f32> = (0..channels).flat_map(|_| [-1.5f32, 0.0, 1.5]).collect();
        let shape = [Z_KNOTS, channels * COMPONENTS];
        Self {
            centre: init.tensor(shape, row.repeat(Z_KNOTS)),
            width: init.constant(shape, 0.5),
            weight: init.constant(shape, 0.0),
        }
    }

    /// Bits of `z` [batch, h, w, channels] under the rows `knots` [batch] of the tables -> [batch, h, w, channels].
    pub fn bits(&self, z: Tensor<4>, knots: Tensor<1, Int>) -> Tensor<4> {
        let [b, h, w, c] = z.dims();
        let rows = |table: &Param<Tensor<2>>| table.val().select(0, knots.clone()).reshape([b, 1, 1, c, COMPONENTS]);
        let width = softplus(rows(&self.width), 1.0).add_scalar(MIN_WIDTH);
        let offset = z.reshape([b, h, w, c, 1]) - rows(&self.centre);
        let upper = sigmoid(offset.clone().add_scalar(0.5) / width.clone());
        let lower = sigmoid(offset.sub_scalar(0.5) / width);
        let p = ((upper - lower) * softmax(rows(&self.weight), 4)).sum_dim(4).reshape([b, h, w, c]);
        p.clamp_min(1e-9).log().div_scalar(-std::f64::consts::LN_2)
    }
}
