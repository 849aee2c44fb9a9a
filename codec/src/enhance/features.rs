//! What a pixel is read for: differences to its neighbours, as they are and clipped, and the class of its surroundings.

use lic_model::filters::mending::{FEATURES, LIMITS, PAIRS, PER_SIGNAL, class, clip};

use crate::neighbourhood::{Around, LANES};

/// Lanes and one more at either end.
const WIDER: usize = LANES + 2;

/// Some pixels of a line, side by side.
pub(super) struct Pixels {
    /// [signal, plain or clipped, pair] of every pixel; of a grey picture those of the first signal.
    pub(super) features: [[f32; LANES]; FEATURES],
    pub(super) classes: [i32; LANES],
}

impl Pixels {
    pub(super) const NONE: Self = Self { features: [[0.0; LANES]; FEATURES], classes: [0; LANES] };

    /// Reads pixels from a column on in a picture of `C` colours.
    #[inline(always)]
    pub(super) fn read<const C: usize>(&mut self, around: &Around<'_>, column: usize) {
        // A grey sample stands for three that are the same.
        let scale = if C == 1 { 3.0 } else { 1.0 };
        for (signal, features) in self.features.chunks_exact_mut(PER_SIGNAL).take(C).enumerate() {
            let at: &[f32; LANES] = around.line(0).at(signal, column, 0);
            let limit = LIMITS[signal];
            let (plain, clipped) = features.split_at_mut(PAIRS.len());
            for ((rows, columns), (plain, clipped)) in PAIRS.into_iter().zip(plain.iter_mut().zip(clipped)) {
                let a: &[f32; LANES] = around.line(rows).at(signal, column, columns);
                let b: &[f32; LANES] = around.line(-rows).at(signal, column, -columns);
                for lane in 0..LANES {
                    let (a, b) = ((a[lane] - at[lane]) * scale, (b[lane] - at[lane]) * scale);
                    plain[lane] = a + b;
                    clipped[lane] = clip(a, limit) + clip(b, limit);
                }
            }
        }
        self.classify(around, column, scale);
    }

    /// Sums of the magnitudes of second differences over 3x3 pixels, of brightness: how busy they are, and which way they run.
    #[inline(always)]
    fn classify(&mut self, around: &Around<'_>, column: usize, scale: f32) {
        // Down, across, and along both diagonals: columns of three, from one column before.
        let mut sums = [[0.0; WIDER]; 4];
        for row in -1..=1 {
            let [above, line, below] = [row - 1, row, row + 1].map(|row| around.line(row));
            let of = |line: &crate::neighbourhood::Line, columns: isize| *line.at::<WIDER>(0, column, columns - 1);
            let at = of(line, 0);
            let pairs = [
                (of(above, 0), of(below, 0)),
                (of(line, -1), of(line, 1)),
                (of(above, -1), of(below, 1)),
                (of(above, 1), of(below, -1)),
            ];
            for (sums, (a, b)) in sums.iter_mut().zip(&pairs) {
                for lane in 0..WIDER {
                    sums[lane] += (2.0 * at[lane] - a[lane] - b[lane]).abs() * scale;
                }
            }
        }
        let mut sides = [[0.0; LANES]; 4];
        for (sides, sums) in sides.iter_mut().zip(&sums) {
            for lane in 0..LANES {
                sides[lane] = sums[lane] + sums[lane + 1] + sums[lane + 2];
            }
        }
        let [down, across, falling, rising] = &sides;
        for lane in 0..LANES {
            self.classes[lane] = class(down[lane], across[lane], falling[lane], rising[lane]);
        }
    }
}
