//! Round trips, exact lengths, hostile bytes and pinned streams of the entropy coder.

use proptest::prelude::*;

use super::cost::UNITS_PER_BIT;
use super::tables::HYPER_KNOTS;
use super::{
    Adaptation, Adapter, CostTable, HyperCosts, HyperTables, ScaleTables, TileDecoder, TileEncoder, reference,
};
use crate::error::{EntropyError, TableError};

/// Left-cumulative values of shares that are all at least 1 and add up to 65536.
fn cumulate(shares: &[u32]) -> Vec<u16> {
    assert_eq!(shares.iter().sum::<u32>(), 65536);
    let mut left = 0;
    shares
        .iter()
        .map(|share| {
            let value = left as u16;
            left += share;
            value
        })
        .collect()
}

/// A symmetric table of radius `r` whose shares fall off by `ratio / 256` a step.
fn geometric(r: usize, ratio: u32) -> Vec<u16> {
    let mut side = vec![65536u32];
    for step in 0..r {
        side.push((side[step] * ratio / 256).max(1));
    }
    let mut shares: Vec<u32> = side.iter().skip(1).rev().chain(&side).copied().collect();
    shares.push(1);
    let total: u64 = shares.iter().map(|&s| u64::from(s)).sum();
    for share in &mut shares {
        *share = ((u64::from(*share) * 60000 / total) as u32).max(1);
    }
    // What is missing goes to the symbol 0 in the middle.
    shares[r] += 65536 - shares.iter().sum::<u32>();
    cumulate(&shares)
}

/// 64 tables from very narrow (radius 1) to wide (radius 127).
fn scales() -> ScaleTables {
    let radius: Vec<u16> = (0..64).map(|i| 1 + 2 * i).collect();
    let cdf: Vec<u16> = radius.iter().zip(1..).flat_map(|(&r, i)| geometric(r.into(), 10 + 3 * i)).collect();
    ScaleTables::new(&radius, &cdf).expect("the tables are valid")
}

/// Three channels: one that covers -1..=1, one only 5, one -9..=-2.
fn hyper() -> HyperTables {
    let (mut low, mut count, mut cdf) = (Vec::new(), Vec::new(), Vec::new());
    for knot in 0..HYPER_KNOTS as u32 {
        low.extend([-1, 5, -9]);
        count.extend([3, 1, 8]);
        cdf.extend(cumulate(&[100 + knot, 65000 - knot, 435, 1]));
        cdf.extend(cumulate(&[65535, 1]));
        cdf.extend(cumulate(&[8192, 8192, 8192, 8192, 8192, 8192, 8192, 8000, 192]));
    }
    HyperTables::new(&low, &count, &cdf).expect("the tables are valid")
}

/// The same channels beside neighbours: whoever has a large one is probably large.
fn hyper_by_neighbours() -> HyperTables {
    let (mut low, mut count, mut cdf) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..HYPER_KNOTS {
        low.extend([-1, 5, -9]);
        count.extend([3, 1, 8]);
    }
    for context in 0..3u32 {
        for knot in 0..HYPER_KNOTS as u32 {
            let up = 20000 * context;
            cdf.extend(cumulate(&[50000 - up, 5000 + knot, 10535 + up - knot, 1]));
            cdf.extend(cumulate(&[65535 - up, 1 + up]));
            cdf.extend(cumulate(&[8192 + up / 8, 8192, 8192, 8192, 8192, 8192, 8192, 8000 - up / 8, 192]));
        }
    }
    HyperTables::with_contexts(&low, &count, 3, &cdf).expect("the tables are valid")
}

/// Scores that rise with the symbol, and with the table.
fn adaptation(tables: &ScaleTables) -> Adaptation {
    let scores =
        (0..64i16).flat_map(|i| (0..=2 * (1 + 2 * i) + 1).map(move |entry| 40 * (entry - 1 - 2 * i).abs() - 60 - i));
    Adaptation::new(tables, scores.collect(), &std::array::from_fn::<u16, 64, _>(|i| 20 + i as u16))
        .expect("scores and information are valid")
}

/// What all passes of a tile [rows, 3, 8] code.
fn encode_adapted(tables: &ScaleTables, adaptation: &Adaptation, skip: bool, passes: &[Vec<(i16, u8)>]) -> Vec<u8> {
    let mut adapter = Adapter::new(adaptation, 8, 3);
    let mut encoder = TileEncoder::new(skip);
    for (pass, coded) in passes.iter().enumerate() {
        let (symbols, indices): (Vec<i16>, Vec<u8>) = coded.iter().copied().unzip();
        encoder.encode_pass(tables, &mut adapter, pass, &symbols, &indices).expect("symbols are in range");
    }
    encoder.finish()
}

