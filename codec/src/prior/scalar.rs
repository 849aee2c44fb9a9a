//! The prior in its obvious form, over `lic_shaders::reference`. Slow: the definition `fast` and `gpu` are tested against.

use std::sync::Arc;

use lic_shaders::arithmetic::clamp_activation;
use lic_shaders::gain::{GainRow, feedback, latent64, mean64, scale_index};
use lic_shaders::order::{GROUP, phase};
use lic_shaders::reference::{Clamp, block, concat, head, linear, up};
use lic_shaders::{Plane, QualityIndex};

use super::cpu::{CpuEngine, CpuNetwork, forward_engine};
use super::{Prediction, PriorWeights, Sizes, TileShape};

/// The reference engine.
#[derive(Debug)]
pub struct ScalarEngine(CpuEngine<Scalar>);

impl ScalarEngine {
    /// An engine over loaded weights.
    pub fn new(weights: Arc<PriorWeights>) -> Self {
        let quality = QualityIndex::MAX;
        Self(CpuEngine::new(Scalar { gains: weights.gains(quality), weights, quality }))
    }
}

forward_engine!(ScalarEngine);

#[derive(Debug)]
struct Scalar {
    weights: Arc<PriorWeights>,
    quality: QualityIndex,
    gains: GainRow,
}

#[derive(Debug)]
struct State {
    features: Plane,
    feedback: Plane,
}

impl CpuNetwork for Scalar {
    type State = State;

    fn sizes(&self) -> Sizes {
        self.weights.sizes()
    }

    fn set_quality(&mut self, quality: QualityIndex) {
        self.quality = quality;
        self.gains = self.weights.gains(quality);
    }

    fn begin(&self, shape: TileShape, hyper: &[i16]) -> State {
        let net = self.weights.network();
        let coarse = shape.hyper();
        let mut input = Plane::zeros(coarse.height, coarse.width, self.sizes().hyper);
        for (value, &z) in input.data_mut().iter_mut().zip(hyper) {
            *value = clamp_activation(i32::from(z) << net.z_shift);
        }
        let middle = block(&net.block1, &up(&net.up1, self.quality, &input));
        let fine = up(&net.up2, self.quality, &middle).crop(shape.height, shape.width);
        State {
            features: block(&net.block2, &fine),
            feedback: Plane::zeros(shape.height, shape.width, self.sizes().latents),
        }
    }

    fn predict(&self, state: &State, pass: usize) -> Prediction {
        let net = self.weights.network();
        let features = match pass {
            0 => state.features.clone(),
            _ => {
                let context = &net.contexts[pass - 1];
                let input = concat(&state.features, &state.feedback);
                let stream = linear(&context.input, self.quality, &input, Clamp::Activation);
                context.blocks.iter().fold(stream, |stream, layer| block(layer, &stream))
            }
        };
        let outputs = head(&net.heads[pass], pass, &features);
        let part = self.sizes().latents / 4;
        let mut prediction = Prediction::default();
        for row in 0..outputs.height() {
            for column in 0..outputs.width() {
                let first = GROUP[pass][phase(row, column)] * part;
                let (means, log_scales) = outputs.at(row, column).split_at(part);
                for j in 0..part {
                    let c = first + j;
                    prediction.mean64.push(mean64(means[j], self.gains.mult[c], self.gains.shift[c]));
                    prediction.index.push(scale_index(log_scales[j], self.gains.offset[c]) as u8);
                }
            }
        }
        prediction
    }

    fn feed_back(&self, state: &mut State, pass: usize, symbols: &[i16], prediction: &Prediction) {
        let part = self.sizes().latents / 4;
        let mut coded = symbols.iter().zip(&prediction.mean64);
        for row in 0..state.feedback.height() {
            for column in 0..state.feedback.width() {
                let first = GROUP[pass][phase(row, column)] * part;
                let values = state.feedback.at_mut(row, column)[first..first + part].iter_mut();
                for (c, (value, (&symbol, &mean))) in (first..).zip(values.zip(&mut coded)) {
                    let gains = &self.gains;
                    let latent = latent64(symbol, mean);
                    *value = feedback(latent, gains.inverse[c], gains.shift_a[c], gains.shift_b[c]);
                }
            }
        }
    }
}
