//! Attention heads with one grid of windows, forwards and backwards: [`crate::net::HeadGroup`] with its position bias.

use std::ops::Range;

use super::kernels::{Left, Right, Start, multiply, pack_transposed, relu, relu_back};
use super::layer::{Dense, Size};
use super::pool::{Pool, Work};
use super::{Layout, Missing};
use crate::net::Precision;
use crate::net::attention::{BIAS_MAX, LENGTH_EPSILON, SCALE_MAX, WINDOW, coordinates, row_of_pair};

/// `heads` heads of `width` channels.
#[derive(Debug)]
pub(crate) struct Group {
    query: Dense,
    key: Dense,
    value: Dense,
    log_scale: Range<usize>,
    /// 2 -> hidden -> heads, on all distances.
    hidden: Dense,
    output: Dense,
    heads: usize,
    width: usize,
    shift: usize,
    /// 1 / temperature [heads], and whether it has a gradient.
    scales: Vec<(f32, bool)>,
    distances: Vec<f32>,
    /// The position bias of every distance [225, heads], and the hidden layer behind it.
    table: Vec<f32>,
    bent: Vec<f32>,
}

/// What [`Group::back`] needs.
#[derive(Debug)]
pub(crate) struct GroupKept {
    /// Queries of length 1 / temperature and keys of length 1 [positions, inner], and their inverse lengths [positions, heads] before.
    query: Vec<f32>,
    key: Vec<f32>,
    query_inverse: Vec<f32>,
    key_inverse: Vec<f32>,
    value: Vec<f32>,
    /// Weights of every window and head [n, n].
    weights: Vec<Vec<f32>>,
}

impl GroupKept {
    pub(crate) fn give(self, pool: &mut Pool) {
        let own = [self.query, self.key, self.query_inverse, self.key_inverse, self.value];
        own.into_iter().chain(self.weights).for_each(|buffer| pool.give(buffer));
    }
}

impl Group {
    pub(crate) fn find(layout: &Layout<'_>, path: &str, shift: usize) -> Result<Self, Missing> {
        let log_scale = layout.find(&format!("{path}.log_scale"))?.0;
        let query = Dense::find(layout, &format!("{path}.query"))?;
        Ok(Self {
            key: Dense::without_bias(layout, &format!("{path}.key"))?,
            value: Dense::find(layout, &format!("{path}.value"))?,
            hidden: Dense::find(layout, &format!("{path}.position.hidden"))?,
            output: Dense::without_bias(layout, &format!("{path}.position.output"))?,
            heads: log_scale.len(),
            width: query.outputs / log_scale.len(),
            query,
            log_scale,
            shift,
            scales: Vec::new(),
            distances: coordinates(),
            table: Vec::new(),
            bent: Vec::new(),
        })
    }

    /// Channels of all heads.
    pub(crate) fn inner(&self) -> usize {
        self.heads * self.width
    }

    pub(crate) fn load(&mut self, weights: &[f32], precision: Precision) {
        [&mut self.query, &mut self.key, &mut self.value].into_iter().for_each(|layer| layer.load(weights, precision));
        [&mut self.hidden, &mut self.output].into_iter().for_each(|layer| layer.load(weights, Precision::F32));
        let logs = &weights[self.log_scale.clone()];
        let most = SCALE_MAX.ln();
        self.scales = logs.iter().map(|&log| (log.min(most).exp(), log <= most)).collect();
        let mut pool = Pool::default();
        self.bent = self.hidden.forward(&self.distances, &mut pool);
        relu(&mut self.bent);
        self.table = self.output.forward(&self.bent, &mut pool);
        self.table.iter_mut().for_each(|score| *score = BIAS_MAX / (1.0 + (-*score).exp()));
    }

