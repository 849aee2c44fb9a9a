//! Random weights that pass every check, for tests and benches. Not part of the public interface.

use lic_shaders::KNOTS;
use safetensors::Dtype;
use safetensors::tensor::TensorView;

use super::{SCALES, Sizes};
use crate::entropy::HYPER_KNOTS;
use crate::splitmix::splitmix64;

/// A small random generator.
#[derive(Debug, Clone)]
pub struct Noise(pub u64);

impl Noise {
    /// A number in `0..below`.
    pub fn below(&mut self, below: u64) -> u64 {
        splitmix64(&mut self.0) % below
    }

    /// A number in `-range..=range`.
    pub fn symmetric(&mut self, range: i32) -> i32 {
        self.below(2 * range as u64 + 1) as i32 - range
    }
}

/// Name, type, shape and little-endian bytes of a tensor.
pub type RandomTensor = (String, Dtype, Vec<usize>, Vec<u8>);

/// The tensors of a weight file.
#[derive(Debug, Clone, Default)]
pub struct RandomTensors(pub Vec<RandomTensor>);

impl RandomTensors {
    /// The `prior.*` tensors of a network of these sizes. Activations spread over their whole range and are clamped
    /// now and then, and all scale tables occur.
    pub fn prior(sizes: Sizes, seed: u64) -> Self {
        let Sizes { latents, hyper, hidden } = sizes;
        let mut noise = Noise(seed);
        let mut out = Self::default();
        out.push("prior.z_shift".into(), Dtype::U8, &[1], vec![5]);
        out.layer(&mut noise, "prior.hyper.up1", &[4 * hidden], &[hyper], true);
        out.layer(&mut noise, "prior.hyper.up2", &[4 * hidden], &[hidden], false);
        for block in ["hyper.block1", "hyper.block2", "pass1.block0", "pass1.block1", "pass2.block0", "pass2.block1"]
            .into_iter()
            .chain(["pass3.block0", "pass3.block1"])
        {
            let part = hidden / 4;
            out.layer(&mut noise, &format!("prior.{block}.conv"), &[part], &[3, 3, part], false);
            out.layer(&mut noise, &format!("prior.{block}.expand"), &[2 * hidden], &[hidden], false);
            out.layer(&mut noise, &format!("prior.{block}.project"), &[hidden], &[2 * hidden], false);
        }
        for pass in 0..4 {
            if pass > 0 {
                out.layer(&mut noise, &format!("prior.pass{pass}.input"), &[hidden], &[hidden + latents], true);
            }
            out.layer(&mut noise, &format!("prior.pass{pass}.head"), &[4, latents / 2], &[hidden], false);
        }
        out.gains(&mut noise, latents);
        out.tables(&mut noise, hyper);
        out
    }

    /// The tensors as a safetensors file.
    ///
    /// # Panics
    /// When a tensor was replaced by one whose bytes do not fit its shape.
    pub fn to_bytes(&self) -> Vec<u8> {
        let views = self.0.iter().map(|(name, dtype, shape, bytes)| {
            (name, TensorView::new(*dtype, shape.clone(), bytes).expect("bytes fit the shape"))
        });
        safetensors::serialize(views, None).expect("valid tensors serialise")
    }

    fn push(&mut self, name: String, dtype: Dtype, shape: &[usize], bytes: Vec<u8>) {
        self.0.push((name, dtype, shape.to_vec(), bytes));
    }

    fn layer(&mut self, noise: &mut Noise, name: &str, outputs: &[usize], inputs: &[usize], knots: bool) {
        let rows: usize = outputs.iter().product();
        let width: usize = inputs.iter().product();
        // Even if all weights had this magnitude, a quarter of i32 would be left for bias and rounding.
        let range = ((3i64 << 29) / (4095 * width as i64)).min(32767) as i32;
        // Activations of about 1500 and evenly spread weights give sums of about this; the first shift leaves 14 bits.
        let typical = 1500.0 * f64::from(range) * 0.58 * (width as f64).sqrt();
        let shift1 = (typical.log2() - 13.0).round().clamp(0.0, 20.0) as u8;
        let weight: Vec<i16> = (0..rows * width).map(|_| noise.symmetric(range) as i16).collect();
        let table = if knots { KNOTS * rows } else { rows };
        let bias: Vec<i32> = (0..table).map(|_| noise.symmetric(typical as i32 / 4)).collect();
        let shift1: Vec<u8> = (0..rows).map(|_| shift1 + noise.below(2) as u8).collect();
        let mult: Vec<i16> = (0..rows).map(|_| 8192 + noise.below(24576) as i16).collect();
        let shift2: Vec<u8> = (0..rows).map(|_| 16 + noise.below(2) as u8).collect();
        let bias_shape = if knots { [&[KNOTS], outputs].concat() } else { outputs.to_vec() };
        self.push(
            format!("{name}.weight"),
            Dtype::I16,
            &[outputs, inputs].concat(),
            bytes(&weight, |v| v.to_le_bytes()),
        );
        self.push(format!("{name}.bias"), Dtype::I32, &bias_shape, bytes(&bias, |v| v.to_le_bytes()));
        self.push(format!("{name}.shift1"), Dtype::U8, outputs, shift1);
        self.push(format!("{name}.mult"), Dtype::I16, outputs, bytes(&mult, |v| v.to_le_bytes()));
        self.push(format!("{name}.shift2"), Dtype::U8, outputs, shift2);
    }

