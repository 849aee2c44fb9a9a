//! An axis of a plot: its range, where a value lies on it, and ticks at round values.

/// How often a tick is wanted; the real number follows from round steps.
const WANTED_TICKS: f64 = 8.0;

/// Free space at both ends, as a share of the whole.
const MARGIN: f64 = 0.04;

/// A range of values with ticks.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Axis {
    low: f64,
    high: f64,
    logarithmic: bool,
    ticks: Vec<Tick>,
}

/// A round value and how it is written.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Tick {
    /// The value.
    pub value: f64,
    /// The same as text.
    pub text: String,
}

impl Axis {
    /// An axis of equal steps. `None` without a finite value.
    pub(super) fn linear(values: impl Iterator<Item = f64>) -> Option<Self> {
        let [low, high] = range(values)?;
        // A single value gets an interval around it.
        let margin = if low < high { MARGIN * (high - low) } else { 0.5_f64.max(0.05 * low.abs()) };
        let (low, high) = (low - margin, high + margin);
        Some(Self { low, high, logarithmic: false, ticks: even_ticks(low, high) })
    }

    /// An axis of equal steps from zero. `None` without a positive value.
    pub(super) fn from_zero(values: impl Iterator<Item = f64>) -> Option<Self> {
        let [_, high] = range(values.filter(|&value| value > 0.0))?;
        let high = high * (1.0 + MARGIN);
        Some(Self { low: 0.0, high, logarithmic: false, ticks: even_ticks(0.0, high) })
    }

    /// An axis of equal ratios. `None` without a positive value.
    pub(super) fn logarithmic(values: impl Iterator<Item = f64>) -> Option<Self> {
        let [low, high] = range(values.filter(|&value| value > 0.0))?;
        let margin = if low < high { (high / low).powf(MARGIN) } else { 1.5 };
        let (low, high) = (low / margin, high * margin);
        let mut ticks = log_ticks(low, high);
        // Less than about half a decade has too few of 1, 2 and 5.
        if ticks.len() < 3 {
            ticks = even_ticks(low, high);
        }
        Some(Self { low, high, logarithmic: true, ticks })
    }

    /// 0 for the low end, 1 for the high end.
    pub(super) fn position(&self, value: f64) -> f64 {
        if self.logarithmic {
            (value / self.low).ln() / (self.high / self.low).ln()
        } else {
            (value - self.low) / (self.high - self.low)
        }
    }

    /// By rising value.
    pub(super) fn ticks(&self) -> &[Tick] {
        &self.ticks
    }
}

/// Smallest and largest of the finite values.
fn range(values: impl Iterator<Item = f64>) -> Option<[f64; 2]> {
    let ends = |value: f64| [value, value];
    values.filter(|value| value.is_finite()).map(ends).reduce(|a, b| [a[0].min(b[0]), a[1].max(b[1])])
}

/// Multiples of 1, 2 or 5 times a power of ten.
fn even_ticks(low: f64, high: f64) -> Vec<Tick> {
    let rough = (high - low) / WANTED_TICKS;
    let power = 10f64.powf(rough.log10().floor());
    let step =
        [1.0, 2.0, 5.0, 10.0].map(|digit| digit * power).into_iter().find(|&step| step >= rough).unwrap_or(rough);
    let digits = (-step.log10() - 1e-9).ceil().max(0.0) as usize;
    let (first, last) = ((low / step).ceil() as i64, (high / step).floor() as i64);
    let tick = |index: i64| {
        let value = index as f64 * step;
        Tick { value, text: format!("{value:.digits$}") }
    };
    (first..=last).map(tick).collect()
}

/// 1, 2 and 5 times powers of ten.
fn log_ticks(low: f64, high: f64) -> Vec<Tick> {
    let powers = low.log10().floor() as i32..=high.log10().ceil() as i32;
    // A division by a power of ten is exact to the last digit that is written, a multiplication by 0.01 is not.
    let value = |digit: f64, power: i32| if power < 0 { digit / 10f64.powi(-power) } else { digit * 10f64.powi(power) };
    let values = powers.flat_map(|power| [1.0, 2.0, 5.0].map(|digit| value(digit, power)));
    values.filter(|value| (low..=high).contains(value)).map(|value| Tick { value, text: value.to_string() }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(axis: Option<Axis>) -> Vec<String> {
        axis.expect("there are values").ticks.into_iter().map(|tick| tick.text).collect()
    }

    #[test]
    fn a_logarithmic_axis_has_ticks_at_1_2_and_5() {
        let axis = Axis::logarithmic([0.05, 3.4].into_iter());
        assert_eq!(texts(axis), ["0.05", "0.1", "0.2", "0.5", "1", "2"]);
    }

    #[test]
    fn a_short_logarithmic_axis_has_ticks_at_even_steps() {
        assert_eq!(
            texts(Axis::logarithmic([0.6, 0.9].into_iter())),
            ["0.60", "0.65", "0.70", "0.75", "0.80", "0.85", "0.90"]
        );
    }

    #[test]
    fn equal_ratios_are_equal_lengths() {
        let axis = Axis::logarithmic([0.1, 0.7, 10.0].into_iter()).expect("there are values");
        let length = |a: f64, b: f64| axis.position(b) - axis.position(a);
        assert!((length(0.1, 1.0) - length(1.0, 10.0)).abs() < 1e-12);
        assert!(axis.position(0.1) > 0.0 && axis.position(10.0) < 1.0);
    }

    #[test]
    fn an_even_axis_has_round_steps() {
        assert_eq!(texts(Axis::linear([27.9, 41.3].into_iter())), ["28", "30", "32", "34", "36", "38", "40"]);
        assert_eq!(texts(Axis::from_zero([0.3, 1.0].into_iter())), ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]);
        assert_eq!(texts(Axis::linear([-2.0, 2.0].into_iter())), ["-2", "-1", "0", "1", "2"]);
    }

    #[test]
    fn values_that_are_no_numbers_are_left_out() {
        let with = Axis::linear([30.0, f64::INFINITY, 40.0, f64::NAN].into_iter());
        assert_eq!(with, Axis::linear([30.0, 40.0].into_iter()));
        assert_eq!(Axis::linear([f64::INFINITY].into_iter()), None);
        assert_eq!(Axis::logarithmic([0.0, -1.0].into_iter()), None);
    }

    #[test]
    fn a_single_value_lies_in_the_middle() {
        for axis in [Axis::linear([30.0].into_iter()), Axis::logarithmic([0.5].into_iter())] {
            let axis = axis.expect("there is a value");
            let position = axis.position(if axis.logarithmic { 0.5 } else { 30.0 });
            assert!((position - 0.5).abs() < 1e-12 && !axis.ticks.is_empty(), "{axis:?}");
        }
    }
}
