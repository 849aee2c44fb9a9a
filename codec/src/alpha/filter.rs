//! PNG's five filters for one channel of one or two bytes: rows to differences that compress well, and back.
//!
//! The row above the first is 0, and so is what lies left of a row (PNG specification, chapter 9). Bytes are predicted from the
//! same byte of the neighbouring samples; `BYTES` is the number of bytes per sample.

/// Number of filter types.
pub(crate) const FILTERS: u8 = 5;

/// The prediction of a sample from its neighbours.
fn predict(filter: u8, left: u8, above: u8, above_left: u8) -> u8 {
    match filter {
        1 => left,
        2 => above,
        3 => ((u16::from(left) + u16::from(above)) / 2) as u8,
        4 => paeth(left, above, above_left),
        _ => 0,
    }
}

/// The neighbour nearest to `left + above - above_left`; left before above before above-left where two are as near.
fn paeth(left: u8, above: u8, above_left: u8) -> u8 {
    let [a, b, c] = [left, above, above_left].map(i16::from);
    let estimate = a + b - c;
    let [pa, pb, pc] = [a, b, c].map(|neighbour| (estimate - neighbour).abs());
    if pa <= pb && pa <= pc {
        left
    } else if pb <= pc {
        above
    } else {
        above_left
    }
}

/// Appends a row as a filter type and differences: the type whose differences, as signed numbers, have the least sum of magnitudes.
pub(crate) fn filter_row<const BYTES: usize>(row: &[u8], above: &[u8], out: &mut Vec<u8>) {
    let magnitudes =
        |filter: u8| differences::<BYTES>(filter, row, above).map(|d| u64::from((d as i8).unsigned_abs())).sum::<u64>();
    let best = (0..FILTERS).min_by_key(|&filter| magnitudes(filter)).unwrap_or(0);
    out.push(best);
    out.extend(differences::<BYTES>(best, row, above));
}

fn differences<'a, const BYTES: usize>(filter: u8, row: &'a [u8], above: &'a [u8]) -> impl Iterator<Item = u8> + 'a {
    let mut before = [[0; 2]; BYTES];
    row.iter().zip(above).map(move |(&sample, &above)| {
        before.rotate_left(1);
        let [left, above_left] = std::mem::replace(&mut before[BYTES - 1], [sample, above]);
        sample.wrapping_sub(predict(filter, left, above, above_left))
    })
}

/// Turns the differences of a row into its samples, in place; `filter` is one of the [`FILTERS`].
pub(crate) fn unfilter_row<const BYTES: usize>(filter: u8, row: &mut [u8], above: &[u8]) {
    let mut before = [[0; 2]; BYTES];
    for (sample, &above) in row.iter_mut().zip(above) {
        before.rotate_left(1);
        let [left, above_left] = before[BYTES - 1];
        *sample = sample.wrapping_add(predict(filter, left, above, above_left));
        before[BYTES - 1] = [*sample, above];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_filter_is_undone() {
        let row: Vec<u8> = (0..64u32).map(|i| (i * i * 37 % 256) as u8).collect();
        let above: Vec<u8> = (0..64u32).map(|i| (i * 91 % 256) as u8).collect();
        for filter in 0..FILTERS {
            let mut back: Vec<u8> = differences::<1>(filter, &row, &above).collect();
            unfilter_row::<1>(filter, &mut back, &above);
            assert_eq!(back, row, "filter {filter}");
            let mut back: Vec<u8> = differences::<2>(filter, &row, &above).collect();
            unfilter_row::<2>(filter, &mut back, &above);
            assert_eq!(back, row, "filter {filter}, two bytes");
        }
    }

    #[test]
    fn differences_are_those_of_the_png_specification() {
        let (above, row) = ([10, 20, 40], [12, 30, 25]);
        let of = |filter| differences::<1>(filter, &row, &above).collect::<Vec<u8>>();
        assert_eq!(of(0), [12, 30, 25]);
        assert_eq!(of(1), [12, 18, 251]);
        assert_eq!(of(2), [2, 10, 241]);
        assert_eq!(of(3), [7, 14, 246]);
        // Estimates 10, 22, 50: nearest are above (10), above (20), above (40).
        assert_eq!(of(4), [2, 10, 241]);
        assert_eq!(differences::<2>(1, &[1, 200, 2, 210, 4, 5], &[0; 6]).collect::<Vec<u8>>(), [1, 200, 1, 10, 2, 51]);
    }

    #[test]
    fn the_filter_with_the_smallest_differences_is_chosen() {
        let (flat, ramp) = ([7; 40], std::array::from_fn::<u8, 40, _>(|i| 3 * i as u8));
        let chosen = |row: &[u8], above: &[u8]| {
            let mut out = Vec::new();
            filter_row::<1>(row, above, &mut out);
            out[0]
        };
        assert_eq!(chosen(&ramp, &[0; 40]), 1);
        assert_eq!(chosen(&ramp, &ramp), 2);
        assert_eq!(chosen(&[0; 40], &flat), 0);
    }
}