fn decode_adapted(
    tables: &ScaleTables,
    adaptation: &Adaptation,
    payload: &[u8],
    indices: &[Vec<u8>],
) -> Result<Vec<Vec<i16>>, EntropyError> {
    let mut adapter = Adapter::new(adaptation, 8, 3);
    let mut decoder = TileDecoder::new(payload)?;
    let mut passes = Vec::new();
    for (pass, indices) in indices.iter().enumerate() {
        let mut symbols = vec![0; indices.len()];
        decoder.decode_pass(tables, &mut adapter, pass, indices, &mut symbols)?;
        passes.push(symbols);
    }
    decoder.finish()?;
    Ok(passes)
}

fn encode(symbols: &[i16], indices: &[u8], skip: bool) -> Vec<u8> {
    let mut encoder = TileEncoder::new(skip);
    encoder.encode_symbols(&scales(), symbols, indices).expect("symbols are in range");
    encoder.finish()
}

fn decode(payload: &[u8], indices: &[u8]) -> Result<Vec<i16>, EntropyError> {
    let mut decoder = TileDecoder::new(payload)?;
    let mut symbols = vec![0; indices.len()];
    decoder.decode_symbols(&scales(), indices, &mut symbols)?;
    decoder.finish()?;
    Ok(symbols)
}

/// Mostly small symbols, some at the edges of tables, a few far out.
fn symbol() -> impl Strategy<Value = i16> {
    prop_oneof![8 => -3i16..=3, 3 => -130i16..=130, 1 => -16383i16..=16383]
}

proptest! {
    #[test]
    fn any_symbols_come_back(
        stream in prop::collection::vec((symbol(), 0u8..64), 0..400),
        skip: bool,
    ) {
        let (mut symbols, indices): (Vec<i16>, Vec<u8>) = stream.into_iter().unzip();
        if skip {
            for (symbol, &index) in symbols.iter_mut().zip(&indices) {
                if index == 0 {
                    *symbol = 0;
                }
            }
        }
        let payload = encode(&symbols, &indices, skip);
        prop_assert_eq!(decode(&payload, &indices).unwrap(), symbols.clone());

        // Zeros at the end, as the file writer appends them, change nothing.
        let mut padded = payload.clone();
        padded.extend([0; 13]);
        prop_assert_eq!(decode(&padded, &indices).unwrap(), symbols.clone());

        // The stated cost is the length, to the byte rounding and three bytes of the end.
        let tables = scales();
        let cost = CostTable::of_scales(&tables).symbols(&symbols, &indices, skip).unwrap();
        let bits = 8.0 * (payload.len() - 1) as f64;
        let cost = cost as f64 / UNITS_PER_BIT as f64;
        prop_assert!(bits <= cost + 16.0, "{} bits for a cost of {}", bits, cost);
    }

    #[test]
    fn any_hyper_latents_come_back_before_latents(
        z in prop::collection::vec(prop_oneof![8 => -9i16..=6, 1 => -4095i16..=4095], 0..40),
        t in 0u8..=252,
    ) {
        let z: Vec<i16> = z.iter().copied().cycle().take(z.len() / 3 * 3).collect();
        let mut encoder = TileEncoder::new(false);
        encoder.encode_hyper(&hyper(), t, 2, &z).unwrap();
        encoder.encode_symbols(&scales(), &[7, -1], &[20, 3]).unwrap();
        let payload = encoder.finish();

        let mut decoder = TileDecoder::new(&payload).unwrap();
        let (mut back, mut y) = (vec![0; z.len()], [0; 2]);
        decoder.decode_hyper(&hyper(), t, 2, &mut back).unwrap();
        decoder.decode_symbols(&scales(), &[20, 3], &mut y).unwrap();
        decoder.finish().unwrap();
        prop_assert_eq!(back, z);
        prop_assert_eq!(y, [7, -1]);
    }

    #[test]
    fn any_symbols_come_back_where_tables_adapt(
        passes in prop::collection::vec(prop::collection::vec((symbol(), 0u8..64), 24), 4),
        skip: bool,
    ) {
        let (tables, mut passes) = (scales(), passes);
        let adaptation = adaptation(&tables);
        passes.iter_mut().flatten().filter(|(_, index)| skip && *index == 0).for_each(|(symbol, _)| *symbol = 0);
        let payload = encode_adapted(&tables, &adaptation, skip, &passes);
        let indices: Vec<Vec<u8>> = passes.iter().map(|pass| pass.iter().map(|(_, index)| *index).collect()).collect();
        let symbols: Vec<Vec<i16>> = passes.iter().map(|pass| pass.iter().map(|(symbol, _)| *symbol).collect()).collect();
        prop_assert_eq!(decode_adapted(&tables, &adaptation, &payload, &indices).unwrap(), symbols);
    }

    #[test]
    fn any_hyper_latents_come_back_beside_any_neighbours(
        z in prop::collection::vec(prop_oneof![8 => -9i16..=6, 1 => -4095i16..=4095], 36),
        width in 1usize..=12,
        t in 0u8..=252,
    ) {
        let tables = hyper_by_neighbours();
        let mut encoder = TileEncoder::new(false);
        encoder.encode_hyper(&tables, t, width, &z).unwrap();
        let payload = encoder.finish();
        let mut decoder = TileDecoder::new(&payload).unwrap();
        let mut back = vec![0; z.len()];
        decoder.decode_hyper(&tables, t, width, &mut back).unwrap();
        decoder.finish().unwrap();
        prop_assert_eq!(&back, &z);
        let cost = HyperCosts::new(&tables, t).plane(&z, width).unwrap() as f64 / UNITS_PER_BIT as f64;
        let bits = 8.0 * (payload.len() - 1) as f64;
        prop_assert!(bits <= cost + 16.0, "{} bits for a cost of {}", bits, cost);
    }

    #[test]
    fn arbitrary_bytes_decode_to_symbols_in_range_or_an_error(
        payload in prop::collection::vec(any::<u8>(), 0..200),
        indices in prop::collection::vec(0u8..=70, 0..600),
    ) {
        let tables = scales();
        if let Ok(passes) = decode_adapted(&tables, &adaptation(&tables), &payload, &[indices.clone(), indices.clone()]) {
            prop_assert!(passes.iter().flatten().all(|s| (-16383..=16383).contains(s)));
        }
        if let Ok(symbols) = decode(&payload, &indices) {
            prop_assert!(symbols.iter().all(|s| (-16383..=16383).contains(s)));
        }
        if let Ok(mut decoder) = TileDecoder::new(&payload) {
            let mut z = vec![0; 300];
            if decoder.decode_hyper(&hyper(), 100, 7, &mut z).is_ok() {
                prop_assert!(z.iter().all(|s| (-4095..=4095).contains(s)));
            }
        }
    }
}

