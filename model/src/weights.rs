//! Shipped weight files: float transforms (f16), integer prior, tables, metadata.
//!
//! safetensors; groups by name prefix: `analysis.*` and `hyper_analysis.*` (encoder), `synthesis.*`, `deblock.*` and `enhance.*` (decoder, hashed to the synthesis id), `prior.*` (both,
//! hashed to the parse id), `preview.*` (decoder). Differs from a training checkpoint ([`crate::checkpoint`]) in holding no float prior and no optimiser state.

use std::collections::{BTreeMap, HashMap};

use half::f16;
use half::slice::HalfFloatSliceExt;
use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::load::Named;
use crate::preset::{ModelConfig, Preset};

/// Version of the weight file's layout.
pub const FORMAT: u32 = 1;

/// Where the metadata lies in the safetensors header.
const METADATA_KEY: &str = "lic.model";

/// Most steps per unit of a [`Grid`]: finer would only make the products of the next layer overflow earlier.
pub const MOST_STEPS: f32 = 4096.0;

/// Integer steps per float unit of the prior's activations at each site of the network: powers of two from 1 to [`MOST_STEPS`].
pub type Grid = BTreeMap<String, f32>;

/// Checks that steps are what calibration makes: activations are clipped and shifted by them.
///
/// # Errors
/// The first site whose steps are not.
pub fn check_grid(grid: &Grid) -> Result<(), GridError> {
    let possible =
        |steps: f32| (1.0..=MOST_STEPS).contains(&steps) && steps.fract() == 0.0 && (steps as u32).is_power_of_two();
    match grid.iter().find(|(_, steps)| !possible(**steps)) {
        Some((site, &steps)) => Err(GridError { site: site.clone(), steps }),
        None => Ok(()),
    }
}

/// A site of a [`Grid`] with steps that no calibration makes.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error(
    "impossible integer grid: {steps} steps per unit at {site}, where a power of two from 1 to {MOST_STEPS} is possible"
)]
pub struct GridError {
    /// Its name.
    pub site: String,
    /// Its steps per unit.
    pub steps: f32,
}

/// What a weight file says about itself; not part of its identity.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Info {
    /// Layout version.
    pub format: u32,
    /// Preset's name.
    pub preset: Preset,
    /// Its numbers.
    pub config: ModelConfig,
    /// Training steps behind the weights.
    pub steps: u64,
    /// Seconds of training behind the weights.
    pub seconds: f64,
    /// Integer steps per float unit of the prior's activations, which only further training needs; early files lack it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grid: Option<Grid>,
}

/// Why a weight file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum WeightsError {
    /// Not a safetensors file, or damaged.
    #[error("not a readable weight file: {0}")]
    Safetensors(String),
    /// A safetensors file of something else.
    #[error(
        "the file has no lic.model entry: it is not a lic weight file (training checkpoints become one by `lic quantize`)"
    )]
    NoInfo,
    /// A newer or older layout.
    #[error("weight file layout {found}, this program reads {FORMAT}")]
    Format {
        /// Layout of the file.
        found: u32,
    },
    /// The metadata cannot be read.
    #[error("damaged metadata: {0}")]
    Info(#[from] serde_json::Error),
    /// A float tensor has another type.
    #[error("tensor {name} is {found}, not F16")]
    Type {
        /// Tensor name.
        name: String,
        /// Its type.
        found: String,
    },
    /// A float tensor holds an infinity or what is no number, beyond every bound that the networks' arithmetic relies on.
    #[error("tensor {name} has values that are not finite")]
    NotFinite {
        /// Tensor name.
        name: String,
    },
}

/// A parsed weight file that borrows its bytes.
#[derive(Debug)]
pub struct WeightFile<'a> {
    /// Metadata.
    pub info: Info,
    tensors: SafeTensors<'a>,
}

