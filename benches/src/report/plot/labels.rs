//! Labels beside the ends of curves, moved apart so that none covers another.

/// Width of a character of text of 1 px, in pixels: the widest of the usual sans-serif faces (DejaVu Sans, Verdana) on
/// average. Nothing here knows the reader's fonts.
const CHARACTER: f64 = 0.62;

/// Heights for labels that would like to be at `wanted`, at least `distance` apart and within `low..=high` if they
/// fit there: those with the least sum of squared displacements, in the same order.
///
/// Without the distances this is isotonic regression, solved by pooling neighbours that are in the wrong order (Barlow,
/// Bartholomew, Bremner and Brunk, "Statistical Inference under Order Restrictions", 1972).
pub(super) fn spread(wanted: &[f64], distance: f64, [low, high]: [f64; 2]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..wanted.len()).collect();
    let height = |index: usize| wanted.get(index).copied().unwrap_or_default();
    order.sort_by(|&a, &b| height(a).total_cmp(&height(b)));
    // Groups of labels that touch: the sum of what they want, and their number.
    let mut groups: Vec<(f64, usize)> = Vec::new();
    for (rank, &index) in order.iter().enumerate() {
        let mut group = (height(index) - rank as f64 * distance, 1);
        while let Some(before) = groups.pop_if(|before| before.0 / before.1 as f64 > group.0 / group.1 as f64) {
            group = (before.0 + group.0, before.1 + group.1);
        }
        groups.push(group);
    }
    let last = high - distance * wanted.len().saturating_sub(1) as f64;
    let placed = groups.into_iter().flat_map(|(sum, count)| std::iter::repeat_n(sum / count as f64, count));
    let mut heights = vec![0.0; wanted.len()];
    for ((rank, place), index) in placed.enumerate().zip(order) {
        if let Some(slot) = heights.get_mut(index) {
            *slot = place.min(last).max(low) + rank as f64 * distance;
        }
    }
    heights
}

/// The width of a text in pixels, rather too large than too small.
pub(super) fn width(text: &str, font_size: f64) -> f64 {
    // Characters outside of the European scripts may be as wide as high.
    let units: f64 = text.chars().map(|c| if c < '\u{1100}' { CHARACTER } else { 1.0 }).sum();
    units * font_size
}

/// A text that is at most `limit` pixels wide; of one that is wider, the middle is left out: both the codec and the
/// end of a path say something.
pub(super) fn shorten(text: &str, font_size: f64, limit: f64) -> String {
    let count = text.chars().count();
    let with = |kept: usize| -> String {
        let (head, tail) = (kept - kept / 2, kept / 2);
        let start = text.chars().take(head);
        start.chain(['…']).chain(text.chars().skip(count - tail)).collect()
    };
    if width(text, font_size) <= limit {
        return text.to_owned();
    }
    (0..count).rev().map(with).find(|short| width(short, font_size) <= limit).unwrap_or_else(|| "…".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_that_do_not_touch_stay() {
        assert_eq!(spread(&[50.0, 10.0, 30.0], 15.0, [0.0, 100.0]), [50.0, 10.0, 30.0]);
    }

    #[test]
    fn labels_move_apart_around_their_middle() {
        assert_eq!(spread(&[50.0, 50.0, 50.0], 10.0, [0.0, 100.0]), [40.0, 50.0, 60.0]);
        // The second group is pushed into the first, and both move.
        assert_eq!(spread(&[40.0, 44.0, 44.0, 48.0], 10.0, [0.0, 100.0]), [29.0, 39.0, 49.0, 59.0]);
    }

    #[test]
    fn labels_stay_inside() {
        assert_eq!(spread(&[1.0, 2.0, 99.0], 10.0, [5.0, 95.0]), [5.0, 15.0, 95.0]);
        assert_eq!(spread(&[], 10.0, [5.0, 95.0]), [0.0; 0]);
    }

    #[test]
    fn a_long_text_keeps_both_ends() {
        let text = "lic:model=a/very/long/path/to/student.safetensors";
        let short = shorten(text, 10.0, 150.0);
        assert!(width(&short, 10.0) <= 150.0 && short.starts_with("lic:model"), "{short}");
        assert!(short.ends_with("safetensors") && short.contains('…'), "{short}");
        assert_eq!(shorten("webp", 10.0, 150.0), "webp");
    }
}
