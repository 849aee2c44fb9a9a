//! Target `header`: the container without any model. What is parsed is written again byte for byte.

use lic_codec::Metadata;
use lic_codec::format::{Header, LicFile, Section, TileIndex, write_file};

use super::repair::repair;

/// Parses the bytes as they are, and with their checksums made right.
pub fn check(data: &[u8]) {
    parse(data);
    if let Some(repaired) = repair(data, None) {
        parse(&repaired);
    }
}

fn parse(bytes: &[u8]) {
    let Ok(header) = Header::parse(bytes) else {
        assert!(LicFile::open(bytes).is_err() && LicFile::parse(bytes).is_err(), "a file without a header");
        return;
    };
    let mut written = Vec::new();
    header.write(&mut written).expect("a parsed header can be written");
    assert_eq!(written, bytes[..header.byte_len()], "a header has one way to be written");
    assert!(header.tile_count() >= 1 && header.tile(header.tile_count()).is_none());
    let plausible = header.check_plausible(bytes.len() as u64);
    if plausible.is_ok() {
        let _ = TileIndex::parse(&header, bytes, header.byte_len());
    }

    let Ok(open) = LicFile::open(bytes) else {
        assert!(LicFile::parse(bytes).is_err(), "`parse` took what `open` refused");
        return;
    };
    assert!(plausible.is_ok(), "an implausible file was opened");
    let _ = (open.alpha(), open.orientation(), Metadata::of_file(&open), open.tiles().count());
    open.sections().iter().for_each(|section| drop((section.cicp(), section.orientation(), section.byte_len())));
    let Ok(file) = LicFile::parse(bytes) else { return };
    rewrite(&file, bytes);
}

/// A whole file taken apart and put together is the same.
fn rewrite(file: &LicFile<'_>, bytes: &[u8]) {
    let header = file.header();
    let payloads: Vec<&[u8]> = file.tiles().map(|tile| tile.expect("`parse` has checked it").1).collect();
    let sections: Vec<Section<'_>> = file.sections().to_vec();
    assert_eq!(payloads.len(), header.tile_count() as usize);
    let written = write_file(header, &sections, &payloads).expect("a parsed file can be written");
    assert!(written == bytes, "a file has one way to be written");
    let area: u64 = header.tiles().map(|tile| u64::from(tile.width) * u64::from(tile.height)).sum();
    assert_eq!(area, u64::from(header.width) * u64::from(header.height), "tiles cover the picture");
    if let Some(alpha) = file.alpha().expect("`parse` has checked it") {
        header.tiles().for_each(|tile| assert!(alpha.tiles().tile(tile.index).is_ok()));
    }
    let metadata = Metadata::of_file(file);
    assert!((1..=8).contains(&metadata.orientation));
}
