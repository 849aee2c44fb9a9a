//! The one place with machine instructions: sums of 16-bit products, for the instruction set found at run time.
//!
//! Everything else of the fast engine is plain Rust that is inlined into [`Level::run`], where the compiler may use the
//! same instruction set to vectorise it. Sums are exact in `i32` whatever their order (checked when a layer is made), so
//! all variants agree bit by bit.

/// Outputs that are summed side by side.
pub(super) const LANES: usize = 16;

/// An instruction set that is known to be present.
pub(super) trait Simd: Copy {
    /// Adds the products of `weights` with the activations of `P` positions to `sums`: weights lie as
    /// `[pairs, LANES, 2]`, position `p` reads its `2 * pairs` activations from `p * stride` on.
    fn accumulate<const P: usize>(self, sums: &mut [[i32; LANES]; P], inputs: &[i16], stride: usize, weights: &[i16]);
}

/// Work that is compiled for every instruction set. `run` and what it calls must be `#[inline(always)]`.
pub(super) trait Job {
    fn run<S: Simd>(self, simd: S);
}

/// Plain Rust, for every machine.
#[derive(Debug, Clone, Copy)]
pub(super) struct Portable;

impl Simd for Portable {
    #[inline(always)]
    fn accumulate<const P: usize>(self, sums: &mut [[i32; LANES]; P], inputs: &[i16], stride: usize, weights: &[i16]) {
        for (k, weights) in weights.as_chunks::<{ 2 * LANES }>().0.iter().enumerate() {
            for (p, sums) in sums.iter_mut().enumerate() {
                let low = i32::from(inputs[p * stride + 2 * k]);
                let high = i32::from(inputs[p * stride + 2 * k + 1]);
                for (lane, sum) in sums.iter_mut().enumerate() {
                    *sum += i32::from(weights[2 * lane]) * low + i32::from(weights[2 * lane + 1]) * high;
                }
            }
        }
    }
}

/// AVX2; exists only where the processor has it.
#[cfg(target_arch = "x86_64")]
#[derive(Debug, Clone, Copy)]
pub(super) struct Avx2(());

#[cfg(target_arch = "x86_64")]
impl Simd for Avx2 {
    #[inline(always)]
    fn accumulate<const P: usize>(self, sums: &mut [[i32; LANES]; P], inputs: &[i16], stride: usize, weights: &[i16]) {
        use std::arch::x86_64::{
            __m256i, _mm256_add_epi32, _mm256_loadu_si256, _mm256_madd_epi16, _mm256_set1_epi32, _mm256_setzero_si256,
            _mm256_storeu_si256,
        };
        let pairs = weights.len() / (2 * LANES);
        if P == 0 || pairs == 0 {
            return;
        }
        assert!((P - 1) * stride + 2 * pairs <= inputs.len(), "activations of all positions lie in the slice");
        // SAFETY: AVX2 is present, because an `Avx2` exists. All loads and stores are unaligned ones. Sums: two halves of
        // 8 i32 of an array of 16. Weights: at k < pairs, 32 i16 from 32 * k on, and the slice holds at least 32 * pairs.
        // Activations: two i16 from p * stride + 2 * k on, at most (P - 1) * stride + 2 * pairs - 2, inside by the assert.
        // The products of madd: two of |i16 weight| * 4095 fit in i32.
        unsafe {
            let mut low = [_mm256_setzero_si256(); P];
            let mut high = [_mm256_setzero_si256(); P];
            for p in 0..P {
                let sum = sums[p].as_ptr().cast::<__m256i>();
                low[p] = _mm256_loadu_si256(sum);
                high[p] = _mm256_loadu_si256(sum.add(1));
            }
            for k in 0..pairs {
                let weight = weights.as_ptr().add(2 * LANES * k).cast::<__m256i>();
                let (first, second) = (_mm256_loadu_si256(weight), _mm256_loadu_si256(weight.add(1)));
                for p in 0..P {
                    let pair = inputs.as_ptr().add(p * stride + 2 * k).cast::<i32>().read_unaligned();
                    let pair = _mm256_set1_epi32(pair);
                    low[p] = _mm256_add_epi32(low[p], _mm256_madd_epi16(first, pair));
                    high[p] = _mm256_add_epi32(high[p], _mm256_madd_epi16(second, pair));
                }
            }
            for p in 0..P {
                let sum = sums[p].as_mut_ptr().cast::<__m256i>();
                _mm256_storeu_si256(sum, low[p]);
                _mm256_storeu_si256(sum.add(1), high[p]);
            }
        }
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn run_avx2<J: Job>(job: J, token: Avx2) {
    job.run(token);
}

/// The instruction set to use.
#[derive(Debug, Clone, Copy)]
pub(super) enum Level {
    Portable,
    #[cfg(target_arch = "x86_64")]
    Avx2(Avx2),
}

impl Level {
    /// The best one this machine has.
    pub(super) fn detect() -> Self {
        #[cfg(target_arch = "x86_64")]
        if std::arch::is_x86_feature_detected!("avx2") {
            return Self::Avx2(Avx2(()));
        }
        Self::Portable
    }

    /// Runs a job with this instruction set.
    pub(super) fn run<J: Job>(self, job: J) {
        match self {
            Self::Portable => job.run(Portable),
            #[cfg(target_arch = "x86_64")]
            // SAFETY: AVX2 is present, because an `Avx2` exists.
            Self::Avx2(token) => unsafe { run_avx2(job, token) },
        }
    }
}
