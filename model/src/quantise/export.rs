//! Float tensors as the entries of a weight file; [`checkpoint`](super::checkpoint) takes them from a file, [`restore`](super::restore) is the way back.
//!
//! The latent's standard deviations are folded into the last analysis and the first synthesis layer, so that the shipped transforms speak whitened units
//! and the gain tables alone carry the quality.

use std::collections::BTreeMap;

use half::f16;

use super::QuantiseError;
use super::gains::{self, MEAN_UNITS, log_scale_units};
use super::layer::{FloatRow, IntegerRows, quantise_rows};
use super::tables::{self, Mixtures};
use crate::load::{Named, ParamError};
use crate::preset::{KNOTS, ModelConfig};
use crate::prior::{ACTIVATION_MAX, Grid};
use crate::weights::{self, Entry, Info};

/// Quantises the tensors of a [`Network`](crate::network::Network) (names of [`params::slots`](crate::params::slots)) with a grid of activations.
/// [`checkpoint`](super::checkpoint) has seen to it that the tensors have their shapes and are finite, and that the grid is possible.
///
/// # Errors
/// The grid lacks a site, a layer cannot be made safe against overflow, or a transform has numbers that f16 has not.
pub(super) fn quantise(info: &Info, tensors: &Named, grid: &Grid) -> Result<Vec<u8>, QuantiseError> {
    let mut export = Export { tensors, grid, entries: BTreeMap::new() };
    let config = &info.config;
    let deviation: Vec<f64> = export.get("prior.log_deviation")?.iter().map(|v| f64::from(*v).exp()).collect();
    export.transforms(config, &deviation)?;
    export.hyper(config)?;
    for pass in 0..4 {
        export.pass(config, pass)?;
    }
    let log_gain: Vec<f64> = export
        .get("prior.log_gain")?
        .iter()
        .enumerate()
        .map(|(i, &g)| f64::from(g) + deviation[i % config.y].ln())
        .collect();
    let feedback = export.steps("feedback")?;
    let mut entries = std::mem::take(&mut export.entries);
    gains::add(&mut entries, &log_gain, config.y, feedback);
    tables::add_scales(&mut entries);
    let mixtures = Mixtures {
        centre: export.get("prior.density.centre")?,
        width: export.get("prior.density.width")?,
        weight: export.get("prior.density.weight")?,
    };
    tables::add_hyper(&mut entries, &mixtures, config.z);
    Ok(weights::write(info, &entries)?)
}

struct Export<'a> {
    tensors: &'a Named,
    grid: &'a Grid,
    entries: BTreeMap<String, Entry>,
}

