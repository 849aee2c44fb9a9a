//! A trained network that is only asked: what it makes of crops, computed or taken from the store.

use std::path::Path;

use burn::tensor::{Device, Tensor, TensorData};
use sha2::{Digest, Sha256};

use super::DistillError;
use super::cache::{Cache, CacheError};
use crate::backprop::Engine;
use crate::load::{Named, ParamError};
use crate::net::{Precision, Sight, full, in_f32};
use crate::network::Network;
use crate::params::{self, read};
use crate::preset::ModelConfig;
use crate::prior::{Rounding, Taps, from_passes};
use crate::train::{Batch, Crops, TrainError, read_model};

/// A frozen network.
#[derive(Debug)]
pub struct Teacher {
    /// Its numbers.
    pub config: ModelConfig,
    /// On a device without autodiff.
    pub network: Network,
    /// First four bytes of the SHA-256 of its tensors.
    pub id: u32,
    /// Without autodiff.
    pub(super) device: Device,
    /// What answers instead of `network`.
    own: Option<Own>,
}

/// The network in our own kernels, with its weights.
#[derive(Debug)]
struct Own {
    engine: Engine,
    weights: Vec<f32>,
    precision: Precision,
}

impl Teacher {
    /// Loads a checkpoint's averaged weights, or a weight file.
    ///
    /// # Errors
    /// The file is neither, or its tensors do not fit its own description.
    pub fn load(path: &Path, device: &Device) -> Result<Self, DistillError> {
        let model = read_model(path)?;
        Ok(Self::new(model.config, &model.weights, device)?)
    }

    /// The network of this configuration with these weights.
    pub(super) fn new(config: ModelConfig, weights: &Named, device: &Device) -> Result<Self, ParamError> {
        let device = device.clone().without_autodiff();
        let network = params::with_named(Network::new(&config, 0, &device), weights)?;
        let mut hash = Sha256::new();
        for (name, (_, values)) in weights {
            hash.update(name.as_bytes());
            hash.update(bytemuck::cast_slice(values));
        }
        let digest = hash.finalize();
        let id = u32::from_be_bytes([digest[0], digest[1], digest[2], digest[3]]);
        Ok(Self { config, network, id, device, own: None })
    }

    /// Answers with our own kernels from now on, with products' operands in this format; f32 where its channels do not come in pairs.
    pub(super) fn with_own_kernels(mut self, precision: Precision) -> Result<Self, DistillError> {
        let weights = params::values(&self.network);
        let slots = params::slots(&self.network);
        let mut engine = Engine::new(&self.config, &slots).map_err(TrainError::from)?;
        let precision = precision.fitting(&self.config);
        engine.load(&weights, precision, precision);
        self.own = Some(Own { engine, weights, precision });
        Ok(self)
    }

    /// Format of the operands of its products.
    fn precision(&self) -> Precision {
        self.own.as_ref().map_or(Precision::F32, |own| own.precision)
    }

    fn patches(&self, patches: &[f32], samples: usize, side: usize) -> Tensor<4> {
        let shape = [samples, side / 8, side / 8, 192];
        Tensor::from_data(TensorData::new(patches.to_vec(), shape), &self.device)
    }

    /// The prior's view of the latents of crops, in the teacher's quantisation steps: latents before rounding, latents minus predicted
    /// means, natural logarithms of the predicted scales, each [batch, h, w, y].
    pub(super) fn latents(&self, batch: &Batch) -> Vec<Vec<f32>> {
        if let Some(own) = &self.own {
            return joined(&own.engine.ask_latents(&own.weights, batch));
        }
        in_f32(|| {
            let y = self.network.analysis.forward(self.patches(&batch.patches, batch.knots.len(), batch.side));
            let [_, h, w, _] = y.dims();
            let coded = self.network.prior.forward(y.clone(), &batch.knots, Rounding::Hard, &mut Taps::Off);
            vec![
                read(y * self.network.prior.log_gains(&batch.knots).exp()),
                read(from_passes(coded.residual, [h, w])),
                read(from_passes(coded.log_scale, [h, w])),
            ]
        })
    }

