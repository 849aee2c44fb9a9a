//! Buffers that outlive a step: activations are taken and given back, so that a step allocates nothing after the first.

use std::collections::HashMap;

/// Buffers by length.
#[derive(Debug, Default)]
pub(super) struct Pool(HashMap<usize, Vec<Vec<f32>>>);

impl Pool {
    /// A buffer of `len` values that mean nothing yet.
    pub(super) fn take(&mut self, len: usize) -> Vec<f32> {
        self.0.get_mut(&len).and_then(Vec::pop).unwrap_or_else(|| vec![0.0; len])
    }

    /// A buffer of `len` zeros.
    pub(super) fn zeros(&mut self, len: usize) -> Vec<f32> {
        let mut buffer = self.take(len);
        buffer.fill(0.0);
        buffer
    }

    /// A copy of `values`.
    pub(super) fn copy(&mut self, values: &[f32]) -> Vec<f32> {
        let mut buffer = self.take(values.len());
        buffer.copy_from_slice(values);
        buffer
    }

    /// Takes a buffer back.
    pub(super) fn give(&mut self, buffer: Vec<f32>) {
        self.0.entry(buffer.len()).or_default().push(buffer);
    }
}
