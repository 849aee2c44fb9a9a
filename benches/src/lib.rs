//! How good codecs are: metrics, rate-distortion curves, BD-rate, published curves, and running `lic` and others for real.
//!
//! In order of use: [`codecs`] encode and decode; [`run`] does so for a set of images, scores with [`metric`] and keeps
//! results in a [`cache`]; means form a [`Curve`], with an [`interpolate::Method`] between its points; [`bd`] compares two of
//! them, for instance with one of the published [`anchors`]; [`report`] puts it all together and writes it down. How fast
//! the parts of the codec are is measured by the criterion benches of this crate (`cargo bench --workspace`).

pub mod anchors;
pub mod bd;
pub mod cache;
pub mod codecs;
pub mod curve;
pub mod interpolate;
pub mod metric;
pub mod report;
pub mod run;

pub use anchors::Anchor;
pub use bd::{Bd, BdError, Interval, bd_quality, bd_rate};
pub use curve::{Curve, CurveError, Point};
pub use interpolate::Method;
pub use metric::{Metric, psnr};
