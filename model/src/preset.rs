//! The four network sizes and their configuration.
//!
//! A preset is only numbers; the networks in [`crate::net`] and [`crate::prior`] are built from a [`ModelConfig`]. All main
//! channel counts are multiples of 32 so that GPU tiles are full.

use std::fmt;
use std::str::FromStr;

use lic_shaders::QualityIndex;
use serde::{Deserialize, Serialize};

/// A named network size.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Preset {
    /// For tests: small enough to train in minutes; its committed weights never change.
    Tiny,
    /// What ships inside the binary: no attention, about 4 M parameters.
    Student,
    /// The distillation teacher: Swin-V2 attention, about 12 M parameters.
    Teacher,
    /// A size comparable to published models, for people with GPUs.
    Paper,
}

impl Preset {
    /// Every preset, smallest first.
    pub const ALL: [Preset; 4] = [Self::Tiny, Self::Student, Self::Teacher, Self::Paper];

    /// The numbers behind the name.
    pub fn config(self) -> ModelConfig {
        let (c8, c16, y, z, hidden, context_blocks, blocks8, blocks16, heads) = match self {
            Self::Tiny => (32, 32, 32, 32, 32, 2, 1, 1, None),
            Self::Student => (128, 256, 256, 128, 128, 3, 4, 3, None),
            Self::Teacher => (256, 384, 320, 192, 160, 3, 5, 4, Some(32)),
            Self::Paper => (384, 512, 384, 192, 192, 3, 8, 5, Some(32)),
        };
        ModelConfig { c8, c16, y, z, hidden, context_blocks, blocks8, blocks16, head_width: heads }
    }
}

impl fmt::Display for Preset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Tiny => "tiny",
            Self::Student => "student",
            Self::Teacher => "teacher",
            Self::Paper => "paper",
        })
    }
}

impl FromStr for Preset {
    type Err = UnknownPreset;

    fn from_str(name: &str) -> Result<Self, UnknownPreset> {
        Self::ALL.into_iter().find(|p| p.to_string() == name).ok_or_else(|| UnknownPreset(name.to_owned()))
    }
}

/// A preset name that does not exist.
#[derive(Debug, thiserror::Error)]
#[error("unknown preset {0:?}: choose tiny, student, teacher or paper")]
pub struct UnknownPreset(pub String);

/// Channel and block counts of one model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelConfig {
    /// Channels at 1/8 of the image's resolution.
    pub c8: usize,
    /// Channels at 1/16.
    pub c16: usize,
    /// Latent channels (1/16), M in `codec/PRIOR.md`.
    pub y: usize,
    /// Hyper-latent channels (1/64), Z in `codec/PRIOR.md`.
    pub z: usize,
    /// Hidden width of the prior, H in `codec/PRIOR.md`.
    pub hidden: usize,
    /// Blocks of each context pass; files older than this field have two.
    #[serde(default = "two")]
    pub context_blocks: usize,
    /// Gated blocks at 1/8, in analysis and in synthesis each.
    pub blocks8: usize,
    /// Gated blocks at 1/16, in analysis and in synthesis each.
    pub blocks16: usize,
    /// Channels per head of the Swin-V2 attention after the blocks of each stage; `None` for no attention.
    pub head_width: Option<usize>,
}

fn two() -> usize {
    2
}

/// Most channels of any layer that a file may ask for.
const MOST_CHANNELS: usize = 4096;

/// Most blocks of a stage that a file may ask for.
const MOST_BLOCKS: usize = 64;

/// Most blocks of a context pass: `codec/PRIOR.md`.
const MOST_CONTEXT_BLOCKS: usize = 8;

/// Why a file's numbers are not those of a model.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// A number of channels that layers cannot have.
    #[error(
        "impossible model description: {found} {what}, where a multiple of 4 from 4 to {MOST_CHANNELS} is possible"
    )]
    Channels {
        /// Which channels.
        what: &'static str,
        /// Their number.
        found: usize,
    },
    /// Too few blocks, or too many.
    #[error("impossible model description: {found} {what}, where {least} to {most} are possible")]
    Blocks {
        /// Which blocks.
        what: &'static str,
        /// Their number.
        found: usize,
        /// The least possible number.
        least: usize,
        /// The largest.
        most: usize,
    },
    /// Attention with heads that do not divide its channels.
    #[error(
        "impossible model description: attention heads of {width} channels, which do not divide {channels} in two or more"
    )]
    Heads {
        /// Channels of a head.
        width: usize,
        /// Channels of the stage.
        channels: usize,
    },
    /// A network that is larger than the file that should hold it.
    #[error("impossible model description: at least {least} parameters, of which the file holds {elements}")]
    Larger {
        /// Parameters of the network, at least.
        least: u64,
        /// Elements of the file's tensors.
        elements: usize,
    },
}

