//! `--interval`: where curves are compared.

use std::str::FromStr;

use lic_benches::Interval;
use lic_benches::metric::Metric;

use crate::exit::Usage;

/// A range as it was written.
#[derive(Debug, Clone, PartialEq)]
pub struct Between {
    interval: Interval,
    text: String,
}

impl FromStr for Between {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("write common, qualities as 28..36, or rates as 0.15..1.2bpp, not {text:?}");
        if text == "common" {
            return Ok(Self { interval: Interval::Common, text: text.to_owned() });
        }
        let (range, is_rate) = text.strip_suffix("bpp").map_or((text, false), |range| (range.trim(), true));
        let (low, high) = range.split_once("..").ok_or_else(wrong)?;
        let (low, high): (f64, f64) = (low.parse().map_err(|_| wrong())?, high.parse().map_err(|_| wrong())?);
        let sensible = low.is_finite() && high.is_finite() && low < high && !(is_rate && low <= 0.0);
        let interval = if is_rate { Interval::Rate(low, high) } else { Interval::Quality(low, high) };
        if sensible { Ok(Self { interval, text: text.to_owned() }) } else { Err(wrong()) }
    }
}

impl Between {
    /// The interval and what to call it; a range of qualities means something for one metric only.
    pub fn check(&self, metrics: &[Metric]) -> Result<(Interval, String), Usage> {
        let words = match (self.interval, metrics) {
            (Interval::Common, _) => "over the common interval".to_owned(),
            (Interval::Rate(..), _) => format!("over {} of the tested codec", self.text),
            (Interval::Quality(..), [metric]) => format!("over {} of {}", self.text, metric.axis_title()),
            (Interval::Quality(..), _) => {
                return Err(Usage(format!("--interval {}: name one --metric that it is meant for", self.text)));
            }
        };
        Ok((self.interval, words))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_qualities_or_rates() {
        let interval = |text: &str| text.parse::<Between>().map(|between| between.interval);
        assert_eq!(interval("common"), Ok(Interval::Common));
        assert_eq!(interval("28..36"), Ok(Interval::Quality(28.0, 36.0)));
        assert_eq!(interval("0.15..1.2bpp"), Ok(Interval::Rate(0.15, 1.2)));
        for wrong in ["36..28", "28", "a..b", "0..1bpp", "1..inf"] {
            assert!(interval(wrong).expect_err("wrong").contains(wrong));
        }
    }

    #[test]
    fn a_range_of_qualities_is_for_one_metric() {
        let between: Between = "28..36".parse().expect("a range");
        assert!(between.check(&[Metric::Psnr]).is_ok());
        assert!(between.check(&[Metric::Psnr, Metric::MsSsim]).is_err());
    }
}
