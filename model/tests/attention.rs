//! Window attention against numbers computed by an independent PyTorch program, and its promises about what sees what.
//!
//! The expected numbers are the output of `python model/tests/reference/swin_v2.py` (PyTorch 2.9, float64).

use burn::module::Param;
use burn::tensor::{Device, Tensor, TensorData};
use lic_model::net::Init;
use lic_model::net::attention::{Attention, HeadGroup};

const CHANNELS: usize = 16;
const HEAD_WIDTH: usize = 4;
const INNER: usize = 8;
const BIAS_HIDDEN: usize = 512;

/// Reproducible values in `-amplitude..amplitude`: the function of the same name in `swin_v2.py`.
fn hashed_values(seed: usize, count: usize, amplitude: f64) -> Vec<f32> {
    let value = |i: usize| {
        let x = (12.9898 * i as f64 + 78.233 * seed as f64).sin() * 43758.5453;
        (amplitude * (2.0 * (x - x.floor()) - 1.0)) as f32
    };
    (0..count).map(value).collect()
}

fn hashed<const D: usize>(seed: usize, shape: [usize; D], amplitude: f64, device: &Device) -> Tensor<D> {
    let values = hashed_values(seed, shape.iter().product(), amplitude);
    Tensor::from_data(TensorData::new(values, shape), device)
}

fn hashed_param<const D: usize>(seed: usize, shape: [usize; D], amplitude: f64, device: &Device) -> Param<Tensor<D>> {
    let values = hashed_values(seed, shape.iter().product(), amplitude);
    Param::from_data(TensorData::new(values, shape), device)
}

fn set_group(group: &mut HeadGroup, seed: usize, log_scale: [f32; 2], device: &Device) {
    group.query.weight = hashed_param(seed, [CHANNELS, INNER], 0.6, device);
    group.query.bias = hashed_param(seed + 1, [INNER], 0.5, device);
    group.key = hashed_param(seed + 2, [CHANNELS, INNER], 0.6, device);
    group.value.weight = hashed_param(seed + 4, [CHANNELS, INNER], 0.6, device);
    group.value.bias = hashed_param(seed + 5, [INNER], 0.5, device);
    group.log_scale = Param::from_data(TensorData::from(log_scale), device);
    group.position.hidden.weight = hashed_param(seed + 6, [2, BIAS_HIDDEN], 1.0, device);
    group.position.hidden.bias = hashed_param(seed + 7, [BIAS_HIDDEN], 0.5, device);
    group.position.output = hashed_param(seed + 8, [BIAS_HIDDEN, 2], 0.15, device);
}

/// The layer of the reference program: 16 channels, two plain and two shifted heads.
fn reference_layer(device: &Device) -> Attention {
    let mut layer = Attention::new(CHANNELS, HEAD_WIDTH, &mut Init::new(0, device));
    // 5.0 is above ln 100 and must act as ln 100.
    set_group(&mut layer.plain, 100, [10.0f32.ln(), 5.0], device);
    set_group(&mut layer.shifted, 200, [1.5, 3.0], device);
    layer.project.weight = hashed_param(300, [CHANNELS, CHANNELS], 0.6, device);
    layer.project.bias = hashed_param(301, [CHANNELS], 0.5, device);
    layer.norm_gain = hashed_param(302, [CHANNELS], 1.0, device);
    layer.norm_bias = hashed_param(303, [CHANNELS], 0.5, device);
    layer
}

fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().try_to_vec().expect("f32 values")
}

fn assert_close(what: &str, got: &[f32], expected: &[f64]) {
    assert_eq!(got.len(), expected.len(), "{what}");
    for (i, (&g, &e)) in got.iter().zip(expected).enumerate() {
        let error = (f64::from(g) - e).abs() / e.abs().max(1.0);
        assert!(error < 1e-4, "{what} {i}: {g} where PyTorch has {e}");
    }
}

/// What the reference program prints for one plane.
struct Reference {
    size: [usize; 2],
    outputs: [f64; 12],
    sum_of_squares: f64,
    input_grads: [f64; 12],
    plain_scale_grads: [f64; 2],
    plain_meta_grads: [f64; 4],
    shifted_scale_grads: [f64; 2],
    shifted_meta_grads: [f64; 4],
}