impl ModelConfig {
    /// Checks that the numbers are those of a network that can be built, and no larger than a file of so many tensor elements can hold: what a file says of
    /// itself decides what is allocated for it.
    ///
    /// # Errors
    /// See [`ConfigError`].
    pub fn checked(&self, elements: usize) -> Result<(), ConfigError> {
        // Quarters of streams are convolved, and quarters of the latent decoded together.
        for (what, found) in [
            ("channels at 1/8", self.c8),
            ("channels at 1/16", self.c16),
            ("latent channels", self.y),
            ("hyper-latent channels", self.z),
            ("channels in the prior", self.hidden),
        ] {
            if found == 0 || !found.is_multiple_of(4) || found > MOST_CHANNELS {
                return Err(ConfigError::Channels { what, found });
            }
        }
        for (what, found, least, most) in [
            ("blocks at 1/8", self.blocks8, 0, MOST_BLOCKS),
            ("blocks at 1/16", self.blocks16, 0, MOST_BLOCKS),
            ("blocks in a context pass", self.context_blocks, 1, MOST_CONTEXT_BLOCKS),
        ] {
            if !(least..=most).contains(&found) {
                return Err(ConfigError::Blocks { what, found, least, most });
            }
        }
        if let Some(width) = self.head_width {
            for channels in [self.c8, self.c16] {
                if width == 0 || !channels.is_multiple_of(width) || channels / width < 2 {
                    return Err(ConfigError::Heads { width, channels });
                }
            }
        }
        let least = self.least_parameters();
        if least > elements as u64 { Err(ConfigError::Larger { least, elements }) } else { Ok(()) }
    }

    /// A lower bound of the parameters of one transform and the prior: their matrix products without biases, norms and attention. Only of numbers within
    /// the bounds of [`Self::checked`], which do not overflow.
    fn least_parameters(&self) -> u64 {
        let [c8, c16, y, z, hidden, context_blocks, blocks8, blocks16] =
            [self.c8, self.c16, self.y, self.z, self.hidden, self.context_blocks, self.blocks8, self.blocks16]
                .map(|number| number as u64);
        let blocks = 3 * (blocks8 * c8 * c8 + blocks16 * c16 * c16);
        let transform = blocks + 192 * c8 + 4 * c8 * c16 + c16 * y;
        let block = 4 * hidden * hidden;
        let hyper = 4 * hidden * (z + hidden) + 2 * block;
        let passes = 3 * (hidden * (hidden + y) + context_blocks * block);
        let heads = 4 * 2 * y * hidden;
        transform + hyper + passes + heads
    }

    /// Latents of context that each transform needs on every side of a tile: its receptive field in units of 16 pixels.
    ///
    /// A gated block sees one position further. With attention the tile's origin must also stay on the grid of windows, at 1/8 and at 1/16:
    /// an attention layer reaches half a window past its own window, and the halo is a multiple of 8 latents.
    pub fn halo(&self) -> usize {
        let blocks = self.blocks16 + self.blocks8.div_ceil(2);
        match self.head_width {
            None => blocks,
            Some(_) => (blocks + WINDOW_REACH + WINDOW_REACH.div_ceil(2)).next_multiple_of(8),
        }
    }
}

/// Positions that window attention (8x8, half of the heads shifted by 4) looks beyond a position: a window's width less one.
const WINDOW_REACH: usize = 7;

/// Knots of the quality axis: every gain and bias table has this many rows.
pub use lic_shaders::KNOTS;

/// Knots of the quality axis for the hyper-latent's probability tables.
pub use lic_shaders::knots::HYPER_KNOTS as Z_KNOTS;

/// Lagrangian of the lowest knot, per squared error on pixels in 0..=255 and bit per pixel. A student trained from 0.001 on
/// had 0.21 bits per pixel on Kodak at quality 0, too many for the lowest quality.
pub const LAMBDA_MIN: f64 = 0.0005;

/// Lagrangian of the highest knot.
pub const LAMBDA_MAX: f64 = 0.12;

/// The Lagrangian of a knot: log-spaced from [`LAMBDA_MIN`] to [`LAMBDA_MAX`].
pub fn lambda(knot: usize) -> f64 {
    let position = knot.min(KNOTS - 1) as f64 / (KNOTS - 1) as f64;
    LAMBDA_MIN * (LAMBDA_MAX / LAMBDA_MIN).powf(position)
}

/// The z table of a quality in quarter knots (0..=252): `codec/PRIOR.md`, "Probabilities".
pub fn z_knot(quarter: usize) -> usize {
    let quality = u8::try_from(quarter).ok().and_then(QualityIndex::new);
    quality.unwrap_or(QualityIndex::MAX).hyper_knot()
}
