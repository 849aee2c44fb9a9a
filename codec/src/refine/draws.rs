//! Random numbers of a search: which of its moves are made.

use crate::splitmix::splitmix64;

/// Numbers in 0..1 that are the same in every run.
pub(super) struct Draws(u64);

impl Draws {
    /// As every search has them.
    pub(super) fn new() -> Self {
        Self(0x9E37_79B9_7F4A_7C15)
    }

    pub(super) fn next(&mut self) -> f32 {
        (splitmix64(&mut self.0) >> 40) as f32 / (1u64 << 24) as f32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_are_even_and_repeat() {
        let draw = || {
            let mut draws = Draws::new();
            (0..10_000).map(|_| draws.next()).collect::<Vec<_>>()
        };
        let numbers = draw();
        assert_eq!(numbers, draw());
        assert!(numbers.iter().all(|n| (0.0..1.0).contains(n)));
        assert!((numbers.iter().sum::<f32>() / 1e4 - 0.5).abs() < 0.02);
    }
}
