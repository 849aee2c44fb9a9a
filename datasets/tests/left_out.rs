//! What a file says beside its samples, in places where decoders do not look: it is taken over, or its loss is said.

use std::io::Cursor;

use image::{DynamicImage, ImageFormat};
use lic_datasets::{Lost, Photo, PhotoMetadata, PhotoRows, generate};
use mozjpeg::{ColorSpace, Compress};
use png::chunk::ChunkType;
use png::text_metadata::{ITXtChunk, TEXtChunk, ZTXtChunk};

type Writer<'a> = png::Writer<&'a mut Vec<u8>>;

/// A PNG with what these write before its pixels and behind them.
fn png(before: impl FnOnce(&mut Writer<'_>), behind: impl FnOnce(&mut Writer<'_>)) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, 40, 30);
    encoder.set_color(png::ColorType::Rgb);
    let mut writer = encoder.write_header().expect("a header");
    before(&mut writer);
    writer.write_image_data(&generate::landscape(40, 30, 3).pixels.into_eight()).expect("samples");
    behind(&mut writer);
    writer.finish().expect("an end");
    bytes
}

/// Metadata and losses, which must be the same in both ways of reading.
#[track_caller]
fn read(png: &[u8]) -> (PhotoMetadata, Vec<Lost>) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("image.png");
    std::fs::write(&path, png).unwrap();
    let rows = PhotoRows::open(&path, 0).unwrap().expect("rows");
    let photo = Photo::open(&path).expect("a valid image");
    assert_eq!((&rows.metadata, &rows.lost), (&photo.metadata, &photo.lost));
    (photo.metadata, photo.lost)
}

/// EXIF that says nothing but an orientation.
fn exif(orientation: u8) -> Vec<u8> {
    let mut tiff = b"MM\0\x2a\0\0\0\x08".to_vec();
    tiff.extend([0, 1, 0x01, 0x12, 0, 3, 0, 0, 0, 1, 0, orientation, 0, 0, 0, 0, 0, 0]);
    tiff
}

fn chunk(name: &[u8; 4], body: &[u8]) -> impl FnOnce(&mut Writer<'_>) {
    move |writer| writer.write_chunk(ChunkType(*name), body).expect("a chunk")
}

fn xmp(packet: &str, compressed: bool) -> impl FnOnce(&mut Writer<'_>) {
    let mut text = ITXtChunk::new("XML:com.adobe.xmp", packet);
    text.compressed = compressed;
    move |writer| writer.write_text_chunk(&text).expect("a chunk")
}

fn nothing(_: &mut Writer<'_>) {}

const PACKET: &str = "<x:xmpmeta xmlns:x='adobe:ns:meta/'>Gr\u{fc}n</x:xmpmeta>";

#[test]
fn exif_and_xmp_behind_the_pixels_of_a_png_are_taken_over() {
    for compressed in [false, true] {
        let both = |writer: &mut Writer<'_>| {
            chunk(b"eXIf", &exif(8))(writer);
            xmp(PACKET, compressed)(writer);
        };
        let expected = PhotoMetadata {
            exif: Some(exif(1)),
            xmp: Some(PACKET.as_bytes().to_vec()),
            orientation: 8,
            ..PhotoMetadata::default()
        };
        assert_eq!(read(&png(nothing, both)), (expected.clone(), vec![]));
        assert_eq!(read(&png(both, nothing)), (expected, vec![]));
    }
}

#[test]
fn what_stands_before_the_pixels_of_a_png_counts_more_than_what_is_behind() {
    let both = |orientation: u8, packet: &'static str| {
        move |writer: &mut Writer<'_>| {
            chunk(b"eXIf", &exif(orientation))(writer);
            xmp(packet, false)(writer);
        }
    };
    let (metadata, lost) = read(&png(both(3, "first"), both(6, "second")));
    assert_eq!((metadata.orientation, metadata.xmp, lost), (3, Some(b"first".to_vec()), vec![]));
}

#[test]
fn colours_behind_the_pixels_of_a_png_do_not_count() {
    let (metadata, lost) = read(&png(nothing, chunk(b"gAMA", &100_000u32.to_be_bytes())));
    assert_eq!((metadata, lost), (PhotoMetadata::default(), vec![]));
}

#[test]
fn a_chunk_that_is_cut_off_or_has_a_wrong_checksum_is_said() {
    let whole = png(nothing, chunk(b"eXIf", &exif(8)));
    let end = whole.windows(4).position(|name| name == b"IEND").expect("an end") - 4;
    assert_eq!(read(&whole[..end - 6]), (PhotoMetadata::default(), vec![Lost::DamagedExif]));
    let mut broken = whole.clone();
    broken[end - 1] ^= 1;
    assert_eq!(read(&broken), (PhotoMetadata::default(), vec![Lost::DamagedExif]));
    let mut broken = png(xmp(PACKET, false), nothing);
    let at = broken.windows(4).position(|bytes| bytes == b"meta").expect("the packet");
    broken[at] ^= 1;
    assert_eq!(read(&broken), (PhotoMetadata::default(), vec![Lost::DamagedXmp]));
}

