//! Geometry of the tiles that are computed together: their positions one after the other, at three resolutions.

use super::Gpu;
use crate::order::{PASSES, phase};

/// Height and width of one tile's plane, in positions.
pub type Plane2d = (usize, usize);

/// The planes of all tiles of a batch at one resolution, and the buffers that tell kernels where a position lies.
#[derive(Debug)]
pub struct Level {
    planes: Vec<Plane2d>,
    pub(super) positions: u32,
    /// Row, column, height, width of every position.
    pub(super) places: wgpu::Buffer,
}

impl Level {
    /// The planes of the tiles, at least one, none of them empty.
    pub fn new(gpu: &Gpu, planes: Vec<Plane2d>) -> Self {
        let places: Vec<[u32; 4]> = planes
            .iter()
            .flat_map(|&(height, width)| each(height, width).map(move |(y, x)| [y, x, height as u32, width as u32]))
            .collect();
        Self { positions: places.len() as u32, places: gpu.upload(&places, wgpu::BufferUsages::STORAGE), planes }
    }

    /// Positions of all tiles together.
    pub fn positions(&self) -> usize {
        self.positions as usize
    }

    /// Where the up-sampled results of this level go in `finer`: first position, height and width of the tile, for every
    /// position of this level.
    fn targets(&self, gpu: &Gpu, finer: &Level) -> wgpu::Buffer {
        let mut words = Vec::new();
        let mut start = 0;
        for (&(height, width), &(to_height, to_width)) in self.planes.iter().zip(&finer.planes) {
            words.extend(each(height, width).map(|_| [start, to_height as u32, to_width as u32, 0]));
            start += (to_height * to_width) as u32;
        }
        gpu.upload(&words, wgpu::BufferUsages::STORAGE)
    }
}

fn each(height: usize, width: usize) -> impl Iterator<Item = (u32, u32)> {
    (0..height as u32).flat_map(move |y| (0..width as u32).map(move |x| (y, x)))
}

/// All levels of a batch of tiles.
#[derive(Debug)]
pub struct Batch {
    /// The hyper-latents.
    pub coarse: Level,
    /// Twice the size of `coarse`.
    pub middle: Level,
    /// The latents, at most twice the size of `middle`.
    pub fine: Level,
    pub(super) coarse_targets: wgpu::Buffer,
    pub(super) middle_targets: wgpu::Buffer,
    /// Positions of `fine` sorted by phase.
    pub(super) by_phase: wgpu::Buffer,
    pub(super) phase_start: [u32; PASSES],
    pub(super) phase_count: [u32; PASSES],
}

impl Batch {
    /// The geometry of tiles whose latent planes have the given sizes, none of them empty.
    pub fn new(gpu: &Gpu, tiles: &[Plane2d]) -> Self {
        let coarse = Level::new(gpu, tiles.iter().copied().map(coarse_size).collect());
        let middle = Level::new(gpu, coarse.planes.iter().map(|&(h, w)| (2 * h, 2 * w)).collect());
        let fine = Level::new(gpu, tiles.to_vec());
        let mut sorted: [Vec<u32>; PASSES] = Default::default();
        let places = tiles.iter().flat_map(|&(height, width)| each(height, width));
        for (position, (y, x)) in (0..).zip(places) {
            sorted[phase(y as usize, x as usize)].push(position);
        }
        let mut phase_start = [0; PASSES];
        for i in 1..PASSES {
            phase_start[i] = phase_start[i - 1] + sorted[i - 1].len() as u32;
        }
        Self {
            coarse_targets: coarse.targets(gpu, &middle),
            middle_targets: middle.targets(gpu, &fine),
            by_phase: gpu.upload(&sorted.concat(), wgpu::BufferUsages::STORAGE),
            phase_start,
            phase_count: std::array::from_fn(|i| sorted[i].len() as u32),
            coarse,
            middle,
            fine,
        }
    }

    /// The positions a tile takes at its largest level; the middle one is largest for very small tiles.
    pub fn cost((height, width): Plane2d) -> usize {
        let (coarse_height, coarse_width) = coarse_size((height, width));
        (height * width).max(4 * coarse_height * coarse_width)
    }
}

fn coarse_size((height, width): Plane2d) -> Plane2d {
    (height.div_ceil(4), width.div_ceil(4))
}
