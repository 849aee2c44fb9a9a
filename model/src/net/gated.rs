//! The gated partial-convolution block of both transforms: 3.56 c^2 multiply-accumulates per position.
//!
//! `x + project(a * sigmoid(b))` with `a, b = split(expand(partial3x3(x)))`. The prior's block ([`crate::prior`]) has a ReLU in place of
//! the gate, because integers have no sigmoid. Partial convolution: FasterNet (arXiv 2303.03667); gate: GLU (arXiv 1612.08083).

use burn::module::Module;
use burn::tensor::Tensor;
use burn::tensor::activation::sigmoid;

use super::{Conv3x3, Dense, Init, Stream, full};

/// Gated residual block on `c` channels.
#[derive(Module, Debug)]
pub struct GatedBlock {
    /// 3x3 on the first c/4 channels.
    pub conv: Conv3x3,
    /// c -> 2c: values, then gates.
    pub expand: Dense,
    /// c -> c; zero at the start.
    pub project: Dense,
}

impl GatedBlock {
    /// A block that starts as the identity.
    pub fn new(channels: usize, init: &mut Init) -> Self {
        Self {
            conv: Conv3x3::new(channels / 4, init),
            expand: Dense::new(channels, 2 * channels, init),
            project: Dense::zeros(channels, channels, init),
        }
    }

    /// [batch, height, width, c] in two parts -> the same shapes.
    pub fn forward(&self, x: Stream) -> Stream {
        let hidden = self.hidden(self.mix(&x));
        x.plus(Stream::from_dense(&self.project, hidden))
    }

    /// The hidden units [batch, height, width, c], from what [`Self::mix`] gives.
    pub fn hidden(&self, mixed: Stream) -> Tensor<4> {
        let channels = self.project.outputs();
        let mixed = mixed.join();
        let value = self.expand.forward_columns(mixed.clone(), 0..channels);
        let gate = self.expand.forward_columns(mixed, channels..2 * channels);
        gated(value, gate)
    }

    /// The input with its first quarter behind the 3x3 convolution.
    pub fn mix(&self, x: &Stream) -> Stream {
        Stream { head: self.conv.forward(x.head.clone()), tail: x.tail.clone() }
    }

    /// The hidden units' gates before the sigmoid [batch, height, width, c], from what [`Self::mix`] gives.
    pub fn gates(&self, mixed: Stream) -> Tensor<4> {
        let channels = self.project.outputs();
        full(self.expand.forward_columns(mixed.join(), channels..2 * channels))
    }
}

/// Where a gate counts as shut: sigmoid(-40) is 4e-18.
pub(crate) const SHUT: f64 = -40.0;

/// `value * sigmoid(gate)`. Trained gates reach -250, where the sigmoid is subnormal, and CPUs multiply subnormal numbers so slowly that synthesis
/// took nearly twice its time and a training step in f32 three and a half times; the clamp costs a tenth of synthesis.
fn gated<const D: usize>(value: Tensor<D>, gate: Tensor<D>) -> Tensor<D> {
    value * sigmoid(gate.clamp_min(SHUT))
}

#[cfg(test)]
mod tests {
    use burn::tensor::{Device, TensorData};

    use super::*;

    #[test]
    fn shut_gates_make_no_subnormal_numbers_and_change_nothing_that_counts() {
        let tensor =
            |values: &[f32]| Tensor::<1>::from_data(TensorData::new(values.to_vec(), [values.len()]), &Device::flex());
        let gates = [-250.0, -100.0, -88.0, -50.0, -39.0, -1.0, 0.0, 3.0];
        let results = gated(tensor(&[7.0; 8]), tensor(&gates)).into_data().try_into_vec::<f32>().unwrap();
        for (result, gate) in results.into_iter().zip(gates) {
            assert!(result.is_normal(), "{result:e} at gate {gate}");
            let exact = 7.0 / (1.0 + (-f64::from(gate)).exp());
            assert!(
                (f64::from(result) - exact).abs() <= 1e-6 * exact + 1e-16,
                "{result:e}, not {exact:e}, at gate {gate}"
            );
        }
    }
}
