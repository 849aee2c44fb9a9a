//! What the fuzz targets check, one module per target. They panic where the codec breaks a promise.
//!
//! `codec/tests/corpus.rs` takes this file in as a module, so the same checks run on the corpus and on every former crash with plain
//! `cargo test`, without a fuzzer. Hence `super` instead of `crate` everywhere.

pub mod decode;
pub mod header;
pub mod image_hook;
pub mod model;
pub mod repair;
pub mod round_trip;
pub mod views;
pub mod wrap;
