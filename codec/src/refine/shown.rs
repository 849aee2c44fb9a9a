//! What filters behind the synthesis change of a tile, for a search whose gradients know the synthesis alone.
//!
//! Decoders smooth patches ([`crate::deblock`]), mend pixels ([`crate::enhance`]) and apply the picture's own filter ([`crate::wiener`]). A search that compares the synthesis with the picture
//! would mend with latents what filters mend, and filters would mend it again. So it aims elsewhere: at the picture less what filters
//! add to the state that it has reached. That they would add something else after a move is left out of its gradients. The picture's own filter is
//! fitted to the tile and those before it: the whole picture, where that is one tile.

use lic_shaders::gain::MEAN_STEPS;

use super::scaled;
use crate::error::Error;
use crate::format::{BitDepth, Header};
use crate::picture::{Picture, channels};
use crate::runtime::Runtime;
use crate::samples::Samples;
use crate::source::Source;
use crate::stats::Stats;
use crate::tiles::Area;
use crate::transform::Synthesis;
use crate::transform::rolling::RollingPlane;
use crate::transform::windows::patches;
use crate::wiener::{Coefficients, SECTION, Sampler};

/// A tile in its window, as a decoder will show it.
pub(super) struct Shown<'a> {
    pub(super) runtime: &'a Runtime,
    pub(super) source: &'a Source<'a>,
    pub(super) header: &'a Header,
    /// What the picture's own filter is fitted to so far, if it may have one.
    pub(super) sampler: Option<&'a Sampler<'a>>,
    pub(super) tile: &'a Area,
    pub(super) window: &'a Area,
    /// The picture's patches [2 rows, 2 columns, 192] of the window.
    pub(super) target: Vec<f32>,
    /// Whitened latents of the window [rows, columns, M]; what they are inside of the tile does not matter.
    pub(super) around: &'a [f32],
    /// Units of the whitened latent per quantisation step [M].
    pub(super) steps: &'a [f32],
}

/// What to compare with.
pub(super) struct Aim {
    /// Patches [2 rows, 2 columns, 192] of the window.
    pub(super) patches: Vec<f32>,
    /// The tile's part of what the picture's filter takes in the file.
    pub(super) bits: f64,
}

impl Shown<'_> {
    /// What the synthesis of the window is best compared with where the tile's latents [rows, columns, M] are these, in quantisation steps.
    pub(super) fn aim(&self, latents: &[f32]) -> Result<Aim, Error> {
        let mut aim = Aim { patches: self.target.clone(), bits: 0.0 };
        let mut filter = None;
        if let Some(body) = self.fitted(latents)? {
            let whole = Area::of_picture(self.header).positions().max(1);
            let part = self.tile.positions() as f64 / whole as f64;
            aim.bits = 8.0 * (body.len() + SECTION) as f64 * part;
            filter = Some(Coefficients::read(self.header.colour, &body)?);
        }
        if filter.is_none() && !self.runtime.filters() {
            return Ok(aim);
        }
        let rows = self.rows(latents);
        let header = self.window_header();
        let without = patches_of(self.runtime.transforms.synthesis(&header), &header, rows.clone())?;
        let synthesis = self.runtime.synthesis(&header, filter.as_ref());
        let with = patches_of(synthesis, &header, rows)?;
        aim.patches.iter_mut().zip(with.iter().zip(&without)).for_each(|(aim, (with, without))| *aim -= with - without);
        Ok(aim)
    }

    /// The body of the section of the filter that the picture would have if it ended with the tile.
    fn fitted(&self, latents: &[f32]) -> Result<Option<Vec<u8>>, Error> {
        let mut unseen = Stats::default();
        let Some(mut sampler) = self.sampler.cloned() else { return Ok(None) };
        let y64: Vec<i32> = latents.iter().map(|y| (MEAN_STEPS as f32 * y).round() as i32).collect();
        sampler.add(self.source, self.tile, &y64, &mut unseen)?;
        Ok(sampler.finish(&mut unseen)?.map(|(_, body)| body))
    }

    /// Rows of the window's whitened latents with these of the tile.
    fn rows(&self, latents: &[f32]) -> Vec<Vec<f32>> {
        let (channels, left) = (self.steps.len(), self.window.columns.start);
        let mut plane = RollingPlane::starting_at(self.window.rows.start, channels);
        plane.extend(self.around.chunks_exact(self.window.columns.len() * channels).map(<[f32]>::to_vec).collect());
        let columns = self.tile.columns.start - left..self.tile.columns.end - left;
        plane.write(&Area { rows: self.tile.rows.clone(), columns }, &scaled(latents, self.steps));
        plane.into_rows()
    }

    /// The window as a picture of as many bits as there are.
    fn window_header(&self) -> Header {
        let [width, height] = self.window.pixels(self.header).map(|side| side as u16);
        Header { width, height, depth: BitDepth::Sixteen, ..*self.header }
    }
}

/// The patches that a synthesis makes of rows of latents, of the whole picture of a header.
pub(super) fn patches_of(
    mut synthesis: Box<dyn Synthesis + '_>,
    header: &Header,
    rows: Vec<Vec<f32>>,
) -> Result<Vec<f32>, Error> {
    let Header { width, height, colour, depth, .. } = *header;
    let mut samples = Vec::new();
    synthesis.push_deep(rows, depth, &mut samples)?;
    // Without a filter the last row of patches may reach beyond the picture.
    samples.truncate(usize::from(width) * usize::from(height) * channels(colour));
    let picture = Picture::new(width.into(), height.into(), colour, Samples::Deep(depth, samples))?;
    Ok(patches::from_picture(&picture, &Area::of_picture(header)))
}
