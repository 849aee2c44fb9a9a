//! Which dimensions each tensor of a network has, by its name: what [`super::grow`] needs to know of the architecture.

use super::axis::Axis;
use crate::preset::{KNOTS, ModelConfig, Z_KNOTS};
use crate::prior::density::COMPONENTS;

/// What a dimension of a tensor is to its layer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Role {
    /// Summed over.
    Input,
    /// Each element is an output, or a parameter of one.
    Output,
}

/// The dimensions of one tensor.
pub(super) type Dimensions = Vec<(Role, Axis)>;

/// Dimensions of a smaller network's tensors in a larger one's.
pub(super) struct Layout {
    stream8: Axis,
    stream16: Axis,
    hidden8: Axis,
    hidden16: Axis,
    stream: Axis,
    prior_hidden: Axis,
    latent: Axis,
    group: Axis,
    hyper: Axis,
    mixtures: Axis,
}

impl Layout {
    pub(super) fn new(small: &ModelConfig, large: &ModelConfig) -> Self {
        let group = Axis::first(small.y / 4, large.y / 4);
        Self {
            stream8: Axis::stream(small.c8, large.c8),
            stream16: Axis::stream(small.c16, large.c16),
            hidden8: Axis::first(small.c8, large.c8),
            hidden16: Axis::first(small.c16, large.c16),
            stream: Axis::stream(small.hidden, large.hidden),
            prior_hidden: Axis::first(2 * small.hidden, 2 * large.hidden),
            latent: group.repeated(4),
            group,
            hyper: Axis::first(small.z, large.z),
            mixtures: Axis::first(small.z * COMPONENTS, large.z * COMPONENTS),
        }
    }

    /// The dimensions of a tensor of [`params::slots`](crate::params::slots); `None` for tensors of window attention, which smaller networks
    /// do not have.
    pub(super) fn of(&self, name: &str) -> Option<Dimensions> {
        let parts: Vec<&str> = name.split('.').collect();
        match parts.as_slice() {
            ["analysis", "stem", end] => dense(end, &Axis::same(192), &self.stream8),
            ["analysis", "down", end] => dense(end, &self.stream8.repeated(4), &self.stream16),
            ["analysis", "head", end] => dense(end, &self.stream16, &self.latent),
            ["synthesis", "stem", end] => dense(end, &self.latent, &self.stream16),
            ["synthesis", "up", end] => dense(end, &self.stream16, &self.stream8.repeated(4)),
            ["synthesis", "head", end] => dense(end, &self.stream8, &Axis::same(192)),
            ["synthesis", "log_gain"] => table(KNOTS, &self.stream8),
            [_, "blocks8", _, layer, end] => block(layer, end, &self.stream8, &self.hidden8, 2),
            [_, "blocks16", _, layer, end] => block(layer, end, &self.stream16, &self.hidden16, 2),
            ["prior", "hyper_analysis", "stem", end] => dense(end, &self.latent, &self.stream),
            ["prior", "hyper_analysis", "down1", end] => dense(end, &self.stream.repeated(4), &self.stream),
            ["prior", "hyper_analysis", "down2", end] => dense(end, &self.stream.repeated(4), &self.hyper),
            ["prior", "hyper_analysis", "knots"] => table(KNOTS, &self.stream),
            ["prior", "hyper", "up1", end] => dense(end, &self.hyper, &self.stream.repeated(4)),
            ["prior", "hyper", "up2", end] => dense(end, &self.stream, &self.stream.repeated(4)),
            ["prior", "hyper", "knots"] => table(KNOTS, &self.stream.repeated(4)),
            ["prior", "hyper" | "hyper_analysis", "block1" | "block2", layer, end]
            | ["prior", "passes", _, "blocks", _, layer, end] => block(layer, end, &self.stream, &self.prior_hidden, 1),
            ["prior", "passes", _, "input", end] => dense(end, &self.stream.then(&self.latent), &self.stream),
            ["prior", "passes", _, "knots"] => table(KNOTS, &self.stream),
            ["prior", "heads", _, "mean" | "scale"] => Some(vec![
                (Role::Output, Axis::same(4)),
                (Role::Input, self.stream.clone()),
                (Role::Output, self.group.clone()),
            ]),
            ["prior", "heads", _, "mean_bias" | "scale_bias"] => table(4, &self.group),
            ["prior", "density", _] => table(Z_KNOTS, &self.mixtures),
            ["prior", "log_gain"] => table(KNOTS, &self.latent),
            ["prior", "log_deviation"] => table(1, &self.latent),
            _ => None,
        }
    }
}

/// A matrix [inputs, outputs] or its bias [outputs].
fn dense(end: &str, inputs: &Axis, outputs: &Axis) -> Option<Dimensions> {
    let outputs = (Role::Output, outputs.clone());
    match end {
        "weight" => Some(vec![(Role::Input, inputs.clone()), outputs]),
        "bias" => Some(vec![outputs]),
        _ => None,
    }
}

/// A table of outputs with a row per knot or group [rows, outputs].
fn table(rows: usize, outputs: &Axis) -> Option<Dimensions> {
    Some(vec![(Role::Output, Axis::same(rows)), (Role::Output, outputs.clone())])
}

/// A residual block whose first layer makes `parts` vectors of hidden units: values and gates, or values alone.
fn block(layer: &str, end: &str, stream: &Axis, hidden: &Axis, parts: usize) -> Option<Dimensions> {
    let quarter = Axis::first(stream.places.iter().filter(|&&place| place < stream.size / 4).count(), stream.size / 4);
    match (layer, end) {
        ("conv", "weight") => Some(vec![
            (Role::Output, quarter.clone()),
            (Role::Input, quarter),
            (Role::Input, Axis::same(3)),
            (Role::Input, Axis::same(3)),
        ]),
        ("conv", "bias") => Some(vec![(Role::Output, quarter)]),
        ("expand", end) => dense(end, stream, &hidden.repeated(parts)),
        ("project", end) => dense(end, hidden, stream),
        _ => None,
    }
}
