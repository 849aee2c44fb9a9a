//! Distillation: a student learns from a teacher in three phases, those of FEDS (arXiv 2503.06399).
//!
//! | phase | loss | file |
//! |---|---|---|
//! | 1, feature alignment | rate-distortion + distance of stage outputs | `features.rs` |
//! | 2, channel distillation | rate-distortion + distance of latents and their distributions, channels weighed by the teacher's bits | `channels.rs` |
//! | 3, fine-tuning | rate-distortion, ending on the prior's integer grid | `RateDistortion` of [`crate::train`] |
//!
//! The phases and their order are those of FEDS (arXiv 2503.06399), as far as its abstract and public summaries tell; the paper's exact losses and
//! constants are not known to us. Each phase is a run of the ordinary training loop ([`crate::train`]) with a loss of its own, in a folder of its own, that
//! begins with the checkpoint of the phase before it.
//!
//! The teacher's forward pass costs several times what the student's step does, so phases 1 and 2 train on a fixed set of crops, on which the teacher is
//! asked once ([`Cache`]).

#[cfg(test)]
mod agreement;
mod cache;
mod channels;
mod entropies;
mod error;
mod features;
mod options;
mod phase;
mod run;
mod teacher;

pub use cache::{Cache, CacheError};
pub use entropies::Entropies;
pub use error::DistillError;
pub use options::DistillOptions;
pub use phase::Phase;
pub use run::{channels, distill};
pub use teacher::Teacher;
