//! The distortion of a window and its gradient, computed in bands with an overlap, one per thread.
//!
//! Bands are as far apart as the synthesis sees, so that their sums are those of the whole window.

use std::ops::Range;
use std::sync::{Mutex, PoisonError};

use rayon::prelude::*;

use super::Setting;
use super::window::Extent;
use crate::backprop::kernels::add;
use crate::backprop::pool::Work;

/// Least latents of a band across its cut: more overlap than this is waste.
const LEAST: usize = 12;

/// A band: the samples of its core, and all latents that they depend on.
#[derive(Debug)]
struct Band {
    /// Rows and columns of the window.
    rows: Range<usize>,
    columns: Range<usize>,
    target: Vec<f32>,
    /// What a squared error costs, in bits; 0 outside of the core.
    weight: Vec<f32>,
    /// Memory of one evaluation for the next.
    work: Mutex<Work>,
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
            let mut weight_of_core = cut(weight, columns, &band_rows, &band_columns);
            let places = patches(&band_rows, &band_columns).zip(weight_of_core.chunks_exact_mut(192));
            for ([row, column], weight) in places {
                if !(own_rows.contains(&(row / 2)) && own_columns.contains(&(column / 2))) {
                    weight.fill(0.0);
                }
            }
            let target = cut(target, columns, &band_rows, &band_columns);
            Band { rows: band_rows, columns: band_columns, target, weight: weight_of_core, work: Mutex::default() }
        };
        let bands = (0..count).map(band).collect();
        Self { setting, extent: extent.clone(), around, bands }
    }

    /// Compares with other patches [2 rows, 2 columns, 192] of the window from here on.
    pub(super) fn aim_at(&mut self, target: &[f32]) {
        for band in &mut self.bands {
            band.target = cut(target, self.extent.window[1], &band.rows, &band.columns);
        }
    }

    /// The distortion in bits, and its derivative by every latent of the tile, with these latents [rows, columns, y] of the tile.
    pub(super) fn gradient(&self, decoded: &[f32]) -> (f64, Vec<f32>) {
        let of_band = |band| self.evaluate(band, decoded, true);
        let parts: Vec<(f64, Vec<f32>)> = self.bands.par_iter().map(of_band).collect();
        let mut sum = (0.0, vec![0.0; decoded.len()]);
        for (band, (distortion, gradient)) in self.bands.iter().zip(parts) {
            sum.0 += distortion;
            self.overlap(band, |tile, place| {
                add(&mut sum.1[tile], &gradient[place]);
            });
        }
        sum
    }

    /// The distortion alone.
    pub(super) fn distortion(&self, decoded: &[f32]) -> f64 {
        self.bands.par_iter().map(|band| self.evaluate(band, decoded, false).0).sum()
    }

    /// The distortion of a band in bits and, if asked for, its derivative by the band's latents.
    fn evaluate(&self, band: &Band, decoded: &[f32], back: bool) -> (f64, Vec<f32>) {
        let gain = &self.setting.gain;
        let mut y = self.latents(band, decoded);
        for row in y.chunks_exact_mut(gain.len()) {
            row.iter_mut().zip(gain).for_each(|(y, gain)| *y /= gain);
        }
        let synthesis = &self.setting.of.synthesis;
        // Not held while it is used: a thread that waits for others may be given another band's work.
        let mut work = std::mem::take(&mut *band.work.lock().unwrap_or_else(PoisonError::into_inner));
        let size = [2 * band.rows.len(), 2 * band.columns.len()];
        let (mut patches, kept) = synthesis.forward(&y, self.setting.feature_gain.clone(), size, &mut work.pool);
        let distortion = squares(&mut patches, band);
        let mut gradient = if back {
            synthesis.back(kept, &y, 0, &patches, size, &mut work)
        } else {
            kept.give(&mut work.pool);
            Vec::new()
        };
        work.pool.give(patches);
        *band.work.lock().unwrap_or_else(PoisonError::into_inner) = work;
        for row in gradient.chunks_exact_mut(gain.len()) {
            row.iter_mut().zip(gain).for_each(|(d, gain)| *d /= gain);
        }
        (distortion, gradient)
    }

    /// The latents of a band, in quantisation steps.
    fn latents(&self, band: &Band, decoded: &[f32]) -> Vec<f32> {
        let (channels, columns) = (self.setting.of.config().y, self.extent.window[1]);
        let mut latents = Vec::with_capacity(band.rows.len() * band.columns.len() * channels);
        for row in band.rows.clone() {
            let start = row * columns + band.columns.start;
            latents.extend_from_slice(&self.around[start * channels..(start + band.columns.len()) * channels]);
        }
        self.overlap(band, |tile, place| latents[place].copy_from_slice(&decoded[tile]));
        latents
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

/// The places of the patches over some rows and columns of latents.
fn patches(rows: &Range<usize>, columns: &Range<usize>) -> impl Iterator<Item = [usize; 2]> {
    let columns = 2 * columns.start..2 * columns.end;
    (2 * rows.start..2 * rows.end).flat_map(move |row| columns.clone().map(move |column| [row, column]))
}

/// The patches over some rows and columns of a window with so many columns of latents.
fn cut(plane: &[f32], width: usize, rows: &Range<usize>, columns: &Range<usize>) -> Vec<f32> {
    let mut out = Vec::with_capacity(4 * rows.len() * columns.len() * 192);
    for [row, column] in patches(rows, columns) {
        out.extend_from_slice(&plane[(row * 2 * width + column) * 192..][..192]);
    }
    out
}

/// The weighted squared error of decoded patches, which become its derivative by them.
fn squares(patches: &mut [f32], band: &Band) -> f64 {
    let mut sum = 0.0;
    for (i, patch) in patches.chunks_mut(192).enumerate() {
        let mut part = 0.0f32;
        let place = i * 192..i * 192 + patch.len();
        for ((value, target), weight) in patch.iter_mut().zip(&band.target[place.clone()]).zip(&band.weight[place]) {
            // A decoder clips too.
            let clipped = value.clamp(-0.5, 0.5);
            let error = clipped - target;
            part += weight * error * error;
            *value = if clipped == *value { 2.0 * weight * error } else { 0.0 };
        }
        sum += f64::from(part);
    }
    sum
}
