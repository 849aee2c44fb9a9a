//! Phase 1, feature alignment: the student's stages are led to where the teacher's are.
//!
//! `L = L_RD + a * sum_l |P_l(F_student^l) - F_teacher^l|^2 / numel`
//!
//! over the four stage outputs `F^l` (analysis at 1/8 and 1/16, synthesis at 1/16 and 1/8); `P_l` is a 1x1 convolution from the student's width to the
//! teacher's. The phase is FEDS' (arXiv 2503.06399) as its abstract and summaries describe it; the idea is FitNets' (arXiv 1412.6550). The paper's own
//! constants are not known to us: stages, `a` and the squared error are this project's reading.
//!
//! `P_l` are trained with the student, live in the checkpoints of this phase and go nowhere else: the quantiser takes tensors by name and knows none of theirs.

use burn::module::Module;
use burn::tensor::{Device, Tensor, TensorData};

use super::cache::{Cache, CacheError};
use super::teacher::{Teacher, recall};
use crate::backprop::{self, Added, Addition, Layout, Missing, Seen, Work};
use crate::grow::{fits, stream_places};
use crate::net::{Dense, Init, full};
use crate::network::Network;
use crate::params::{self, Slot};
use crate::preset::ModelConfig;
use crate::prior::Taps;
use crate::train::{Batch, Guide, LOSS_SCALE, Objective, Place, StepReport, TrainError, Weights, rate_distortion};

/// What the names of the projections' tensors begin with in a checkpoint.
const PREFIX: &str = "projection";

/// One 1x1 convolution a stage.
#[derive(Module, Debug)]
struct Projections {
    layers: Vec<Dense>,
}

impl Projections {
    /// Every student channel to the place that growth gave it, where the teacher could have grown from the student; else random.
    fn new(student: &ModelConfig, teacher: &ModelConfig, seed: u64, device: &Device) -> Self {
        let mut init = Init::new(seed, device);
        let embedded = fits(student, teacher).is_ok();
        let mut layer = |small: usize, large: usize| {
            let dense = Dense::new(small, large, &mut init);
            if !embedded {
                return dense;
            }
            let mut values = vec![0.0; small * large];
            for (channel, place) in stream_places(small, large).into_iter().enumerate() {
                values[channel * large + place] = 1.0;
            }
            Dense { weight: init.tensor([small, large], values), bias: dense.bias }
        };
        let layers = widths(student).into_iter().zip(widths(teacher)).map(|(s, t)| layer(s, t)).collect();
        Self { layers }
    }
}

/// Channels of the stages in the order of a pass.
fn widths(config: &ModelConfig) -> [usize; 4] {
    [config.c8, config.c16, config.c16, config.c8]
}

/// Numbers of each stage's output for a crop.
pub(super) fn stage_sizes(config: &ModelConfig, side: usize) -> [usize; 4] {
    let at = |scale: usize| (side / scale) * (side / scale);
    [config.c8 * at(8), config.c16 * at(16), config.c16 * at(16), config.c8 * at(8)]
}

/// The loss of phase 1.
#[derive(Debug)]
pub(super) struct FeatureAlignment {
    pub(super) teacher: Teacher,
    pub(super) cache: Cache,
    projections: Projections,
    student: ModelConfig,
    /// `a`.
    factor: f64,
    set: u64,
    own: Option<Aligned>,
}

/// The projections in our own kernels, and what a batch's stages are led to.
#[derive(Debug)]
struct Aligned {
    layers: Vec<backprop::Dense>,
    /// Of every stage [batch, positions, teacher's channels].
    targets: Vec<Vec<f32>>,
    samples: usize,
    factor: f64,
}

impl Aligned {
    fn new(student: &ModelConfig, slots: &[Slot], factor: f64) -> Result<Self, Missing> {
        let layout = Layout { config: student, slots };
        let layer = |i| backprop::Dense::find(&layout, &format!("{PREFIX}.layers.{i}"));
        Ok(Self { layers: (0..4).map(layer).collect::<Result<_, _>>()?, targets: Vec::new(), samples: 0, factor })
    }
}

