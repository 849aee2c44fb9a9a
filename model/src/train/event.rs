//! What a run tells its caller.

use super::step::StepReport;
use super::validate::Point;

/// Something that happened in a run.
#[derive(Debug)]
pub enum Event<'a> {
    /// Images are loaded and the network stands.
    Ready {
        /// Training images.
        images: usize,
        /// Parameters.
        parameters: usize,
        /// First step of this session.
        step: u64,
        /// Hidden units that were put in the places of shut ones.
        revived: usize,
        /// What is another than it was before the run was resumed, or left out of what a new one begins with, a line each.
        changed: Vec<String>,
    },
    /// The run had its length before this session: nothing is left to train.
    Complete {
        /// Steps taken in all.
        step: u64,
    },
    /// After every step.
    Step {
        /// Steps taken in all.
        step: u64,
        /// 0..=1.
        progress: f64,
        /// This step's numbers.
        report: StepReport,
        /// Seconds this step took.
        seconds: f64,
    },
    /// After a validation: before the first step, now and then, and at the end (of a resumed run too, if it has ended without).
    Validated {
        /// Steps taken in all.
        step: u64,
        /// One point a quality.
        points: &'a [Point],
        /// See [`score`](super::score).
        score: f64,
    },
}
