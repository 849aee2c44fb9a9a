//! The float networks: building blocks (one file each), analysis and synthesis transforms.
//!
//! Everything is channels-last, [batch, height, width, channels], so that a 1x1 convolution is one matrix product. The integer
//! prior's float twin is in [`crate::prior`]; it shares the blocks [`Dense`] and [`Conv3x3`].

mod analysis;
pub mod attention;
mod conv;
mod dense;
mod gated;
mod init;
mod precision;
mod resample;
mod stream;
mod synthesis;
mod watch;

pub use analysis::Analysis;
pub use conv::Conv3x3;
pub use dense::Dense;
pub use gated::GatedBlock;
pub use init::Init;
pub use precision::{Precision, matrix_precision, set_matrix_precision};
pub use resample::{depth_to_space, space_to_depth};
pub use stream::Stream;
pub use synthesis::Synthesis;
pub use watch::{Sight, Watch, unwatched};

pub(crate) use gated::SHUT;
pub(crate) use precision::{full, in_f32, product, working};
pub(crate) use watch::columns;