impl Addition for Aligned {
    fn add(&self, sample: usize, seen: Seen<'_>, work: &mut Work) -> Added {
        let mut added = Added::default();
        let stages = seen.stages.into_iter().zip(&self.layers).zip(&self.targets).zip(&mut added.stages);
        for (((stage, layer), targets), gradient) in stages {
            let mut d = layer.forward(stage, &mut work.pool);
            let target = &targets[sample * d.len()..][..d.len()];
            let share = self.factor / (self.samples * d.len()) as f64;
            let slope = (2.0 * LOSS_SCALE * share) as f32;
            let mut squares = 0.0f64;
            for (d, target) in d.iter_mut().zip(target) {
                let difference = *d - target;
                squares += f64::from(difference * difference);
                *d = slope * difference;
            }
            added.value += share * squares;
            layer.learn(stage, &d, work);
            *gradient = layer.back(&d, &mut work.pool);
            work.pool.give(d);
        }
        added
    }
}

impl FeatureAlignment {
    pub(super) fn new(
        teacher: Teacher,
        cache: Cache,
        student: &ModelConfig,
        factor: f64,
        set: u64,
        seed: u64,
        device: &Device,
    ) -> Self {
        let projections = Projections::new(student, &teacher.config, seed, device);
        Self { teacher, cache, projections, factor, set, student: *student, own: None }
    }

    fn targets(&mut self, batch: &Batch) -> Result<Vec<Vec<f32>>, CacheError> {
        let sizes = stage_sizes(&self.teacher.config, batch.side);
        recall(&mut self.cache, batch, &sizes, |missing| self.teacher.stages(missing))
    }
}

impl Objective for FeatureAlignment {
    fn guide(&self) -> Option<Guide> {
        Some(Guide { teacher: self.teacher.id, crops: self.set, weight: self.factor })
    }

    fn slots(&self) -> Vec<Slot> {
        let named = |slot: Slot| Slot { name: format!("{PREFIX}.{}", slot.name), ..slot };
        params::slots(&self.projections).into_iter().map(named).collect()
    }

    fn values(&self) -> Vec<f32> {
        params::values(&self.projections)
    }

    fn set_values(&mut self, values: &[f32]) {
        self.projections = params::with_values(self.projections.clone(), values);
    }

    fn addition(&mut self, batch: &Batch, weights: Weights<'_>) -> Result<Option<&dyn Addition>, TrainError> {
        let targets = self.targets(batch)?;
        let mut own = match self.own.take() {
            Some(own) => own,
            None => Aligned::new(&self.student, weights.slots, self.factor)?,
        };
        own.layers.iter_mut().for_each(|layer| layer.load(weights.values, weights.precision));
        (own.targets, own.samples) = (targets, batch.knots.len());
        Ok(Some(self.own.insert(own)))
    }

    fn step(
        &mut self,
        network: &Network,
        batch: &Batch,
        place: Place<'_>,
        taps: &mut Taps<'_>,
    ) -> Result<(StepReport, Vec<f32>), TrainError> {
        let targets = self.targets(batch)?;
        let mut pass = rate_distortion(network, batch, place, taps);
        let mut distance = Tensor::<1>::zeros([1], place.device);
        for ((stage, layer), target) in
            std::mem::take(&mut pass.stages).into_iter().zip(&self.projections.layers).zip(targets)
        {
            let [b, h, w, _] = stage.dims();
            let target = Tensor::<4>::from_data(TensorData::new(target, [b, h, w, layer.outputs()]), place.device);
            let difference = full(layer.forward(stage)) - target;
            distance = distance + difference.square().mean();
        }
        let (report, gradients) = pass.towards(distance, self.factor);
        let mut gradient = params::gradients(network, &gradients);
        gradient.extend(params::gradients(&self.projections, &gradients));
        Ok((report, gradient))
    }
}
