//! The transforms on a GPU with own kernels ([`lic_shaders::gpu::transform`]), for models without attention.
//!
//! Differs from `windows`, which runs burn's networks, in cutting a picture by what the adapter can bind instead of into tiles: a picture of
//! up to 16 megapixels is one window on most, so that it costs one upload and one copy back. Larger ones go through in bands, whose
//! windows have a halo that is computed twice.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;

use lic_model::plain;
use lic_model::weights::WeightFile;
use lic_shaders::gpu::transform::{AnalysisBuffers, FloatGpu, HyperBuffers, SynthesisBuffers, Window};
use lic_shaders::gpu::{Gpu, GpuError};

use super::rolling::RollingPlane;
use super::{Analysis, Synthesis, Transforms};
use crate::device::DeviceError;
use crate::error::Error;
use crate::format::{BitDepth, ColourModel, Header};
use crate::model::ModelError;
use crate::patches;
use crate::picture::{Picture, channels};
use crate::samples::{nearest, peak};
use crate::tiles::Area;

/// Latents per window at most: 16.8 megapixels, whose activations take about 490 MB on the device with the student (`shaders/README.md`, "What fits").
const MOST_LATENTS: usize = 1 << 16;

/// The transforms of one model on one device.
#[derive(Debug)]
pub(crate) struct GpuTransforms {
    float: FloatGpu,
    channels: usize,
    halo: usize,
    synthesis: SynthesisBuffers,
    encoder: Option<(AnalysisBuffers, HyperBuffers)>,
    /// Latents per window, halo included.
    most_latents: usize,
}

impl GpuTransforms {
    /// Uploads the synthesis transform, and the encoder's networks if `encoder` is set. `None` if the model has attention.
    pub(crate) fn load(file: &WeightFile<'_>, gpu: Arc<Gpu>, encoder: bool) -> Result<Option<Self>, ModelError> {
        let Some(net) = plain::synthesis(file)? else { return Ok(None) };
        let float = FloatGpu::new(gpu);
        let synthesis = SynthesisBuffers::new(&float, &net);
        let mut most_latents = synthesis.most_latents(&float).min(MOST_LATENTS);
        let encoder = match plain::analysis(file)?.filter(|_| encoder) {
            Some(analysis) => {
                let buffers = AnalysisBuffers::new(&float, &analysis);
                most_latents = most_latents.min(buffers.most_latents(&float));
                Some((buffers, HyperBuffers::new(&float, &plain::hyper_analysis(file)?)))
            }
            None => None,
        };
        let halo = file.checked_config()?.halo();
        Ok(Some(Self { float, channels: net.stem.inputs, halo, synthesis, encoder, most_latents }))
    }

    /// How a picture is cut.
    fn cut(&self, picture: Area) -> Cut {
        Cut::new(picture, self.halo, self.most_latents)
    }
}

impl Transforms for GpuTransforms {
    fn channels(&self) -> usize {
        self.channels
    }

    fn anchor(&self) -> usize {
        1
    }

    fn halo(&self) -> usize {
        self.halo
    }

    fn analysis<'a>(&'a self, picture: &'a Picture, header: &Header) -> Result<Box<dyn Analysis + 'a>, Error> {
        let (net, _) = self.encoder.as_ref().ok_or(ModelError::NoEncoder)?;
        let cut = self.cut(Area::of_picture(header));
        Ok(Box::new(GpuAnalysis { gpu: self, net, picture, cut, next: 0, ready: VecDeque::new() }))
    }

    fn hyper_analyse(&self, latent: &[f32], rows: usize, columns: usize, quality: u8) -> Result<Vec<f32>, Error> {
        let (_, net) = self.encoder.as_ref().ok_or(ModelError::NoEncoder)?;
        let values = super::pad_to_hyper(latent, rows, columns, self.channels).concat();
        let window = Window { rows: rows.next_multiple_of(4), columns: columns.next_multiple_of(4), values };
        Ok(net.run(&self.float, &window, quality).map_err(failed)?)
    }