    /// [h, w, c] -> [h, w, inner].
    pub(crate) fn forward(&self, x: &[f32], size: Size, pool: &mut Pool) -> (Vec<f32>, GroupKept) {
        let (heads, width, inner) = (self.heads, self.width, self.inner());
        let mut query = self.query.forward(x, pool);
        let mut key = self.key.forward(x, pool);
        let value = self.value.forward(x, pool);
        let mut query_inverse = pool.take(query.len() / width);
        let mut key_inverse = pool.take(query.len() / width);
        for (plane, inverse, scaled) in [(&mut query, &mut query_inverse, true), (&mut key, &mut key_inverse, false)] {
            for (i, (head, inverse)) in plane.chunks_exact_mut(width).zip(inverse).enumerate() {
                *inverse = 1.0 / (head.iter().map(|v| v * v).sum::<f32>() + LENGTH_EPSILON).sqrt();
                let factor = if scaled { *inverse * self.scales[i % heads].0 } else { *inverse };
                head.iter_mut().for_each(|v| *v *= factor);
            }
        }
        let mut out = pool.take(query.len());
        let mut weights = Vec::new();
        let (mut packed, mut result) = (Vec::new(), Vec::new());
        for window in windows(size, self.shift) {
            let n = window.len();
            for head in 0..heads {
                let gather = |plane: &[f32]| gathered(plane, &window, inner, head * width, width);
                let (q, k, v) = (gather(&query), gather(&key), gather(&value));
                let mut scores = pool.take(n * n);
                pack_transposed(&k, width, &mut packed);
                let left = Left { data: &q[..], row: width, step: 1 };
                multiply(&mut scores, n, left, Right::packed(&packed, width), [n, n, width], Start::Zero);
                for (row, &a) in scores.chunks_exact_mut(n).zip(&window) {
                    let mut most = f32::MIN;
                    for (score, &b) in row.iter_mut().zip(&window) {
                        *score += self.table[distance(a, b, size[1]) * heads + head];
                        most = most.max(*score);
                    }
                    row.iter_mut().for_each(|score| *score = (*score - most).exp());
                    let sum: f32 = row.iter().sum();
                    row.iter_mut().for_each(|score| *score /= sum);
                }
                result.resize(n * width, 0.0);
                let left = Left { data: &scores[..], row: n, step: 1 };
                multiply(&mut result, width, left, Right::plain(&v, width), [n, width, n], Start::Zero);
                scatter(&result, &window, &mut out, inner, head * width, width);
                weights.push(scores);
            }
        }
        (out, GroupKept { query, key, query_inverse, key_inverse, value, weights })
    }

    /// The result's gradient -> the input's.
    pub(crate) fn back(&self, kept: GroupKept, x: &[f32], d: &[f32], size: Size, work: &mut Work) -> Vec<f32> {
        let (heads, width, inner) = (self.heads, self.width, self.inner());
        let mut d_query = work.pool.take(d.len());
        let mut d_key = work.pool.take(d.len());
        let mut d_value = work.pool.take(d.len());
        let mut d_table = vec![0.0f32; self.table.len()];
        let mut weights = kept.weights.iter();
        let (mut packed, mut result, mut d_scores) = (Vec::new(), Vec::new(), Vec::new());
        for window in windows(size, self.shift) {
            let n = window.len();
            for (head, weights) in (0..heads).zip(&mut weights) {
                let gather = |plane: &[f32]| gathered(plane, &window, inner, head * width, width);
                let (q, k, v, d) = (gather(&kept.query), gather(&kept.key), gather(&kept.value), gather(d));
                result.resize(n * width, 0.0);
                d_scores.resize(n * n, 0.0);
                let rows = |data| Left { data, row: n, step: 1 };
                let columns = |data| Left { data, row: 1, step: n };
                let mut product = |left: Left<'_>, right: &[f32], into: &mut [f32]| {
                    multiply(&mut result, width, left, Right::plain(right, width), [n, width, n], Start::Zero);
                    scatter(&result, &window, into, inner, head * width, width);
                };
                product(columns(weights), &d, &mut d_value);
                pack_transposed(&v, width, &mut packed);
                let left = Left { data: &d[..], row: width, step: 1 };
                multiply(&mut d_scores, n, left, Right::packed(&packed, width), [n, n, width], Start::Zero);
                for ((d_row, row), &a) in d_scores.chunks_exact_mut(n).zip(weights.chunks_exact(n)).zip(&window) {
                    let mean: f32 = d_row.iter().zip(row).map(|(d, weight)| d * weight).sum();
                    for ((d, weight), &b) in d_row.iter_mut().zip(row).zip(&window) {
                        *d = weight * (*d - mean);
                        d_table[distance(a, b, size[1]) * heads + head] += *d;
                    }
                }
                product(rows(&d_scores), &k, &mut d_query);
                product(columns(&d_scores), &q, &mut d_key);
            }
        }
        self.lengths_back(&mut d_query, &kept.query, &kept.query_inverse, true, work);
        self.lengths_back(&mut d_key, &kept.key, &kept.key_inverse, false, work);
        self.position_back(d_table, work);
        let mut d_x = self.query.back(&d_query, &mut work.pool);
        for (layer, d) in [(&self.key, &d_key), (&self.value, &d_value)] {
            layer.back_into(d, &mut d_x, &mut work.pool);
        }
        for (layer, d) in [(&self.query, &d_query), (&self.key, &d_key), (&self.value, &d_value)] {
            layer.learn(x, d, work);
        }
        kept.give(&mut work.pool);
        for buffer in [d_query, d_key, d_value] {
            work.pool.give(buffer);
        }
        d_x
    }

    /// From gradients of vectors of a set length to those of the vectors before.
    fn lengths_back(&self, d: &mut [f32], plane: &[f32], inverse: &[f32], scaled: bool, work: &mut Work) {
        let (heads, width) = (self.heads, self.width);
        let rows = d.chunks_exact_mut(width).zip(plane.chunks_exact(width)).zip(inverse);
        for (i, ((d, vector), inverse)) in rows.enumerate() {
            let along: f32 = d.iter().zip(vector).map(|(d, v)| d * v).sum();
            let (scale, free) = if scaled { self.scales[i % heads] } else { (1.0, false) };
            if free && !work.gradient.is_empty() {
                work.gradient[self.log_scale.start + i % heads] += along;
            }
            let towards = along / (scale * scale);
            d.iter_mut().zip(vector).for_each(|(d, v)| *d = scale * inverse * (*d - v * towards));
        }
    }

    /// From gradients of the position bias to those of the network behind it.
    fn position_back(&self, mut d_table: Vec<f32>, work: &mut Work) {
        if work.gradient.is_empty() {
            return;
        }
        for (d, bias) in d_table.iter_mut().zip(&self.table) {
            *d *= bias * (1.0 - bias / BIAS_MAX);
        }
        self.output.learn(&self.bent, &d_table, work);
        let mut d_bent = self.output.back(&d_table, &mut work.pool);
        relu_back(&self.bent, &mut d_bent);
        self.hidden.learn(&self.distances, &d_bent, work);
        work.pool.give(d_bent);
    }
}

