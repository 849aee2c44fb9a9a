//! The checked contents of a weight file that parsing depends on: networks, gains, tables.
//!
//! Loading makes every check of `codec/PRIOR.md` again, so engines compute without checks.

use lic_shaders::gain::GainRow;
use lic_shaders::{Block, Gains, Head, KNOTS, LayerError, Linear, Partial3x3, QualityIndex};
use safetensors::SafeTensors;

use super::tensors::Tensors;
use super::{PASSES, SCALES, WeightsError};
use crate::entropy::{Adaptation, Adapter, HYPER_KNOTS, HyperTables, ScaleTables};

/// Channel counts of a prior.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Sizes {
    /// Latent channels, `M`; a multiple of 4.
    pub latents: usize,
    /// Hyper-latent channels, `Z`.
    pub hyper: usize,
    /// Hidden width, `H`; a multiple of 4.
    pub hidden: usize,
}

/// Most blocks of a context pass.
const CONTEXT_BLOCKS_MAX: usize = 8;

/// The layers that precede the head in passes 1 to 3.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Context {
    /// `[h, feedback]` to `H`, biases with knots.
    pub input: Linear,
    /// Blocks of width `H`, 1 to 8.
    pub blocks: Vec<Block>,
}

/// All layers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Network {
    /// Left shift of the hyper-latents, 0..=12.
    pub z_shift: u32,
    /// `Z` to `4H`, biases with knots.
    pub up1: Linear,
    /// At the middle resolution.
    pub block1: Block,
    /// `H` to `4H`.
    pub up2: Linear,
    /// At the resolution of the latents.
    pub block2: Block,
    /// Passes 1, 2 and 3.
    pub contexts: [Context; PASSES - 1],
    /// Passes 0 to 3.
    pub heads: [Head; PASSES],
}

/// A loaded prior.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PriorWeights {
    sizes: Sizes,
    network: Network,
    gains: Gains,
    scales: ScaleTables,
    hyper: HyperTables,
    adaptation: Option<Adaptation>,
}

impl PriorWeights {
    /// Loads and checks the `prior.*` tensors of a weight file.
    pub fn from_safetensors(file: &SafeTensors<'_>) -> Result<Self, WeightsError> {
        let tensors = Tensors::new(file);
        let sizes = Sizes::find(&tensors)?;
        let gains = load_gains(&tensors, sizes.latents)?;
        let network = Network::load(&tensors, sizes)?;
        let (scales, hyper) = load_tables(&tensors, sizes.hyper)?;
        let adaptation = load_adaptation(&tensors, &scales)?;
        tensors.all_read()?;
        Ok(Self { sizes, network, gains, scales, hyper, adaptation })
    }

    /// Channel counts.
    pub fn sizes(&self) -> Sizes {
        self.sizes
    }

    /// The layers.
    pub fn network(&self) -> &Network {
        &self.network
    }

    /// The gain tables, `[M]` each, at a quality.
    pub fn gains(&self, quality: QualityIndex) -> GainRow {
        self.gains.at(quality)
    }

    /// Quantisation steps per unit of the whitened latent [M], at a quality: the gains as floats.
    pub(crate) fn steps_per_unit(&self, quality: QualityIndex) -> Vec<f32> {
        self.gains(quality).scale().iter().map(|&gain| gain as f32).collect()
    }

    /// The tables of the latents.
    pub fn scale_tables(&self) -> &ScaleTables {
        &self.scales
    }

    /// The tables of the hyper-latents.
    pub fn hyper_tables(&self) -> &HyperTables {
        &self.hyper
    }

    /// What moves the latents' tables while a tile is coded, if this file has it.
    pub fn adaptation(&self) -> Option<&Adaptation> {
        self.adaptation.as_ref()
    }

    /// That, at the start of a tile with so many columns of latents.
    pub fn adapter(&self, width: usize) -> Option<Adapter<'_>> {
        self.adaptation.as_ref().map(|adaptation| Adapter::new(adaptation, self.sizes.latents, width))
    }
}

impl Sizes {
    /// The sizes are those of the first layer and of a gain tensor; all other shapes are compared with them.
    fn find(tensors: &Tensors<'_>) -> Result<Self, WeightsError> {
        let [outputs, hyper] = tensors.shape("prior.hyper.up1.weight")?;
        let [latents] = tensors.shape("prior.gain.shift")?;
        let hidden = outputs / 4;
        let fine = |n: usize| (1..=4096).contains(&n);
        if [latents, hyper, hidden].into_iter().all(fine) && latents % 4 == 0 && outputs % 16 == 0 {
            return Ok(Self { latents, hyper, hidden });
        }
        Err(WeightsError::Sizes { latents, hyper, hidden })
    }
}

