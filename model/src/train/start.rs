//! Where a run begins: its own checkpoint, the best linear codec, or what another run has learnt.
//!
//! Another run's result is its checkpoint, with float prior and Adam's moments, or the weight file made of it, which has neither (the prior is turned
//! back into floats: [`restore`]). Either may be of a smaller preset, which is then grown ([`crate::grow`]),
//! with new places as in a larger one that was trained before, if there is one (`--additions`).

use std::path::Path;

use burn::tensor::Device;

use super::objective::Objective;
use super::run::CHECKPOINT;
use super::settings::same;
use super::soap::restored;
use super::{Adam, Crops, Optimiser, Options, Settings, TrainError};
use crate::checkpoint::{self, Meta};
use crate::grow::{Shut, grow, grow_moments, revive, shut_units};
use crate::klt;
use crate::load::{Named, ParamError};
use crate::net::in_f32;
use crate::network::Network;
use crate::params::{self, Slot};
use crate::preset::{ModelConfig, Preset};
use crate::quantise::restore;
use crate::weights::WeightFile;

/// Batches of eight crops from which the KLT is computed.
const KLT_BATCHES: u64 = 10;

/// A block with fewer new hidden units than its `FEW`th part learns at the rate of the others: the rate is the block's, not the units'.
const FEW: usize = 20;

/// Network, optimiser and metadata at the start of a session.
pub(super) struct Start {
    pub(super) network: Network,
    pub(super) adam: Adam,
    pub(super) meta: Meta,
    /// The network's, then the loss's own.
    pub(super) slots: Vec<Slot>,
    /// Elements of the network's parameters.
    network_size: usize,
    /// Hidden units that were put in the places of shut ones.
    pub(super) revived: usize,
    /// What is another than it was before the run was resumed, or left out of what it begins with, a line each.
    pub(super) changed: Vec<String>,
}

impl Start {
    /// The loss's own parameters, behind the network's.
    pub(super) fn own_values(&self) -> &[f32] {
        self.adam.weights.get(self.network_size..).unwrap_or_default()
    }
}

pub(super) fn begin(options: &Options, crops: &Crops, objective: &mut dyn Objective) -> Result<Start, TrainError> {
    let config = options.preset.config();
    let network = Network::new(&config, options.seed, &options.device);
    let mut slots = params::slots(&network);
    let network_size = slots.iter().map(Slot::len).sum();
    let own = objective.slots().into_iter().map(|slot| Slot { offset: network_size + slot.offset, ..slot });
    slots.extend(own);
    let guide = objective.guide();
    let path = options.out.join(CHECKPOINT);
    if options.resume && path.exists() {
        let (mut meta, parts) = checkpoint::load(&path)?;
        if meta.preset != options.preset {
            return Err(TrainError::Preset { found: meta.preset, asked: options.preset });
        }
        if meta.optimiser != options.optimiser {
            return Err(TrainError::Optimiser { found: meta.optimiser, asked: options.optimiser });
        }
        let (settings, changed) = match &meta.settings {
            Some(settings) => settings.resumed(meta.seed, options, guide)?,
            // A checkpoint from before they were kept.
            None => {
                same("--seed", meta.seed, options.seed)?;
                (Settings::of(options, guide), Vec::new())
            }
        };
        let adam = checkpoint::optimiser(&path, &meta, &parts, &slots, options.precision)?;
        let network = params::with_values(network, &adam.weights);
        hasten(&mut slots, &meta.revived, settings.revived_rate);
        meta.settings = Some(settings);
        let start = Start { network, adam, meta, slots, network_size, revived: 0, changed };
        objective.set_values(start.own_values());
        return Ok(start);
    }
    let mut meta = Meta {
        optimiser: options.optimiser,
        settings: Some(Settings::of(options, guide)),
        ..Meta::new(options.preset, options.seed)
    };
    let fresh = |network: &Network, objective: &dyn Objective| {
        let mut adam = Adam::new(with_own(network, objective));
        if options.optimiser == Optimiser::Soap {
            adam.rotate(&slots, options.precision);
        }
        adam
    };
    let Some(path) = &options.from else {
        let network = linear(network, &config, crops, options.side as usize / 8)?;
        let adam = fresh(&network, objective);
        return Ok(Start { network, adam, meta, slots, network_size, revived: 0, changed: Vec::new() });
    };
    let earlier = read(path)?;
    if options.additions.is_some() && earlier.config == config {
        return Err(TrainError::Additions);
    }
    let failed = |source| TrainError::Grow { path: path.clone(), source };
    let larger = match &options.additions {
        Some(path) => additions(network, path, options.preset)?,
        None => network,
    };
    let mut network = grow(larger, &earlier.weights, &earlier.config, &config).map_err(failed)?;
    let mut adam = fresh(&network, objective);
    // Moments of another optimiser mean nothing; SOAP's bases fit no network of another size and no new units.
    let useful = earlier.optimiser == options.optimiser
        && (options.optimiser == Optimiser::Adam || (earlier.config == config && !options.revive));
    if let Some((first, second)) = earlier.moments.as_ref().filter(|_| useful) {
        adam.first = grow_moments(first, &slots, &earlier.config, &config).map_err(failed)?;
        adam.second = grow_moments(second, &slots, &earlier.config, &config).map_err(failed)?;
        // A loss's own parameters were not in that run: their bases stay those of a new one.
        for (slot, rotations) in slots.iter().zip(&mut adam.rotations) {
            if let Some(restored) = restored(slot, &earlier.rotations, options.precision) {
                *rotations = restored;
            }
        }
        (adam.lead, meta.lead) = (earlier.steps, earlier.steps);
    }
    let mut changed = Vec::new();
    if earlier.moments.is_some() && !useful {
        let (path, optimiser) = (path.display(), earlier.optimiser);
        let why = if optimiser != options.optimiser {
            format!("they are of --optimiser {optimiser}")
        } else if earlier.config == config {
            "--revive puts units in that SOAP's bases know nothing of".to_owned()
        } else {
            "SOAP's bases do not grow".to_owned()
        };
        changed.push(format!("without the moments of {path}: {why}"));
    }
    meta.earlier = (earlier.steps_in_all, earlier.seconds_in_all);
    let mut revived = 0;
    if options.revive {
        let shut = in_f32(|| shut_units(&network, crops, &options.device));
        revived = revive(&mut adam, &slots, &shut, options.seed);
        let is_new = |block: &Shut| block.units.len() * FEW >= block.of;
        meta.revived = shut.into_iter().filter(is_new).map(|block| block.block).collect();
        hasten(&mut slots, &meta.revived, options.revived_rate);
        network = params::with_values(network, &adam.weights);
    }
    Ok(Start { network, adam, meta, slots, network_size, revived, changed })
}

