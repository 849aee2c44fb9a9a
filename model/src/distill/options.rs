//! What a distillation is told beyond a training run's settings.

use std::path::PathBuf;

use super::{DistillError, Phase};
use crate::train::{FIXED_PARTS, Options, require};

/// Settings of a distillation.
#[derive(Clone, Debug)]
pub struct DistillOptions {
    /// The student's run: preset, data, length of all phases together, and the folder in which each phase has its own.
    pub student: Options,
    /// Checkpoint or weight file of the teacher.
    pub teacher: PathBuf,
    /// Phases to run, in order.
    pub phases: Vec<Phase>,
    /// Crops of phases 1 and 2, a multiple of 8.
    pub crops: u64,
    /// Most bytes of the teacher's outputs to store for a phase.
    pub store: u64,
    /// Weight `a` of the distance of features.
    pub feature_weight: f64,
    /// Weight `b` of the distance of channels.
    pub channel_weight: f64,
}

impl DistillOptions {
    /// All phases, with a set of 2,048 crops.
    pub fn new(student: Options, teacher: PathBuf) -> Self {
        Self {
            student,
            teacher,
            phases: Phase::ALL.to_vec(),
            crops: 2048,
            store: 4 << 30,
            feature_weight: 1.0,
            channel_weight: 1.0,
        }
    }

    /// Checks that all numbers mean something.
    ///
    /// # Errors
    /// One does not; the error names it.
    pub fn check(&self) -> Result<(), DistillError> {
        self.student.check()?;
        if self.crops == 0 || !self.crops.is_multiple_of(FIXED_PARTS) {
            return Err(DistillError::Crops(self.crops));
        }
        for (flag, weight) in [("--feature-weight", self.feature_weight), ("--channel-weight", self.channel_weight)] {
            require(weight >= 0.0 && weight.is_finite(), flag, weight, "a number from 0 on")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;

    use super::*;
    use crate::preset::Preset;
    use crate::train::Budget;

    #[test]
    fn weights_of_distances_that_mean_nothing_are_refused_by_their_names() {
        let student =
            Options::new(Preset::Tiny, PathBuf::new(), PathBuf::new(), Budget::Steps(1), Device::flex().autodiff());
        let fine = DistillOptions::new(student, PathBuf::new());
        fine.check().unwrap();
        let named = |options: DistillOptions| options.check().unwrap_err().to_string();
        let error = named(DistillOptions { channel_weight: f64::NAN, ..fine.clone() });
        assert!(error.starts_with("--channel-weight NaN:"), "{error}");
        let error = named(DistillOptions { feature_weight: -1.0, ..fine });
        assert!(error.starts_with("--feature-weight -1:"), "{error}");
    }
}