impl Export<'_> {
    fn get(&self, name: &str) -> Result<&[f32], ParamError> {
        self.tensors.get(name).map(|(_, values)| values.as_slice()).ok_or_else(|| ParamError::Missing(name.to_owned()))
    }

    fn steps(&self, site: &str) -> Result<f64, QuantiseError> {
        self.grid.get(site).map(|&s| f64::from(s)).ok_or_else(|| QuantiseError::NoSite(site.to_owned()))
    }

    /// Float transforms, whitening folded in.
    fn transforms(&mut self, config: &ModelConfig, deviation: &[f64]) -> Result<(), QuantiseError> {
        for (name, (shape, values)) in self.tensors {
            let kept = match name.strip_prefix("prior.hyper_analysis.") {
                Some(rest) => format!("hyper_analysis.{rest}"),
                None if name.starts_with("analysis.") || name.starts_with("synthesis.") => name.clone(),
                None => continue,
            };
            let mut values = values.clone();
            let mut kept = kept;
            match name.as_str() {
                // Columns, and biases, are latent channels.
                "analysis.head.weight" | "analysis.head.bias" => {
                    values
                        .iter_mut()
                        .enumerate()
                        .for_each(|(i, v)| *v = (f64::from(*v) / deviation[i % config.y]) as f32);
                }
                // Rows are latent channels.
                "synthesis.stem.weight" => {
                    values
                        .iter_mut()
                        .enumerate()
                        .for_each(|(i, v)| *v = (f64::from(*v) * deviation[i / config.c16]) as f32);
                }
                "synthesis.log_gain" => {
                    values.iter_mut().for_each(|v| *v = v.exp());
                    kept = "synthesis.gain".to_owned();
                }
                _ => {}
            }
            if let Some(&value) = values.iter().find(|value| !f16::from_f32(**value).is_finite()) {
                return Err(QuantiseError::Large { name: name.clone(), value });
            }
            self.entries.insert(kept, Entry::f16(shape, &values));
        }
        Ok(())
    }

    fn hyper(&mut self, config: &ModelConfig) -> Result<(), QuantiseError> {
        let h = config.hidden;
        // z is an integer: its steps per unit are the shift's power of two.
        let z = self.steps("z")?;
        self.entries.insert("prior.z_shift".into(), Entry::u8(&[1], &[z.log2().round() as u8]));
        let (stream1, stream2) = (self.steps("hyper.stream1")?, self.steps("hyper.stream2")?);
        self.dense("prior.hyper.up1", "prior.hyper.up1", Some("prior.hyper.knots"), &vec![z; config.z], stream1)?;
        self.block("prior.hyper.block1", "prior.hyper.block1", h, stream1, self.steps("hyper.hidden1")?)?;
        self.dense("prior.hyper.up2", "prior.hyper.up2", None, &vec![stream1; h], stream2)?;
        self.block("prior.hyper.block2", "prior.hyper.block2", h, stream2, self.steps("hyper.hidden2")?)
    }

    /// Context network (passes 1 to 3) and head of a pass.
    fn pass(&mut self, config: &ModelConfig, pass: usize) -> Result<(), QuantiseError> {
        let h = config.hidden;
        let mut stream = self.steps("hyper.stream2")?;
        if pass > 0 {
            let source = format!("prior.passes.{}", pass - 1);
            let target = format!("prior.pass{pass}");
            let mut inputs = vec![stream; h];
            inputs.resize(h + config.y, self.steps("feedback")?);
            stream = self.steps(&format!("pass{pass}.stream"))?;
            self.dense(
                &format!("{source}.input"),
                &format!("{target}.input"),
                Some(&format!("{source}.knots")),
                &inputs,
                stream,
            )?;
            for block in 0..config.context_blocks {
                let hidden = self.steps(&format!("pass{pass}.hidden{block}"))?;
                self.block(&format!("{source}.blocks.{block}"), &format!("{target}.block{block}"), h, stream, hidden)?;
            }
        }
        let source = format!("prior.heads.{pass}");
        let group = config.y / 4;
        let mut rows = Vec::with_capacity(8 * group);
        for g in 0..4 {
            for (part, steps) in [("mean", MEAN_UNITS), ("scale", log_scale_units())] {
                let weight = self.get(&format!("{source}.{part}"))?;
                let bias = self.get(&format!("{source}.{part}_bias"))?;
                rows.extend((0..group).map(|o| FloatRow {
                    weights: (0..h).map(|i| f64::from(weight[(g * h + i) * group + o])).collect(),
                    bias: vec![f64::from(bias[g * group + o])],
                    steps,
                    limit: 32767.0,
                }));
            }
        }
        let name = format!("prior.pass{pass}.head");
        let rows = quantise_rows(&rows, &vec![stream; h])
            .map_err(|source| QuantiseError::Layer { layer: name.clone(), source })?;
        self.insert(&name, &rows, &[4, 2 * group, h], &[4, 2 * group], None);
        Ok(())
    }

    fn dense(
        &mut self,
        source: &str,
        target: &str,
        knots: Option<&str>,
        inputs: &[f64],
        steps: f64,
    ) -> Result<(), QuantiseError> {
        let weight = self.get(&format!("{source}.weight"))?;
        let bias = self.get(&format!("{source}.bias"))?;
        let outputs = bias.len();
        let table = knots.map(|name| self.get(name)).transpose()?;
        let rows: Vec<FloatRow> = (0..outputs)
            .map(|o| FloatRow {
                weights: (0..inputs.len()).map(|i| f64::from(weight[i * outputs + o])).collect(),
                bias: match table {
                    None => vec![f64::from(bias[o])],
                    Some(table) => (0..KNOTS).map(|k| f64::from(bias[o]) + f64::from(table[k * outputs + o])).collect(),
                },
                steps,
                limit: f64::from(ACTIVATION_MAX),
            })
            .collect();
        let rows =
            quantise_rows(&rows, inputs).map_err(|source| QuantiseError::Layer { layer: target.to_owned(), source })?;
        self.insert(target, &rows, &[outputs, inputs.len()], &[outputs], knots.map(|_| KNOTS));
        Ok(())
    }

    fn block(
        &mut self,
        source: &str,
        target: &str,
        channels: usize,
        stream: f64,
        hidden: f64,
    ) -> Result<(), QuantiseError> {
        let quarter = channels / 4;
        let weight = self.get(&format!("{source}.conv.weight"))?;
        let bias = self.get(&format!("{source}.conv.bias"))?;
        let rows: Vec<FloatRow> = (0..quarter)
            .map(|o| FloatRow {
                // [out, in, 3, 3] -> [out, dy, dx, in].
                weights: (0..9 * quarter)
                    .map(|j| f64::from(weight[(o * quarter + j % quarter) * 9 + j / quarter]))
                    .collect(),
                bias: vec![f64::from(bias[o])],
                steps: stream,
                limit: f64::from(ACTIVATION_MAX),
            })
            .collect();
        let name = format!("{target}.conv");
        let rows = quantise_rows(&rows, &vec![stream; 9 * quarter])
            .map_err(|source| QuantiseError::Layer { layer: name.clone(), source })?;
        self.insert(&name, &rows, &[quarter, 3, 3, quarter], &[quarter], None);
        self.dense(&format!("{source}.expand"), &format!("{target}.expand"), None, &vec![stream; channels], hidden)?;
        self.dense(
            &format!("{source}.project"),
            &format!("{target}.project"),
            None,
            &vec![hidden; 2 * channels],
            stream,
        )
    }

    fn insert(&mut self, name: &str, rows: &IntegerRows, weight: &[usize], outputs: &[usize], knots: Option<usize>) {
        let bias: Vec<usize> = knots.into_iter().chain(outputs.iter().copied()).collect();
        self.entries.insert(format!("{name}.weight"), Entry::i16(weight, &rows.weight));
        self.entries.insert(format!("{name}.bias"), Entry::i32(&bias, &rows.bias));
        self.entries.insert(format!("{name}.shift1"), Entry::u8(outputs, &rows.shift1));
        self.entries.insert(format!("{name}.mult"), Entry::i16(outputs, &rows.mult));
        self.entries.insert(format!("{name}.shift2"), Entry::u8(outputs, &rows.shift2));
    }
}
