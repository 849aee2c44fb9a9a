//! The number format of activations and products during training.
//!
//! Master weights, latents, rate and loss are f32. Between them, on CPUs with bf16 instructions, activations and the operands of products can be bf16:
//! products are several times faster, and everything else moves half the bytes (autodiff goes through the casts). Layers cast what they are
//! given ([`working`]), so the format spreads from layer to layer and each network casts back at its end ([`full`]). Inference always
//! runs in f32. One setting per process.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};

use burn::tensor::{FloatDType, Tensor};
use serde::{Deserialize, Serialize};

use crate::preset::ModelConfig;

static BF16: AtomicBool = AtomicBool::new(false);

/// How activations are held between layers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Precision {
    /// 32-bit floats, everywhere.
    F32,
    /// bfloat16.
    Bf16,
}

impl Precision {
    /// What products are fastest in on this CPU. Taken apart where there are no instructions for it, bf16 is slower than f32.
    pub fn fastest() -> Self {
        if crate::backprop::pairs_are_faster() { Self::Bf16 } else { Self::F32 }
    }

    /// This format, or f32 where a network's parts of channels do not come in pairs, which our own products of bf16 need. Those of the presets do.
    pub(crate) fn fitting(self, config: &ModelConfig) -> Self {
        let ModelConfig { c8, c16, hidden, y, z, .. } = config;
        let in_pairs = [c8, c16, hidden, y, z].iter().all(|channels| channels.is_multiple_of(8));
        if in_pairs { self } else { Self::F32 }
    }
}

impl fmt::Display for Precision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::F32 => "f32",
            Self::Bf16 => "bf16",
        })
    }
}

/// Chooses the format for all networks of this process.
pub fn set_matrix_precision(precision: Precision) {
    BF16.store(precision == Precision::Bf16, Ordering::Relaxed);
}

/// The format in force.
pub fn matrix_precision() -> Precision {
    if BF16.load(Ordering::Relaxed) { Precision::Bf16 } else { Precision::F32 }
}

/// `x` in the format in force.
pub(crate) fn working<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    match matrix_precision() {
        Precision::F32 => x,
        Precision::Bf16 => x.cast(FloatDType::BF16),
    }
}

/// `x` in f32.
pub(crate) fn full<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    x.cast(FloatDType::F32)
}

/// `a b`, computed in the format in force, in f32.
pub(crate) fn product<const D: usize>(a: Tensor<D>, b: Tensor<D>) -> Tensor<D> {
    full(working(a).matmul(working(b)))
}

/// Runs `f` with all products in f32.
pub(crate) fn in_f32<T>(f: impl FnOnce() -> T) -> T {
    let before = matrix_precision();
    set_matrix_precision(Precision::F32);
    let result = f();
    set_matrix_precision(before);
    result
}
