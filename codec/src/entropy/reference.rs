//! The range coder as `codec/FORMAT.md`, chapter 5.3, words it, bit by bit and slowly: the reference that
//! constriction and our own end of the stream are tested against.

/// Encodes `(left, share)` pairs of 65536 to a stream without trailing zero bytes.
pub(super) fn encode(intervals: &[(u32, u32)]) -> Vec<u8> {
    let (mut words, mut lower, mut range) = (Vec::new(), 0u64, u64::MAX);
    for &(left, share) in intervals {
        let scale = range >> 16;
        lower = add(&mut words, lower, scale * u64::from(left));
        range = scale * u64::from(share);
        if range < 1 << 32 {
            words.push((lower >> 32) as u32);
            lower <<= 32;
            range <<= 32;
        }
    }
    // Of all points in the last interval the one with the most zero bytes at its end.
    for zero_bits in (0..=64).rev().step_by(8) {
        let mask = if zero_bits == 64 { u64::MAX } else { (1 << zero_bits) - 1 };
        let step = (lower.wrapping_neg()) & mask;
        if step < range {
            lower = add(&mut words, lower, step);
            break;
        }
    }
    let mut bytes: Vec<u8> = words.iter().flat_map(|word| word.to_be_bytes()).collect();
    bytes.extend(lower.to_be_bytes());
    while bytes.last() == Some(&0) {
        bytes.pop();
    }
    bytes
}

/// `lower + addend`, the carry going into the words written before.
fn add(words: &mut [u32], lower: u64, addend: u64) -> u64 {
    let (sum, mut carry) = lower.overflowing_add(addend);
    for word in words.iter_mut().rev() {
        if !carry {
            break;
        }
        (*word, carry) = word.overflowing_add(1);
    }
    sum
}

/// Decodes with tables given as `(left, share)` lists; returns the entries, or none where the
/// point lies outside of all of them.
pub(super) fn decode(stream: &[u8], tables: &[&[(u32, u32)]]) -> Option<Vec<usize>> {
    let mut bytes = stream.iter().copied().chain(std::iter::repeat(0));
    let mut word = move || (0..4).fold(0u64, |word, _| word << 8 | u64::from(bytes.next().unwrap_or(0)));
    let mut offset = word() << 32 | word();
    let mut range = u64::MAX;
    let mut entries = Vec::new();
    for table in tables {
        let scale = range >> 16;
        let quantile = offset / scale;
        let entry = table
            .iter()
            .position(|&(left, share)| u64::from(left) <= quantile && quantile < u64::from(left + share))?;
        let (left, share) = table[entry];
        offset -= scale * u64::from(left);
        range = scale * u64::from(share);
        if range < 1 << 32 {
            offset = offset << 32 | word();
            range <<= 32;
        }
        entries.push(entry);
    }
    Some(entries)
}
