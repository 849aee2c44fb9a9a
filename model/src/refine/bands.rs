//! The distortion of a window and its gradient, computed in bands with an overlap, one per thread.
//!
//! burn's products use several threads, but what lies between them does not: half of the time of a step was spent on one thread. Bands are as far
//! apart as the synthesis sees, so that their sums are those of the whole window.

use std::ops::Range;

use burn::tensor::Tensor;
use rayon::prelude::*;

use super::Setting;
use super::window::Extent;
use crate::params::read;

/// Least latents of a band across its cut: more overlap than this is waste.
const LEAST: usize = 12;

/// A band: the samples of its core, and all latents that they depend on.
#[derive(Debug)]
struct Band {
    /// Rows and columns of the window.
    rows: Range<usize>,
    columns: Range<usize>,
    target: Tensor<4>,
    /// Square root of what a squared error costs; 0 outside of the core.
    weight: Tensor<4>,
}

/// A window in bands.
#[derive(Debug)]
pub(super) struct Bands<'a> {
    setting: &'a Setting<'a>,
    extent: Extent,
    /// Latents of the window in quantisation steps; those of the tile do not matter.
    around: Vec<f32>,
    bands: Vec<Band>,
}

impl<'a> Bands<'a> {
    /// `around` [rows, columns, y], `target` and `weight` [2 rows, 2 columns, 192] of the window.
    pub(super) fn new(
        setting: &'a Setting<'a>,
        extent: &Extent,
        around: Vec<f32>,
        target: &[f32],
        weight: &[f32],
    ) -> Self {
        let [rows, columns] = extent.window;
        let config = setting.of.config();
        let along = rows.max(columns);
        let threads = rayon::current_num_threads().max(1);
        // Attention windows must stay on their grid.
        let count = if config.head_width.is_some() { 1 } else { (along / LEAST).clamp(1, threads) };
        let band = |i: usize| {
            let core = along * i / count..along * (i + 1) / count;
            let seen = core.start.saturating_sub(config.halo())..(core.end + config.halo()).min(along);
            let across = |seen: Range<usize>| if rows > columns { (seen, 0..columns) } else { (0..rows, seen) };
            let ((own_rows, own_columns), (band_rows, band_columns)) = (across(core), across(seen));
            let cut = |plane: &[f32], value: &dyn Fn(f32) -> f32, keep: [Range<usize>; 2]| {
                let mut out = Vec::with_capacity(4 * band_rows.len() * band_columns.len() * 192);
                for row in 2 * band_rows.start..2 * band_rows.end {
                    for column in 2 * band_columns.start..2 * band_columns.end {
                        let patch = &plane[(row * 2 * columns + column) * 192..][..192];
                        let kept = keep[0].contains(&(row / 2)) && keep[1].contains(&(column / 2));
                        out.extend(patch.iter().map(|&v| if kept { value(v) } else { 0.0 }));
                    }
                }
                setting.of.tensor(out, [1, 2 * band_rows.len(), 2 * band_columns.len(), 192])
            };
            let target = cut(target, &|v| v, [0..rows, 0..columns]);
            let weight = cut(weight, &f32::sqrt, [own_rows, own_columns]);
            Band { rows: band_rows, columns: band_columns, target, weight }
        };
        let bands = (0..count).map(band).collect();
        Self { setting, extent: extent.clone(), around, bands }
    }

    /// The distortion in bits, and its derivative by every latent of the tile, with these latents [rows, columns, y] of the tile.
    pub(super) fn gradient(&self, decoded: &[f32]) -> (f64, Vec<f32>) {
        let parts: Vec<(f64, Vec<f32>)> = self.bands.par_iter().map(|band| self.of_band(band, decoded)).collect();
        let mut sum = (0.0, vec![0.0; decoded.len()]);
        for (band, (distortion, gradient)) in self.bands.iter().zip(parts) {
            sum.0 += distortion;
            self.overlap(band, |tile, place| {
                sum.1[tile].iter_mut().zip(&gradient[place]).for_each(|(sum, part)| *sum += part);
            });
        }
        sum
    }

    fn of_band(&self, band: &Band, decoded: &[f32]) -> (f64, Vec<f32>) {
        let latents = self.latents(band, decoded).require_grad();
        let squares = self.squares(band, latents.clone());
        let distortion = f64::from(squares.clone().without_autodiff().into_scalar::<f32>());
        let gradient = latents.grad(&squares.backward()).map(read);
        (distortion, gradient.unwrap_or_else(|| vec![0.0; latents.dims().iter().product()]))
    }

    /// The distortion alone.
    pub(super) fn distortion(&self, decoded: &[f32]) -> f64 {
        let of_band = |band| f64::from(self.squares(band, self.latents(band, decoded)).into_scalar::<f32>());
        self.bands.par_iter().map(of_band).sum()
    }

    fn squares(&self, band: &Band, latents: Tensor<4>) -> Tensor<1> {
        // A decoder clips too.
        let error = self.setting.synthesise(latents).clamp(-0.5, 0.5) - band.target.clone();
        let error = error * band.weight.clone();
        (error.clone() * error).sum()
    }

    /// The latents of a band.
    fn latents(&self, band: &Band, decoded: &[f32]) -> Tensor<4> {
        let (channels, columns) = (self.setting.of.config().y, self.extent.window[1]);
        let mut latents = Vec::with_capacity(band.rows.len() * band.columns.len() * channels);
        for row in band.rows.clone() {
            let start = row * columns + band.columns.start;
            latents.extend_from_slice(&self.around[start * channels..(start + band.columns.len()) * channels]);
        }
        self.overlap(band, |tile, place| latents[place].copy_from_slice(&decoded[tile]));
        self.setting.of.tensor(latents, [1, band.rows.len(), band.columns.len(), channels])
    }

    /// Calls `each` for every run of latents that the tile and the band share: its place in the tile, and in the band.
    fn overlap(&self, band: &Band, mut each: impl FnMut(Range<usize>, Range<usize>)) {
        let (channels, tile) = (self.setting.of.config().y, &self.extent);
        let columns = band.columns.start.max(tile.columns.start)..band.columns.end.min(tile.columns.end);
        let place = |row: usize, first: usize, width: usize, left: usize| {
            let start = ((row - first) * width + columns.start - left) * channels;
            start..start + columns.len() * channels
        };
        for row in band.rows.start.max(tile.rows.start)..band.rows.end.min(tile.rows.end) {
            if columns.is_empty() {
                return;
            }
            each(
                place(row, tile.rows.start, tile.columns.len(), tile.columns.start),
                place(row, band.rows.start, band.columns.len(), band.columns.start),
            );
        }
    }
}