/// `network` with what a run of the same preset has learnt.
fn additions(network: Network, path: &Path, preset: Preset) -> Result<Network, TrainError> {
    let larger = read(path)?;
    if larger.config != preset.config() {
        return Err(TrainError::OtherAdditions { path: path.to_owned(), asked: preset });
    }
    let failed = |source: ParamError| TrainError::Grow { path: path.to_owned(), source: source.into() };
    params::with_named(network, &larger.weights).map_err(failed)
}

/// Multiplies the learning rate of `blocks`.
fn hasten(slots: &mut [Slot], blocks: &[String], factor: f32) {
    for slot in slots {
        let inside = |block: &String| slot.name.strip_prefix(block.as_str()).is_some_and(|rest| rest.starts_with('.'));
        if blocks.iter().any(inside) {
            slot.rate *= factor;
        }
    }
}

/// The network's parameters and the loss's own.
fn with_own(network: &Network, objective: &dyn Objective) -> Vec<f32> {
    let mut values = params::values(network);
    values.extend(objective.values());
    values
}

/// The best linear codec of the training photos.
fn linear(network: Network, config: &ModelConfig, crops: &Crops, side: usize) -> Result<Network, TrainError> {
    // Crops of "steps" far beyond any run: the statistics do not repeat in training.
    let sample = (0..KLT_BATCHES).flat_map(|i| {
        let batch = crops.batch(u64::MAX - i, 8);
        batch.patches.chunks_exact(side * side * 192).map(<[f32]>::to_vec).collect::<Vec<_>>()
    });
    Ok(klt::start(network, config, &sample.collect::<Vec<_>>(), side)?)
}

/// What another run has learnt.
pub(crate) struct Earlier {
    pub(crate) config: ModelConfig,
    /// Averaged weights.
    pub(crate) weights: Named,
    /// First and second moments.
    moments: Option<(Named, Named)>,
    /// What they are of.
    optimiser: Optimiser,
    /// SOAP's bases.
    rotations: Named,
    /// Steps of the moments.
    steps: u64,
    steps_in_all: u64,
    seconds_in_all: f64,
}

/// Reads a checkpoint or a weight file.
///
/// # Errors
/// It is neither, or damaged.
pub(crate) fn read(path: &Path) -> Result<Earlier, TrainError> {
    let bytes = std::fs::read(path).map_err(|source| TrainError::Read { path: path.to_owned(), source })?;
    let failed = |source| TrainError::Restore { path: path.to_owned(), source };
    if checkpoint::is_checkpoint(&bytes) {
        let (meta, mut parts) = checkpoint::parse(path, &bytes)?;
        let mut part = |name| parts.remove(name).unwrap_or_default();
        return Ok(Earlier {
            config: meta.config,
            weights: part("average"),
            moments: Some((part("first"), part("second"))),
            optimiser: meta.optimiser,
            rotations: part("rotation"),
            steps: meta.step + meta.lead,
            steps_in_all: meta.earlier.0 + meta.step,
            seconds_in_all: meta.earlier.1 + meta.seconds,
        });
    }
    let file = WeightFile::parse(&bytes).map_err(|e| failed(e.into()))?;
    let network = restore(&file, &Device::flex()).map_err(failed)?;
    Ok(Earlier {
        config: file.info.config,
        weights: params::named(&network),
        moments: None,
        optimiser: Optimiser::Adam,
        rotations: Named::new(),
        steps: 0,
        steps_in_all: file.info.steps,
        seconds_in_all: file.info.seconds,
    })
}
