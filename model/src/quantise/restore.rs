//! The way back: a weight file as a float network to train on from.
//!
//! The inverse of [`super::export`] up to rounding: i16 weights become floats again, the whitening stays folded into the transforms (deviation 1). Two things
//! are lost: optimiser state, and the exact mixtures behind the hyper-latent's tables, which are fitted to the tables again ([`super::mixture`]). A run from
//! a weight file therefore warms up like a new one.

use burn::tensor::Device;
use rayon::prelude::*;
use safetensors::tensor::Dtype;

use super::RestoreError;
use super::gains::{MEAN_UNITS, log_scale_units};
use super::mixture::{self, Parameters};
use super::tables::frequencies;
use crate::load::Named;
use crate::network::Network;
use crate::params;
use crate::preset::{KNOTS, ModelConfig, Z_KNOTS};
use crate::prior::Grid;
use crate::prior::density::COMPONENTS;
use crate::weights::{WeightFile, check_grid};

/// The float network of a weight file's preset sizes, with the file's weights.
///
/// # Errors
/// See [`RestoreError`].
pub fn restore(file: &WeightFile<'_>, device: &Device) -> Result<Network, RestoreError> {
    let grid = recorded_grid(file)?.ok_or(RestoreError::NoGrid)?;
    with_grid(file, grid, mixture::fitted, device)
}

/// The same to compute with, not to train on: its density is a rough one, as files have tables of their own for that. Also from files that do not record
/// their grid. Activations then count in integer steps, and only what enters and leaves the network has its own unit.
///
/// # Errors
/// See [`RestoreError`].
pub fn restore_to_run(file: &WeightFile<'_>, device: &Device) -> Result<Network, RestoreError> {
    match recorded_grid(file)? {
        Some(grid) => with_grid(file, grid, mixture::rough, device),
        None => with_grid(file, &derived_grid(file)?, mixture::rough, device),
    }
}

/// The grid of a file whose description is possible, if it has one.
fn recorded_grid<'a>(file: &'a WeightFile<'_>) -> Result<Option<&'a Grid>, RestoreError> {
    file.info.config.checked(file.elements())?;
    let grid = file.info.grid.as_ref();
    grid.map(check_grid).transpose()?;
    Ok(grid)
}

/// A grid of single steps, with the units of hyper-latents and feedback that the integer tables have.
fn derived_grid(file: &WeightFile<'_>) -> Result<Grid, RestoreError> {
    let (restore, config) = (Restore { file, grid: &Grid::new(), named: Named::new() }, &file.info.config);
    let mut sites: Vec<String> = ["stream1", "stream2", "hidden1", "hidden2"].map(|s| format!("hyper.{s}")).into();
    for pass in 1..4 {
        sites.push(format!("pass{pass}.stream"));
        sites.extend((0..config.context_blocks).map(|block| format!("pass{pass}.hidden{block}")));
    }
    let mut grid: Grid = sites.into_iter().map(|site| (site, 1.0)).collect();
    let first =
        |name: &str, dtype, count| restore.integers(name, dtype, count).map(|v| v.first().copied().unwrap_or(0.0));
    let rows = KNOTS * config.y;
    let gain =
        first("prior.gain.mult", Dtype::U16, rows)? * 16.0 / first("prior.gain.shift", Dtype::U8, config.y)?.exp2();
    let shifts = first("prior.gain.shift_a", Dtype::U8, config.y)? + first("prior.gain.shift_b", Dtype::U8, config.y)?;
    let feedback = 64.0 * gain * first("prior.gain.inverse", Dtype::U16, rows)? / shifts.exp2();
    // The inverse is rounded; the unit is a power of two.
    grid.insert("feedback".to_owned(), feedback.max(1.0).log2().round().exp2() as f32);
    grid.insert("z".to_owned(), first("prior.z_shift", Dtype::U8, 1)?.exp2() as f32);
    Ok(grid)
}

/// How a table of the hyper-latent, its lowest symbol and frequencies, becomes a mixture.
type Inverse = fn(f64, &[f64]) -> Parameters;

fn with_grid(file: &WeightFile<'_>, grid: &Grid, inverse: Inverse, device: &Device) -> Result<Network, RestoreError> {
    let mut restore = Restore { file, grid, named: Named::new() };
    let config = &file.info.config;
    restore.transforms()?;
    restore.hyper(config)?;
    for pass in 0..4 {
        restore.pass(config, pass)?;
    }
    restore.gains(config)?;
    restore.density(config, inverse)?;
    Ok(params::with_named(Network::new(config, 0, device), &restore.named)?)
}

struct Restore<'a> {
    file: &'a WeightFile<'a>,
    grid: &'a Grid,
    named: Named,
}

/// One output row: weights and biases divided by K, in integer steps still.
struct Row {
    weights: Vec<f64>,
    bias: Vec<f64>,
}