/// The `(left, share)` intervals that FORMAT.md prescribes for symbols.
fn intervals(symbols: &[i16], indices: &[u8]) -> Vec<(u32, u32)> {
    let tables = scales();
    let mut out = Vec::new();
    for (&symbol, &index) in symbols.iter().zip(indices) {
        let table = entries(&tables, index);
        let radius = (table.len() - 2) as i32 / 2;
        let symbol = i32::from(symbol);
        if symbol.abs() <= radius {
            out.push(table[(symbol + radius) as usize]);
            continue;
        }
        out.push(table[table.len() - 1]);
        let binary = format!("{:b}", symbol.abs() - radius);
        let side = if symbol < 0 { "1" } else { "0" };
        let code = side.to_string() + &"0".repeat(binary.len() - 1) + &binary;
        out.extend(code.chars().map(|bit| if bit == '1' { (32768, 32768) } else { (0, 32768) }));
    }
    out
}

fn entries(tables: &ScaleTables, index: u8) -> Vec<(u32, u32)> {
    let mut left = 0;
    let model = tables.tables().model(index.into()).expect("there are 64 tables");
    model
        .shares()
        .map(|share| {
            left += share;
            (left - share, share)
        })
        .collect()
}

proptest! {
    #[test]
    fn streams_are_those_of_the_slow_coder(
        stream in prop::collection::vec((symbol(), 0u8..64), 0..200),
    ) {
        let (symbols, indices): (Vec<i16>, Vec<u8>) = stream.into_iter().unzip();
        let payload = encode(&symbols, &indices, false);
        prop_assert_eq!(&payload[1..], reference::encode(&intervals(&symbols, &indices)));
    }

    /// Points just below and above a boundary of words keep the encoder waiting for the carry.
    #[test]
    fn carries_through_many_words_are_right(
        first: [u8; 4],
        below: bool,
        boundary in 8usize..40,
        rest in prop::collection::vec(any::<u8>(), 0..24),
        index in 1u8..64,
    ) {
        let mut payload = vec![0, 1, first[1], first[2], first[3]];
        payload.extend(vec![if below { 255 } else { 0 }; boundary]);
        payload.extend(rest);
        let indices = vec![index; 8 * payload.len()];
        // Some points lead to a symbol out of range; those are no streams of an encoder.
        let mut decoder = TileDecoder::new(&payload).unwrap();
        let mut symbols = vec![0; indices.len()];
        prop_assume!(decoder.decode_symbols(&scales(), &indices, &mut symbols).is_ok());

        let payload = encode(&symbols, &indices, false);
        prop_assert_eq!(&payload[1..], reference::encode(&intervals(&symbols, &indices)));
        prop_assert_eq!(decode(&payload, &indices).unwrap(), symbols);
    }
}

