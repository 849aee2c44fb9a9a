//! Cutting a plane into 8x8 windows and putting it together again, with the mask that makes cyclic shifts and padding invisible.
//!
//! A shifted grid has half windows at both edges. As in Swin (section 3.2 of arXiv 2103.14030) the plane is rolled instead, so that the half
//! windows of opposite edges share a full one, and the mask keeps them from seeing each other: as many windows as without shift.

use burn::tensor::ops::PadMode;
use burn::tensor::{Device, Tensor, TensorData};

/// Side of a window in positions.
pub const WINDOW: usize = 8;

/// Positions in a window.
pub(super) const AREA: usize = WINDOW * WINDOW;

/// Added to the score of a key that must not be seen. Swin takes -100, but scores reach from -100 to 116 here; from -10000 the
/// weight is exactly zero, and unlike minus infinity it leaves a window full of padding without NaN.
const MASKED: f32 = -10_000.0;

/// Zeros at the bottom and right, up to whole windows: [batch, h, w, c] -> [batch, 8 m, 8 n, c].
pub(super) fn pad(x: Tensor<4>) -> Tensor<4> {
    let [_, h, w, _] = x.dims();
    let (below, right) = (whole_windows(h) - h, whole_windows(w) - w);
    if below == 0 && right == 0 {
        return x;
    }
    x.pad([(0, 0), (0, below), (0, right), (0, 0)], PadMode::Constant(0.0))
}

fn whole_windows(length: usize) -> usize {
    length.next_multiple_of(WINDOW)
}

/// The grid of windows that begin at `shift`, `shift + 8`, .. on a plane of `height` x `width` positions.
#[derive(Clone, Copy, Debug)]
pub(super) struct Grid {
    height: usize,
    width: usize,
    shift: usize,
}

impl Grid {
    pub(super) fn new(height: usize, width: usize, shift: usize) -> Self {
        Self { height, width, shift }
    }

    /// Windows down and across, of the rolled plane.
    fn counts(&self) -> (usize, usize) {
        (whole_windows(self.height) / WINDOW, whole_windows(self.width) / WINDOW)
    }

    /// A padded plane [batch, 8 m, 8 n, c] -> its windows [batch * m * n, 8, 8, c].
    pub(super) fn split(&self, x: Tensor<4>) -> Tensor<4> {
        let [b, _, _, c] = x.dims();
        let (m, n) = self.counts();
        let back = -(self.shift as i64);
        x.roll(&[back, back], &[1, 2]).reshape([b, m, WINDOW, n, WINDOW, c]).permute([0, 1, 3, 2, 4, 5]).reshape([
            b * m * n,
            WINDOW,
            WINDOW,
            c,
        ])
    }

    /// The inverse, without the padding: heads [batch, m * n, heads, 64, width] -> [batch, height, width, heads * width].
    pub(super) fn merge(&self, windows: Tensor<5>) -> Tensor<4> {
        let [b, _, heads, _, width] = windows.dims();
        let (m, n) = self.counts();
        let shift = self.shift as i64;
        let plane = windows
            .reshape([b, m, n, heads, WINDOW, WINDOW, width])
            .permute([0, 1, 4, 2, 5, 3, 6])
            .reshape([b, m * WINDOW, n * WINDOW, heads * width])
            .roll(&[shift, shift], &[1, 2]);
        if (m * WINDOW, n * WINDOW) == (self.height, self.width) {
            return plane;
        }
        plane.slice([0..b, 0..self.height, 0..self.width, 0..heads * width])
    }

    /// What to add to the scores [1, m * n, 1, 64, 64]; `None` where every key of every window may be seen.
    pub(super) fn mask(&self, device: &Device) -> Option<Tensor<5>> {
        let (m, n) = self.counts();
        if self.shift == 0 && (m * WINDOW, n * WINDOW) == (self.height, self.width) {
            return None;
        }
        let axis = |length: usize, windows: usize| {
            let values = axis_mask(length, self.shift);
            Tensor::<3>::from_data(TensorData::new(values, [windows, WINDOW, WINDOW]), device)
        };
        // A key may be seen if both axes allow it: [window row, window column, query row, query column, key row, key column].
        let rows = axis(self.height, m).reshape([m, 1, WINDOW, 1, WINDOW, 1]);
        let columns = axis(self.width, n).reshape([1, n, 1, WINDOW, 1, WINDOW]);
        Some((rows + columns).reshape([1, m * n, 1, AREA, AREA]))
    }
}

/// The mask of one axis, [windows, query, key]: a key is seen from the same window of the *unrolled* axis, if it is no padding.
fn axis_mask(length: usize, shift: usize) -> Vec<f32> {
    let padded = whole_windows(length);
    let unrolled = |rolled: usize| (rolled + shift) % padded;
    let window_of = |position: usize| (position + WINDOW - shift) / WINDOW;
    let mut mask = Vec::with_capacity(padded * WINDOW);
    for start in (0..padded).step_by(WINDOW) {
        for query in (start..start + WINDOW).map(unrolled) {
            for key in (start..start + WINDOW).map(unrolled) {
                let seen = key < length && window_of(key) == window_of(query);
                mask.push(if seen { 0.0 } else { MASKED });
            }
        }
    }
    mask
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The seen keys of each window and query, as text.
    fn seen(length: usize, shift: usize) -> Vec<String> {
        let mask = axis_mask(length, shift);
        mask.chunks(WINDOW).map(|row| row.iter().map(|&v| if v == 0.0 { '1' } else { '.' }).collect()).collect()
    }

    #[test]
    fn without_shift_and_padding_everything_in_a_window_is_seen() {
        assert!(seen(16, 0).iter().all(|row| row == "11111111"));
        assert!(Grid::new(16, 24, 0).mask(&Device::flex()).is_none());
    }

    #[test]
    fn a_shifted_axis_has_half_windows_at_its_ends() {
        let rows = seen(16, 4);
        assert!(rows[..8].iter().all(|row| row == "11111111"), "positions 4..12: {rows:?}");
        assert!(rows[8..12].iter().all(|row| row == "1111...."), "positions 12..16: {rows:?}");
        assert!(rows[12..].iter().all(|row| row == "....1111"), "positions 0..4: {rows:?}");
    }

    #[test]
    fn padding_is_never_seen() {
        let rows = seen(5, 0);
        assert!(rows.iter().all(|row| row == "11111..."), "{rows:?}");
        let rows = seen(5, 4);
        assert!(rows[..4].iter().all(|row| row == "1......."), "positions 4..8: {rows:?}");
        assert!(rows[4..].iter().all(|row| row == "....1111"), "positions 0..4: {rows:?}");
    }

    #[test]
    fn merging_undoes_splitting() {
        let device = Device::flex();
        let (b, h, w, c) = (2, 11, 17, 3);
        let values: Vec<f32> = (0..b * h * w * c).map(|i| i as f32).collect();
        let x = Tensor::<4>::from_data(TensorData::new(values, [b, h, w, c]), &device);
        for shift in [0, 4] {
            let grid = Grid::new(h, w, shift);
            let windows = grid.split(pad(x.clone()));
            let back = grid.merge(windows.reshape([b, 6, 1, AREA, c]));
            back.into_data().assert_eq(&x.clone().into_data(), true);
        }
    }
}