    /// Outputs of the four stages on crops: row-major, in the order of the pass.
    pub(super) fn stages(&self, batch: &Batch) -> Vec<Vec<f32>> {
        if let Some(own) = &self.own {
            return joined(&own.engine.ask_stages(&own.weights, batch));
        }
        in_f32(|| {
            let mut stages = Vec::with_capacity(4);
            let mut keep = |sight: Sight<'_>| {
                if let Sight::Stage(x) = sight {
                    stages.push(read(full(x.clone())));
                }
            };
            let patches = self.patches(&batch.patches, batch.knots.len(), batch.side);
            let y = self.network.analysis.forward_watched(patches, &mut keep);
            let coded = self.network.prior.forward(y, &batch.knots, Rounding::Hard, &mut Taps::Off);
            let gain = self.network.feature_gain(&batch.knots);
            self.network.synthesis.forward_watched(coded.y_hat, gain, &mut keep);
            stages
        })
    }
}

/// Each of the parts of all crops behind each other.
fn joined<const PARTS: usize>(crops: &[[Vec<f32>; PARTS]]) -> Vec<Vec<f32>> {
    (0..PARTS).map(|part| crops.iter().flat_map(|crop| &crop[part]).copied().collect()).collect()
}

/// A store for one kind of a teacher's outputs on the fixed crops of a run.
///
/// `parts` are the numbers of each tensor of one crop. The name says whose outputs on which crops they are, and in which precision, so that a store
/// never answers for another teacher or other crops.
pub(super) fn store(
    folder: &Path,
    teacher: &Teacher,
    crops: &Crops,
    kind: &str,
    parts: &[usize],
    bytes: u64,
) -> Result<Cache, DistillError> {
    let mut hash = Sha256::new();
    hash.update(teacher.id.to_le_bytes());
    hash.update(teacher.precision().to_string());
    hash.update(crops.digest());
    let digest = hash.finalize();
    let name = format!("teacher-{:02x}{:02x}{:02x}{:02x}.{kind}", digest[0], digest[1], digest[2], digest[3]);
    Ok(Cache::open(&folder.join(name), parts.iter().sum(), bytes)?)
}

/// For every crop of `batch` its record, `parts` numbers a tensor: from the store, or made by `compute` on those that are not there.
///
/// The result has one array for each part, with the crops behind each other.
pub(super) fn recall(
    cache: &mut Cache,
    batch: &Batch,
    parts: &[usize],
    compute: impl Fn(&Batch) -> Vec<Vec<f32>>,
) -> Result<Vec<Vec<f32>>, CacheError> {
    let mut records = Vec::with_capacity(batch.numbers.len());
    for &number in &batch.numbers {
        records.push(cache.get(number)?);
    }
    let missing: Vec<usize> = (0..records.len()).filter(|&i| records[i].is_none()).collect();
    if !missing.is_empty() {
        let size = 3 * batch.side * batch.side;
        let part = Batch {
            patches: missing.iter().flat_map(|&i| &batch.patches[i * size..(i + 1) * size]).copied().collect(),
            knots: missing.iter().map(|&i| batch.knots[i]).collect(),
            side: batch.side,
            numbers: Vec::new(),
        };
        let computed = compute(&part);
        for (row, &i) in missing.iter().enumerate() {
            let mut record: Vec<f32> =
                computed.iter().zip(parts).flat_map(|(values, &n)| &values[row * n..(row + 1) * n]).copied().collect();
            cache.put(batch.numbers[i], &mut record)?;
            records[i] = Some(record);
        }
    }
    let mut result = vec![Vec::new(); parts.len()];
    for record in records.into_iter().flatten() {
        let mut at = 0;
        for (values, &n) in result.iter_mut().zip(parts) {
            values.extend_from_slice(&record[at..at + n]);
            at += n;
        }
    }
    Ok(result)
}
