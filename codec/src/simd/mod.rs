//! The one place with machine instructions: sums of 16-bit products, for the instruction set found at run time.
//!
//! The integer prior and the CPU's transforms both stand on it. Everything else of them is plain Rust that is inlined into
//! [`Level::run`], where the compiler may use the same instruction set to vectorise it. Sums are exact in `i32` whatever their
//! order (whoever packs weights bounds them), and what is done with them in floats is one operation of IEEE 754 after the other,
//! none fused, so all variants agree bit by bit.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
#[cfg(all(target_arch = "aarch64", target_endian = "little"))]
mod neon;
mod portable;

#[cfg(target_arch = "x86_64")]
pub(crate) use avx2::Avx2;
#[cfg(target_arch = "x86_64")]
pub(crate) use avx512::Avx512;
#[cfg(all(target_arch = "aarch64", target_endian = "little"))]
pub(crate) use neon::Neon;
pub(crate) use portable::Portable;

/// Outputs that are summed side by side.
pub(crate) const LANES: usize = 32;

/// What `P` positions read of a layer: position `p` its `2 * pairs` activations from `p * stride` on, weights that lie as `[pairs, LANES, 2]`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Factors<'a> {
    pub(crate) inputs: &'a [i16],
    pub(crate) stride: usize,
    pub(crate) weights: &'a [i16],
}

impl Factors<'_> {
    /// How many pairs there are, after checking that those of `P` positions lie in the slice.
    #[inline(always)]
    fn pairs<const P: usize>(&self) -> usize {
        let pairs = self.weights.len() / (2 * LANES);
        assert!(P > 0 && (P - 1) * self.stride + 2 * pairs <= self.inputs.len(), "activations of all positions");
        pairs
    }
}

/// Outputs of a panel as numbers: a sum times the position's step, times `scale`, plus `bias`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Affine {
    pub(crate) scale: [f32; LANES],
    pub(crate) bias: [f32; LANES],
}

/// An instruction set that is known to be present.
pub(crate) trait Simd: Copy {
    /// Whether there are registers for twelve positions at a time; else for six.
    const WIDE: bool;

    /// Adds the sums of products of `P` positions to `sums`.
    fn accumulate<const P: usize>(self, sums: &mut [[i32; LANES]; P], factors: Factors<'_>);

    /// The outputs of `P` positions, whose steps are `steps`.
    fn outputs<const P: usize>(self, factors: Factors<'_>, steps: &[f32; P], affine: &Affine) -> [[f32; LANES]; P];

    /// Adds the sums of products of `P` positions, times `steps`, to `totals`.
    fn add<const P: usize>(self, totals: &mut [[f32; LANES]; P], factors: Factors<'_>, steps: &[f32; P]);

    /// `totals` times `scale` plus `bias`.
    fn affine<const P: usize>(self, totals: &mut [[f32; LANES]; P], affine: &Affine);

    /// Sums over groups of four numbers: sum `[k][c]` adds up, one after the other, the products of the groups' numbers `k` with their weights `[k][c]`.
    #[inline(always)]
    fn weighed<'a>(self, groups: impl Iterator<Item = (&'a [[f32; 4]; 4], &'a [f32; 4])>) -> [[f32; 4]; 4] {
        let mut sums = [[0.0; 4]; 4];
        for (weights, numbers) in groups {
            for (sum, (weights, number)) in sums.iter_mut().zip(weights.iter().zip(numbers)) {
                for c in 0..4 {
                    sum[c] += weights[c] * number;
                }
            }
        }
        sums
    }
}

/// Work that is compiled for every instruction set. `run` and what it calls must be `#[inline(always)]`.
pub(crate) trait Job {
    fn run<S: Simd>(self, simd: S);
}

/// The instruction set to use.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Level {
    Portable,
    #[cfg(target_arch = "x86_64")]
    Avx2(Avx2),
    #[cfg(target_arch = "x86_64")]
    Avx512(Avx512),
    #[cfg(all(target_arch = "aarch64", target_endian = "little"))]
    Neon(Neon),
}

impl Level {
    /// The best one this machine has.
    pub(crate) fn detect() -> Self {
        Self::all().pop().unwrap_or(Self::Portable)
    }

    /// All that this machine has, the best last.
    pub(crate) fn all() -> Vec<Self> {
        let mut all = vec![Self::Portable];
        #[cfg(target_arch = "x86_64")]
        {
            all.extend(Avx2::new().map(Self::Avx2));
            all.extend(Avx512::new().map(Self::Avx512));
        }
        #[cfg(all(target_arch = "aarch64", target_endian = "little"))]
        all.push(Self::Neon(Neon));
        all
    }

    /// Runs a job with this instruction set.
    pub(crate) fn run<J: Job>(self, job: J) {
        match self {
            Self::Portable => job.run(Portable),
            #[cfg(target_arch = "x86_64")]
            Self::Avx2(token) => token.run(job),
            #[cfg(target_arch = "x86_64")]
            Self::Avx512(token) => token.run(job),
            #[cfg(all(target_arch = "aarch64", target_endian = "little"))]
            Self::Neon(token) => token.run(job),
        }
    }
}

#[cfg(test)]
mod tests;
