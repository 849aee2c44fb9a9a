//! The pieces of work of the fast engine, each for some rows of one tile. Plain Rust, see `crate::simd`.

use lic_shaders::arithmetic::{ACTIVATION_MAX, WIDE_MAX};
use lic_shaders::gain::{GainRow, feedback, latent64, mean64, scale_index};
use lic_shaders::order::{GROUP, phase};
use rayon::slice::ParallelSliceMut;

use super::kernels::{Added, Clamped, Shuffled, Source, product};
use super::pack::Packed;
use crate::simd::{Job, Simd};

/// A linear layer at consecutive positions.
pub(super) struct LinearJob<'a> {
    pub(super) layer: &'a Packed,
    pub(super) sources: &'a [Source<'a>],
    /// `[positions, outputs]`.
    pub(super) out: &'a mut [i16],
}

impl Job for LinearJob<'_> {
    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let count = self.out.len() / self.layer.outputs();
        product(simd, self.layer, self.sources, count, &mut Clamped::activations(self.out, self.layer));
    }
}

/// The up-sampling layer on one row of positions.
pub(super) struct UpJob<'a> {
    pub(super) layer: &'a Packed,
    pub(super) source: Source<'a>,
    /// One or two rows `[width, channels]`.
    pub(super) rows: &'a mut [i16],
    pub(super) width: usize,
}

impl Job for UpJob<'_> {
    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let channels = self.layer.outputs() / 4;
        let mut store = Shuffled { rows: self.rows, width: self.width, channels };
        product(simd, self.layer, &[self.source], self.width.div_ceil(2), &mut store);
    }
}

/// The layers of a residual block, packed.
#[derive(Debug, Clone)]
pub(super) struct PackedBlock {
    pub(super) channels: usize,
    pub(super) conv: Packed,
    pub(super) expand: Packed,
    pub(super) project: Packed,
}

/// Planes of the first quarter of a block's channels, padded to even, with one position of zeros around them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Padded {
    pub(super) width: usize,
    pub(super) height: usize,
    /// Channels.
    pub(super) part: usize,
}

impl Padded {
    pub(super) fn zeros(self) -> Vec<i16> {
        vec![0; (self.height + 2) * self.line()]
    }

    /// Values of a row.
    fn line(self) -> usize {
        (self.width + 2) * self.part
    }

    /// Its rows without those of the border, so many at a time.
    pub(super) fn inside(self, plane: &mut [i16], rows: usize) -> rayon::slice::ChunksMut<'_, i16> {
        plane[self.line()..][..self.height * self.line()].par_chunks_mut(rows * self.line())
    }

    /// Copies the first channels of a stream `[rows, width, channels]` into some of its rows.
    #[inline(always)]
    pub(super) fn fill(self, rows: &mut [i16], stream: &[i16], channels: usize) {
        let quarter = channels / 4;
        for (to, from) in rows.chunks_exact_mut(self.line()).zip(stream.chunks_exact(self.width * channels)) {
            for (to, from) in to.chunks_exact_mut(self.part).skip(1).zip(from.chunks_exact(channels)) {
                to[..quarter].copy_from_slice(&from[..quarter]);
            }
        }
    }
}

/// A residual block on a band of rows, in place.
pub(super) struct BlockJob<'a> {
    pub(super) block: &'a PackedBlock,
    /// The first quarter of the channels of the whole plane.
    pub(super) padded: &'a [i16],
    pub(super) shape: Padded,
    pub(super) first_row: usize,
    /// `[rows, width, channels]`.
    pub(super) stream: &'a mut [i16],
    /// These rows of what the next block will read, if there is one.
    pub(super) next: Option<&'a mut [i16]>,
    pub(super) scratch: &'a mut BlockScratch,
}

/// Memory of a thread, used again from band to band.
#[derive(Debug, Default)]
pub(super) struct BlockScratch {
    mixed: Vec<i16>,
    hidden: Vec<i16>,
}

impl Job for BlockJob<'_> {
    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Self { block, padded, shape, first_row, stream, next, scratch: BlockScratch { mixed, hidden } } = self;
        let Padded { width, part, .. } = shape;
        let channels = block.channels;
        let count = stream.len() / channels;
        // The block's input with the first quarter replaced: the stream itself must stay for the addition at the end.
        mixed.clear();
        mixed.extend_from_slice(stream);
        for (y, row) in mixed.chunks_mut(width * channels).enumerate() {
            // The three neighbours in a row lie beside each other.
            let source = |dy| {
                let start = (first_row + y + dy) * shape.line();
                Source { data: padded, start, stride: part, length: 3 * part }
            };
            let mut store = Clamped { stride: channels, ..Clamped::activations(row, &block.conv) };
            product(simd, &block.conv, &[source(0), source(1), source(2)], width, &mut store);
        }
        if hidden.len() < 2 * stream.len() {
            hidden.resize(2 * stream.len(), 0);
        }
        let hidden = &mut hidden[..2 * stream.len()];
        let source = Source { data: mixed, start: 0, stride: channels, length: channels };
        let mut store = Clamped { min: 0, ..Clamped::activations(hidden, &block.expand) };
        product(simd, &block.expand, &[source], count, &mut store);
        let source = Source { data: hidden, start: 0, stride: 2 * channels, length: 2 * channels };
        product(simd, &block.project, &[source], count, &mut Added { stream: &mut *stream, channels });
        if let Some(next) = next {
            shape.fill(next, stream, channels);
        }
    }
}

