//! Sizes, rates and times as people read them.

use std::time::Duration;

use lic_codec::Stats;
use serde::Serialize;

/// Bits per pixel of a file.
pub fn bits_per_pixel(bytes: u64, pixels: u64) -> f64 {
    8.0 * bytes as f64 / pixels as f64
}

/// Megapixels per second.
pub fn speed(pixels: u64, time: Duration) -> f64 {
    pixels as f64 / 1e6 / time.as_secs_f64()
}

/// Seconds per stage.
#[derive(Debug, Serialize)]
pub struct Stages {
    analysis: f64,
    prior: f64,
    coding: f64,
    search: f64,
    filter: f64,
    synthesis: f64,
}

impl From<&Stats> for Stages {
    fn from(stats: &Stats) -> Self {
        Self {
            analysis: stats.analysis.as_secs_f64(),
            prior: stats.prior.as_secs_f64(),
            coding: stats.coding.as_secs_f64(),
            search: stats.search.as_secs_f64(),
            filter: stats.filter.as_secs_f64(),
            synthesis: stats.synthesis.as_secs_f64(),
        }
    }
}

/// The whole time and its stages: `0.42 s (analysis 2.1, prior 3.4, coding 40.2 MP/s)`; stages that did not run are left out.
pub fn times(whole: Duration, stats: &Stats) -> String {
    let stages = [
        ("analysis", stats.analysis),
        ("prior", stats.prior),
        ("coding", stats.coding),
        ("search", stats.search),
        ("filter", stats.filter),
        ("synthesis", stats.synthesis),
    ];
    let ran = stages.iter().filter(|(_, time)| !time.is_zero());
    let ran: Vec<String> = ran.map(|(name, time)| format!("{name} {:.2}", speed(stats.pixels, *time))).collect();
    format!("{:.2} s ({} MP/s)", whole.as_secs_f64(), ran.join(", "))
}

/// The same in seconds, where pixels per second would say little: `0.42 s (prior 0.20, coding 0.01 s)`.
pub fn seconds(whole: Duration, stats: &Stats) -> String {
    let stages = [("prior", stats.prior), ("coding", stats.coding), ("synthesis", stats.synthesis)];
    let ran: Vec<String> = stages.iter().map(|(name, time)| format!("{name} {:.3}", time.as_secs_f64())).collect();
    format!("{:.3} s ({})", whole.as_secs_f64(), ran.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_name_the_stages_that_ran() {
        let second = Duration::from_secs(1);
        let mut stats = Stats::default();
        (stats.pixels, stats.analysis, stats.coding) = (2_000_000, second, second / 4);
        assert_eq!(times(2 * second, &stats), "2.00 s (analysis 2.00, coding 8.00 MP/s)");
    }

    #[test]
    fn a_byte_for_four_pixels_is_two_bits() {
        assert_eq!(bits_per_pixel(1000, 4000), 2.0);
    }
}
