//! What belongs to a picture beside its samples comes back as it was, whatever way the picture is encoded.

mod support;

use lic_codec::format::{Cicp, LicFile, SectionKind};
use lic_codec::{
    Colour, Decoder, DeviceChoice, EncodeOptions, Encoder, Error, Metadata, Picture, QualityIndex, Target,
};
use support::{block_model, picture};

/// Something in every field.
fn everything() -> Metadata {
    Metadata {
        icc: Some((0..300).map(|i| (i * 7) as u8).collect()),
        cicp: Some(Cicp { primaries: 12, transfer: 13, matrix: 0, full_range: 1 }),
        exif: Some(b"II*\0\x08\0\0\0\0\0\0\0\0\0".to_vec()),
        xmp: Some("<x:xmpmeta>\u{e4}</x:xmpmeta>".into()),
        orientation: 6,
    }
}

fn coders() -> (Encoder, Decoder) {
    let model = block_model();
    (Encoder::new(&model, DeviceChoice::Cpu).unwrap(), Decoder::new(&model, DeviceChoice::Cpu).unwrap())
}

#[test]
fn metadata_comes_back_as_it_was_and_the_samples_are_the_same_with_and_without() {
    let (encoder, decoder) = coders();
    let plain = picture(90, 70, Colour::Rgb);
    let full = Picture { metadata: everything(), ..plain.clone() };
    let options = EncodeOptions::default();
    let file = encoder.encode(&full, &options).unwrap().bytes;
    let decoded = decoder.decode(&file).unwrap();
    assert_eq!(decoded.picture.metadata, everything());
    assert_eq!(decoded.warnings, []);
    let without = encoder.encode(&plain, &options).unwrap().bytes;
    let without = decoder.decode(&without).unwrap().picture;
    assert_eq!(without.metadata, Metadata::default());
    assert_eq!((decoded.picture.width, decoded.picture.pixels), (90, without.pixels));
}

#[test]
fn one_field_is_one_section_and_none_is_no_byte() {
    let (encoder, _) = coders();
    let everything = everything();
    let encode = |metadata| {
        let picture = Picture { metadata, ..picture(20, 20, Colour::Grey) };
        encoder.encode(&picture, &EncodeOptions::default()).unwrap().bytes
    };
    let plain = encode(Metadata::default());
    for (kind, metadata) in [
        (SectionKind::Icc, Metadata { icc: everything.icc.clone(), ..Metadata::default() }),
        (SectionKind::Cicp, Metadata { cicp: everything.cicp, ..Metadata::default() }),
        (SectionKind::Exif, Metadata { exif: everything.exif.clone(), ..Metadata::default() }),
        (SectionKind::Xmp, Metadata { xmp: everything.xmp.clone(), ..Metadata::default() }),
        (SectionKind::Orientation, Metadata { orientation: 8, ..Metadata::default() }),
    ] {
        let bytes = encode(metadata);
        let file = LicFile::parse(&bytes).unwrap();
        let kinds: Vec<SectionKind> = file.sections().iter().map(|section| section.kind).collect();
        assert_eq!(kinds, [kind]);
        assert_eq!(bytes.len() as u64, plain.len() as u64 + file.sections()[0].byte_len(), "{kind:?}");
    }
    assert!(LicFile::parse(&plain).unwrap().sections().is_empty());
}

#[test]
fn targets_and_analysed_pictures_keep_metadata_and_a_size_counts_it() {
    let (encoder, decoder) = coders();
    let metadata = Metadata { icc: Some(vec![9; 4000]), ..everything() };
    let original = Picture { metadata: metadata.clone(), ..picture(150, 131, Colour::Rgb) };
    let analysed = encoder.analyse(&original, &EncodeOptions::default()).unwrap();
    let middle = analysed.encode(QualityIndex::new(100).unwrap()).unwrap().bytes;
    assert_eq!(decoder.decode(&middle).unwrap().picture.metadata, metadata);
    let target = Target::Bytes(middle.len() as u64);
    let options = EncodeOptions { target: Some(target), ..EncodeOptions::default() };
    let file = encoder.encode(&original, &options).unwrap().bytes;
    assert!(file.len() <= middle.len(), "{} instead of {}", file.len(), middle.len());
    assert_eq!(decoder.decode(&file).unwrap().picture.metadata, metadata);
}

#[test]
fn metadata_that_no_file_may_have_is_refused() {
    let (encoder, _) = coders();
    let metadata = Metadata { orientation: 9, ..Metadata::default() };
    let wrong = Picture { metadata, ..picture(8, 8, Colour::Grey) };
    let error = encoder.encode(&wrong, &EncodeOptions::default()).unwrap_err();
    assert!(matches!(error, Error::InvalidMetadata { what: "orientation", .. }), "{error}");
}
