//! What a checkpoint keeps of a run's options, so that a resumed run is the same run.
//!
//! Crops and noise are functions of seed, batch, side and smallest scale: with another of these the run would be another one, and is refused. Length
//! and learning rate may become others, which is said.

use std::fmt::Display;

use serde::{Deserialize, Serialize};

use super::{Options, Schedule, TrainError};
use crate::net::Precision;

/// Settings of a run, beside those that [`Meta`](crate::checkpoint::Meta) has of its own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    /// Crops per step.
    pub batch: usize,
    /// Side of a crop in pixels.
    pub side: u32,
    /// Crops are scaled down by a random factor between this and 1.
    pub smallest_scale: f32,
    /// Learning rate of the blocks with new hidden units, relative to the others'.
    pub revived_rate: f32,
    /// Learning rate and length.
    pub schedule: Schedule,
    /// Format of the activations.
    pub precision: Precision,
}

impl Settings {
    /// Those of a run that begins.
    pub(super) fn of(options: &Options) -> Self {
        Self {
            batch: options.batch,
            side: options.side,
            smallest_scale: options.smallest_scale,
            revived_rate: options.revived_rate,
            schedule: options.schedule,
            precision: options.precision,
        }
    }

    /// Those with which a run of these settings and this seed goes on, and a line for each that is another than before.
    ///
    /// # Errors
    /// The run would draw other crops or other noise.
    pub(super) fn resumed(&self, seed: u64, options: &Options) -> Result<(Self, Vec<String>), TrainError> {
        same("--seed", seed, options.seed)?;
        same("--batch", self.batch, options.batch)?;
        same("--crop", self.side, options.side)?;
        same("--smallest-scale", self.smallest_scale, options.smallest_scale)?;
        let now = Self { revived_rate: self.revived_rate, ..Self::of(options) };
        let (before, after) = (&self.schedule, &now.schedule);
        let lines = [
            ("length", before.budget.to_string(), after.budget.to_string()),
            ("highest learning rate", before.peak.to_string(), after.peak.to_string()),
            ("steps of warm-up", before.warmup.to_string(), after.warmup.to_string()),
            ("share with a falling learning rate", before.cooldown.to_string(), after.cooldown.to_string()),
            ("share on the integer grid", before.quantised_share.to_string(), after.quantised_share.to_string()),
            ("precision", self.precision.to_string(), now.precision.to_string()),
        ];
        let others = lines.into_iter().filter(|(_, before, after)| before != after);
        let mut changed: Vec<String> =
            others.map(|(what, before, after)| format!("{what}: {after}, was {before}")).collect();
        // Only a new run is asked how fast its revived blocks learn.
        if self.revived_rate != options.revived_rate {
            let rate = self.revived_rate;
            changed.push(format!("learning rate of revived blocks: {rate} times the others', as at first"));
        }
        Ok((now, changed))
    }
}

/// Checks that a setting is what it was.
fn same<T: PartialEq + Display>(flag: &'static str, found: T, asked: T) -> Result<(), TrainError> {
    if found == asked {
        return Ok(());
    }
    Err(TrainError::Changed { flag, found: found.to_string(), asked: asked.to_string() })
}
