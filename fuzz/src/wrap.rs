//! [`container`]: bytes as payloads of tiles in a file that is right in everything else.

use arbitrary::{Result, Unstructured};
use lic_codec::Colour;
use lic_codec::format::{BitDepth, Header, Section, SectionKind, write_file};

/// Depths of samples.
pub const DEPTHS: [BitDepth; 4] = [BitDepth::Eight, BitDepth::Ten, BitDepth::Twelve, BitDepth::Sixteen];

/// A file whose header, filter and kind of alpha are chosen by the first bytes, and whose payloads are the rest.
pub fn container(bytes: &[u8], ids: [u32; 2]) -> Result<Vec<u8>> {
    let u = &mut Unstructured::new(bytes);
    let header = Header {
        width: u.int_in_range(1..=70)?,
        height: u.int_in_range(1..=65)?,
        colour: *u.choose(&[Colour::Rgb, Colour::Grey])?,
        depth: *u.choose(&DEPTHS)?,
        quality: u.int_in_range(0..=252)?,
        tile_size: *u.choose(&[1024, 64, 128])?,
        parse_id: ids[0],
        synthesis_id: ids[1],
        has_sections: false,
    };
    let kind: u8 = u.int_in_range(0..=3)?;
    let [premultiplied, quality]: [u8; 2] = u.arbitrary()?;
    // A filter of the picture's own, whose precision is one that there is.
    let filter = match premultiplied & 2 {
        0 => None,
        _ => {
            let mut body = u.bytes(u.len().min(40))?.to_vec();
            body.iter_mut().take(1).for_each(|precision| *precision &= 15);
            Some(body)
        }
    };
    let planes = if kind == 0 { 1 } else { 2 };
    let rest = u.bytes(u.len())?;
    let tiles = header.tile_count() as usize;
    let each = rest.len().div_ceil(planes * tiles).max(1);
    let mut payloads = rest.chunks(each).chain(std::iter::repeat(&[0][..]));
    let colours: Vec<&[u8]> = payloads.by_ref().take(tiles).collect();
    let planes: Vec<&[u8]> = payloads.take(tiles).collect();
    let alpha = match kind {
        0 => None,
        // Lossy: an encoder fills short payloads with zeros.
        1 => {
            let padded = header.tiles().zip(planes).map(|(tile, payload)| {
                let mut payload = payload.to_vec();
                payload.resize(payload.len().max(tile.min_payload() as usize), 0);
                payload
            });
            Some([vec![1, premultiplied & 1, quality.min(252)], tiles_of(padded)].concat())
        }
        // Lossless: a DEFLATE stream, or what such a stream holds.
        2 => Some([vec![0, premultiplied & 1], tiles_of(planes.into_iter().map(<[u8]>::to_vec))].concat()),
        _ => Some([vec![0, premultiplied & 1], tiles_of(planes.into_iter().map(stored))].concat()),
    };
    let filter = filter.iter().map(|body| Section::new(SectionKind::Filter, body));
    let alpha = alpha.iter().map(|body| Section::new(SectionKind::Alpha, body));
    let sections: Vec<Section<'_>> = filter.chain(alpha).collect();
    Ok(write_file(&header, &sections, &colours).expect("the pieces fit"))
}

/// A DEFLATE stream of one stored block.
fn stored(bytes: &[u8]) -> Vec<u8> {
    let length = u16::try_from(bytes.len()).unwrap_or(u16::MAX);
    let mut stream = vec![1];
    stream.extend(length.to_le_bytes());
    stream.extend((!length).to_le_bytes());
    stream.extend(&bytes[..length.into()]);
    stream
}

/// Index and payloads, as in chapter 4 of the format.
fn tiles_of(payloads: impl Iterator<Item = Vec<u8>>) -> Vec<u8> {
    let (mut index, mut stored) = (Vec::new(), Vec::new());
    let mut tiles = 0;
    for payload in payloads {
        let start = index.len();
        let mut length = payload.len();
        while length >= 0x80 {
            index.push(length as u8 | 0x80);
            length >>= 7;
        }
        index.push(length as u8);
        let crc = crc32fast::hash(&[&index[start..], &payload].concat());
        stored.extend(payload);
        stored.extend(crc.to_be_bytes());
        tiles += 1;
    }
    if tiles > 1 {
        index.extend(crc32fast::hash(&index).to_be_bytes());
    }
    [index, stored].concat()
}
