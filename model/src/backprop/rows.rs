//! The parts in which a gated block's activations go through its dense layers, and the memory for what is not kept of them.

/// Rows that go through the layers together, forwards: so few that what one layer gives the next is still in the second-level cache.
pub(super) const ROWS: usize = 64;

/// The same backwards: some more, as the weights' gradients are read and written once for all of them.
pub(super) const ROWS_BACK: usize = 128;

/// Some rows of a gated block's activations.
pub(super) struct Rows<'a> {
    /// Forwards the input, which becomes the result; backwards the result's gradient, which becomes the input's.
    pub(super) x: &'a mut [f32],
    pub(super) mixed: &'a [f32],
    /// Twice as wide as the others; empty, as `inner`, where neither is kept.
    pub(super) hidden: &'a mut [f32],
    pub(super) inner: &'a mut [f32],
    /// The gradient of what was convolved, a quarter of the others' width; empty forwards.
    pub(super) d_quarter: &'a mut [f32],
}

/// Memory for some rows of what is not kept.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    hidden: Vec<f32>,
    inner: Vec<f32>,
    d_mixed: Vec<f32>,
    buffer: Vec<f32>,
}

/// Some rows, with all that is computed of them.
pub(super) struct Parts<'a> {
    pub(super) x: &'a mut [f32],
    pub(super) mixed: &'a [f32],
    pub(super) hidden: &'a mut [f32],
    pub(super) inner: &'a mut [f32],
    pub(super) d_mixed: &'a mut [f32],
    pub(super) d_quarter: &'a mut [f32],
    /// Where pairs are made.
    pub(super) buffer: &'a mut Vec<f32>,
}

impl<'a> Rows<'a> {
    /// Parts of `count` rows of `channels` channels.
    pub(super) fn cut(mut self, count: usize, channels: usize) -> Vec<Self> {
        let part = count * channels;
        let parts = self.mixed.chunks(part).map(|mixed| Self {
            x: first(&mut self.x, part),
            mixed,
            hidden: first(&mut self.hidden, 2 * part),
            inner: first(&mut self.inner, part),
            d_quarter: first(&mut self.d_quarter, part / 4),
        });
        parts.collect()
    }

    /// With memory for what there is none of.
    pub(super) fn with(self, scratch: &'a mut Scratch) -> Parts<'a> {
        let Self { x, mixed, hidden, inner, d_quarter } = self;
        let len = mixed.len();
        let (hidden, inner) = if hidden.is_empty() {
            (grown(&mut scratch.hidden, 2 * len), grown(&mut scratch.inner, len))
        } else {
            (hidden, inner)
        };
        let d_mixed = grown(&mut scratch.d_mixed, len);
        Parts { x, mixed, hidden, inner, d_mixed, d_quarter, buffer: &mut scratch.buffer }
    }
}

/// Cuts the first `len` elements off, or as many as there are.
fn first<'a>(from: &mut &'a mut [f32], len: usize) -> &'a mut [f32] {
    let all = std::mem::take(from);
    let (part, rest) = all.split_at_mut(len.min(all.len()));
    *from = rest;
    part
}

/// The first `len` elements of `memory`, which grows to have them.
fn grown(memory: &mut Vec<f32>, len: usize) -> &mut [f32] {
    if memory.len() < len {
        memory.resize(len, 0.0);
    }
    &mut memory[..len]
}
