//! Learning rate over a run of known length: linear warm-up, the highest rate, then half a cosine to 1 %.
//!
//! The fall takes the whole run, or a share at its end after a constant rate, as Haegele et al. (arXiv 2405.18392) train; they find both about equally
//! good where a run is one of few. One of many short ones, each of which goes on from the file of the one before, is at a low rate for a smaller part of it.

use std::fmt;

use serde::{Deserialize, Serialize};

/// How long a run is.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub enum Budget {
    /// This many steps in all, over every resumption.
    Steps(u64),
    /// This many minutes of steps in all, over every resumption: without validations, checkpoints and calibration.
    Minutes(f64),
}

impl fmt::Display for Budget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Steps(steps) => write!(f, "{steps} steps"),
            // A phase's part of a run's minutes has many digits.
            Self::Minutes(minutes) => write!(f, "{} minutes", (minutes * 1000.0).round() / 1000.0),
        }
    }
}

/// Learning rate and stage as functions of progress.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Schedule {
    /// Length of the run.
    pub budget: Budget,
    /// Highest learning rate.
    pub peak: f64,
    /// Steps of linear warm-up.
    pub warmup: u64,
    /// Share of the run, at its end, over which the rate falls; more than 0.
    #[serde(default = "whole")]
    pub cooldown: f64,
    /// Share of the run, at its end, with the prior's activations on the integer grid.
    pub quantised_share: f64,
}

/// The cooldown of checkpoints that do not know of it.
fn whole() -> f64 {
    1.0
}

/// Lowest learning rate, relative to the peak.
const FLOOR: f64 = 0.01;

impl Schedule {
    /// Progress 0..=1 after `step` steps and `seconds` of training.
    pub fn progress(&self, step: u64, seconds: f64) -> f64 {
        match self.budget {
            Budget::Steps(steps) => step as f64 / steps.max(1) as f64,
            Budget::Minutes(minutes) => seconds / (60.0 * minutes).max(1e-9),
        }
        .min(1.0)
    }

    /// Learning rate of the step after `step` steps.
    pub fn rate(&self, step: u64, progress: f64) -> f64 {
        let warm = ((step + 1) as f64 / self.warmup.max(1) as f64).min(1.0);
        let fallen = (1.0 - (1.0 - progress) / self.cooldown).max(0.0);
        let cosine = 0.5 * (1.0 + (std::f64::consts::PI * fallen).cos());
        self.peak * warm * (FLOOR + (1.0 - FLOOR) * cosine)
    }

    /// Whether the prior trains on the integer grid at this progress.
    pub fn quantised(&self, progress: f64) -> bool {
        progress >= 1.0 - self.quantised_share
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rate_warms_up_then_falls_to_one_percent() {
        let s = Schedule { budget: Budget::Steps(1000), peak: 1e-3, warmup: 100, cooldown: 1.0, quantised_share: 0.1 };
        assert!((s.rate(0, 0.0) - 1e-5).abs() < 1e-9);
        assert!(s.rate(100, s.progress(100, 0.0)) > 9.5e-4);
        assert!((s.rate(1000, s.progress(1000, 0.0)) - 1e-5).abs() < 1e-9);
        assert!(!s.quantised(0.89) && s.quantised(0.9));
    }

    #[test]
    fn rate_stays_highest_until_the_cooldown() {
        let all = Schedule { budget: Budget::Steps(1000), peak: 1e-3, warmup: 1, cooldown: 1.0, quantised_share: 0.1 };
        let late = Schedule { cooldown: 0.4, ..all };
        assert_eq!((late.rate(10, 0.01), late.rate(600, 0.6)), (1e-3, 1e-3));
        assert!((late.rate(800, 0.8) - all.rate(500, 0.5)).abs() < 1e-12);
        assert!((late.rate(1000, 1.0) - 1e-5).abs() < 1e-9);
    }

    #[test]
    fn lengths_are_said_in_their_own_unit() {
        assert_eq!(Budget::Steps(9000).to_string(), "9000 steps");
        assert_eq!(Budget::Minutes(0.35 * 600.0 + 1e-9).to_string(), "210 minutes");
    }

    #[test]
    fn minutes_count_training_time() {
        let s = Schedule { budget: Budget::Minutes(10.0), peak: 1.0, warmup: 1, cooldown: 1.0, quantised_share: 0.0 };
        assert!((s.progress(5, 300.0) - 0.5).abs() < 1e-12);
    }
}
