//! Training checkpoints: what a run has learnt and the settings it has, so that it goes on where it was.
//!
//! A safetensors file with the float weights (`weights.*`), their moving average (`average.*`), both Adam moments, with SOAP their bases
//! (`rotation.*`), and metadata. Differs from a shipped weight file in holding optimiser state and a float prior; `lic quantize` makes the one from
//! the other.
//!
//! A resumed run ends like one that was not interrupted, but for the last bits of sums, which depend on the number of threads, and for a schedule in
//! minutes, which depends on the clock. What a checkpoint does not hold is named again by whoever resumes: the photos (others are not noticed), what
//! computes, when to save and to validate. Length, learning rate and a teacher's weight may be named otherwise ([`Settings`]).

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use serde::{Deserialize, Serialize};

use crate::load::Named;
use crate::net::Precision;
use crate::params::Slot;
use crate::preset::{ModelConfig, Preset};
use crate::prior::Grid;
use crate::train::{Adam, Optimiser, Settings, restored_rotations, rotation_name, write_whole};
use crate::weights::check_grid;

/// Version of the checkpoint's layout.
const FORMAT: u32 = 1;

/// Bytes that a safetensors header has at most.
const MOST_HEADER: u64 = 100_000_000;

/// Where the metadata lies in the safetensors header.
const METADATA_KEY: &str = "lic.checkpoint";

/// The parts of the optimiser state, as name prefixes.
const PARTS: [&str; 5] = ["weights", "average", "first", "second", ROTATION];

/// The part of SOAP's bases and covariances.
const ROTATION: &str = "rotation";

/// What a checkpoint holds beside arrays.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Meta {
    /// Layout version.
    pub format: u32,
    /// Preset's name.
    pub preset: Preset,
    /// Its numbers, when the run began.
    pub config: ModelConfig,
    /// Steps taken.
    pub step: u64,
    /// Seconds of training so far.
    pub seconds: f64,
    /// Steps and seconds behind the weight file that the run began with.
    #[serde(default)]
    pub earlier: (u64, f64),
    /// Steps behind Adam's moments when the run began: 0, or those of the checkpoint that it began with.
    #[serde(default)]
    pub lead: u64,
    /// Blocks with many hidden units that were new when the run began ([`crate::grow::revive`]).
    #[serde(default)]
    pub revived: Vec<String>,
    /// What the moments are of.
    #[serde(default)]
    pub optimiser: Optimiser,
    /// Seed of the run.
    pub seed: u64,
    /// What else the run was told; checkpoints from before this field lack it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settings: Option<Settings>,
    /// Integer grid of the prior's activations, once calibrated.
    pub grid: Option<Grid>,
}

impl Meta {
    /// Metadata of a run that has not begun.
    pub fn new(preset: Preset, seed: u64) -> Self {
        Self {
            format: FORMAT,
            preset,
            config: preset.config(),
            step: 0,
            seconds: 0.0,
            earlier: (0, 0.0),
            lead: 0,
            revived: Vec::new(),
            optimiser: Optimiser::Adam,
            seed,
            settings: None,
            grid: None,
        }
    }
}

/// Why a checkpoint cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CheckpointError {
    /// The file cannot be read or written.
    #[error("checkpoint {}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The reason.
        source: std::io::Error,
    },
    /// The file is not a checkpoint, or damaged.
    #[error("{} is not a training checkpoint: {reason}", path.display())]
    Invalid {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
}

/// Writes a checkpoint to `path`, by way of a temporary file, so that a kill at any moment leaves the old one or the new one.
///
/// # Errors
/// The file cannot be written; the old one is still there.
pub fn save(path: &Path, meta: &Meta, adam: &Adam, slots: &[Slot]) -> Result<(), CheckpointError> {
    let io = |source| CheckpointError::Io { path: path.to_owned(), source };
    let invalid = |reason: String| CheckpointError::Invalid { path: path.to_owned(), reason };
    let mut views = Vec::new();
    for (part, values) in PARTS.iter().zip([&adam.weights, &adam.average, &adam.first, &adam.second]) {
        for slot in slots {
            let bytes = bytemuck::cast_slice(&values[slot.range()]);
            let view = TensorView::new(Dtype::F32, slot.shape.clone(), bytes).map_err(|e| invalid(e.to_string()))?;
            views.push((format!("{part}.{}", slot.name), view));
        }
    }
    for (slot, rotations) in slots.iter().zip(&adam.rotations) {
        for (number, rotation) in rotations.iter().enumerate() {
            for (part, size, values) in rotation.parts() {
                let view = TensorView::new(Dtype::F32, vec![size, size], bytemuck::cast_slice(values));
                let name = format!("{ROTATION}.{}", rotation_name(slot, number, part));
                views.push((name, view.map_err(|e| invalid(e.to_string()))?));
            }
        }
    }
    let text = serde_json::to_string(meta).map_err(|e| invalid(e.to_string()))?;
    let metadata = HashMap::from([(METADATA_KEY.to_owned(), text)]);
    let bytes = safetensors::serialize(views, Some(metadata)).map_err(|e| invalid(e.to_string()))?;
    write_whole(path, &bytes).map_err(io)
}

/// Reads a checkpoint.
///
/// # Errors
/// The file cannot be read, is not a checkpoint, or has another layout version.
pub fn load(path: &Path) -> Result<(Meta, BTreeMap<&'static str, Named>), CheckpointError> {
    let bytes = std::fs::read(path).map_err(|source| CheckpointError::Io { path: path.to_owned(), source })?;
    parse(path, &bytes)
}

/// Whether there is a checkpoint at a path, of which no more is read than what it says of itself.
pub fn exists(path: &Path) -> bool {
    // Opening a pipe would wait for somebody who writes into it.
    path.is_file() && meta(path).is_ok()
}