    fn synthesis<'a>(&'a self, header: &Header) -> Box<dyn Synthesis + 'a> {
        let cut = self.cut(Area::of_picture(header));
        let plane = RollingPlane::new(self.channels);
        Box::new(GpuSynthesis { gpu: self, header: *header, cut, plane, received: 0, next: 0 })
    }
}

fn failed(error: GpuError) -> DeviceError {
    error.into()
}

/// A picture in bands, and bands in windows.
#[derive(Debug)]
struct Cut {
    picture: Area,
    halo: usize,
    /// Rows of latents per band, without halo.
    height: usize,
    /// Columns of latents per window, without halo.
    width: usize,
}

impl Cut {
    /// As few windows as possible of at most so many latents, but halos that outweigh the rest are avoided.
    fn new(picture: Area, halo: usize, most: usize) -> Self {
        let (rows, columns) = (picture.rows.len(), picture.columns.len());
        let mut width = columns;
        let height = loop {
            let height = (most / (width + 2 * halo)).saturating_sub(2 * halo).min(rows);
            if height >= rows.min(4 * halo) || width <= 4 * halo {
                break height.max(1);
            }
            width = width.div_ceil(2);
        };
        Self { picture, halo, height, width: width.max(1) }
    }

    /// The rows of the band that starts with this row, if there is one.
    fn band(&self, first: usize) -> Option<Range<usize>> {
        (first < self.picture.rows.end).then(|| first..(first + self.height).min(self.picture.rows.end))
    }

    /// The areas of a band, with their windows.
    fn windows(&self, rows: &Range<usize>) -> Vec<(Area, Area)> {
        let areas = self.picture.columns.clone().step_by(self.width).map(|start| {
            let end = (start + self.width).min(self.picture.columns.end);
            let area = Area { rows: rows.clone(), columns: start..end };
            let window = area.window(self.halo, &self.picture);
            (area, window)
        });
        areas.collect()
    }
}

struct GpuAnalysis<'a> {
    gpu: &'a GpuTransforms,
    net: &'a AnalysisBuffers,
    picture: &'a Picture,
    cut: Cut,
    /// The first row of the next band.
    next: usize,
    ready: VecDeque<Vec<f32>>,
}

impl GpuAnalysis<'_> {
    /// The latents of a band as rows [columns, M].
    fn band(&self, rows: &Range<usize>) -> Result<Vec<Vec<f32>>, Error> {
        let windows = self.cut.windows(rows);
        let across = 2 * self.cut.picture.columns.len();
        let Some((_, Area { rows, .. })) = windows.first() else { return Ok(Vec::new()) };
        let rows = 2 * rows.start..2 * rows.end;
        let grey = self.picture.colour == ColourModel::Grey;
        let float = &self.gpu.float;
        let found = match patches::deep_rows(self.picture, rows.clone(), across) {
            None => {
                let patches = patches::sample_rows(self.picture, rows, across);
                self.net.samples(float, &split(&windows, &patches, |sample| sample), grey)
            }
            Some(patches) => {
                let number = |value| f32::from(value) / f32::from(2 * patches::DEEP_MAX);
                self.net.numbers(float, &split(&windows, &patches, number), grey)
            }
        };
        Ok(join(&windows, &found.map_err(failed)?, 1, self.gpu.channels))
    }
}

/// The windows of a band from its rows of patches, whose numbers are converted.
fn split<T: Copy, U>(windows: &[(Area, Area)], patches: &[Vec<T>], convert: impl Fn(T) -> U) -> Vec<Window<U>> {
    let window = |(_, window): &(Area, Area)| {
        let columns = 2 * window.columns.start..2 * window.columns.end;
        let across = windows.last().map_or(1, |(_, last)| 2 * last.columns.end);
        let values = patches.iter().flat_map(|row| {
            let length = row.len() / across;
            &row[columns.start * length..columns.end * length]
        });
        let values = values.map(|&value| convert(value)).collect();
        Window { rows: window.rows.len(), columns: window.columns.len(), values }
    };
    windows.iter().map(window).collect()
}

