//! The one place with machine instructions: sums of 16-bit products, for the instruction set found at run time.
//!
//! The integer prior and the CPU's transforms both stand on it. Everything else of them is plain Rust that is inlined into
//! [`Level::run`], where the compiler may use the same instruction set to vectorise it. Sums are exact in `i32` whatever their
//! order (whoever packs weights bounds them), so all variants agree bit by bit.

/// Outputs that are summed side by side.
pub(crate) const LANES: usize = 32;

/// An instruction set that is known to be present.
pub(crate) trait Simd: Copy {
    /// Whether there are registers for twelve positions at a time; else for six.
    const WIDE: bool;

    /// Adds the products of `weights` with the activations of `P` positions to `sums`: weights lie as
    /// `[pairs, LANES, 2]`, position `p` reads its `2 * pairs` activations from `p * stride` on.
    fn accumulate<const P: usize>(self, sums: &mut [[i32; LANES]; P], inputs: &[i16], stride: usize, weights: &[i16]);
}

/// Work that is compiled for every instruction set. `run` and what it calls must be `#[inline(always)]`.
pub(crate) trait Job {
    fn run<S: Simd>(self, simd: S);
}

/// Plain Rust, for every machine.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Portable;

impl Simd for Portable {
    const WIDE: bool = false;

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

#[cfg(target_arch = "x86_64")]
pub(crate) use x86::{Avx2, Avx512};

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::{
        __m256i, __m512i, _mm256_add_epi32, _mm256_loadu_si256, _mm256_madd_epi16, _mm256_set1_epi32,
        _mm256_setzero_si256, _mm256_storeu_si256, _mm512_loadu_si512, _mm512_set1_epi32, _mm512_setzero_si512,
        _mm512_storeu_si512,
    };

    use super::{Job, LANES, Simd};

    /// AVX2; exists only where the processor has it.
    #[derive(Debug, Clone, Copy)]
    pub(crate) struct Avx2(());

    impl Avx2 {
        /// `None` where the processor lacks it.
        pub(crate) fn new() -> Option<Self> {
            std::arch::is_x86_feature_detected!("avx2").then_some(Self(()))
        }

        pub(super) fn run<J: Job>(self, job: J) {
            // SAFETY: AVX2 is present, because an `Avx2` exists.
            unsafe { run_avx2(job, self) }
        }
    }

    /// The halves of a panel: AVX2 has registers for one at a time.
    const HALVES: usize = 2;

    impl Simd for Avx2 {
        const WIDE: bool = false;

        #[inline(always)]
        fn accumulate<const P: usize>(
            self,
            sums: &mut [[i32; LANES]; P],
            inputs: &[i16],
            stride: usize,
            weights: &[i16],
        ) {
            let pairs = weights.len() / (2 * LANES);
            if P == 0 || pairs == 0 {
                return;
            }
            assert!((P - 1) * stride + 2 * pairs <= inputs.len(), "activations of all positions lie in the slice");
            for half in 0..HALVES {
                // SAFETY: AVX2 is present, because an `Avx2` exists. All loads and stores are unaligned ones. Sums: two registers
                // of 8 i32 from 16 * half on, of an array of 32. Weights: at k < pairs, 32 i16 from 64 * k + 32 * half on, and the
                // slice holds at least 64 * pairs. Activations: two i16 from p * stride + 2 * k on, at most
                // (P - 1) * stride + 2 * pairs - 2, inside by the assert. Sums that leave i32 wrap, as in `Portable` in release.
                unsafe {
                    let mut low = [_mm256_setzero_si256(); P];
                    let mut high = [_mm256_setzero_si256(); P];
                    for p in 0..P {
                        let sum = sums[p].as_ptr().cast::<__m256i>().add(2 * half);
                        low[p] = _mm256_loadu_si256(sum);
                        high[p] = _mm256_loadu_si256(sum.add(1));
                    }
                    for k in 0..pairs {
                        let weight = weights.as_ptr().add(2 * LANES * k).cast::<__m256i>().add(2 * half);
                        let (first, second) = (_mm256_loadu_si256(weight), _mm256_loadu_si256(weight.add(1)));
                        for p in 0..P {
                            let pair = inputs.as_ptr().add(p * stride + 2 * k).cast::<i32>().read_unaligned();
                            let pair = _mm256_set1_epi32(pair);
                            low[p] = _mm256_add_epi32(low[p], _mm256_madd_epi16(first, pair));
                            high[p] = _mm256_add_epi32(high[p], _mm256_madd_epi16(second, pair));
                        }
                    }
                    for p in 0..P {
                        let sum = sums[p].as_mut_ptr().cast::<__m256i>().add(2 * half);
                        _mm256_storeu_si256(sum, low[p]);
                        _mm256_storeu_si256(sum.add(1), high[p]);
                    }
                }
            }
        }
    }