/// The row of the table for query `a` and key `b` of a window.
fn distance(a: usize, b: usize, columns: usize) -> usize {
    row_of_pair([a / columns, a % columns], [b / columns, b % columns])
}

/// The positions of every window that begins at `shift` and every 8 further on, the cut-off ones at the edges included.
fn windows([h, w]: Size, shift: usize) -> Vec<Vec<usize>> {
    let cuts = |length: usize| -> Vec<Range<usize>> {
        let starts = std::iter::once(0).chain((shift..length).step_by(WINDOW).filter(|&start| start > 0));
        starts.map(|start| start..(start + WINDOW - (start + WINDOW - shift) % WINDOW).min(length)).collect()
    };
    let columns = cuts(w);
    let rows = cuts(h).into_iter();
    rows.flat_map(|rows| {
        columns
            .iter()
            .map(move |columns| {
                rows.clone().flat_map(|row| columns.clone().map(move |column| row * w + column)).collect()
            })
            .collect::<Vec<_>>()
    })
    .collect()
}

/// Channels `first..first + width` of the window's positions [n, width].
fn gathered(plane: &[f32], window: &[usize], inner: usize, first: usize, width: usize) -> Vec<f32> {
    window.iter().flat_map(|position| &plane[position * inner + first..][..width]).copied().collect()
}

/// The inverse of [`gathered`].
fn scatter(values: &[f32], window: &[usize], plane: &mut [f32], inner: usize, first: usize, width: usize) {
    for (row, position) in values.chunks_exact(width).zip(window) {
        plane[position * inner + first..][..width].copy_from_slice(row);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_cover_the_plane_once_and_are_cut_at_their_grid() {
        for (size, shift, count) in [([8, 16], 0, 2), ([8, 16], 4, 6), ([5, 3], 4, 2), ([12, 20], 4, 6), ([9, 9], 0, 4)]
        {
            let windows = windows(size, shift);
            assert_eq!(windows.len(), count, "{size:?} {shift}");
            let mut all: Vec<usize> = windows.concat();
            all.sort_unstable();
            assert_eq!(all, (0..size[0] * size[1]).collect::<Vec<_>>());
            for window in windows {
                let cell = |at: usize| [at / size[1], at % size[1]].map(|side| (side + WINDOW - shift) / WINDOW);
                assert!(window.iter().all(|&at| cell(at) == cell(window[0])));
            }
        }
    }
}
