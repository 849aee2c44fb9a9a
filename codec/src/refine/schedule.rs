//! How long a search goes on, and what it may do when.

use crate::effort::Effort;

/// The course of a search; `now` runs from 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Schedule {
    /// Evaluations of the cost and its gradient.
    pub(super) iterations: usize,
    /// Curvature of a latent, as a multiple of what was measured: at the beginning and at the end.
    curvature: [f32; 2],
    /// Probability of a move that is estimated to pay.
    probability: f32,
    /// When the hyper-latents may move.
    hyper: [f32; 2],
    /// Twice the bits per squared step of a hyper-latent.
    pub(super) hyper_curvature: f32,
    /// Probability of their moves.
    pub(super) hyper_probability: f32,
}

/// When the search is told anew what to aim at.
const AIMS: [f32; 3] = [0.25, 0.5, 0.75];

/// When the latents of a pass stop moving.
const PASS_ENDS: [f32; 4] = [0.9, 0.933, 0.967, 1.0];

impl Schedule {
    /// That of an effort that searches.
    pub(super) fn of(effort: Effort) -> Self {
        let (iterations, hyper_curvature) = match effort {
            Effort::Nearest | Effort::Optimised | Effort::Refined => (64, 25.0),
            Effort::Thorough => (300, 30.0),
        };
        Self {
            iterations,
            curvature: [0.73, 1.31],
            probability: 0.5,
            hyper: [0.2, 0.6],
            hyper_curvature,
            // A few moves of each in the whole search: more of them make a long one worse.
            hyper_probability: 4.0 / iterations as f32,
        }
    }

    /// Whether what to aim at changes after this iteration.
    pub(super) fn aims(&self, iteration: usize) -> bool {
        AIMS.iter().any(|part| (part * self.iterations as f32) as usize == iteration)
    }

    pub(super) fn curvature(&self, now: f32) -> f32 {
        self.curvature[0] + (self.curvature[1] - self.curvature[0]) * now
    }

    pub(super) fn probability(&self, pass: usize, now: f32) -> f32 {
        let moves = PASS_ENDS.get(pass).is_some_and(|end| now < *end);
        if moves { self.probability } else { 0.0 }
    }

    pub(super) fn moves_hyper(&self, now: f32) -> bool {
        (self.hyper[0]..self.hyper[1]).contains(&now)
    }
}
