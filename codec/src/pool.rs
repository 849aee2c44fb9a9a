//! Entering the threads' pool once instead of for every layer.
//!
//! A parallel loop that is started from outside of rayon's pool wakes one of its threads and puts the caller to sleep until that is done; from inside,
//! the thread that asks is one of those that work. A picture has a hundred such loops, one behind the other.

/// Does work on a thread of the pool, and waits for it.
pub(crate) fn in_pool<R: Send>(work: impl FnOnce() -> R + Send) -> R {
    rayon::scope(|_| work())
}
