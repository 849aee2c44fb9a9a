//! Why a layer or a table was refused.

/// A layer or table that breaks a rule of `codec/PRIOR.md`; row and channel numbers count from 0.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LayerError {
    /// A tensor has the wrong number of elements.
    #[error("{tensor} has {found} elements, expected {expected}")]
    Length {
        /// Name of the tensor inside the layer.
        tensor: &'static str,
        /// Number of elements the layer's shape asks for.
        expected: usize,
        /// Number of elements given.
        found: usize,
    },
    /// A layer without inputs or outputs, or so large that its number of weights overflows.
    #[error("a layer of {inputs} inputs and {outputs} outputs cannot be used")]
    Size {
        /// Inputs of the layer.
        inputs: usize,
        /// Outputs of the layer.
        outputs: usize,
    },
    /// A channel count that must be a multiple of 4 and is not.
    #[error("{channels} channels: expected a positive multiple of 4")]
    Channels {
        /// The offending count.
        channels: usize,
    },
    /// The layers of a block do not fit together.
    #[error("{layer} maps {inputs} to {outputs} channels, expected {expected_inputs} to {expected_outputs}")]
    Mismatch {
        /// Which layer.
        layer: &'static str,
        /// Inputs it has.
        inputs: usize,
        /// Outputs it has.
        outputs: usize,
        /// Inputs it must have.
        expected_inputs: usize,
        /// Outputs it must have.
        expected_outputs: usize,
    },
    /// A value outside the range allowed for its tensor.
    #[error("{tensor} of row {row} is {value}, outside {min}..={max}")]
    Range {
        /// Name of the tensor.
        tensor: &'static str,
        /// Output row, or channel of a gain table.
        row: usize,
        /// The offending value.
        value: i64,
        /// Smallest allowed value.
        min: i64,
        /// Largest allowed value.
        max: i64,
    },
    /// An accumulator that could leave the range of i32.
    #[error(
        "row {row} could overflow: {weight_sum} (sum of |weights|) * 4095 + {bias} (|bias|) + {rounding} (rounding) is not below 2^31"
    )]
    Overflow {
        /// Output row.
        row: usize,
        /// Sum of the absolute weights.
        weight_sum: i64,
        /// Largest absolute bias over the knots.
        bias: i64,
        /// Rounding term of the first shift.
        rounding: i64,
    },
}
