//! The four-pass order of the latent, and tensors arranged by it.
//!
//! The channels are cut in 4 groups; in pass `s` group `g` is decoded at the positions of 2x2 phase `ORDER[g][s]`
//! (phase = 2 * (row mod 2) + (column mod 2)), so that every pass holds a quarter of the latent, spread evenly over space and channels.

use burn::tensor::{Int, Tensor, TensorData};

pub use lic_shaders::order::{GROUP as GROUP_OF_PHASE, ORDER};

/// [batch, h, w, channels] with even h, w -> [16, batch, h/2 * w/2, channels/4]; index 4 * pass + phase.
pub fn to_passes(x: Tensor<4>) -> Tensor<4> {
    let [b, h, w, c] = x.dims();
    let device = x.device();
    let blocks = x.reshape([b, h / 2, 2, w / 2, 2, 4, c / 4]).permute([2, 4, 5, 0, 1, 3, 6]).reshape([
        16,
        b,
        (h / 2) * (w / 2),
        c / 4,
    ]);
    let index: Vec<i64> = (0..16).map(|i| (4 * (i % 4) + GROUP_OF_PHASE[i / 4][i % 4]) as i64).collect();
    blocks.select(0, Tensor::<1, Int>::from_data(TensorData::new(index, [16]), &device))
}

/// The inverse of [`to_passes`] for a latent of `size` (h, w).
pub fn from_passes(x: Tensor<4>, size: [usize; 2]) -> Tensor<4> {
    let [_, b, _, g] = x.dims();
    let [h, w] = size;
    let device = x.device();
    // Block (phase, group) was decoded in the pass s with ORDER[group][s] = phase.
    let index: Vec<i64> = (0..16)
        .map(|i| {
            let (phase, group) = (i / 4, i % 4);
            let pass = ORDER[group].iter().position(|&p| p == phase).unwrap_or(0);
            (4 * pass + phase) as i64
        })
        .collect();
    x.select(0, Tensor::<1, Int>::from_data(TensorData::new(index, [16]), &device))
        .reshape([2, 2, 4, b, h / 2, w / 2, g])
        .permute([3, 4, 0, 5, 1, 2, 6])
        .reshape([b, h, w, 4 * g])
}

/// [batch, h, w, channels] -> [4, batch * h/2 * w/2, channels]: positions by phase.
pub(super) fn by_phase(x: Tensor<4>) -> Tensor<3> {
    let [b, h, w, c] = x.dims();
    x.reshape([b, h / 2, 2, w / 2, 2, c]).permute([2, 4, 0, 1, 3, 5]).reshape([4, b * (h / 2) * (w / 2), c])
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::Device;

    #[test]
    fn every_latent_is_decoded_exactly_once() {
        for phase in 0..4 {
            let mut groups = GROUP_OF_PHASE.map(|groups| groups[phase]);
            groups.sort_unstable();
            assert_eq!(groups, [0, 1, 2, 3]);
        }
    }

    #[test]
    fn pass_order_round_trips_and_puts_the_right_latents_first() {
        let values: Vec<f32> = (0..2 * 4 * 6 * 8).map(|v| v as f32).collect();
        let y = Tensor::<4>::from_data(TensorData::new(values.clone(), [2, 4, 6, 8]), &Device::flex());
        let passes = to_passes(y.clone());
        assert_eq!(from_passes(passes.clone(), [4, 6]).into_data().try_into_vec::<f32>().unwrap(), values);
        // Pass 1, phase 3 decodes group 0 (ORDER[0][1] = 3); batch 1, third 2x2 block of the first row: row 1, column 5.
        let first = passes.slice([7..8, 1..2, 2..3, 0..1]).into_scalar::<f32>();
        assert_eq!(first, y.slice([1..2, 1..2, 5..6, 0..1]).into_scalar::<f32>());
    }
}
