//! Target `decode`: any bytes with right checksums are an error or a picture, with two engines the same symbols.
//!
//! An input that starts like a file is one, as it is and repaired; any other is a recipe for `wrap::container`.

use std::cell::RefCell;

use lic_codec::format::{Header, SIGNATURE};
use lic_codec::prior::{FastEngine, ScalarEngine};
use lic_codec::symbols::decode_symbols;
use lic_codec::{Decoded, Samples};

use super::model::{DECODER, MODEL, MOST_PIXELS, ids};
use super::repair::repair;
use super::views;
use super::wrap::container;

thread_local! {
    /// Made once: it takes longer than most decodes.
    static ENGINES: RefCell<(FastEngine, ScalarEngine)> =
        RefCell::new((FastEngine::new(MODEL.prior().clone()), ScalarEngine::new(MODEL.prior().clone())));
}

/// Decodes the bytes.
pub fn check(data: &[u8]) {
    if data.first() != SIGNATURE.first() {
        if let Ok(file) = container(data, ids()) {
            decode(&file);
        }
        return;
    }
    // As it is first: repairing makes the ids right too, which are the model's only check.
    let _ = decode(data);
    if let Some(repaired) = repair(data, Some(ids())).filter(|repaired| repaired != data) {
        decode(&repaired);
    }
}

fn decode(file: &[u8]) -> Option<()> {
    let result = DECODER.decode(file);
    let header = Header::parse(file).ok()?;
    if pixels(&header) > MOST_PIXELS {
        assert!(result.is_err(), "the limit does not hold");
        return None;
    }
    if let Ok(decoded) = &result {
        picture(&header, decoded);
    }
    views::check(file, &header, &result);
    // The scalar engine is slow: for the smallest pictures only.
    if positions(&header, 16) <= 4 {
        ENGINES.with_borrow_mut(|(fast, scalar)| {
            let fast = decode_symbols(&MODEL, fast, file);
            match (fast, decode_symbols(&MODEL, scalar, file)) {
                (Ok(fast), Ok(scalar)) => assert!(fast == scalar, "two engines, two results"),
                (Err(fast), Err(scalar)) => {
                    assert!(result.is_err(), "a picture without symbols");
                    assert_eq!(fast.to_string(), scalar.to_string());
                }
                _ => panic!("one engine of two refused the file"),
            }
        });
    }
    Some(())
}

/// What a decoded picture must be like.
fn picture(header: &Header, decoded: &Decoded) {
    let found = &decoded.picture;
    assert_eq!((found.width, found.height), (header.width.into(), header.height.into()));
    assert_eq!((found.colour, found.pixels.depth()), (header.colour, header.depth));
    assert_eq!(found.pixels.len() as u64, pixels(header) * found.channels() as u64);
    let peak = ((1u32 << header.depth.bits()) - 1) as u16;
    if let Samples::Deep(_, samples) = &found.pixels {
        assert!(samples.iter().all(|&sample| sample <= peak));
    }
    if let Some(alpha) = &found.alpha {
        assert_eq!((alpha.samples.len() as u64, alpha.samples.depth()), (pixels(header), header.depth));
    }
    // The work is that of the header's blocks, whatever the payloads say.
    let sizes = MODEL.prior().sizes();
    let most = positions(header, 16) * sizes.latents as u64 + positions(header, 64) * sizes.hyper as u64;
    assert!(decoded.stats.symbols <= most, "{} symbols, at most {most} were expected", decoded.stats.symbols);
}

fn pixels(header: &Header) -> u64 {
    u64::from(header.width) * u64::from(header.height)
}

/// Squares of `edge` pixels that the tiles of a picture touch.
fn positions(header: &Header, edge: u64) -> u64 {
    let side = |pixels: u16| u64::from(pixels).div_ceil(edge);
    header.tiles().map(|tile| side(tile.width) * side(tile.height)).sum()
}
