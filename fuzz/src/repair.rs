//! [`repair`]: makes the checksums of a changed file right, and its ids those of the model.
//!
//! Every bit of a `.lic` file lies under a CRC-32, so without this hardly any mutation would get past the door. Written anew from
//! `codec/FORMAT.md`, not with the codec's own parser, and lax: it goes on as long as there is a next part, and lets wrong values stand.

/// The file with right checksums, or none if it does not even start like one.
pub fn repair(file: &[u8], ids: Option<[u32; 2]>) -> Option<Vec<u8>> {
    let mut file = file.to_vec();
    let flags = *file.get(5)?;
    if let Some([parse, synthesis]) = ids {
        file.get_mut(11..15)?.copy_from_slice(&parse.to_be_bytes());
        file.get_mut(15..19)?.copy_from_slice(&synthesis.to_be_bytes());
    }
    let (edge, crc) = match flags & 0x40 {
        0 => (1024, 19),
        _ => (64 * u32::from(*file.get(19)?).max(1), 20),
    };
    let [w, wide, h, high] = *file.get(6..)?.first_chunk()?;
    let side = |bytes| u32::from(u16::from_be_bytes(bytes)).div_ceil(edge);
    let tiles = (side([w, wide]) * side([h, high])) as usize;
    set_crc(&mut file, 0..crc)?;
    let mut at = crc + 4;
    if flags & 0x80 != 0 {
        at = sections(&mut file, at, tiles).unwrap_or(usize::MAX);
    }
    if let Some(bytes) = file.get_mut(at..) {
        set_tiles(bytes, tiles);
    }
    Some(file)
}

/// Repairs the sections that start at `at`; the offset after the last.
fn sections(file: &mut [u8], mut at: usize, tiles: usize) -> Option<usize> {
    loop {
        let tag = *file.get(at)?;
        let (start, length) = length(file, at + 1)?;
        let end = start.checked_add(length).filter(|&end| end <= file.len())?;
        if tag & 0x3f == 6 {
            let before = if file.get(start) == Some(&1) { 3 } else { 2 };
            file.get_mut(start + before..end).and_then(|bytes| set_tiles(bytes, tiles));
        }
        set_crc(file, at..end)?;
        at = end + 4;
        if tag & 0x40 == 0 {
            return Some(at);
        }
    }
}

/// Repairs the checksums of an index and its tiles, which start at the start of `bytes`. The last of the tiles takes what is left, if its
/// length can say so in as many bytes: else a longer or shorter payload would always be refused.
fn set_tiles(bytes: &mut [u8], tiles: usize) -> Option<()> {
    let mut at = 0;
    let mut places = Vec::new();
    for _ in 0..tiles {
        let (next, length) = length(bytes, at)?;
        places.push((at..next, length));
        at = next;
    }
    let index_end = at;
    let mut start = if tiles > 1 { at + 4 } else { at };
    let before: usize = places.iter().rev().skip(1).map(|(_, length)| length + 4).sum();
    let (last, length) = places.last_mut()?;
    let left = bytes.len().checked_sub(start.checked_add(before)?.checked_add(4)?)?;
    if left >> (7 * last.len()) == 0 && (last.len() == 1 || left >> (7 * (last.len() - 1)) != 0) {
        *length = left;
        let mut left = left;
        for place in last.clone() {
            bytes[place] = left as u8 & 0x7f | if place + 1 < last.end { 0x80 } else { 0 };
            left >>= 7;
        }
    }
    if tiles > 1 {
        set_crc(bytes, 0..index_end)?;
    }
    for (entry, length) in places {
        let end = start.checked_add(length)?;
        let mut hash = crc32fast::Hasher::new();
        hash.update(&bytes[entry]);
        hash.update(bytes.get(start..end)?);
        bytes.get_mut(end..end + 4)?.copy_from_slice(&hash.finalize().to_be_bytes());
        start = end + 4;
    }
    Some(())
}

/// A length (LEB128, canonical or not) and the offset after it.
fn length(bytes: &[u8], at: usize) -> Option<(usize, usize)> {
    let mut value = 0;
    for (group, &byte) in bytes.get(at..)?.iter().take(5).enumerate() {
        value |= usize::from(byte & 0x7f) << (7 * group);
        if byte & 0x80 == 0 {
            return Some((at + group + 1, value));
        }
    }
    None
}

/// Writes the CRC-32 of a range behind it.
fn set_crc(bytes: &mut [u8], range: std::ops::Range<usize>) -> Option<()> {
    let crc = crc32fast::hash(bytes.get(range.clone())?).to_be_bytes();
    bytes.get_mut(range.end..range.end + 4)?.copy_from_slice(&crc);
    Some(())
}