impl Network {
    fn load(tensors: &Tensors<'_>, sizes: Sizes) -> Result<Self, WeightsError> {
        let Sizes { latents, hyper, hidden } = sizes;
        let z_shift: Vec<u8> = tensors.get("prior.z_shift", &[1])?;
        let z_shift = z_shift.first().copied().unwrap_or(0);
        // Beyond 12 every hyper-latent but 0 is clamped, and far beyond the shift would overflow.
        if z_shift > 12 {
            let rule = "the shift is at most 12";
            return Err(WeightsError::Table { name: "prior.z_shift", index: 0, value: z_shift.into(), rule });
        }
        // As many blocks as the file names in any pass; each pass must then have all of them, whole.
        let named_in_file = |i: &usize| (1..PASSES).any(|s| tensors.any_below(&format!("prior.pass{s}.block{i}.")));
        let count = (1..CONTEXT_BLOCKS_MAX).rev().find(named_in_file).unwrap_or(0) + 1;
        let context = |pass: usize| {
            let name = format!("prior.pass{pass}");
            let blocks = (0..count).map(|i| block(tensors, &format!("{name}.block{i}"), hidden));
            Ok(Context {
                input: linear(tensors, &format!("{name}.input"), hidden + latents, hidden, true)?,
                blocks: blocks.collect::<Result<_, _>>()?,
            })
        };
        let head = |pass: usize| {
            let name = format!("prior.pass{pass}.head");
            let rows = tensors.rows(&name, &[PASSES, latents / 2], &[hidden], None)?;
            named(&name, Head::new(hidden, latents / 2, rows))
        };
        Ok(Self {
            z_shift: z_shift.into(),
            up1: linear(tensors, "prior.hyper.up1", hyper, 4 * hidden, true)?,
            block1: block(tensors, "prior.hyper.block1", hidden)?,
            up2: linear(tensors, "prior.hyper.up2", hidden, 4 * hidden, false)?,
            block2: block(tensors, "prior.hyper.block2", hidden)?,
            contexts: [context(1)?, context(2)?, context(3)?],
            heads: [head(0)?, head(1)?, head(2)?, head(3)?],
        })
    }
}

fn linear(
    tensors: &Tensors<'_>,
    name: &str,
    inputs: usize,
    outputs: usize,
    knots: bool,
) -> Result<Linear, WeightsError> {
    let rows = tensors.rows(name, &[outputs], &[inputs], knots.then_some(KNOTS))?;
    named(name, Linear::new(inputs, outputs, rows))
}

fn block(tensors: &Tensors<'_>, name: &str, hidden: usize) -> Result<Block, WeightsError> {
    let conv_name = format!("{name}.conv");
    let part = hidden / 4;
    let rows = tensors.rows(&conv_name, &[part], &[3, 3, part], None)?;
    let conv = named(&conv_name, Partial3x3::new(hidden, rows))?;
    let expand = linear(tensors, &format!("{name}.expand"), hidden, 2 * hidden, false)?;
    let project = linear(tensors, &format!("{name}.project"), 2 * hidden, hidden, false)?;
    named(name, Block::new(conv, expand, project))
}

fn load_gains(tensors: &Tensors<'_>, latents: usize) -> Result<Gains, WeightsError> {
    let gains = Gains {
        mult: tensors.get("prior.gain.mult", &[KNOTS, latents])?,
        shift: tensors.get("prior.gain.shift", &[latents])?,
        inverse: tensors.get("prior.gain.inverse", &[KNOTS, latents])?,
        shift_a: tensors.get("prior.gain.shift_a", &[latents])?,
        shift_b: tensors.get("prior.gain.shift_b", &[latents])?,
        offset: tensors.get("prior.gain.offset", &[KNOTS, latents])?,
    };
    named("prior", gains.check(latents)).map(|()| gains)
}

fn load_tables(tensors: &Tensors<'_>, channels: usize) -> Result<(ScaleTables, HyperTables), WeightsError> {
    let radius: Vec<u16> = tensors.get("prior.scale.radius", &[SCALES])?;
    // The lengths of the cumulative tensors follow from the other tensors; the tables compare them.
    let cdf: Vec<u16> = tensors.get_list("prior.scale.cdf")?;
    let scales = ScaleTables::new(&radius, &cdf);
    let low: Vec<i16> = tensors.get("prior.z.low", &[HYPER_KNOTS, channels])?;
    let count: Vec<u16> = tensors.get("prior.z.count", &[HYPER_KNOTS, channels])?;
    let cdf: Vec<u16> = tensors.get_list("prior.z.cdf")?;
    let hyper = HyperTables::new(&low, &count, &cdf);
    let invalid = |names| move |source| WeightsError::Tables { names, source };
    let scales = scales.map_err(invalid("prior.scale.radius, prior.scale.cdf"))?;
    let mut hyper = hyper.map_err(invalid("prior.z.low, prior.z.count, prior.z.cdf"))?;
    // Those without contexts then serve further training only.
    if tensors.has(HYPER_CONTEXTS) {
        let [contexts, _] = tensors.shape(HYPER_CONTEXTS)?;
        let cdf: Vec<u16> = tensors.get_any(HYPER_CONTEXTS)?;
        hyper = HyperTables::with_contexts(&low, &count, contexts, &cdf).map_err(invalid(HYPER_CONTEXTS))?;
    }
    Ok((scales, hyper))
}

/// Tables of the hyper-latents by their neighbours, which early files lack.
const HYPER_CONTEXTS: &str = "prior.z.context.cdf";

fn load_adaptation(tensors: &Tensors<'_>, scales: &ScaleTables) -> Result<Option<Adaptation>, WeightsError> {
    if !tensors.has("prior.adapt.score") && !tensors.has("prior.adapt.information") {
        return Ok(None);
    }
    let scores = tensors.get_list("prior.adapt.score")?;
    let information: Vec<u16> = tensors.get("prior.adapt.information", &[SCALES])?;
    let names = "prior.adapt.score, prior.adapt.information";
    let checked = Adaptation::new(scales, scores, &information);
    checked.map(Some).map_err(|source| WeightsError::Tables { names, source })
}

fn named<T>(name: &str, result: Result<T, LayerError>) -> Result<T, WeightsError> {
    result.map_err(|source| WeightsError::Layer { name: name.into(), source })
}

#[cfg(test)]
#[path = "weights_tests.rs"]
mod tests;
