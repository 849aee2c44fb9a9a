//! One evaluation of a tile: forward with the caller's rounding, backward to its latents and hyper-latents.

use std::ops::Range;

use burn::tensor::Tensor;

use super::Setting;
use super::bands::Bands;
use crate::params::read;
use crate::prior::GROUP_OF_PHASE;
use crate::rate::surrogate;

/// Where a tile lies in its window, in latents.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Extent {
    /// Rows and columns of the window.
    pub window: [usize; 2],
    /// The tile's rows in it.
    pub rows: Range<usize>,
    /// The tile's columns in it.
    pub columns: Range<usize>,
}

impl Extent {
    /// Rows and columns of the tile.
    pub fn tile(&self) -> [usize; 2] {
        [self.rows.len(), self.columns.len()]
    }
}

/// What a pass's latents are decoded as. Planes [rows, columns, y] of the tile, 0 outside of the pass.
#[derive(Clone, Debug, Default)]
pub struct Choice {
    /// Decoded values, in quantisation steps.
    pub decoded: Vec<f32>,
    /// Bits by which the pass's rate rises per step of a mean.
    pub by_mean: Vec<f32>,
    /// Bits by which it rises per unit of a log-scale.
    pub by_log_scale: Vec<f32>,
}

/// What an evaluation found.
#[derive(Clone, Debug)]
pub struct Step {
    /// Distortion of the window, in bits.
    pub distortion: f64,
    /// Derivative of distortion and of later passes' rate with respect to every decoded latent, [rows, columns, y]; its own rate is not in it.
    pub by_latent: Vec<f32>,
    /// The same with respect to every hyper-latent, [ceil(rows/4), ceil(columns/4), z].
    pub by_hyper: Vec<f32>,
}

/// A tile with the fixed latents around it, at a quality.
#[derive(Debug)]
pub struct Window<'a> {
    setting: &'a Setting<'a>,
    extent: Extent,
    bands: Bands<'a>,
    /// 1 where a latent is decoded before pass 1, 2, 3.
    known: Vec<Tensor<4>>,
}

impl<'a> Window<'a> {
    /// `around` [rows, columns, y] are the window's latents in quantisation steps (what it holds inside of the tile does not matter), `target` and `weight`
    /// [2 rows, 2 columns, 192] its patches and how many bits a squared error of each of their numbers is worth.
    pub fn new(setting: &'a Setting<'a>, extent: Extent, around: Vec<f32>, target: &[f32], weight: &[f32]) -> Self {
        let (of, channels) = (setting.of, setting.of.config.y);
        let known = (1..GROUP_OF_PHASE.len()).map(|pass| {
            let mut mask = vec![0.0; extent.rows.len() * extent.columns.len() * channels];
            for earlier in 0..pass {
                in_pass(earlier, extent.tile(), channels, |place| mask[place].fill(1.0));
            }
            of.tensor(mask, [1, extent.rows.len(), extent.columns.len(), channels])
        });
        let known = known.collect();
        Self { known, bands: Bands::new(setting, &extent, around, target, weight), extent, setting }
    }

    /// Calls `each` with the places, in a plane [rows, columns, y] of the tile, of every run of channels that a pass decodes.
    pub fn in_pass(&self, pass: usize, each: impl FnMut(Range<usize>)) {
        in_pass(pass, self.extent.tile(), self.setting.of.config.y, each);
    }

    /// Evaluates the tile with these hyper-latents; `choose` says what the latents of a pass are decoded as, given means and log-scales
    /// [rows, columns, y] in quantisation steps.
    pub fn step(&self, hyper: &[f32], mut choose: impl FnMut(usize, &[f32], &[f32]) -> Choice) -> Step {
        let of = self.setting.of;
        let [rows, columns] = self.extent.tile();
        let plane = [1, rows, columns, of.config.y];
        let moved = of.tensor(vec![0.0; plane.iter().product()], plane).require_grad();
        let z = of.tensor(hyper.to_vec(), [1, rows.div_ceil(4), columns.div_ceil(4), of.config.z]).require_grad();
        let features = self.setting.features(z.clone(), [rows, columns]);
        let mut decoded = vec![0.0f32; plane.iter().product()];
        let mut cost: Option<Tensor<1>> = None;
        for pass in 0..GROUP_OF_PHASE.len() {
            let known = match pass.checked_sub(1).and_then(|i| self.known.get(i)) {
                Some(mask) => of.tensor(decoded.clone(), plane) + moved.clone() * mask.clone(),
                None => moved.clone(),
            };
            let context = self.setting.context(pass, &features, known);
            let (mean, log_scale) = self.setting.predict(pass, context);
            let host = |tensor: &Tensor<4>| read(tensor.clone().without_autodiff());
            let choice = choose(pass, &host(&mean), &host(&log_scale));
            decoded.iter_mut().zip(&choice.decoded).for_each(|(all, new)| *all += new);
            let rate = surrogate(mean, choice.by_mean) + surrogate(log_scale, choice.by_log_scale);
            cost = Some(match cost {
                Some(earlier) => earlier + rate,
                None => rate,
            });
        }
        let rate = || {
            let gradients = cost.map(|cost| cost.backward());
            // Without a path to them nothing depends on them.
            let gradient = |tensor: &Tensor<4>| match gradients.as_ref().and_then(|all| tensor.grad(all)) {
                Some(gradient) => read(gradient),
                None => vec![0.0; tensor.dims().iter().product()],
            };
            (gradient(&moved), gradient(&z))
        };
        // Two graphs without a common node.
        let ((mut by_latent, by_hyper), (distortion, by_error)) = rayon::join(rate, || self.bands.gradient(&decoded));
        by_latent.iter_mut().zip(by_error).for_each(|(rate, error)| *rate += error);
        Step { distortion, by_latent, by_hyper }
    }

    /// Distortion of the window, in bits, with these decoded latents [rows, columns, y] of the tile in quantisation steps.
    pub fn distortion(&self, decoded: &[f32]) -> f64 {
        self.bands.distortion(decoded)
    }
}

/// Calls `each` with the places, in a plane [rows, columns, channels], of every run of channels that a pass decodes.
fn in_pass(pass: usize, [rows, columns]: [usize; 2], channels: usize, mut each: impl FnMut(Range<usize>)) {
    let group = channels / 4;
    for row in 0..rows {
        for column in 0..columns {
            let phase = 2 * (row % 2) + column % 2;
            let start = (row * columns + column) * channels + GROUP_OF_PHASE[pass][phase] * group;
            each(start..start + group);
        }
    }
}