impl Reference {
    fn check(&self) {
        let device = Device::flex().autodiff();
        let [h, w] = self.size;
        let layer = reference_layer(&device);
        let x = hashed(1, [1, h, w, CHANNELS], 1.0, &device).require_grad();
        let out = layer.forward(x.clone());
        let sum = out.clone().square().sum();
        let grads = sum.backward();

        let count = h * w * CHANNELS;
        let probe = |all: Vec<f32>| -> Vec<f32> { (0..12).map(|i| all[(23 + 101 * i) % count]).collect() };
        assert_close("output", &probe(values(out)), &self.outputs);
        assert_close("sum of squares", &values(sum), &[self.sum_of_squares]);
        assert_close("input gradient", &probe(values(x.grad(&grads).expect("gradient"))), &self.input_grads);
        for (group, scale_grads, meta_grads) in [
            (&layer.plain, &self.plain_scale_grads, &self.plain_meta_grads),
            (&layer.shifted, &self.shifted_scale_grads, &self.shifted_meta_grads),
        ] {
            let scale = group.log_scale.val().grad(&grads).expect("gradient");
            assert_close("log-scale gradient", &values(scale), scale_grads);
            let meta = group.position.hidden.weight.val().grad(&grads).expect("gradient");
            assert_close("position bias gradient", &values(meta)[..4], meta_grads);
        }
    }
}

#[test]
fn one_window_equals_pytorch() {
    Reference {
        size: [8, 8],
        outputs: [
            0.314609, 1.006261, 0.529617, -1.078927, 0.186075, -0.916932, -0.559795, 0.903036, -1.762718, -1.141611,
            0.651164, 1.665244,
        ],
        sum_of_squares: 690.000387,
        input_grads: [
            -4.486370, 7.903034, 9.355706, -6.854241, 7.923406, 0.756818, 6.310568, 1.474744, -4.657709, -8.764519,
            9.051786, 1.463296,
        ],
        plain_scale_grads: [-3.744807, 0.000000],
        plain_meta_grads: [0.387674, 0.501051, 0.363366, -0.396375],
        shifted_scale_grads: [-11.004919, -4.332342],
        shifted_meta_grads: [-0.421192, -0.465181, -0.986844, -0.489268],
    }
    .check();
}

#[test]
fn four_windows_equal_pytorch() {
    Reference {
        size: [16, 16],
        outputs: [
            0.230891, 1.107529, 0.586785, -1.072154, 0.150949, -1.185404, -1.215798, 0.984117, -1.087765, -1.041589,
            -0.369121, -0.241641,
        ],
        sum_of_squares: 2696.524297,
        input_grads: [
            -5.923550, 4.149401, 19.767678, -4.925833, -7.608639, -0.039071, -2.808879, 0.560832, 1.961594, -4.677529,
            2.169135, 5.214905,
        ],
        plain_scale_grads: [0.249752, 0.000000],
        plain_meta_grads: [-1.451331, -0.104546, 0.199344, 1.778229],
        shifted_scale_grads: [-21.809716, 8.962104],
        shifted_meta_grads: [0.328224, -0.189462, 0.554177, -2.461906],
    }
    .check();
}

#[test]
fn a_plane_of_no_whole_number_of_windows_equals_pytorch() {
    Reference {
        size: [12, 20],
        outputs: [
            0.423576, 0.793485, 0.529957, -0.970984, 0.178982, -1.039422, -1.032892, 0.773897, 0.028900, -1.039437,
            0.471659, -0.360096,
        ],
        sum_of_squares: 2429.530120,
        input_grads: [
            -6.084758, 7.415972, 15.106437, -9.981913, 11.655513, 1.990145, 3.487333, 0.797741, -3.254098, -0.384047,
            -1.583204, 6.142614,
        ],
        plain_scale_grads: [-24.436808, 0.000000],
        plain_meta_grads: [-0.164575, 0.148329, 0.295847, 1.156631],
        shifted_scale_grads: [-9.346344, 5.979925],
        shifted_meta_grads: [0.094093, 1.951916, 4.195889, -1.610028],
    }
    .check();
}

#[test]
fn a_new_layer_is_the_identity_and_can_leave_it() {
    let device = Device::flex().autodiff();
    let layer = Attention::new(32, 8, &mut Init::new(7, &device));
    let x = hashed(1, [2, 9, 16, 32], 1.0, &device);
    let out = layer.forward(x.clone());
    out.clone().into_data().assert_eq(&x.into_data(), true);
    let grads = (out * hashed(2, [2, 9, 16, 32], 1.0, &device)).sum().backward();
    let gain = values(layer.norm_gain.val().grad(&grads).expect("gradient"));
    assert!(gain.iter().all(|g| *g != 0.0), "{gain:?}");
}

#[test]
fn a_position_reaches_its_two_windows_and_nothing_else() {
    let device = Device::flex();
    let layer = reference_layer(&device);
    for [h, w] in [[16, 24], [20, 27]] {
        let before = values(layer.forward(hashed(1, [1, h, w, CHANNELS], 1.0, &device)));
        // A corner, whose window is rolled next to that of the opposite corner; the middle; the last row and column.
        for [row, column] in [[0, 0], [9, 13], [h - 1, w - 1]] {
            let mut input = hashed_values(1, h * w * CHANNELS, 1.0);
            for value in &mut input[(row * w + column) * CHANNELS..][..CHANNELS] {
                *value = -*value;
            }
            let x = Tensor::<4>::from_data(TensorData::new(input, [1, h, w, CHANNELS]), &device);
            let after = values(layer.forward(x));
            for y in 0..h {
                for x in 0..w {
                    let same =
                        |shift: usize| (y + shift) / 8 == (row + shift) / 8 && (x + shift) / 8 == (column + shift) / 8;
                    let at = (y * w + x) * CHANNELS..(y * w + x + 1) * CHANNELS;
                    let changed = before[at.clone()] != after[at];
                    assert_eq!(changed, same(0) || same(4), "({row}, {column}) -> ({y}, {x}) of {h}x{w}");
                }
            }
        }
    }
}