#[test]
fn a_profile_that_cannot_be_inflated_is_said() {
    let broken = chunk(b"iCCP", b"name\0\0\x78\x9cno such thing");
    assert_eq!(read(&png(broken, nothing)), (PhotoMetadata::default(), vec![Lost::DamagedIcc]));
}

/// A megabyte of zeros takes a kilobyte in a file.
#[test]
fn a_profile_that_would_fill_memory_is_left_out_and_said() {
    let mut icc = vec![0; 80 << 20];
    icc[16..20].copy_from_slice(b"RGB ");
    icc[36..40].copy_from_slice(b"acsp");
    let mut info = png::Info::with_size(2, 1);
    (info.color_type, info.icc_profile) = (png::ColorType::Rgb, Some(icc.into()));
    let mut bytes = Vec::new();
    let mut writer = png::Encoder::with_info(&mut bytes, info).expect("valid").write_header().expect("a header");
    writer.write_image_data(&[0; 6]).expect("samples");
    writer.finish().expect("an end");
    assert!(bytes.len() < 1 << 20, "{}", bytes.len());
    assert_eq!(read(&bytes), (PhotoMetadata::default(), vec![Lost::DamagedIcc]));
}

/// gAMA and cHRM, of 1/100000.
fn calibration(gamma: u32, chromaticities: [u32; 8]) -> impl Fn(&mut Writer<'_>) {
    move |writer| {
        chunk(b"gAMA", &gamma.to_be_bytes())(writer);
        chunk(b"cHRM", chromaticities.map(u32::to_be_bytes).as_flattened())(writer);
    }
}

const SRGB: [u32; 8] = [31270, 32900, 64000, 33000, 30000, 60000, 15000, 6000];
const ADOBE: [u32; 8] = [31270, 32900, 64000, 33000, 21000, 71000, 15000, 6000];

#[test]
fn gamma_and_chromaticities_other_than_those_of_srgb_are_said() {
    let lost = read(&png(calibration(55556, ADOBE), nothing)).1;
    assert_eq!(lost, [Lost::ForeignGamma(55556), Lost::ForeignChromaticities(ADOBE)]);
    assert!(lost[0].to_string().contains("0.55556"), "{}", lost[0]);
    assert_eq!(read(&png(calibration(45454, SRGB.map(|value| value + 1)), nothing)).1, []);
}

#[test]
fn gamma_and_chromaticities_beside_better_words_about_colours_are_not_missed() {
    for (name, body) in [(b"sRGB", [0].as_slice()), (b"cICP", &[12, 13, 0, 1])] {
        let both = |writer: &mut Writer<'_>| {
            chunk(name, body)(writer);
            calibration(100_000, ADOBE)(writer);
        };
        assert_eq!(read(&png(both, nothing)).1, []);
    }
}

/// EXIF that says Adobe RGB, as cameras do: directories of one, two and one entries.
fn exif_of_adobe_rgb() -> Vec<u8> {
    let entry =
        |tag: [u8; 2], kind: u8, count: u8, value: [u8; 4]| [&tag[..], &[0, kind, 0, 0, 0, count], &value].concat();
    let first = [&[0, 1][..], &entry([0x87, 0x69], 4, 1, [0, 0, 0, 26]), &[0; 4]].concat();
    let (space, pointer) = (entry([0xa0, 1], 3, 1, [0xff, 0xff, 0, 0]), entry([0xa0, 5], 4, 1, [0, 0, 0, 56]));
    let second = [&[0, 2][..], &space, &pointer, &[0; 4]].concat();
    let third = [&[0, 1][..], &entry([0, 1], 2, 4, *b"R03\0"), &[0; 4]].concat();
    [b"MM\0\x2a\0\0\0\x08".as_slice(), &first, &second, &third].concat()
}

#[test]
fn adobe_rgb_of_exif_becomes_a_profile_unless_the_file_itself_says_srgb_which_exif_then_says_too() {
    let exif = exif_of_adobe_rgb();
    let (said, lost) = read(&png(chunk(b"eXIf", &exif), nothing));
    let adobe = moxcms::ColorProfile::new_from_slice(&said.icc.expect("a profile")).expect("a valid one");
    // Green of Adobe RGB in XYZ, adapted to the white of profiles (D50).
    assert!((adobe.green_colorant.x - 0.2053).abs() < 0.001, "{:?}", adobe.green_colorant);
    assert_eq!((said.exif.as_deref(), lost), (Some(exif.as_slice()), vec![]));

    let both = |writer: &mut Writer<'_>| {
        chunk(b"sRGB", &[0])(writer);
        chunk(b"eXIf", &exif)(writer);
    };
    let (said, lost) = read(&png(both, nothing));
    assert_eq!((said.icc, lost), (None, vec![]));
    let kept = said.exif.expect("EXIF");
    assert_eq!(kept.len(), exif.len());
    let (again, _) = read(&png(chunk(b"eXIf", &kept), nothing));
    assert_eq!(again.icc, None);
}

