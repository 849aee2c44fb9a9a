//! How good and how fast: metrics, BD-rate, published curves, and measuring `lic` itself.
//!
//! In order of use: [`measure`] encodes and decodes pictures for real and scores them with [`mod@psnr`]; the means over a
//! set form a [`Curve`]; [`bd`] compares two curves, for instance with one of the published [`anchors`]. How fast the parts
//! of the codec are is measured by the criterion benches of this crate (`cargo bench -p lic-benches`).

pub mod anchors;
pub mod bd;
pub mod curve;
pub mod measure;
pub mod pchip;
pub mod psnr;

pub use anchors::Anchor;
pub use bd::{Bd, BdError, Interval, bd_psnr, bd_rate};
pub use curve::{Curve, CurveError, Point};
pub use psnr::psnr;