/// The head of a pass on one row of positions, and the gain tables behind it.
pub(super) struct HeadJob<'a> {
    /// By channel group.
    pub(super) groups: &'a [Packed; 4],
    pub(super) gains: &'a GainRow,
    pub(super) pass: usize,
    pub(super) row: usize,
    /// `[width, channels]`.
    pub(super) stream: &'a [i16],
    pub(super) channels: usize,
    /// `[width, M/4]`.
    pub(super) mean64: &'a mut [i32],
    /// `[width, M/4]`.
    pub(super) index: &'a mut [u8],
}

impl Job for HeadJob<'_> {
    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let width = self.stream.len() / self.channels;
        let outputs = self.groups[0].outputs();
        let part = outputs / 2;
        let mut heads = vec![0; width * outputs];
        for column in 0..width.min(2) {
            let layer = &self.groups[GROUP[self.pass][phase(self.row, column)]];
            let start = column * self.channels;
            let source = Source { data: self.stream, start, stride: 2 * self.channels, length: self.channels };
            let (min, max) = (-WIDE_MAX, WIDE_MAX);
            let mut store =
                Clamped { out: &mut heads, start: column * outputs, stride: 2 * outputs, outputs, min, max };
            product(simd, layer, &[source], (width - column).div_ceil(2), &mut store);
        }
        let rows = self.mean64.chunks_exact_mut(part).zip(self.index.chunks_exact_mut(part));
        for (column, (heads, (means, indices))) in heads.chunks_exact(outputs).zip(rows).enumerate() {
            let first = GROUP[self.pass][phase(self.row, column)] * part;
            let (mult, shift) = (&self.gains.mult[first..first + part], &self.gains.shift[first..first + part]);
            let offset = &self.gains.offset[first..first + part];
            let (from_means, from_scales) = heads.split_at(part);
            for ((to, &mean), (&mult, &shift)) in means.iter_mut().zip(from_means).zip(mult.iter().zip(shift)) {
                // Shifts were checked to be below 32; the mask tells the compiler.
                *to = mean64(mean, mult, shift & 31);
            }
            for ((to, &log_scale), &offset) in indices.iter_mut().zip(from_scales).zip(offset) {
                *to = scale_index(log_scale, offset) as u8;
            }
        }
    }
}

/// What the next passes see of one row of decoded latents.
pub(super) struct FeedbackJob<'a> {
    pub(super) gains: &'a GainRow,
    pub(super) pass: usize,
    pub(super) row: usize,
    /// `[width, M/4]`.
    pub(super) symbols: &'a [i16],
    /// `[width, M/4]`.
    pub(super) mean64: &'a [i32],
    /// `[width, M]`.
    pub(super) feedback: &'a mut [i16],
    /// `M`.
    pub(super) latents: usize,
}

impl Job for FeedbackJob<'_> {
    #[inline(always)]
    fn run<S: Simd>(self, _simd: S) {
        let part = self.latents / 4;
        let coded = self.symbols.chunks_exact(part).zip(self.mean64.chunks_exact(part));
        for (column, (out, (symbols, means))) in self.feedback.chunks_exact_mut(self.latents).zip(coded).enumerate() {
            let first = GROUP[self.pass][phase(self.row, column)] * part;
            let inverse = &self.gains.inverse[first..first + part];
            let shift_a = &self.gains.shift_a[first..first + part];
            let shift_b = &self.gains.shift_b[first..first + part];
            let tables = inverse.iter().zip(shift_a.iter().zip(shift_b));
            let coded = symbols.iter().zip(means);
            for ((to, (&symbol, &mean)), (&inverse, (&a, &b))) in out[first..].iter_mut().zip(coded).zip(tables) {
                *to = feedback(latent64(symbol, mean), inverse, a & 31, b & 31);
            }
        }
    }
}

/// The hyper-latents as activations: `[positions, Z]` to `[positions, Z padded to even]`.
pub(super) fn spread_hyper(hyper: &[i16], channels: usize, padded: usize, shift: u32) -> Vec<i16> {
    let mut out = vec![0; hyper.len() / channels * padded];
    for (to, from) in out.chunks_exact_mut(padded).zip(hyper.chunks_exact(channels)) {
        for (to, &z) in to.iter_mut().zip(from) {
            *to = (i32::from(z) << shift).clamp(-ACTIVATION_MAX, ACTIVATION_MAX) as i16;
        }
    }
    out
}