impl Analysis for GpuAnalysis<'_> {
    fn rows(&mut self, count: usize) -> Result<Vec<Vec<f32>>, Error> {
        while self.ready.len() < count
            && let Some(rows) = self.cut.band(self.next)
        {
            self.ready.extend(self.band(&rows)?);
            self.next = rows.end;
        }
        Ok(self.ready.drain(..count.min(self.ready.len())).collect())
    }
}

struct GpuSynthesis<'a> {
    gpu: &'a GpuTransforms,
    header: Header,
    cut: Cut,
    plane: RollingPlane,
    /// Rows of latents so far.
    received: usize,
    /// The first row of the next band.
    next: usize,
}

impl GpuSynthesis<'_> {
    /// Takes rows of latents, and has `band` make rows of patches of what is complete.
    fn advance<T: Copy>(
        &mut self,
        latents: Vec<Vec<f32>>,
        band: impl Fn(&[Window<f32>], bool) -> Result<Vec<Vec<T>>, GpuError>,
        mut done: impl FnMut(&Header, Vec<Vec<T>>),
    ) -> Result<(), Error> {
        self.received += latents.len();
        self.plane.extend(latents);
        while let Some(rows) = self.cut.band(self.next) {
            let windows = self.cut.windows(&rows);
            let Some((_, first)) = windows.first().filter(|(_, window)| window.rows.end <= self.received) else {
                break;
            };
            self.plane.forget_above(first.rows.start);
            self.next = rows.end;
            let inputs = windows.iter().map(|(_, window)| Window {
                rows: window.rows.len(),
                columns: window.columns.len(),
                values: self.plane.read(window),
            });
            let inputs: Vec<Window<f32>> = inputs.collect();
            let found = band(&inputs, self.header.colour == ColourModel::Grey).map_err(failed)?;
            done(&self.header, join(&windows, &found, 2, 64 * channels(self.header.colour)));
        }
        Ok(())
    }
}

impl Synthesis for GpuSynthesis<'_> {
    fn push(&mut self, latents: Vec<Vec<f32>>, pixels: &mut Vec<u8>) -> Result<(), Error> {
        let (GpuTransforms { float, synthesis, .. }, quality) = (self.gpu, self.header.quality);
        self.advance(
            latents,
            |windows, grey| synthesis.samples(float, windows, quality, grey),
            |header, rows| patches::append_rows(&rows, header, pixels),
        )
    }

    fn push_deep(&mut self, latents: Vec<Vec<f32>>, depth: BitDepth, pixels: &mut Vec<u16>) -> Result<(), Error> {
        let (GpuTransforms { float, synthesis, .. }, quality) = (self.gpu, self.header.quality);
        let peak = f32::from(peak(depth));
        let sample = |value: f32| nearest::<u16>((value + 0.5) * peak, peak);
        self.advance(
            latents,
            |windows, grey| {
                let found = synthesis.numbers(float, windows, quality, grey)?;
                Ok(found.into_iter().map(|plane| plane.into_iter().map(sample).collect()).collect())
            },
            |header, rows| patches::append_rows(&rows, header, pixels),
        )
    }
}

/// Rows [scale columns, channels] of a band from the planes of its windows, `scale` positions per latent in each direction.
fn join<T: Copy>(windows: &[(Area, Area)], planes: &[Vec<T>], scale: usize, channels: usize) -> Vec<Vec<T>> {
    let mut rows: Vec<Vec<T>> = Vec::new();
    for ((area, window), plane) in windows.iter().zip(planes) {
        let scaled = |area: &Area| Area {
            rows: scale * area.rows.start..scale * area.rows.end,
            columns: scale * area.columns.start..scale * area.columns.end,
        };
        let (area, window) = (scaled(area), scaled(window));
        rows.resize_with(area.rows.len(), Vec::new);
        let inner = window.crop(plane, &area, channels);
        let pieces = inner.chunks_exact(area.columns.len() * channels);
        rows.iter_mut().zip(pieces).for_each(|(row, piece)| row.extend_from_slice(piece));
    }
    rows
}

#[cfg(test)]
mod tests;
