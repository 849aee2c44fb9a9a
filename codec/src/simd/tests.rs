use super::*;

/// Numbers that look random, the same every time.
struct Noise(u64);

impl Noise {
    /// In `-limit..=limit`.
    fn symmetric(&mut self, limit: i32) -> i32 {
        // Knuth's linear congruential generator (MMIX); its high bits are the good ones.
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) % (2 * limit as u64 + 1)) as i32 - limit
    }
}

/// What a level makes of random factors at `P` positions.
#[derive(Debug, PartialEq)]
struct Results<const P: usize> {
    sums: [[i32; LANES]; P],
    outputs: [[f32; LANES]; P],
    totals: [[f32; LANES]; P],
    weighed: [[f32; 4]; 4],
}

struct All<'a, const P: usize> {
    factors: Factors<'a>,
    steps: [f32; P],
    affine: Affine,
    results: &'a mut Option<Results<P>>,
}

impl<const P: usize> Job for All<'_, P> {
    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Self { factors, steps, affine, results } = self;
        let mut sums = [[7; LANES]; P];
        simd.accumulate(&mut sums, factors);
        let outputs = simd.outputs(factors, &steps, &affine);
        let mut totals = [[0.3; LANES]; P];
        simd.add(&mut totals, factors, &steps);
        simd.affine(&mut totals, &affine);
        // Some of these are numbers, others are their weights.
        let numbers = affine.scale.as_chunks().0.iter();
        let weights = outputs.as_flattened().as_chunks().0.as_chunks().0.iter();
        let weighed = simd.weighed(weights.zip(numbers));
        *results = Some(Results { sums, outputs, totals, weighed });
    }
}

fn compare<const P: usize>(noise: &mut Noise) {
    for pairs in [1, 2, 3, 16, 65] {
        let stride = 2 * pairs + 4;
        let inputs: Vec<i16> = (0..(P - 1) * stride + 2 * pairs).map(|_| noise.symmetric(8191) as i16).collect();
        let weights: Vec<i16> = (0..2 * LANES * pairs).map(|_| noise.symmetric(900) as i16).collect();
        let factors = Factors { inputs: &inputs, stride, weights: &weights };
        let steps = [(); P].map(|()| noise.symmetric(1000) as f32 / 3e4);
        let mut numbers = || [(); LANES].map(|()| noise.symmetric(1000) as f32 / 700.0);
        let affine = Affine { scale: numbers(), bias: numbers() };
        let results = Level::all().into_iter().map(|level| {
            let mut results = None;
            level.run(All { factors, steps, affine, results: &mut results });
            results.unwrap()
        });
        let results: Vec<Results<P>> = results.collect();
        assert!(results.iter().all(|other| *other == results[0]), "{P} positions, {pairs} pairs");
        assert!(results[0].weighed.as_flattened().iter().all(|sum| *sum != 0.0), "{:?}", results[0].weighed);
    }
}

#[test]
fn all_instruction_sets_agree_bit_by_bit() {
    let mut noise = Noise(11);
    compare::<1>(&mut noise);
    compare::<2>(&mut noise);
    compare::<4>(&mut noise);
    compare::<6>(&mut noise);
    compare::<8>(&mut noise);
    compare::<12>(&mut noise);
}
