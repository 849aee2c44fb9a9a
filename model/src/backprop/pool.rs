//! Buffers that outlive a step: activations are taken and given back, so that a step allocates little after the first.

use std::collections::HashMap;

/// Buffers by length.
#[derive(Debug, Default)]
pub(crate) struct Pool {
    buffers: HashMap<usize, Vec<Vec<f32>>>,
    pub(super) scratch: Scratch,
    /// Whether large products are shared out among threads; otherwise the threads have samples of their own.
    pub(crate) shared: bool,
}

/// Memory that is not taken and given back: where pairs are made, and for what gated blocks do not keep of some rows.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    pub(super) hidden: Vec<f32>,
    pub(super) inner: Vec<f32>,
    /// What goes into the dense layers, or its gradient.
    pub(super) mixed: Vec<f32>,
    /// A convolution's frame as pairs.
    pub(super) frame: Vec<f32>,
    /// Where a product's left factor becomes pairs ([`super::Operand`]).
    pub(super) pairs: Vec<f32>,
}

/// The first `len` elements of `memory`, which grows to have them.
pub(super) fn grown(memory: &mut Vec<f32>, len: usize) -> &mut [f32] {
    if memory.len() < len {
        memory.resize(len, 0.0);
    }
    &mut memory[..len]
}

impl Pool {
    /// A buffer of `len` values that mean nothing yet.
    pub(crate) fn take(&mut self, len: usize) -> Vec<f32> {
        self.buffers.get_mut(&len).and_then(Vec::pop).unwrap_or_else(|| vec![0.0; len])
    }

    /// A buffer of `len` zeros.
    pub(crate) fn zeros(&mut self, len: usize) -> Vec<f32> {
        let mut buffer = self.take(len);
        buffer.fill(0.0);
        buffer
    }

    /// A copy of `values`.
    pub(crate) fn copy(&mut self, values: &[f32]) -> Vec<f32> {
        let mut buffer = self.take(values.len());
        buffer.copy_from_slice(values);
        buffer
    }

    /// Takes a buffer back. An empty one, which stands for a gradient that there is not, would only be kept.
    pub(crate) fn give(&mut self, buffer: Vec<f32>) {
        if !buffer.is_empty() {
            self.buffers.entry(buffer.len()).or_default().push(buffer);
        }
    }
}

/// What backward passes work with.
#[derive(Debug, Default)]
pub(crate) struct Work {
    pub(crate) pool: Pool,
    /// Where the gradients of the weights are added up, in the order of the network's slots; empty where weights are frozen.
    pub(crate) gradient: Vec<f32>,
}

#[cfg(test)]
mod tests {
    use super::*;

    impl Pool {
        /// Fills what is waiting to be taken with what no result may depend on.
        pub(in crate::backprop) fn spoil(&mut self) {
            self.buffers.values_mut().flatten().for_each(|buffer| buffer.fill(f32::NAN));
        }
    }

    #[test]
    fn a_pool_keeps_what_it_can_give_again_and_nothing_else() {
        let mut pool = Pool::default();
        for _ in 0..3 {
            let buffer = pool.zeros(8);
            pool.give(buffer);
            pool.give(Vec::new());
        }
        assert_eq!(pool.buffers.values().map(Vec::len).sum::<usize>(), 1);
    }
}
