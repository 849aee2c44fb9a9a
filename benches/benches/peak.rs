//! The most that this machine's cores can do, in billions of operations per second (a product and an addition are two): the floor under the
//! times of `codec`.
//!
//! Register to register, two dozen independent sums, all threads at once; nothing is read from memory. The best of several runs, because
//! anything else on the machine only makes it slower.
#![allow(unsafe_code, reason = "nothing but intrinsics")]

#[cfg(target_arch = "x86_64")]
fn main() {
    use x86::{fma_256, fma_512, pairs_256, pairs_512};

    let fma2 = is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma");
    let avx512 = is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512vnni");
    println!("{} threads", std::thread::available_parallelism().map_or(1, usize::from));
    // SAFETY: each is called only where its instructions were found.
    unsafe {
        if fma2 {
            report("f32, AVX2 and FMA", 8 * 2, || fma_256(LOOPS));
            report("16-bit integers, AVX2", 16 * 2, || pairs_256(LOOPS));
        }
        if avx512 {
            report("f32, AVX-512", 16 * 2, || fma_512(LOOPS));
            report("16-bit integers, AVX-512 VNNI", 32 * 2, || pairs_512(LOOPS));
        }
    }
}

#[cfg(not(target_arch = "x86_64"))]
fn main() {
    println!("no kernels for this processor yet");
}

/// Rounds of one run: about a tenth of a second.
#[cfg(target_arch = "x86_64")]
const LOOPS: u64 = 10_000_000;

/// Prints the rate of `work`, which does as many instructions of so many operations as it returns, on all threads.
#[cfg(target_arch = "x86_64")]
fn report(name: &str, operations: u64, work: impl Fn() -> u64 + Sync) {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let run = || {
        let start = std::time::Instant::now();
        let done: u64 = std::thread::scope(|scope| {
            let workers: Vec<_> = (0..threads).map(|_| scope.spawn(&work)).collect();
            workers.into_iter().map(|worker| worker.join().expect("no panic")).sum()
        });
        (done * operations) as f64 / start.elapsed().as_secs_f64() / 1e9
    };
    let best = (0..10).map(|_| run()).fold(0.0, f64::max);
    println!("{name:<32} {best:6.0} GOP/s");
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::asm;
    use std::arch::x86_64::{__m256, __m256i, __m512, __m512i};

    /// A function that does `$instructions` on each of `$count` sums, `loops` times, and returns how many it did.
    macro_rules! peak {
        ($name:ident, $type:ty, $class:ident, $count:literal, $features:literal, $($instruction:literal),+) => {
            /// # Safety
            /// The processor has the features.
            #[target_feature(enable = $features)]
            pub(super) unsafe fn $name(loops: u64) -> u64 {
                // SAFETY: all bits zero are a valid vector.
                let (mut sums, factor): ([$type; $count], $type) = unsafe { std::mem::zeroed() };
                for _ in 0..loops {
                    for sum in &mut sums {
                        // SAFETY: the instructions exist by the contract above and touch registers alone.
                        unsafe {
                            asm!(
                                $($instruction),+,
                                sum = inout($class) *sum,
                                product = out($class) _,
                                factor = in($class) factor,
                                options(pure, nomem, nostack, preserves_flags),
                            );
                        }
                    }
                }
                std::hint::black_box(sums);
                loops * $count
            }
        };
    }

    peak!(fma_256, __m256, ymm_reg, 12, "avx2,fma", "vfmadd231ps {sum}, {factor}, {factor}", "/* {product} */");
    peak!(
        pairs_256,
        __m256i,
        ymm_reg,
        12,
        "avx2",
        "vpmaddwd {product}, {factor}, {factor}",
        "vpaddd {sum}, {sum}, {product}"
    );
    peak!(fma_512, __m512, zmm_reg, 24, "avx512f", "vfmadd231ps {sum}, {factor}, {factor}", "/* {product} */");
    peak!(
        pairs_512,
        __m512i,
        zmm_reg,
        24,
        "avx512f,avx512vnni",
        "vpdpwssd {sum}, {factor}, {factor}",
        "/* {product} */"
    );
}
