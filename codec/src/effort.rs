//! [`Effort`]: how much time an encoder may spend. What efforts do is in `coding` (rounding), `wiener` (filters) and `refine` (searches).

/// How much time an encoder may spend on smaller files. Decoders need not know it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Effort {
    /// Effort 0: every latent is rounded to the nearest symbol.
    Nearest,
    /// Effort 1: rate-distortion optimised rounding, and a filter of the picture's own, fitted to as much of it as it takes, where it is worth its bytes.
    #[default]
    Optimised,
    /// Effort 2: a filter fitted to all of the picture, and a short search through synthesis and prior, seconds for a picture of half a megapixel. Needs the cargo feature `burn`, as the
    /// next does.
    Refined,
    /// Effort 3: a search of almost five times as many steps, up to two minutes.
    Thorough,
}

impl Effort {
    /// The effort of a number.
    pub fn new(number: u8) -> Option<Self> {
        match number {
            0 => Some(Self::Nearest),
            1 => Some(Self::Optimised),
            2 => Some(Self::Refined),
            3 => Some(Self::Thorough),
            _ => None,
        }
    }

    /// The number of an effort, as in `--effort`.
    pub fn number(self) -> u8 {
        match self {
            Self::Nearest => 0,
            Self::Optimised => 1,
            Self::Refined => 2,
            Self::Thorough => 3,
        }
    }

    /// Whether there is a search.
    pub(crate) fn searches(self) -> bool {
        matches!(self, Self::Refined | Self::Thorough)
    }

    /// The effort that a search is prepared with.
    pub(crate) fn without_search(self) -> Self {
        if self.searches() { Self::Optimised } else { self }
    }
}
