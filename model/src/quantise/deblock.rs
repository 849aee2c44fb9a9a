//! A weight file with weights for the filter behind the synthesis. The fit is `lic_codec::deblock`'s, which knows the filter.

use crate::plain::{DEBLOCKING, DEBLOCKING_WEIGHTS};
use crate::weights::{Entry, WeightFile, WeightsError};

/// A weight file with these weights, in place of those that it may have.
///
/// # Errors
/// The bytes are no weight file.
pub fn with_deblocking(bytes: &[u8], weights: &[f32; DEBLOCKING_WEIGHTS]) -> Result<Vec<u8>, WeightsError> {
    WeightFile::parse(bytes)?.with(|entries| {
        entries.insert("deblock.weight".to_owned(), Entry::f16(&DEBLOCKING, weights));
    })
}

/// A weight file without the filter that it may have.
///
/// # Errors
/// The bytes are no weight file.
pub fn without_deblocking(bytes: &[u8]) -> Result<Vec<u8>, WeightsError> {
    WeightFile::parse(bytes)?.with(|entries| {
        entries.remove("deblock.weight");
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plain;
    use crate::weights::EMBEDDED;

    #[test]
    fn a_weight_file_with_another_filter_makes_other_pixels_of_the_same_symbols() {
        let before = WeightFile::parse(EMBEDDED).unwrap();
        let weights = std::array::from_fn(|i| i as f32 / 64.0);
        let bytes = with_deblocking(EMBEDDED, &weights).unwrap();
        let after = WeightFile::parse(&bytes).unwrap();
        assert_eq!(plain::deblocking(&after).unwrap(), Some(weights));
        assert_eq!(after.parse_id(), before.parse_id());
        assert_ne!(after.synthesis_id(), before.synthesis_id());
        let without = without_deblocking(&bytes).unwrap();
        assert_eq!(plain::deblocking(&WeightFile::parse(&without).unwrap()).unwrap(), None);
        assert_eq!(without_deblocking(&without).unwrap(), without);
    }
}
