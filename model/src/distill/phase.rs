//! The three phases: their order, their folders, and how a run's time is divided among them.

use std::path::{Path, PathBuf};

use crate::train::{Budget, Options, Schedule};

/// A phase of distillation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Feature alignment.
    Features,
    /// Channel distillation.
    Channels,
    /// Fine-tuning.
    FineTuning,
}

impl Phase {
    /// All of them, in order.
    pub const ALL: [Phase; 3] = [Self::Features, Self::Channels, Self::FineTuning];

    /// 1, 2 or 3.
    pub fn number(self) -> usize {
        match self {
            Self::Features => 1,
            Self::Channels => 2,
            Self::FineTuning => 3,
        }
    }

    /// Its share of a run of all phases; not measured.
    fn share(self) -> f64 {
        match self {
            Self::Features => 0.25,
            Self::Channels => 0.35,
            Self::FineTuning => 0.4,
        }
    }

    /// Its highest learning rate, relative to the run's.
    fn rate(self) -> f64 {
        match self {
            Self::Features | Self::Channels => 1.0,
            Self::FineTuning => 0.5,
        }
    }

    /// Its folder in a run's.
    pub fn folder(self, out: &Path) -> PathBuf {
        out.join(format!("phase{}", self.number()))
    }

    /// Its schedule in a run of `phases`: its part of the time, and the integer grid in the last phase only.
    pub(super) fn schedule(self, whole: &Schedule, phases: &[Phase]) -> Schedule {
        let part = self.share() / phases.iter().map(|phase| phase.share()).sum::<f64>().max(1e-9);
        let budget = match whole.budget {
            Budget::Steps(steps) => Budget::Steps(((steps as f64 * part).round() as u64).max(1)),
            Budget::Minutes(minutes) => Budget::Minutes(minutes * part),
        };
        let quantised_share = if self == Self::FineTuning { whole.quantised_share } else { 0.0 };
        Schedule { budget, peak: whole.peak * self.rate(), quantised_share, ..*whole }
    }

    /// What it begins with: the phase before it, as far as there is one, or what the run begins with.
    pub(super) fn begins_with(self, options: &Options) -> Option<PathBuf> {
        let before = Self::ALL.into_iter().filter(|phase| phase.number() < self.number()).rev();
        let mut checkpoints = before.map(|phase| phase.folder(&options.out).join(crate::train::CHECKPOINT));
        checkpoints.find(|path| path.exists()).or_else(|| options.from.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_runs_length_is_divided_among_its_phases() {
        let whole =
            Schedule { budget: Budget::Steps(1000), peak: 1e-4, warmup: 10, cooldown: 1.0, quantised_share: 0.1 };
        let budgets = Phase::ALL.map(|phase| phase.schedule(&whole, &Phase::ALL).budget);
        assert_eq!(budgets, [Budget::Steps(250), Budget::Steps(350), Budget::Steps(400)]);
        assert_eq!(Phase::Channels.schedule(&whole, &[Phase::Channels]).budget, whole.budget);
        assert!(!Phase::Channels.schedule(&whole, &Phase::ALL).quantised(0.999));
        assert!(Phase::FineTuning.schedule(&whole, &Phase::ALL).quantised(0.95));
    }
}