#[test]
fn the_example_of_the_specification_is_right() {
    // The bytes come from a third implementation, with Python's unbounded integers.
    let codings = [(16384, 32768), (65535, 1), (0, 65535), (32768, 32768), (1, 2), (65000, 535)];
    assert_eq!(reference::encode(&codings), [0xbf, 0xff, 0xc0, 0x00, 0x7f]);
}

#[test]
fn the_slow_decoder_reads_what_the_encoder_writes() {
    let symbols: Vec<i16> = (0..300).map(|i| (i * 29 % 21 - 10) as i16).collect();
    let indices = vec![40; 300];
    let payload = encode(&symbols, &indices, false);
    let table = entries(&scales(), 40);
    let back = reference::decode(&payload[1..], &vec![&table[..]; 300]).expect("a valid stream");
    let expected: Vec<usize> = symbols.iter().map(|&s| (s + 81) as usize).collect();
    assert_eq!(back, expected);
}

#[test]
fn escapes_reach_the_limits_and_stop_there() {
    let symbols = [16383, -16383, 2, -2, 128, -128, 0];
    let indices = [0, 0, 0, 0, 63, 63, 1];
    assert_eq!(decode(&encode(&symbols, &indices, false), &indices).unwrap(), symbols);

    let mut encoder = TileEncoder::new(false);
    let error = encoder.encode_symbols(&scales(), &[-16384], &[5]).unwrap_err();
    let (symbol, limit) = (-16384, 16383);
    assert_eq!(error, EntropyError::SymbolOutOfRange { symbol, limit });

    let error = encoder.encode_hyper(&hyper(), 0, 1, &[0, 4096, 0]).unwrap_err();
    let (symbol, limit) = (4096, 4095);
    assert_eq!(error, EntropyError::SymbolOutOfRange { symbol, limit });
}

#[test]
fn skipping_leaves_out_index_zero_and_refuses_to_lose_a_symbol() {
    let payload = encode(&[0, 1, 0], &[0, 9, 0], true);
    assert_eq!(payload[0], 1);
    assert_eq!(payload[1..], encode(&[1], &[9], false)[1..]);

    let error = TileEncoder::new(true).encode_symbols(&scales(), &[0, -4], &[0, 0]).unwrap_err();
    let (symbol, position) = (-4, 1);
    assert_eq!(error, EntropyError::SkippedSymbol { symbol, position });
}

#[test]
fn splitting_a_stream_into_calls_changes_no_byte() {
    let symbols: Vec<i16> = (0..500).map(|i| (i * 37 % 11 - 5) as i16).collect();
    let indices: Vec<u8> = (0..500).map(|i| (i * 7 % 64) as u8).collect();
    let mut encoder = TileEncoder::new(false);
    for (s, i) in symbols.chunks(7).zip(indices.chunks(7)) {
        encoder.encode_symbols(&scales(), s, i).unwrap();
    }
    assert_eq!(encoder.finish(), encode(&symbols, &indices, false));
}

