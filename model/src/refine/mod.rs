//! Gradients of a file's cost with respect to what is written in it: what an encoder needs that searches for cheaper latents.
//!
//! Differs from [`crate::train`] in what is varied: the weights stay as they are, the latents and hyper-latents of one tile move. Differs from
//! [`crate::network`] in the rounding: here the caller decides what every latent is decoded as, pass by pass, and the gradient belongs to
//! exactly these values (Yang, Bamler and Mandt, arXiv 2006.04240, refine latents by gradients too, but of softly rounded ones).
//!
//! - [`Differentiable`]: the float network of a weight file, frozen, with the backward passes of [`crate::backprop`].
//! - [`Setting`]: the same at one quality.
//! - [`Window`]: a tile with the fixed latents around it, whose [`Window::step`] is one evaluation with its gradient.

mod bands;
mod setting;
mod window;

pub use setting::{Differentiable, DifferentiableError, Setting};
pub use window::{Choice, Extent, Step, Window};
