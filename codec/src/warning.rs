//! [`Warning`]: what the user should hear about although the picture is there. What ends the work is `error.rs`.

/// Something the user should hear about although the picture is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Warning {
    /// The symbols were parsed exactly, but another synthesis transform than the one the encoder
    /// had in mind turns them into pixels: a better one, if the weights are newer.
    #[error("the file was made for synthesis id {file:08x}, the loaded model has {model:08x}")]
    SynthesisIdMismatch {
        /// Synthesis id in the file.
        file: u32,
        /// Synthesis id of the loaded model.
        model: u32,
    },
    /// A section that this release does not know was skipped; its writer says that is harmless.
    #[error("section type {kind} with {bytes} bytes is unknown here and was skipped")]
    SectionSkipped {
        /// The section's type number.
        kind: u8,
        /// Length of its content.
        bytes: u64,
    },
    /// There is a GPU, but the CPU does the work.
    #[error("the GPU is not used: {reason}")]
    GpuNotUsed {
        /// What is wrong with it.
        reason: GpuFault,
    },
}

/// Why `auto` does not use a GPU that is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum GpuFault {
    /// It gives no device, or a command failed in the self-test.
    #[error("it does not start")]
    DoesNotStart,
    /// Its integer arithmetic is wrong: files would be unreadable elsewhere.
    #[error("its integer prior differs from the CPU's")]
    WrongPrior,
    /// Its pixels are off by more than rounding.
    #[error("its pixels differ from the CPU's")]
    WrongPixels,
}
