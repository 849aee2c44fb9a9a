//! From a trained float model to the file that ships: integer prior, tables, folded transforms.
//!
//! `codec/PRIOR.md` specifies what the integers mean. The order of work: [`calibrate`] chooses the grid of the activations, training goes on with it, then
//! [`checkpoint_to_weights`] turns the averaged weights into a weight file (`export`, of `layer`s, `gains` and `tables`; `restore` is the way back). What no training brings
//! is fitted to it then, with photos that were coded with it: rare units are taken out ([`without_rare_units`]), tables counted (`counts`, `hyper_counts`, with what they adapt by,
//! `adapt`), the preview and the filter between patches fitted. `lic quantize` does these in turn.

mod adapt;
mod calibrate;
mod checkpoint;
mod counts;
mod deblock;
mod enhance;
mod error;
mod export;
mod gains;
mod hyper_counts;
mod layer;
mod mixture;
mod preview;
mod rare;
mod restore;
mod tables;

pub use calibrate::{calibrate, grid};
pub use checkpoint::{Quantised, checkpoint_network, checkpoint_to_weights};
pub use counts::{ScaleCounts, with_scale_tables};
pub use deblock::{with_deblocking, without_deblocking};
pub use enhance::{solve_enhancement, with_enhancement, without_enhancement};
pub use error::{QuantiseError, RestoreError};
pub use hyper_counts::{HyperCounts, with_hyper_contexts};
pub use preview::{PreviewFit, with_preview};
pub use rare::{Pruned, without_rare_units};
pub use restore::{restore, restore_to_run};
