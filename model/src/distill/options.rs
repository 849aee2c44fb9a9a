//! What a distillation is told beyond a training run's settings.

use std::path::PathBuf;

use super::Phase;
use crate::train::Options;

/// Settings of a distillation.
#[derive(Clone, Debug)]
pub struct DistillOptions {
    /// The student's run: preset, data, length of all phases together, and the folder in which each phase has its own.
    pub student: Options,
    /// Checkpoint or weight file of the teacher.
    pub teacher: PathBuf,
    /// Phases to run, in order.
    pub phases: Vec<Phase>,
    /// Crops of phases 1 and 2, at least 8.
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
}