impl<'a> WeightFile<'a> {
    /// Parses a weight file; tensors are looked at when they are asked for.
    ///
    /// # Errors
    /// Not a weight file, or of another layout.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, WeightsError> {
        let damaged = |e: safetensors::SafeTensorError| WeightsError::Safetensors(e.to_string());
        let (_, header) = SafeTensors::read_metadata(bytes).map_err(damaged)?;
        let text = header.metadata().as_ref().and_then(|m| m.get(METADATA_KEY)).ok_or(WeightsError::NoInfo)?;
        let info: Info = serde_json::from_str(text)?;
        if info.format != FORMAT {
            return Err(WeightsError::Format { found: info.format });
        }
        Ok(Self { info, tensors: SafeTensors::deserialize(bytes).map_err(damaged)? })
    }

    /// All tensors, for the integer prior.
    pub fn tensors(&self) -> &SafeTensors<'a> {
        &self.tensors
    }

    /// Elements of all tensors together.
    pub fn elements(&self) -> usize {
        self.tensors.iter().map(|(_, view)| view.shape().iter().product::<usize>()).sum()
    }

    /// Identity of everything that decides the parse: `prior.*`.
    pub fn parse_id(&self) -> u32 {
        self.id(&["prior."])
    }

    /// Identity of what makes pixels of latents: `synthesis.*` and the filters behind it, `deblock.*` and `enhance.*`.
    pub fn synthesis_id(&self) -> u32 {
        self.id(&["synthesis.", "deblock.", "enhance."])
    }

    /// Identity of the filters behind the synthesis alone, of the same kind.
    pub fn filters_id(&self) -> u32 {
        self.id(&["deblock.", "enhance."])
    }

    /// First four bytes of the SHA-256 that `codec/FORMAT.md`, chapter 2, defines.
    fn id(&self, prefixes: &[&str]) -> u32 {
        let mut tensors: Vec<(String, TensorView<'_>)> = self.tensors.tensors();
        tensors.retain(|(name, _)| prefixes.iter().any(|prefix| name.starts_with(prefix)));
        tensors.sort_by(|a, b| a.0.cmp(&b.0));
        let mut hash = Sha256::new();
        for (name, view) in tensors {
            let dtype = format!("{:?}", view.dtype());
            for text in [name.as_str(), dtype.as_str()] {
                hash.update((text.len() as u32).to_le_bytes());
                hash.update(text.as_bytes());
            }
            hash.update((view.shape().len() as u32).to_le_bytes());
            for &side in view.shape() {
                hash.update((side as u64).to_le_bytes());
            }
            hash.update(view.data());
        }
        let digest = hash.finalize();
        u32::from_be_bytes([digest[0], digest[1], digest[2], digest[3]])
    }

    /// The file with some of its tensors replaced, or added.
    ///
    /// # Errors
    /// As of [`write`].
    pub fn with(&self, change: impl FnOnce(&mut BTreeMap<String, Entry>)) -> Result<Vec<u8>, WeightsError> {
        let mut entries = self.tensors.iter().map(|(name, view)| (name.to_owned(), Entry::of(&view))).collect();
        change(&mut entries);
        write(&self.info, &entries)
    }

    /// The elements of an integer tensor, if there is one of this name and type. Only fitting anew asks for them.
    #[cfg(feature = "burn")]
    pub(crate) fn integers(&self, name: &str, dtype: Dtype) -> Option<Vec<f64>> {
        let view = self.tensors.tensor(name).ok().filter(|view| view.dtype() == dtype)?;
        let data = view.data();
        match dtype {
            Dtype::U8 => Some(data.iter().map(|&b| b.into()).collect()),
            Dtype::I16 => Some(data.as_chunks().0.iter().map(|&b| i16::from_le_bytes(b).into()).collect()),
            Dtype::U16 => Some(data.as_chunks().0.iter().map(|&b| u16::from_le_bytes(b).into()).collect()),
            Dtype::I32 => Some(data.as_chunks().0.iter().map(|&b| i32::from_le_bytes(b).into()).collect()),
            _ => None,
        }
    }

    /// The float tensors under `prefix`, names without it.
    ///
    /// # Errors
    /// A tensor is not of type F16, or has a value that is not finite.
    pub fn floats(&self, prefix: &str) -> Result<Named, WeightsError> {
        let mut named = Named::new();
        for (name, view) in self.tensors.iter() {
            let Some(rest) = name.strip_prefix(prefix) else { continue };
            if view.dtype() != Dtype::F16 {
                return Err(WeightsError::Type { name: name.to_owned(), found: format!("{:?}", view.dtype()) });
            }
            let halves: Vec<f16> = view.data().as_chunks().0.iter().map(|bytes| f16::from_le_bytes(*bytes)).collect();
            // All at once, because the processor does eight in the time it takes to call a function for one.
            let values = halves.to_f32_vec();
            if !values.iter().all(|value| value.is_finite()) {
                return Err(WeightsError::NotFinite { name: name.to_owned() });
            }
            named.insert(rest.to_owned(), (view.shape().to_vec(), values));
        }
        Ok(named)
    }
}

/// A tensor on its way into a weight file.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    dtype: Dtype,
    shape: Vec<usize>,
    bytes: Vec<u8>,
}

impl Entry {
    /// Floats, stored as f16.
    pub fn f16(shape: &[usize], values: &[f32]) -> Self {
        Self::new(Dtype::F16, shape, values.iter().flat_map(|&v| f16::from_f32(v).to_le_bytes()).collect())
    }

    /// 16-bit integers.
    pub fn i16(shape: &[usize], values: &[i16]) -> Self {
        Self::new(Dtype::I16, shape, values.iter().flat_map(|v| v.to_le_bytes()).collect())
    }

    /// Unsigned 16-bit integers.
    pub fn u16(shape: &[usize], values: &[u16]) -> Self {
        Self::new(Dtype::U16, shape, values.iter().flat_map(|v| v.to_le_bytes()).collect())
    }

    /// 32-bit integers.
    pub fn i32(shape: &[usize], values: &[i32]) -> Self {
        Self::new(Dtype::I32, shape, values.iter().flat_map(|v| v.to_le_bytes()).collect())
    }

    /// Bytes.
    pub fn u8(shape: &[usize], values: &[u8]) -> Self {
        Self::new(Dtype::U8, shape, values.to_vec())
    }

    /// A tensor of a parsed file.
    pub fn of(view: &TensorView<'_>) -> Self {
        Self::new(view.dtype(), view.shape(), view.data().to_vec())
    }

    fn new(dtype: Dtype, shape: &[usize], bytes: Vec<u8>) -> Self {
        Self { dtype, shape: shape.to_vec(), bytes }
    }
}

/// Serialises a weight file.
///
/// # Errors
/// A shape does not fit its data.
pub fn write(info: &Info, entries: &BTreeMap<String, Entry>) -> Result<Vec<u8>, WeightsError> {
    let damaged = |e: safetensors::SafeTensorError| WeightsError::Safetensors(e.to_string());
    let mut views = Vec::with_capacity(entries.len());
    for (name, entry) in entries {
        views.push((name.as_str(), TensorView::new(entry.dtype, entry.shape.clone(), &entry.bytes).map_err(damaged)?));
    }
    let metadata = HashMap::from([(METADATA_KEY.to_owned(), serde_json::to_string(info)?)]);
    safetensors::serialize(views, Some(metadata)).map_err(damaged)
}

/// The student's weight file, compiled into the program.
pub const EMBEDDED: &[u8] = include_bytes!("../weights/student.safetensors");