    #[target_feature(enable = "avx2")]
    fn run_avx2<J: Job>(job: J, token: Avx2) {
        job.run(token);
    }

    /// AVX-512 with the VNNI instructions; exists only where the processor has them.
    #[derive(Debug, Clone, Copy)]
    pub(crate) struct Avx512(());

    impl Avx512 {
        /// `None` where the processor lacks it.
        pub(crate) fn new() -> Option<Self> {
            let found = std::arch::is_x86_feature_detected!("avx512f")
                && std::arch::is_x86_feature_detected!("avx512bw")
                && std::arch::is_x86_feature_detected!("avx512dq")
                && std::arch::is_x86_feature_detected!("avx512vl")
                && std::arch::is_x86_feature_detected!("avx512vnni");
            found.then_some(Self(()))
        }

        pub(super) fn run<J: Job>(self, job: J) {
            // SAFETY: all five are present, because an `Avx512` exists.
            unsafe { run_avx512(job, self) }
        }
    }

    impl Simd for Avx512 {
        const WIDE: bool = true;

        #[inline(always)]
        fn accumulate<const P: usize>(
            self,
            sums: &mut [[i32; LANES]; P],
            inputs: &[i16],
            stride: usize,
            weights: &[i16],
        ) {
            let pairs = weights.len() / (2 * LANES);
            if P == 0 || pairs == 0 {
                return;
            }
            assert!((P - 1) * stride + 2 * pairs <= inputs.len(), "activations of all positions lie in the slice");
            // SAFETY: AVX-512 F and VNNI are present, because an `Avx512` exists. All loads and stores are unaligned ones. Sums:
            // two registers of 16 i32 of an array of 32. Weights: at k < pairs, 64 i16 from 64 * k on, and the slice holds at
            // least 64 * pairs. Activations: as for AVX2.
            unsafe {
                let mut low = [_mm512_setzero_si512(); P];
                let mut high = [_mm512_setzero_si512(); P];
                for p in 0..P {
                    let sum = sums[p].as_ptr().cast::<__m512i>();
                    low[p] = _mm512_loadu_si512(sum);
                    high[p] = _mm512_loadu_si512(sum.add(1));
                }
                for k in 0..pairs {
                    let weight = weights.as_ptr().add(2 * LANES * k).cast::<__m512i>();
                    let (first, second) = (_mm512_loadu_si512(weight), _mm512_loadu_si512(weight.add(1)));
                    for p in 0..P {
                        let pair = inputs.as_ptr().add(p * stride + 2 * k).cast::<i32>().read_unaligned();
                        let pair = _mm512_set1_epi32(pair);
                        dpwssd(&mut low[p], first, pair);
                        dpwssd(&mut high[p], second, pair);
                    }
                }
                for p in 0..P {
                    let sum = sums[p].as_mut_ptr().cast::<__m512i>();
                    _mm512_storeu_si512(sum, low[p]);
                    _mm512_storeu_si512(sum.add(1), high[p]);
                }
            }
        }
    }

    /// Adds the products of pairs: the instruction `vpdpwssd`. LLVM 22 makes two instructions of its intrinsic (`vpmaddwd` and `vpaddd`), which
    /// shortens the chain of dependent sums and costs a third of the speed, because there are sums enough to hide the chain.
    ///
    /// # Safety
    /// AVX-512 F and VNNI must be present.
    #[inline]
    #[target_feature(enable = "avx512f,avx512vnni")]
    unsafe fn dpwssd(sum: &mut __m512i, weights: __m512i, pair: __m512i) {
        // SAFETY: the instruction exists by the contract above, reads and writes these three registers, and touches neither memory nor flags.
        unsafe {
            std::arch::asm!(
                "vpdpwssd {sum}, {weights}, {pair}",
                sum = inout(zmm_reg) *sum,
                weights = in(zmm_reg) weights,
                pair = in(zmm_reg) pair,
                options(pure, nomem, nostack, preserves_flags),
            );
        }
    }

    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vnni")]
    fn run_avx512<J: Job>(job: J, token: Avx512) {
        job.run(token);
    }
}

/// The instruction set to use.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Level {
    Portable,
    #[cfg(target_arch = "x86_64")]
    Avx2(Avx2),
    #[cfg(target_arch = "x86_64")]
    Avx512(Avx512),
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
        }
    }
}