#[test]
fn a_single_position_sees_itself_alone_and_no_padding() {
    let device = Device::flex();
    let layer = reference_layer(&device);
    let x = hashed(1, [1, 1, 1, CHANNELS], 1.0, &device);
    // The norm of what the position's own values become, with all weight on itself.
    let own = Tensor::cat(vec![layer.plain.value.forward(x.clone()), layer.shifted.value.forward(x.clone())], 3);
    let branch = values(layer.project.forward(own));
    let mean = branch.iter().sum::<f32>() / CHANNELS as f32;
    let variance = branch.iter().map(|v| (v - mean).powi(2)).sum::<f32>() / CHANNELS as f32;
    let (gain, bias, input) = (values(layer.norm_gain.val()), values(layer.norm_bias.val()), values(x.clone()));
    let expected: Vec<f64> = (0..CHANNELS)
        .map(|i| f64::from(input[i] + (branch[i] - mean) / (variance + 1e-5).sqrt() * gain[i] + bias[i]))
        .collect();
    assert_close("output", &values(layer.forward(x)), &expected);
}

#[test]
fn a_tile_gives_the_numbers_of_the_plane_in_windows_inside_both() {
    let device = Device::flex();
    let layer = reference_layer(&device);
    let plane = hashed(1, [1, 32, 32, CHANNELS], 1.0, &device);
    let tile = plane.clone().slice([0..1, 8..32, 0..24, 0..CHANNELS]);
    let whole = layer.forward(plane).slice([0..1, 8..32, 0..24, 0..CHANNELS]);
    let alone = layer.forward(tile);
    // Rows 8..12 and columns 20..24 are in shifted windows that the cut divides; the bottom and left edges are the plane's own.
    let inside = [0..1, 4..24, 0..20, 0..CHANNELS];
    let expected: Vec<f64> = values(whole.clone().slice(inside.clone())).into_iter().map(f64::from).collect();
    assert_close("tile", &values(alone.clone().slice(inside)), &expected);
    let cut = [0..1, 0..4, 0..20, 0..CHANNELS];
    assert_ne!(values(whole.slice(cut.clone())), values(alone.slice(cut)));
}

#[test]
fn samples_of_a_batch_do_not_mix() {
    let device = Device::flex();
    let layer = reference_layer(&device);
    let x = hashed(1, [3, 12, 16, CHANNELS], 1.0, &device);
    let together = values(layer.forward(x.clone()));
    let apart: Vec<f64> = (0..3)
        .flat_map(|i| values(layer.forward(x.clone().slice([i..i + 1, 0..12, 0..16, 0..CHANNELS]))))
        .map(f64::from)
        .collect();
    assert_close("batch", &together, &apart);
}

#[test]
fn the_inverse_temperature_stops_at_100() {
    let device = Device::flex();
    let x = hashed(1, [1, 8, 8, CHANNELS], 1.0, &device);
    let output_at = |log_scale: f32| {
        let mut layer = reference_layer(&device);
        layer.plain.log_scale = Param::from_data(TensorData::from([log_scale; 2]), &device);
        layer.shifted.log_scale = Param::from_data(TensorData::from([log_scale; 2]), &device);
        values(layer.forward(x.clone()))
    };
    let limit = output_at(100.0f32.ln());
    assert_eq!(output_at(1000.0f32.ln()), limit);
    assert_eq!(output_at(1e6), limit);
    assert_ne!(output_at(90.0f32.ln()), limit);
}

#[test]
fn gradients_are_finite_on_a_black_plane_and_in_padding() {
    let device = Device::flex().autodiff();
    let layer = reference_layer(&device);
    let x = Tensor::<4>::zeros([1, 3, 9, CHANNELS], &device).require_grad();
    let grads = layer.forward(x.clone()).square().sum().backward();
    let all = [
        values(x.grad(&grads).expect("gradient")),
        values(layer.plain.key.val().grad(&grads).expect("gradient")),
        values(layer.shifted.query.weight.val().grad(&grads).expect("gradient")),
        values(layer.shifted.log_scale.val().grad(&grads).expect("gradient")),
    ];
    assert!(all.iter().flatten().all(|g| g.is_finite()), "{all:?}");
}
