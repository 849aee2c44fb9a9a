//! Code that is longer than a pass over slices, compiled for AVX-512, for AVX2 and for the baseline.

#[cfg(target_arch = "x86_64")]
use super::{has_avx2, has_avx512};

/// Something to be done; whatever it calls has to be inlined, too.
pub(crate) trait Job {
    /// Does it.
    fn run(self);
}

/// Does it with what the processor has.
pub(crate) fn run(job: impl Job) {
    #[cfg(target_arch = "x86_64")]
    if has_avx512() {
        #[target_feature(enable = "avx512f,avx512dq,avx512bw,avx512vl,fma")]
        fn wide(job: impl Job) {
            job.run();
        }
        // SAFETY: the processor has the features; the job is safe code.
        unsafe { wide(job) };
        return;
    }
    #[cfg(target_arch = "x86_64")]
    if has_avx2() {
        #[target_feature(enable = "avx2,fma")]
        fn narrow(job: impl Job) {
            job.run();
        }
        // SAFETY: as above.
        unsafe { narrow(job) };
        return;
    }
    job.run();
}
