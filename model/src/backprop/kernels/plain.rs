//! The product in plain loops: what [`super::wide`] and [`super::avx2`] have to agree with, and what runs where there is neither.

use super::{Element, Left, PANEL, Right, Start};

/// Two rows of a panel at a time, in registers where there are 16 of 8 lanes.
#[inline(always)]
pub(super) fn multiply<E: Element>(
    c: &mut [f32],
    stride: usize,
    left: Left<'_, E>,
    right: Right<'_, E>,
    [rows, columns, steps]: [usize; 3],
    start: Start<'_>,
) {
    for j in (0..columns).step_by(PANEL) {
        let width = PANEL.min(columns - j);
        let panel = &right.data[j / PANEL * right.panel..];
        for i in (0..rows).step_by(2) {
            let both = i + 1 < rows;
            let mut sums = [[0.0f32; PANEL]; 2];
            for (r, sums) in sums.iter_mut().enumerate().take(1 + usize::from(both)) {
                match start {
                    Start::There => sums[..width].copy_from_slice(&c[(i + r) * stride + j..][..width]),
                    Start::Bias(bias) => sums[..width].copy_from_slice(&bias[j..j + width]),
                    Start::Zero => {}
                }
            }
            for l in 0..steps {
                let a = [0, usize::from(both)].map(|r| left.data[(i + r) * left.row + l * left.step]);
                let b = &panel[l * right.row..][..width];
                if let Ok(b) = <&[E; PANEL]>::try_from(b) {
                    for k in 0..PANEL {
                        sums[0][k] = E::multiply_add(sums[0][k], a[0], b[k]);
                        sums[1][k] = E::multiply_add(sums[1][k], a[1], b[k]);
                    }
                } else {
                    for (k, b) in b.iter().enumerate() {
                        sums[0][k] = E::multiply_add(sums[0][k], a[0], *b);
                        sums[1][k] = E::multiply_add(sums[1][k], a[1], *b);
                    }
                }
            }
            for (r, sums) in sums.iter().enumerate().take(1 + usize::from(both)) {
                c[(i + r) * stride + j..][..width].copy_from_slice(&sums[..width]);
            }
        }
    }
}