/// A JPEG with these segments after its start marker.
fn with_segments(jpeg: &[u8], segments: &[(u8, &[u8])]) -> Vec<u8> {
    let mut bytes = jpeg[..2].to_vec();
    for (marker, body) in segments {
        // The length counts itself.
        bytes.extend([&[0xff, *marker], &(body.len() as u16 + 2).to_be_bytes()[..], body].concat());
    }
    [&bytes, &jpeg[2..]].concat()
}

fn jpeg() -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    DynamicImage::new_rgb8(20, 20).write_to(&mut bytes, ImageFormat::Jpeg).expect("encoding to memory");
    bytes.into_inner()
}

/// Parts of a profile: number, of how many, content.
fn parts<const N: usize>(parts: [(u8, u8, &[u8]); N]) -> [Vec<u8>; N] {
    parts.map(|(part, all, body)| [b"ICC_PROFILE\0".as_slice(), &[part, all], body].concat())
}

#[test]
fn a_profile_of_which_a_segment_is_missing_is_said() {
    let mut icc = vec![0; 200];
    icc[16..20].copy_from_slice(b"RGB ");
    icc[36..40].copy_from_slice(b"acsp");
    let [first, second] = parts([(1, 2, &icc[..150]), (2, 2, &icc[150..])]);
    let photo = Photo::read(&with_segments(&jpeg(), &[(0xe2, &first), (0xe2, &second)])).expect("a valid image");
    assert_eq!((photo.metadata.icc, photo.lost), (Some(icc), vec![]));
    for segments in [[&first], [&second]] {
        let photo = Photo::read(&with_segments(&jpeg(), &segments.map(|body| (0xe2, body.as_slice())))).expect("valid");
        assert_eq!((photo.metadata, photo.lost), (PhotoMetadata::default(), vec![Lost::DamagedIcc]));
    }
}

#[test]
fn inks_with_parts_of_a_profile_are_converted_without_it_which_is_said() {
    let mut compress = Compress::new(ColorSpace::JCS_CMYK);
    compress.set_size(16, 16);
    compress.set_color_space(ColorSpace::JCS_CMYK);
    let mut started = compress.start_compress(Vec::new()).expect("starts");
    started.write_scanlines(&[255; 4 * 256]).expect("samples");
    let inks = started.finish().expect("ends");
    let [part] = parts([(2, 2, &[7; 200])]);
    let photo = Photo::read(&with_segments(&inks, &[(0xe2, &part)])).expect("a valid image");
    assert_eq!((photo.metadata, photo.lost), (PhotoMetadata::default(), vec![Lost::UnusableInks]));
}

#[test]
fn extended_xmp_and_iptc_are_said_and_the_packet_is_kept() {
    let packet = [b"http://ns.adobe.com/xap/1.0/\0".as_slice(), PACKET.as_bytes()].concat();
    let extended = [b"http://ns.adobe.com/xmp/extension/\0".as_slice(), &[b'A'; 32], &[0, 0, 0, 3, 0, 0, 0, 0], b"<x>"];
    let photoshop = b"Photoshop 3.0\08BIM\x04\x04\0\0\0\0\0\x04\x1c\x02\x78\0";
    let segments = [(0xe1, packet.as_slice()), (0xe1, &extended.concat()), (0xed, photoshop)];
    let photo = Photo::read(&with_segments(&jpeg(), &segments)).expect("a valid image");
    assert_eq!(photo.metadata.xmp, Some(PACKET.as_bytes().to_vec()));
    assert_eq!(photo.lost, [Lost::Iptc, Lost::ExtendedXmp]);
}

#[test]
fn exif_that_a_png_holds_as_a_text_is_taken_over() {
    let digits = |exif: &[u8]| exif.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let block = [b"Exif\0\0", exif(6).as_slice()].concat();
    let text = format!("\nexif\n{:8}\n{}\n", block.len(), digits(&block));
    let raw = |text: String, compressed: bool| {
        move |writer: &mut Writer<'_>| {
            let keyword = "Raw profile type exif";
            let written = if compressed {
                writer.write_text_chunk(&ZTXtChunk::new(keyword, text))
            } else {
                writer.write_text_chunk(&TEXtChunk::new(keyword, text))
            };
            written.expect("a chunk");
        }
    };
    let expected = PhotoMetadata { exif: Some(exif(1)), orientation: 6, ..PhotoMetadata::default() };
    for compressed in [false, true] {
        assert_eq!(read(&png(raw(text.clone(), compressed), nothing)), (expected.clone(), vec![]));
        assert_eq!(read(&png(nothing, raw(text.clone(), compressed))), (expected.clone(), vec![]));
    }
    // The chunk that is made for it counts more, and a text that is cut off is said.
    let both = |writer: &mut Writer<'_>| {
        chunk(b"eXIf", &exif(3))(writer);
        raw(text.clone(), false)(writer);
    };
    assert_eq!(read(&png(both, nothing)).0.orientation, 3);
    let damaged = raw(text[..text.len() - 4].to_owned(), false);
    assert_eq!(read(&png(damaged, nothing)), (PhotoMetadata::default(), vec![Lost::DamagedExif]));
}
