//! The start of training: the best linear codec, from a principal-component (KLT) analysis of training patches.
//!
//! 8x8x3 patches -> c8 components; 2x2 groups of those -> c16; the first y of those are the latent; synthesis gets the transposes. Features are
//! scaled by (standard deviation)^-1/2 so that all channels matter to the first layers. Measured on Kodak with the probe of the student: 29 to 34 dB
//! before the first step, where a random start has 23 dB after 400.

use nalgebra::{DMatrix, SymmetricEigen};

use crate::load::{Named, ParamError};
use crate::network::Network;
use crate::params;
use crate::preset::ModelConfig;

/// Values of an 8x8 RGB patch.
const PATCH: usize = 192;

/// Orthonormal basis of a set of vectors, strongest component first.
struct Basis {
    mean: Vec<f64>,
    /// Rows are components.
    rows: Vec<Vec<f64>>,
    /// Standard deviation of each component.
    deviation: Vec<f64>,
}

fn principal_components(vectors: &[Vec<f64>], keep: usize) -> Basis {
    let n = vectors.first().map_or(0, Vec::len);
    let count = vectors.len().max(1) as f64;
    let mut mean = vec![0.0; n];
    for vector in vectors {
        for (m, v) in mean.iter_mut().zip(vector) {
            *m += v / count;
        }
    }
    let centred = DMatrix::from_fn(n, vectors.len(), |i, j| vectors[j][i] - mean[i]);
    let covariance = &centred * centred.transpose() / count;
    let eigen = SymmetricEigen::new(covariance);
    let mut order: Vec<usize> = (0..n).collect();
    order.sort_by(|&a, &b| eigen.eigenvalues[b].total_cmp(&eigen.eigenvalues[a]));
    order.truncate(keep);
    Basis {
        mean,
        rows: order.iter().map(|&k| eigen.eigenvectors.column(k).iter().copied().collect()).collect(),
        deviation: order.iter().map(|&k| eigen.eigenvalues[k].max(1e-8).sqrt()).collect(),
    }
}

/// Sets the 1x1 and 2x2 layers of `network` from `crops`: each a row-major list of `side * side` patches of 192 values in -0.5..=0.5
/// (the layout of [`crate::train::Batch`]).
///
/// # Errors
/// Only if `config` is not the network's.
pub fn start(network: Network, config: &ModelConfig, crops: &[Vec<f32>], side: usize) -> Result<Network, ParamError> {
    let patches: Vec<Vec<f64>> = crops
        .iter()
        .flat_map(|crop| crop.chunks_exact(PATCH))
        .map(|patch| patch.iter().map(|&v| f64::from(v)).collect())
        .collect();
    let n8 = config.c8.min(PATCH);
    let fine = principal_components(&patches, n8);
    let coefficients: Vec<Vec<f64>> = patches
        .iter()
        .map(|patch| {
            let centred: Vec<f64> = patch.iter().zip(&fine.mean).map(|(v, m)| v - m).collect();
            fine.rows.iter().map(|row| row.iter().zip(&centred).map(|(a, b)| a * b).sum()).collect()
        })
        .collect();
    let half = side / 2;
    let mut groups = Vec::with_capacity(coefficients.len() / 4);
    for crop in coefficients.chunks_exact(side * side) {
        for (row, column) in (0..half).flat_map(|r| (0..half).map(move |c| (r, c))) {
            let corner = 2 * row * side + 2 * column;
            groups.push(
                [corner, corner + 1, corner + side, corner + side + 1]
                    .iter()
                    .flat_map(|&i| crop[i].iter().copied())
                    .collect(),
            );
        }
    }
    let coarse = principal_components(&groups, config.c16.min(4 * n8));
    let n16 = coarse.rows.len();
    let latents = config.y.min(n16);
    // Feature scales: (standard deviation)^-1/2.
    let s8: Vec<f64> = fine.deviation.iter().map(|d| d.powf(-0.5)).collect();
    let s16: Vec<f64> = coarse.deviation.iter().map(|d| d.powf(-0.5)).collect();

    let mut layers = Layers::of(&network);
    layers.fill("analysis.stem.weight", |old, i| {
        let (input, c) = (i / config.c8, i % config.c8);
        if c < n8 { s8[c] * fine.rows[c][input] } else { old }
    });
    layers.fill("analysis.stem.bias", |_, c| {
        if c < n8 { -s8[c] * fine.rows[c].iter().zip(&fine.mean).map(|(a, b)| a * b).sum::<f64>() } else { 0.0 }
    });
    layers.fill("analysis.down.weight", |_, i| {
        let (input, k) = (i / config.c16, i % config.c16);
        let (corner, c) = (input / config.c8, input % config.c8);
        if k < n16 && c < n8 { s16[k] * coarse.rows[k][corner * n8 + c] / s8[c] } else { 0.0 }
    });
    layers.fill("analysis.head.weight", |_, i| {
        let (k, m) = (i / config.y, i % config.y);
        if k == m && m < latents { 1.0 / s16[m] } else { 0.0 }
    });
    layers.fill("synthesis.stem.weight", |_, i| {
        let (m, k) = (i / config.c16, i % config.c16);
        if k == m && m < latents { s16[m] } else { 0.0 }
    });
    layers.fill("synthesis.up.weight", |_, i| {
        let (k, output) = (i / (4 * config.c8), i % (4 * config.c8));
        let (corner, c) = (output / config.c8, output % config.c8);
        if k < n16 && c < n8 { s8[c] * coarse.rows[k][corner * n8 + c] / s16[k] } else { 0.0 }
    });
    layers.fill("synthesis.head.weight", |_, i| {
        let (c, output) = (i / PATCH, i % PATCH);
        if c < n8 { fine.rows[c][output] / s8[c] } else { 0.0 }
    });
    layers.fill("synthesis.head.bias", |_, i| fine.mean[i]);
    layers.fill("prior.log_deviation", |_, m| coarse.deviation.get(m).copied().unwrap_or(1e-4).ln());
    layers.into_network(network)
}

/// A network's parameters by name, open for change.
struct Layers(Named);

impl Layers {
    fn of(network: &Network) -> Self {
        Self(params::named(network))
    }

    /// Sets element `i` of a tensor to `f(old, i)`.
    fn fill(&mut self, name: &str, f: impl Fn(f64, usize) -> f64) {
        if let Some((_, values)) = self.0.get_mut(name) {
            for (i, value) in values.iter_mut().enumerate() {
                *value = f(f64::from(*value), i) as f32;
            }
        }
    }

    fn into_network(self, network: Network) -> Result<Network, ParamError> {
        params::with_named(network, &self.0)
    }
}
