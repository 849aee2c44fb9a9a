//! What a checkpoint keeps of a run's options, so that a resumed run is the same run.
//!
//! Crops and noise are functions of seed, batch, side and smallest scale, of the number of crops where a teacher leads: with another of these, or
//! another teacher, the run would be another one, and is refused. Length, learning rate, filters and the teacher's weight may become others, which is said.

use std::fmt::Display;

use serde::{Deserialize, Serialize};

use super::{Options, Schedule, TrainError};
use crate::net::Precision;

/// What leads a run beside rate and distortion: a phase of distillation.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Guide {
    /// The teacher's [`id`](crate::distill::Teacher::id).
    pub teacher: u32,
    /// Crops of the set that is gone through again and again.
    pub crops: u64,
    /// Weight of what is added to the loss.
    pub weight: f64,
}

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
    /// Format of the operands of products.
    pub precision: Precision,
    /// The id of the filters in the loss, if there are any; checkpoints from before this field lack it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filters: Option<u32>,
    /// Who leads the run, if anybody does; checkpoints from before this field lack it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guide: Option<Guide>,
}

impl Settings {
    /// Those of a run that begins.
    pub(super) fn of(options: &Options, guide: Option<Guide>) -> Self {
        Self {
            batch: options.batch,
            side: options.side,
            smallest_scale: options.smallest_scale,
            revived_rate: options.revived_rate,
            schedule: options.schedule,
            precision: options.precision,
            filters: options.filters.as_ref().map(|filters| filters.id),
            guide,
        }
    }

    /// Those with which a run of these settings and this seed goes on, and a line for each that is another than before.
    ///
    /// # Errors
    /// The run would draw other crops or other noise, or follow another teacher.
    pub(crate) fn resumed(
        &self,
        seed: u64,
        options: &Options,
        guide: Option<Guide>,
    ) -> Result<(Self, Vec<String>), TrainError> {
        same("--seed", seed, options.seed)?;
        same("--batch", self.batch, options.batch)?;
        same("--crop", self.side, options.side)?;
        same("--smallest-scale", self.smallest_scale, options.smallest_scale)?;
        let now = Self { revived_rate: self.revived_rate, ..Self::of(options, guide) };
        let mut weights = [0.0; 2];
        // Checkpoints from before guides were kept have none.
        if let Some(before) = self.guide {
            let after = guide.ok_or(TrainError::Phase)?;
            let [found, asked] = [before.teacher, after.teacher].map(|id| format!("{id:08x}"));
            same("--teacher", found, asked)?;
            same("--crops", before.crops, after.crops)?;
            weights = [before.weight, after.weight];
        }
        let (before, after) = (&self.schedule, &now.schedule);
        let lines = [
            ("length", before.budget.to_string(), after.budget.to_string()),
            ("highest learning rate", before.peak.to_string(), after.peak.to_string()),
            ("steps of warm-up", before.warmup.to_string(), after.warmup.to_string()),
            ("share with a falling learning rate", before.cooldown.to_string(), after.cooldown.to_string()),
            ("share on the integer grid", before.quantised_share.to_string(), after.quantised_share.to_string()),
            ("precision", self.precision.to_string(), now.precision.to_string()),
            ("filters in the loss", named(self.filters), named(now.filters)),
            ("weight of the distance to the teacher", weights[0].to_string(), weights[1].to_string()),
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

/// Filters in a line about them.
fn named(filters: Option<u32>) -> String {
    filters.map_or_else(|| "none".to_owned(), |id| format!("{id:08x}"))
}

/// Checks that a setting is what it was.
///
/// # Errors
/// [`TrainError::Changed`].
pub(super) fn same<T: PartialEq + Display>(flag: &'static str, found: T, asked: T) -> Result<(), TrainError> {
    if found == asked {
        return Ok(());
    }
    Err(TrainError::Changed { flag, found: found.to_string(), asked: asked.to_string() })
}
