//! A weight file with weights for the filter behind the synthesis. The fit is `lic_codec::deblock`'s, which knows the filter.

use std::collections::BTreeMap;

use crate::plain::DEBLOCKING;
use crate::weights::{Entry, WeightFile, WeightsError, write};

/// A weight file with these weights, in place of those that it may have.
///
/// # Errors
/// The bytes are no weight file.
pub fn with_deblocking(bytes: &[u8], weights: &[f32; 80]) -> Result<Vec<u8>, WeightsError> {
    let file = WeightFile::parse(bytes)?;
    let mut entries: BTreeMap<String, Entry> =
        file.tensors().iter().map(|(name, view)| (name.to_owned(), Entry::of(&view))).collect();
    entries.insert("deblock.weight".to_owned(), Entry::f16(&DEBLOCKING, weights));
    write(&file.info, &entries)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plain;
    use crate::weights::EMBEDDED;

    #[test]
    fn a_weight_file_keeps_its_identities_with_another_filter() {
        let before = WeightFile::parse(EMBEDDED).unwrap();
        let weights = std::array::from_fn(|i| i as f32 / 64.0);
        let bytes = with_deblocking(EMBEDDED, &weights).unwrap();
        let after = WeightFile::parse(&bytes).unwrap();
        assert_eq!(plain::deblocking(&after).unwrap(), Some(weights));
        assert_eq!((after.parse_id(), after.synthesis_id()), (before.parse_id(), before.synthesis_id()));
    }
}