impl Restore<'_> {
    fn steps(&self, site: &str) -> Result<f64, RestoreError> {
        self.grid.get(site).map(|&s| f64::from(s)).ok_or_else(|| RestoreError::NoSite(site.to_owned()))
    }

    /// Elements of an integer tensor of which there must be exactly `count`.
    fn integers(&self, name: &str, dtype: Dtype, count: usize) -> Result<Vec<f64>, RestoreError> {
        let values = self.file.integers(name, dtype).filter(|values| values.len() == count);
        values.ok_or_else(|| RestoreError::Tensor { name: name.to_owned() })
    }

    fn insert(&mut self, name: &str, shape: &[usize], values: impl IntoIterator<Item = f64>) {
        self.named.insert(name.to_owned(), (shape.to_vec(), values.into_iter().map(|v| v as f32).collect()));
    }

    fn transforms(&mut self) -> Result<(), RestoreError> {
        for (prefix, target) in
            [("analysis.", "analysis."), ("synthesis.", "synthesis."), ("hyper_analysis.", "prior.hyper_analysis.")]
        {
            for (name, (shape, mut values)) in self.file.floats(prefix)? {
                let name = match name.as_str() {
                    "gain" => {
                        values.iter_mut().for_each(|v| *v = v.max(1e-6).ln());
                        "log_gain"
                    }
                    name => name,
                };
                self.named.insert(format!("{target}{name}"), (shape, values));
            }
        }
        Ok(())
    }

    fn hyper(&mut self, config: &ModelConfig) -> Result<(), RestoreError> {
        let h = config.hidden;
        let (z, stream1, stream2) = (self.steps("z")?, self.steps("hyper.stream1")?, self.steps("hyper.stream2")?);
        self.dense(
            "prior.hyper.up1",
            "prior.hyper.up1",
            Some("prior.hyper.knots"),
            &vec![z; config.z],
            4 * h,
            stream1,
        )?;
        let hidden = self.steps("hyper.hidden1")?;
        self.block("prior.hyper.block1", "prior.hyper.block1", h, stream1, hidden)?;
        self.dense("prior.hyper.up2", "prior.hyper.up2", None, &vec![stream1; h], 4 * h, stream2)?;
        let hidden = self.steps("hyper.hidden2")?;
        self.block("prior.hyper.block2", "prior.hyper.block2", h, stream2, hidden)
    }

    fn pass(&mut self, config: &ModelConfig, pass: usize) -> Result<(), RestoreError> {
        let h = config.hidden;
        let mut stream = self.steps("hyper.stream2")?;
        if pass > 0 {
            let (source, target) = (format!("prior.pass{pass}"), format!("prior.passes.{}", pass - 1));
            let mut inputs = vec![stream; h];
            inputs.resize(h + config.y, self.steps("feedback")?);
            stream = self.steps(&format!("pass{pass}.stream"))?;
            let knots = format!("{target}.knots");
            self.dense(&format!("{source}.input"), &format!("{target}.input"), Some(&knots), &inputs, h, stream)?;
            for block in 0..config.context_blocks {
                let hidden = self.steps(&format!("pass{pass}.hidden{block}"))?;
                self.block(&format!("{source}.block{block}"), &format!("{target}.blocks.{block}"), h, stream, hidden)?;
            }
        }
        let target = format!("prior.heads.{pass}");
        let group = config.y / 4;
        let rows = self.rows(&format!("prior.pass{pass}.head"), 8 * group, h, 1)?;
        for (part, first, steps) in [("mean", 0, MEAN_UNITS), ("scale", group, log_scale_units())] {
            let row = |g: usize, o: usize| &rows[2 * g * group + first + o];
            let weights: Vec<f64> = (0..4 * h * group)
                .map(|i| row(i / (h * group), i % group).weights[i / group % h] * stream / steps)
                .collect();
            let bias: Vec<f64> = (0..4 * group).map(|i| row(i / group, i % group).bias[0] / steps).collect();
            self.insert(&format!("{target}.{part}"), &[4, h, group], weights);
            self.insert(&format!("{target}.{part}_bias"), &[4, group], bias);
        }
        Ok(())
    }

    fn dense(
        &mut self,
        source: &str,
        target: &str,
        knots: Option<&str>,
        inputs: &[f64],
        outputs: usize,
        steps: f64,
    ) -> Result<(), RestoreError> {
        let rows = self.rows(source, outputs, inputs.len(), knots.map_or(1, |_| KNOTS))?;
        let weights = (0..inputs.len() * outputs)
            .map(|i| rows[i % outputs].weights[i / outputs] * inputs[i / outputs] / steps)
            .collect::<Vec<_>>();
        self.insert(&format!("{target}.weight"), &[inputs.len(), outputs], weights);
        let mean = |row: &Row| row.bias.iter().sum::<f64>() / row.bias.len() as f64 / steps;
        let bias: Vec<f64> = rows.iter().map(mean).collect();
        if let Some(name) = knots {
            let table: Vec<f64> =
                (0..KNOTS * outputs).map(|i| rows[i % outputs].bias[i / outputs] / steps - bias[i % outputs]).collect();
            self.insert(name, &[KNOTS, outputs], table);
        }
        self.insert(&format!("{target}.bias"), &[outputs], bias);
        Ok(())
    }

    fn block(
        &mut self,
        source: &str,
        target: &str,
        channels: usize,
        stream: f64,
        hidden: f64,
    ) -> Result<(), RestoreError> {
        let quarter = channels / 4;
        let rows = self.rows(&format!("{source}.conv"), quarter, 9 * quarter, 1)?;
        // [out, dy, dx, in] -> [out, in, 3, 3]; input and output have the stream's scale.
        let weights: Vec<f64> = (0..quarter * quarter * 9)
            .map(|i| rows[i / (9 * quarter)].weights[i % 9 * quarter + i / 9 % quarter])
            .collect();
        self.insert(&format!("{target}.conv.weight"), &[quarter, quarter, 3, 3], weights);
        self.insert(
            &format!("{target}.conv.bias"),
            &[quarter],
            rows.iter().map(|r| r.bias[0] / stream).collect::<Vec<_>>(),
        );
        let (expand, project) = (format!("{target}.expand"), format!("{target}.project"));
        self.dense(&format!("{source}.expand"), &expand, None, &vec![stream; channels], 2 * channels, hidden)?;
        self.dense(&format!("{source}.project"), &project, None, &vec![hidden; 2 * channels], channels, stream)
    }

    fn rows(&self, name: &str, outputs: usize, inputs: usize, knots: usize) -> Result<Vec<Row>, RestoreError> {
        let weight = self.integers(&format!("{name}.weight"), Dtype::I16, outputs * inputs)?;
        let bias = self.integers(&format!("{name}.bias"), Dtype::I32, outputs * knots)?;
        let shift1 = self.integers(&format!("{name}.shift1"), Dtype::U8, outputs)?;
        let mult = self.integers(&format!("{name}.mult"), Dtype::I16, outputs)?;
        let shift2 = self.integers(&format!("{name}.shift2"), Dtype::U8, outputs)?;
        let row = |o: usize| {
            let inverse_k = mult[o] / 2f64.powf(shift1[o] + shift2[o]);
            Row {
                weights: weight[o * inputs..(o + 1) * inputs].iter().map(|w| w * inverse_k).collect(),
                bias: (0..knots).map(|k| bias[k * outputs + o] * inverse_k).collect(),
            }
        };
        Ok((0..outputs).map(row).collect())
    }

    /// Gains per unit of the whitened latent; the transforms speak whitened units, so the deviation is 1.
    fn gains(&mut self, config: &ModelConfig) -> Result<(), RestoreError> {
        let mult = self.integers("prior.gain.mult", Dtype::U16, KNOTS * config.y)?;
        let shift = self.integers("prior.gain.shift", Dtype::U8, config.y)?;
        let log_gain: Vec<f64> =
            mult.iter().enumerate().map(|(i, m)| (m.max(1.0) * 16.0 / 2f64.powf(shift[i % config.y])).ln()).collect();
        self.insert("prior.log_gain", &[KNOTS, config.y], log_gain);
        self.insert("prior.log_deviation", &[1, config.y], vec![0.0; config.y]);
        Ok(())
    }

    /// A mixture for each table.
    fn density(&mut self, config: &ModelConfig, inverse: Inverse) -> Result<(), RestoreError> {
        let tables = Z_KNOTS * config.z;
        let lows = self.integers("prior.z.low", Dtype::I16, tables)?;
        let counts = self.integers("prior.z.count", Dtype::U16, tables)?;
        let entries = counts.iter().sum::<f64>() as usize + tables;
        let cdf = self.integers("prior.z.cdf", Dtype::U16, entries)?;
        let mut rest = &cdf[..];
        let mut of_tables = Vec::with_capacity(tables);
        for (low, count) in lows.into_iter().zip(counts) {
            let (table, after) = rest.split_at(count as usize + 1);
            let mut symbols = frequencies(table);
            // The escape.
            symbols.pop();
            of_tables.push((low, symbols));
            rest = after;
        }
        let mixtures: Vec<Parameters> = of_tables.par_iter().map(|(low, symbols)| inverse(*low, symbols)).collect();
        for (part, name) in ["centre", "width", "weight"].into_iter().enumerate() {
            let values: Vec<f64> = mixtures.iter().flat_map(|mixture| mixture[part]).collect();
            self.insert(&format!("prior.density.{name}"), &[Z_KNOTS, config.z * COMPONENTS], values);
        }
        Ok(())
    }
}