#[test]
fn malformed_payloads_and_arguments_are_named() {
    assert_eq!(decode(&[], &[]), Err(EntropyError::Empty));
    assert_eq!(decode(&[2], &[]), Err(EntropyError::UnknownFlags { flags: 2 }));
    let mut long = encode(&[1, 2, 3], &[20, 20, 20], false);
    long.extend([0; 8]);
    long.push(1);
    assert_eq!(decode(&long, &[20, 20, 20]), Err(EntropyError::TrailingBytes));
    let (index, tables) = (64, 64);
    assert_eq!(decode(&[0, 0], &[64]), Err(EntropyError::NoSuchTable { index, tables }));
    let mut decoder = TileDecoder::new(&[0]).unwrap();
    let (symbols, indices) = (2, 3);
    assert_eq!(
        decoder.decode_symbols(&scales(), &[0; 3], &mut [0; 2]),
        Err(EntropyError::LengthMismatch { symbols, indices })
    );
    // The first range is 2^64 - 1, whose last 65535 points belong to no symbol.
    assert_eq!(decode(&[0, 255, 255, 255, 255, 255, 255, 255, 255], &[0]), Err(EntropyError::InvalidPoint));
    // 0x8000.. past the escape's share would need 15 zeros before the first one of the distance.
    let escape_then_zeros = [0, 255, 255, 0, 0, 0, 0, 0, 0];
    assert!(matches!(decode(&escape_then_zeros, &[0]), Err(EntropyError::SymbolOutOfRange { symbol: i32::MAX, .. })));
}

#[test]
fn tables_that_would_break_the_coder_are_refused() {
    let radius = vec![1u16; 64];
    let good: Vec<u16> = (0..64).flat_map(|_| [0, 1, 65000, 65535]).collect();
    assert!(ScaleTables::new(&radius, &good).is_ok());

    let change = |at: usize, value: u16| {
        let mut cdf = good.clone();
        cdf[at] = value;
        ScaleTables::new(&radius, &cdf).unwrap_err()
    };
    assert_eq!(change(8, 1), TableError::Start { table: 2, first: 1 });
    assert_eq!(change(6, 1), TableError::NotRising { table: 1, entry: 2 });
    assert_eq!(change(7, 3), TableError::NotRising { table: 1, entry: 3 });
    let what = "prior.scale.cdf";
    let (found, expected) = (255, 256);
    assert_eq!(ScaleTables::new(&radius, &good[1..]).unwrap_err(), TableError::Count { what, found, expected });
    let what = "prior.scale.radius";
    let (found, expected) = (63, 64);
    assert_eq!(ScaleTables::new(&radius[1..], &good).unwrap_err(), TableError::Count { what, found, expected });
    let far = ScaleTables::new(&[16384; 64], &vec![0; 64 * 32770]).unwrap_err();
    assert!(matches!(far, TableError::Symbols { high: 16384, .. }));
    let none = HyperTables::new(&[0; 8], &[0; 8], &[0; 8]).unwrap_err();
    assert!(matches!(none, TableError::Symbols { low: 0, high: -1, .. }));
    assert!(HyperTables::new(&[], &[], &[]).is_err());
    assert!(HyperTables::new(&[0; 9], &[1; 9], &[0; 18]).is_err());
}

#[test]
fn hyper_tables_follow_the_nearest_of_eight_knots() {
    let tables = hyper();
    let knots = [(0, 0), (15, 0), (16, 1), (47, 1), (48, 2), (207, 6), (208, 7), (252, 7), (255, 7)];
    for (t, knot) in knots {
        assert_eq!(tables.first_table(t), knot * 3, "t = {t}");
    }
}

#[test]
fn the_table_of_a_hyper_latent_follows_from_left_and_upper_neighbour() {
    let tables = hyper_by_neighbours();
    // Two rows of two positions of three channels.
    let plane = [1, -1, 0, 2, -3, 4, 5, 1, -4, 0, 0, 0];
    let neighbours: Vec<i32> = (0..12).map(|place| tables.neighbours(&plane, 2, place)).collect();
    assert_eq!(neighbours, [0, 0, 0, 1, -1, 0, 1, -1, 0, 7, -2, 0]);
    let contexts: Vec<usize> = [-5, -1, 0, 1, 7].iter().map(|&sum| tables.table(6, 1, sum)).collect();
    assert_eq!(contexts, [7, 7, 24 + 7, 48 + 7, 48 + 7]);
    assert_eq!([-5, 0, 7].map(|sum| hyper().table(6, 1, sum)), [7; 3], "one table for all");
}

#[test]
fn contexts_that_cannot_be_are_refused() {
    for found in [0, 2, 9] {
        let cdf = [0, 9].repeat(8 * found);
        let error = HyperTables::with_contexts(&[0; 8], &[1; 8], found, &cdf).unwrap_err();
        assert_eq!(error, TableError::Contexts { found, limit: 7 });
    }
    let short = HyperTables::with_contexts(&[0; 8], &[1; 8], 3, &[0, 9].repeat(16)).unwrap_err();
    assert!(matches!(short, TableError::Count { what: "prior.z.context.cdf", .. }), "{short}");
}

