//! Moving 2x2 neighbourhoods between space and channels.
//!
//! Channel order is (row, column, channel): `codec/PRIOR.md` uses the same order for its up layers, and the 8x8x3 patches of the
//! transforms are ordered alike.

use burn::tensor::Tensor;

/// [batch, 2h, 2w, c] -> [batch, h, w, 4c].
pub fn space_to_depth(x: Tensor<4>) -> Tensor<4> {
    let [b, h, w, c] = x.dims();
    x.reshape([b, h / 2, 2, w / 2, 2, c]).permute([0, 1, 3, 2, 4, 5]).reshape([b, h / 2, w / 2, 4 * c])
}

/// [batch, h, w, 4c] -> [batch, 2h, 2w, c].
pub fn depth_to_space(x: Tensor<4>) -> Tensor<4> {
    let [b, h, w, c] = x.dims();
    let c = c / 4;
    x.reshape([b, h, w, 2, 2, c]).permute([0, 1, 3, 2, 4, 5]).reshape([b, 2 * h, 2 * w, c])
}
