//! Hyper-analysis (y -> z, encoder only, stays float) and hyper-synthesis (z -> features, becomes integer).

use burn::module::{Module, Param};
use burn::tensor::{Int, Tensor};

use super::{PriorBlock, Taps};
use crate::net::{Dense, Init, Stream, depth_to_space, full, space_to_depth, working};
use crate::preset::{KNOTS, ModelConfig};

/// Whitened latent [batch, h, w, y] -> hyper-latent [batch, h/4, w/4, z].
#[derive(Module, Debug)]
pub struct HyperAnalysis {
    /// y -> hidden.
    pub stem: Dense,
    /// Bias of the stem per quality knot [64, hidden].
    pub knots: Param<Tensor<2>>,
    /// Block at 1/16.
    pub block1: PriorBlock,
    /// 4 hidden -> hidden on 2x2 neighbourhoods.
    pub down1: Dense,
    /// Block at 1/32.
    pub block2: PriorBlock,
    /// 4 hidden -> z on 2x2 neighbourhoods.
    pub down2: Dense,
}

impl HyperAnalysis {
    /// Randomly initialised.
    pub fn new(config: &ModelConfig, init: &mut Init) -> Self {
        let hidden = config.hidden;
        Self {
            stem: Dense::new(config.y, hidden, init),
            knots: init.constant([KNOTS, hidden], 0.0),
            block1: PriorBlock::new(hidden, init),
            down1: Dense::new(4 * hidden, hidden, init),
            block2: PriorBlock::new(hidden, init),
            // Without the factor z would be all zeros at the start and its gradient useless.
            down2: Dense::scaled(4 * hidden, config.z, 6.0, init),
        }
    }

    /// `knots` [batch] are the samples' quality knots; `h` and `w` are multiples of 4.
    pub fn forward(&self, y: Tensor<4>, knots: Tensor<1, Int>) -> Tensor<4> {
        self.forward_biased(y, knot_rows(&self.knots, knots))
    }

    /// Like [`Self::forward`] with the stem's quality bias [batch, 1, 1, hidden] given: qualities between knots interpolate it.
    pub fn forward_biased(&self, y: Tensor<4>, bias: Tensor<4>) -> Tensor<4> {
        let x = self.stem.forward(y) + working(bias);
        let x = self.block1.forward(Stream::split(x), &mut Taps::Off, "", "").join();
        let x = self.down1.forward(space_to_depth(x));
        let x = self.block2.forward(Stream::split(x), &mut Taps::Off, "", "").join();
        full(self.down2.forward(space_to_depth(x)))
    }
}

/// Decoded hyper-latent [batch, h/4, w/4, z] -> features [batch, h, w, hidden]: `hyper.*` of `codec/PRIOR.md`.
#[derive(Module, Debug)]
pub struct HyperSynthesis {
    /// z -> 4 hidden, then pixel-shuffle.
    pub up1: Dense,
    /// Bias of `up1` per quality knot [64, 4 hidden].
    pub knots: Param<Tensor<2>>,
    /// Block at 1/32.
    pub block1: PriorBlock,
    /// hidden -> 4 hidden, then pixel-shuffle.
    pub up2: Dense,
    /// Block at 1/16.
    pub block2: PriorBlock,
}

impl HyperSynthesis {
    /// Randomly initialised.
    pub fn new(config: &ModelConfig, init: &mut Init) -> Self {
        let hidden = config.hidden;
        Self {
            up1: Dense::new(config.z, 4 * hidden, init),
            knots: init.constant([KNOTS, 4 * hidden], 0.0),
            block1: PriorBlock::new(hidden, init),
            up2: Dense::new(hidden, 4 * hidden, init),
            block2: PriorBlock::new(hidden, init),
        }
    }

    /// The features at the latent's resolution, cropped to `height` x `width`.
    pub fn forward(&self, z: Tensor<4>, knots: Tensor<1, Int>, size: [usize; 2], taps: &mut Taps<'_>) -> Tensor<4> {
        let x = self.up1.forward(z) + working(knot_rows(&self.knots, knots));
        let x = taps.at("hyper.stream1", depth_to_space(x));
        let x = self.block1.forward(Stream::split(x), taps, "hyper.stream1", "hyper.hidden1").join();
        let x = depth_to_space(self.up2.forward(x)).slice_dim(1, 0..size[0]).slice_dim(2, 0..size[1]);
        let x = taps.at("hyper.stream2", x);
        self.block2.forward(Stream::split(x), taps, "hyper.stream2", "hyper.hidden2").join()
    }
}

/// Rows of a knot table [64, c] as [batch, 1, 1, c].
pub(super) fn knot_rows(table: &Param<Tensor<2>>, knots: Tensor<1, Int>) -> Tensor<4> {
    let rows = table.val().select(0, knots);
    let [batch, channels] = rows.dims();
    rows.reshape([batch, 1, 1, channels])
}