#[test]
fn skipping_refuses_to_lose_a_symbol_where_tables_adapt() {
    let tables = scales();
    let adaptation = adaptation(&tables);
    let mut adapter = Adapter::new(&adaptation, 8, 3);
    let mut encoder = TileEncoder::new(true);
    let error = encoder.encode_pass(&tables, &mut adapter, 0, &[0, 1, 0, 7], &[0, 9, 1, 0]).unwrap_err();
    assert_eq!(error, EntropyError::SkippedSymbol { symbol: 7, position: 3 });
    let error = encoder.encode_pass(&tables, &mut adapter, 0, &[0, 1], &[0]).unwrap_err();
    assert_eq!(error, EntropyError::LengthMismatch { symbols: 2, indices: 1 });
}

/// These bytes are the format, as those below are.
#[test]
fn a_fixed_stream_of_adapted_tables_has_exactly_these_bytes() {
    let tables = scales();
    let pass = |seed: i32| {
        (0..24).map(move |i| ((i * i + seed) % 7 - 3, (seed + 2 * i) % 12)).map(|(s, i)| (s as i16, i as u8))
    };
    let passes: Vec<Vec<(i16, u8)>> = (0..4).map(|s| pass(3 * s + 1).collect()).collect();
    let payload = encode_adapted(&tables, &adaptation(&tables), false, &passes);
    assert_eq!(payload, ADAPTED);
    let indices: Vec<Vec<u8>> = passes.iter().map(|pass| pass.iter().map(|(_, index)| *index).collect()).collect();
    let back = decode_adapted(&tables, &adaptation(&tables), &ADAPTED, &indices).unwrap();
    assert!(back.iter().flatten().zip(passes.iter().flatten()).all(|(back, (symbol, _))| back == symbol));
}

/// Those of a program in Python, written from PRIOR.md and FORMAT.md alone.
const ADAPTED: [u8; 75] = [
    0, 0, 26, 225, 16, 96, 68, 98, 181, 115, 123, 152, 123, 129, 171, 34, 78, 251, 91, 131, 21, 242, 90, 232, 143, 184,
    158, 91, 6, 18, 148, 138, 173, 30, 4, 85, 234, 114, 210, 27, 206, 20, 171, 78, 36, 125, 142, 45, 74, 106, 207, 141,
    162, 30, 11, 153, 42, 207, 229, 123, 229, 230, 113, 104, 96, 12, 203, 251, 21, 116, 11, 94, 155, 103, 93,
];

/// These bytes are the format: a release that writes or reads others needs a new version.
#[test]
fn a_fixed_stream_has_exactly_these_bytes() {
    let mut encoder = TileEncoder::new(true);
    let z = [0, 5, -9, 1, 5, -2, -1, 6, 4095];
    encoder.encode_hyper(&hyper(), 100, 3, &z).unwrap();
    let symbols = [0, 0, 1, -1, 3, -40, 16383, -16383, 0, 12];
    let indices = [0, 1, 2, 10, 20, 30, 40, 50, 60, 63];
    encoder.encode_symbols(&scales(), &symbols, &indices).unwrap();
    let payload = encoder.finish();
    assert_eq!(payload, GOLDEN);

    let mut decoder = TileDecoder::new(&GOLDEN).unwrap();
    let (mut z_back, mut y_back) = ([0; 9], [0; 10]);
    decoder.decode_hyper(&hyper(), 100, 3, &mut z_back).unwrap();
    decoder.decode_symbols(&scales(), &indices, &mut y_back).unwrap();
    decoder.finish().unwrap();
    assert_eq!((z_back, y_back), (z, symbols));
}

const GOLDEN: [u8; 27] = [
    1, 32, 28, 165, 83, 247, 61, 62, 201, 55, 17, 70, 224, 182, 65, 83, 166, 112, 87, 126, 95, 99, 155, 150, 236, 178,
    57,
];

#[test]
fn the_shortest_end_costs_no_more_than_one_byte_over_the_information() {
    // 1000 symbols of probability near one carry almost nothing: the stream is empty.
    assert_eq!(encode(&[], &[], false), [0]);
    let shares = [65535u32, 1];
    let cdf: Vec<u16> = (0..8).flat_map(|_| cumulate(&shares)).collect();
    let tables = HyperTables::new(&[5; 8], &[1; 8], &cdf).unwrap();
    let mut encoder = TileEncoder::new(false);
    for _ in 0..1000 {
        encoder.encode_hyper(&tables, 0, 1, &[5]).unwrap();
    }
    assert_eq!(encoder.finish(), [0]);
}