/// Whether a file says that it is a checkpoint.
pub fn is_checkpoint(bytes: &[u8]) -> bool {
    let entry = |(_, header): (usize, safetensors::tensor::Metadata)| {
        header.metadata().as_ref().is_some_and(|metadata| metadata.contains_key(METADATA_KEY))
    };
    SafeTensors::read_metadata(bytes).is_ok_and(entry)
}

/// Reads the bytes of a checkpoint; `path` is for the error.
///
/// # Errors
/// They are not a checkpoint, or of another layout version.
pub fn parse(path: &Path, bytes: &[u8]) -> Result<(Meta, BTreeMap<&'static str, Named>), CheckpointError> {
    let invalid = |reason: String| CheckpointError::Invalid { path: path.to_owned(), reason };
    let (_, header) = SafeTensors::read_metadata(bytes).map_err(|e| invalid(e.to_string()))?;
    let meta = meta_of(path, header.metadata().as_ref().and_then(|entries| entries.get(METADATA_KEY)))?;
    let tensors = SafeTensors::deserialize(bytes).map_err(|e| invalid(e.to_string()))?;
    let mut parts: BTreeMap<&'static str, Named> = PARTS.iter().map(|&p| (p, Named::new())).collect();
    for (name, view) in tensors.iter() {
        let Some((part, rest)) = name.split_once('.') else { continue };
        let Some((_, named)) = parts.iter_mut().find(|(p, _)| **p == part) else { continue };
        if view.dtype() != Dtype::F32 {
            return Err(invalid(format!("tensor {name} is {:?}, not F32", view.dtype())));
        }
        let values = view.data().chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect();
        named.insert(rest.to_owned(), (view.shape().to_vec(), values));
    }
    let averaged = parts.get("average").into_iter().flat_map(Named::values);
    let elements = averaged.map(|(_, values)| values.len()).sum();
    meta.config.checked(elements).map_err(|e| invalid(e.to_string()))?;
    meta.grid.iter().try_for_each(check_grid).map_err(|e| invalid(e.to_string()))?;
    Ok((meta, parts))
}

/// Reads what a checkpoint holds beside arrays, from the beginning of the file alone.
///
/// # Errors
/// As [`load`], but arrays are not looked at.
pub fn meta(path: &Path) -> Result<Meta, CheckpointError> {
    #[derive(Deserialize)]
    struct Header {
        #[serde(default, rename = "__metadata__")]
        entries: HashMap<String, String>,
    }
    let io = |source| CheckpointError::Io { path: path.to_owned(), source };
    let invalid = |reason: String| CheckpointError::Invalid { path: path.to_owned(), reason };
    let mut file = File::open(path).map_err(io)?;
    let (mut length, mut header) = (Vec::new(), Vec::new());
    file.by_ref().take(8).read_to_end(&mut length).map_err(io)?;
    let length = <[u8; 8]>::try_from(length.as_slice()).map_err(|_| invalid("it ends in its header".to_owned()))?;
    file.take(u64::from_le_bytes(length).min(MOST_HEADER)).read_to_end(&mut header).map_err(io)?;
    let header: Header = serde_json::from_slice(&header).map_err(|e| invalid(e.to_string()))?;
    meta_of(path, header.entries.get(METADATA_KEY))
}

/// The metadata in a header's entry.
fn meta_of(path: &Path, entry: Option<&String>) -> Result<Meta, CheckpointError> {
    let invalid = |reason: String| CheckpointError::Invalid { path: path.to_owned(), reason };
    let text =
        entry.ok_or_else(|| invalid("it has no lic.checkpoint entry (is it a shipped weight file?)".to_owned()))?;
    let meta: Meta = serde_json::from_str(text).map_err(|e| invalid(e.to_string()))?;
    if meta.format != FORMAT {
        return Err(invalid(format!("layout version {}, this program reads {FORMAT}", meta.format)));
    }
    Ok(meta)
}

/// Optimiser state of a checkpoint, in the order of `slots`; `precision` is that of the products of SOAP that need no more than bf16.
///
/// # Errors
/// A tensor is missing or has another shape.
pub fn optimiser(
    path: &Path,
    meta: &Meta,
    parts: &BTreeMap<&'static str, Named>,
    slots: &[Slot],
    precision: Precision,
) -> Result<Adam, CheckpointError> {
    let flat = |part: &str| -> Result<Vec<f32>, CheckpointError> {
        let mut values = Vec::new();
        for slot in slots {
            match parts.get(part).and_then(|named| named.get(&slot.name)) {
                Some((shape, tensor)) if *shape == slot.shape => values.extend_from_slice(tensor),
                _ => {
                    let reason = format!("tensor {part}.{} is missing or not of shape {:?}", slot.name, slot.shape);
                    return Err(CheckpointError::Invalid { path: path.to_owned(), reason });
                }
            }
        }
        Ok(values)
    };
    let none = Named::new();
    let named = parts.get(ROTATION).unwrap_or(&none);
    let rotations = |slot: &Slot| {
        restored_rotations(slot, named, precision).ok_or_else(|| CheckpointError::Invalid {
            path: path.to_owned(),
            reason: format!("a basis of {} is missing or of another shape", slot.name),
        })
    };
    let rotations = match meta.optimiser {
        Optimiser::Adam => Vec::new(),
        Optimiser::Soap => slots.iter().map(rotations).collect::<Result<_, _>>()?,
    };
    Ok(Adam {
        weights: flat("weights")?,
        average: flat("average")?,
        first: flat("first")?,
        second: flat("second")?,
        step: meta.step,
        lead: meta.lead,
        rotations,
    })
}