    fn gains(&mut self, noise: &mut Noise, latents: usize) {
        let table = KNOTS * latents;
        let mut factors = || (0..table).map(|_| 1000 + noise.below(31768) as u16).collect::<Vec<_>>();
        let (mult, inverse) = (factors(), factors());
        let offset: Vec<i16> = (0..table).map(|_| 400 + noise.symmetric(300) as i16).collect();
        let mut shifts = |low, count| (0..latents).map(|_| low + noise.below(count) as u8).collect::<Vec<_>>();
        let (shift, shift_a, shift_b) = (shifts(13, 8), shifts(0, 6), shifts(11, 6));
        self.push("prior.gain.mult".into(), Dtype::U16, &[KNOTS, latents], bytes(&mult, |v| v.to_le_bytes()));
        self.push("prior.gain.inverse".into(), Dtype::U16, &[KNOTS, latents], bytes(&inverse, |v| v.to_le_bytes()));
        self.push("prior.gain.offset".into(), Dtype::I16, &[KNOTS, latents], bytes(&offset, |v| v.to_le_bytes()));
        self.push("prior.gain.shift".into(), Dtype::U8, &[latents], shift);
        self.push("prior.gain.shift_a".into(), Dtype::U8, &[latents], shift_a);
        self.push("prior.gain.shift_b".into(), Dtype::U8, &[latents], shift_b);
    }

    fn tables(&mut self, noise: &mut Noise, hyper: usize) {
        let radius: Vec<u16> = (0..SCALES as u16).map(|i| 1 + 3 * i).collect();
        let cdf: Vec<u16> = radius.iter().flat_map(|&r| triangle(2 * usize::from(r) + 1)).collect();
        self.push("prior.scale.radius".into(), Dtype::U16, &[SCALES], bytes(&radius, |v| v.to_le_bytes()));
        self.push("prior.scale.cdf".into(), Dtype::U16, &[cdf.len()], bytes(&cdf, |v| v.to_le_bytes()));
        let count: Vec<u16> = (0..HYPER_KNOTS * hyper).map(|_| 1 + noise.below(40) as u16).collect();
        let low: Vec<i16> = count.iter().map(|&n| -(n as i16) / 2).collect();
        let cdf: Vec<u16> = count.iter().flat_map(|&n| triangle(n.into())).collect();
        self.push("prior.z.low".into(), Dtype::I16, &[HYPER_KNOTS, hyper], bytes(&low, |v| v.to_le_bytes()));
        self.push("prior.z.count".into(), Dtype::U16, &[HYPER_KNOTS, hyper], bytes(&count, |v| v.to_le_bytes()));
        self.push("prior.z.cdf".into(), Dtype::U16, &[cdf.len()], bytes(&cdf, |v| v.to_le_bytes()));
        let even = count.iter().flat_map(|&n| (0..=n).map(move |i| (u32::from(i) * 65536 / (u32::from(n) + 1)) as u16));
        let contexts = [cdf.clone(), even.collect(), cdf].concat();
        let shape = [3, contexts.len() / 3];
        self.push("prior.z.context.cdf".into(), Dtype::U16, &shape, bytes(&contexts, |v| v.to_le_bytes()));
        let entries: usize = radius.iter().map(|&r| 2 * usize::from(r) + 2).sum();
        let scores: Vec<i16> = (0..entries).map(|_| noise.symmetric(2000) as i16).collect();
        let information: Vec<u16> = (0..SCALES).map(|_| 1 + noise.below(300) as u16).collect();
        self.push("prior.adapt.score".into(), Dtype::I16, &[entries], bytes(&scores, |v| v.to_le_bytes()));
        self.push("prior.adapt.information".into(), Dtype::U16, &[SCALES], bytes(&information, |v| v.to_le_bytes()));
    }
}

/// Left-cumulative values of `symbols` symbols, likely in the middle, and an escape.
fn triangle(symbols: usize) -> Vec<u16> {
    let height = |i: usize| (i + 1).min(symbols - i) as u64;
    let total: u64 = (0..symbols).map(height).sum();
    let room = 65536 - symbols as u64 - 8;
    let mut left = 0;
    let mut cdf = vec![0];
    for i in 0..symbols {
        left += 1 + room * height(i) / total;
        cdf.push(left as u16);
    }
    cdf
}

fn bytes<T: Copy, const N: usize>(values: &[T], encode: impl Fn(T) -> [u8; N]) -> Vec<u8> {
    values.iter().flat_map(|&value| encode(value)).collect()
}
