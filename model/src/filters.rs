//! The two filters that come with the weights, as numbers and formulas: what decoders (`lic_codec::deblock`, `lic_codec::enhance`) and gradients (`backprop`, with the feature
//! `burn`) have in common. `codec/FORMAT.md`, chapter 9, is the specification, and says nothing that is not here but the order in which a picture goes through them.
//!
//! All numbers are samples in units of 1/255, or differences of such.

/// Qualities `t` = 0, 64, .., 256 that have weights of their own; those between are interpolated. The last is the greatest there is, 252.
pub const QUALITIES_PER_KNOT: usize = 64;

/// How many of them there are.
pub const KNOTS: usize = 5;

/// The weights of a quality 0..=252, of those of all knots one after the other.
pub fn at_quality(weights: &[f32], quality: u8) -> impl Iterator<Item = f32> {
    let (knot, rest) = (usize::from(quality) / QUALITIES_PER_KNOT, usize::from(quality) % QUALITIES_PER_KNOT);
    let part = rest as f32 / QUALITIES_PER_KNOT as f32;
    let size = (weights.len() / KNOTS).max(1);
    let of_knot = move |knot: usize| weights.chunks_exact(size).nth(knot.min(KNOTS - 1)).unwrap_or_default();
    of_knot(knot).iter().zip(of_knot(knot + 1)).map(move |(low, high)| low + part * (high - low))
}

/// Smoothing between patches: chapter 9.1.
pub mod smoothing {
    /// Pixels of a patch in each direction.
    pub const PATCH: usize = 8;
    /// Pixels on each side of a boundary that change.
    pub const TAPS: usize = 4;
    /// Steps and slopes above which hardly anything changes.
    const STEP: f32 = 16.0;
    const ACTIVITY: f32 = 32.0;

    /// What is read of the pixels p3 to q3 across a boundary: the excess step, its magnitude and the activity beside it.
    #[inline(always)]
    pub fn signals(x: [f32; 2 * TAPS]) -> [f32; 3] {
        let [_, p2, p1, p0, q0, q1, q2, _] = x;
        let step = STEP_TAPS[0] * (q0 - p0) + STEP_TAPS[1] * (q1 - p1);
        [step, step.abs(), (p0 - p2).abs() + (q0 - q2).abs()]
    }

    /// What the excess step is of, by distance from the boundary: the step, less what the slopes on both sides would make it.
    pub const STEP_TAPS: [f32; 2] = [1.5, -0.5];

    /// The weight of a correction, from means over the colours.
    #[inline(always)]
    pub fn weight(size: f32, activity: f32) -> f32 {
        let (size, activity) = (size / STEP, activity / ACTIVITY);
        1.0 / (1.0 + size * size + activity * activity)
    }
}

/// Mending of pixels: chapter 9.2.
pub mod mending {
    /// Pairs of opposite neighbours, (rows, columns) from the pixel to one of them: a 7x7 diamond.
    pub const PAIRS: [(isize, isize); 12] =
        [(0, 1), (1, 0), (1, 1), (1, -1), (0, 2), (2, 0), (1, 2), (2, 1), (-1, 2), (-2, 1), (0, 3), (3, 0)];
    /// Pixels that the filter sees in each direction.
    pub const REACH: usize = 3;
    /// What differences to a neighbour are clipped at, by signal: about 4, 2 and 2 where signals are divided by their norms.
    pub const LIMITS: [f32; 3] = [7.0, 3.0, 5.0];
    /// Features of a signal: of each pair the sum as it is, then that of the clipped ones.
    pub const PER_SIGNAL: usize = 2 * PAIRS.len();
    /// Features of a pixel.
    pub const FEATURES: usize = 3 * PER_SIGNAL;
    /// Sums of second differences, across and down, from which on surroundings are busier.
    const ACTIVITIES: [f32; 7] = [17.0, 26.0, 44.0, 94.0, 203.0, 468.0, 1014.0];
    /// How many times as much one direction changes as the one across it, from which on surroundings run more along that.
    const RATIOS: [f32; 3] = [1.3, 2.0, 4.0];
    /// Added to both before they are compared, so that noise has no direction.
    const QUIET: f32 = 1.5;
    /// Directions of surroundings: none, and four as clearly as the ratios say.
    pub const DIRECTIONS: usize = 1 + 4 * RATIOS.len();
    /// Classes of surroundings.
    pub const CLASSES: usize = (ACTIVITIES.len() + 1) * DIRECTIONS;

    /// Within +-`limit`.
    #[inline(always)]
    pub fn clip(value: f32, limit: f32) -> f32 {
        let value = if value < limit { value } else { limit };
        if value > -limit { value } else { -limit }
    }

    /// The class, below [`CLASSES`], of surroundings that change by so much down, across, and along the falling and the rising diagonal. Without branches, for many lanes at once.
    #[inline(always)]
    pub fn class(down: f32, across: f32, falling: f32, rising: f32) -> i32 {
        let [upright, aslant] = [(across, down), (falling, rising)].map(|(a, b)| Ways::new(a, b));
        let is_upright = upright.most * aslant.least >= aslant.most * upright.least;
        let most = if is_upright { upright.most } else { aslant.most };
        let least = if is_upright { upright.least } else { aslant.least };
        let way = if is_upright { upright.second } else { 2 + aslant.second };
        let mut clearly = 0;
        for ratio in RATIOS {
            clearly += i32::from(most > ratio * least);
        }
        let mut activity = 0;
        for least in ACTIVITIES {
            activity += i32::from(down + across >= least);
        }
        let direction = if clearly == 0 { 0 } else { way * RATIOS.len() as i32 + clearly };
        activity * DIRECTIONS as i32 + direction
    }

    /// Two directions, one across the other.
    #[derive(Clone, Copy)]
    struct Ways {
        most: f32,
        least: f32,
        /// 1 if the second changes as much as the first or more.
        second: i32,
    }

    impl Ways {
        #[inline(always)]
        fn new(first: f32, second: f32) -> Self {
            let first_is_more = first > second;
            Self {
                most: if first_is_more { first } else { second } + QUIET,
                least: if first_is_more { second } else { first } + QUIET,
                second: i32::from(!first_is_more),
            }
        }
    }
}
