//! EXIF where it is not what it should be: colours that have no profile, and a block that has no chunk of its own.
//!
//! A camera set to Adobe RGB writes no profile, only two tags (DCF 2.0: colour space "uncalibrated" and interoperability index
//! `R03`). And before PNG had a chunk for EXIF, ImageMagick and others wrote it as a text of hexadecimal digits.

use moxcms::ColorProfile;

/// Pointers and values, by their tags.
const EXIF_DIRECTORY: u16 = 0x8769;
const INTEROPERABILITY_DIRECTORY: u16 = 0xA005;
const COLOUR_SPACE: u16 = 0xA001;
const INTEROPERABILITY_INDEX: u16 = 1;

const SRGB: u16 = 1;
const UNCALIBRATED: u16 = 0xFFFF;
/// Interoperability indices of sRGB and Adobe RGB.
const OF_SRGB: &[u8] = b"R98";
const OF_ADOBE_RGB: &[u8] = b"R03";

/// Bytes of a directory's entry: tag, type, count and, from `VALUE` on, the value or where it is.
const ENTRY: usize = 12;
const VALUE: usize = 8;

/// The profile that EXIF implies: that of Adobe RGB, or none.
pub(super) fn implied_profile(exif: &[u8]) -> Option<Vec<u8>> {
    adobe_rgb(exif).and_then(|_| ColorProfile::new_adobe_rgb().encode().ok())
}

/// Makes EXIF that says Adobe RGB say sRGB, in place: for samples that were converted. Other EXIF stays as it is.
pub fn exif_to_srgb(exif: &mut [u8]) {
    if let Some([space, index]) = adobe_rgb(exif) {
        let big_endian = exif.starts_with(b"MM");
        let srgb = if big_endian { SRGB.to_be_bytes() } else { SRGB.to_le_bytes() };
        for (at, value) in [(space, srgb.as_slice()), (index, OF_SRGB)] {
            exif.iter_mut().skip(at).zip(value).for_each(|(byte, &value)| *byte = value);
        }
    }
}

/// Where the colour space and the interoperability index are in EXIF in which they are those of Adobe RGB.
fn adobe_rgb(exif: &[u8]) -> Option<[usize; 2]> {
    let tiff = Tiff::new(exif)?;
    let exif = tiff.long(tiff.value(tiff.long(4)?, EXIF_DIRECTORY)?)?;
    let interoperability = tiff.long(tiff.value(exif, INTEROPERABILITY_DIRECTORY)?)?;
    let index = tiff.value(interoperability, INTEROPERABILITY_INDEX)?;
    let space = tiff.value(exif, COLOUR_SPACE)?;
    let said = tiff.short(space)? == UNCALIBRATED && tiff.bytes.get(index..)?.starts_with(OF_ADOBE_RGB);
    said.then_some([space, index])
}

/// The structure that EXIF is written in.
struct Tiff<'a> {
    bytes: &'a [u8],
    big_endian: bool,
}

impl<'a> Tiff<'a> {
    fn new(bytes: &'a [u8]) -> Option<Self> {
        match bytes.get(..4)? {
            b"II*\0" => Some(Self { bytes, big_endian: false }),
            b"MM\0*" => Some(Self { bytes, big_endian: true }),
            _ => None,
        }
    }

    fn short(&self, at: usize) -> Option<u16> {
        let bytes = *self.bytes.get(at..)?.first_chunk()?;
        Some(if self.big_endian { u16::from_be_bytes(bytes) } else { u16::from_le_bytes(bytes) })
    }

    fn long(&self, at: usize) -> Option<usize> {
        let bytes = *self.bytes.get(at..)?.first_chunk()?;
        let long = if self.big_endian { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) };
        usize::try_from(long).ok()
    }

    /// Where the value of a tag is in the directory that begins at `directory`.
    fn value(&self, directory: usize, tag: u16) -> Option<usize> {
        let first = directory.checked_add(2)?;
        let mut entries = (0..usize::from(self.short(directory)?)).map(|i| first.saturating_add(ENTRY * i));
        entries.find(|&entry| self.short(entry) == Some(tag)).map(|entry| entry.saturating_add(VALUE))
    }
}

/// Keywords of texts that hold EXIF.
const RAW_PROFILES: [&str; 2] = ["Raw profile type exif", "Raw profile type APP1"];

/// The EXIF that a PNG's texts hold, if one of them should; `None` inside if it is damaged. XMP, which `APP1` may be as well, is left alone.
pub(super) fn of_texts(info: &png::Info<'_>) -> Option<Option<Vec<u8>>> {
    let is_raw = |keyword: &str| RAW_PROFILES.contains(&keyword);
    let plain = info.uncompressed_latin1_text.iter().filter(|text| is_raw(&text.keyword));
    let plain = plain.map(|text| Some(text.text.clone()));
    let packed = info.compressed_latin1_text.iter().filter(|text| is_raw(&text.keyword)).map(|text| {
        let mut text = text.clone();
        // Bounded by the crate: a text of a few bytes may say gigabytes.
        text.decompress_text().ok()?;
        text.get_text().ok()
    });
    let found: Vec<_> = plain.chain(packed).map(|text| text.and_then(|text| raw_profile(&text))).collect();
    let is_exif = |bytes: &Vec<u8>| !bytes.starts_with(b"http://");
    found.iter().flatten().find(|bytes| is_exif(bytes)).cloned().map(Some).or(found.contains(&None).then_some(None))
}

/// The bytes of a raw profile: a name, their number, and two hexadecimal digits for each, between any white space.
fn raw_profile(text: &str) -> Option<Vec<u8>> {
    let mut words = text.split_ascii_whitespace();
    let (_name, length) = (words.next()?, words.next()?.parse::<usize>().ok()?);
    let digits: Option<Vec<u8>> = words.flat_map(str::bytes).map(digit).collect();
    let bytes: Vec<u8> = digits?.as_chunks::<2>().0.iter().map(|[high, low]| 16 * high + low).collect();
    (bytes.len() == length).then_some(bytes)
}

fn digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// EXIF with a colour space and an interoperability index.
    fn exif(space: u16, index: &[u8; 4]) -> Vec<u8> {
        let mut bytes = b"MM\0*\0\0\0\x08".to_vec();
        let entry = |tag: u16, kind: u16, count: u32, value: [u8; 4]| {
            [&tag.to_be_bytes()[..], &kind.to_be_bytes(), &count.to_be_bytes(), &value].concat()
        };
        // Directories of one, two and one entries, at 8, 26 and 56.
        bytes.extend([&[0, 1][..], &entry(EXIF_DIRECTORY, 4, 1, 26u32.to_be_bytes()), &[0; 4]].concat());
        let [high, low] = space.to_be_bytes();
        bytes.extend([&[0, 2][..], &entry(COLOUR_SPACE, 3, 1, [high, low, 0, 0])].concat());
        bytes.extend([&entry(INTEROPERABILITY_DIRECTORY, 4, 1, 56u32.to_be_bytes())[..], &[0; 4]].concat());
        bytes.extend([&[0, 1][..], &entry(INTEROPERABILITY_INDEX, 2, 4, *index), &[0; 4]].concat());
        bytes
    }

    #[test]
    fn two_tags_imply_the_profile_of_adobe_rgb() {
        let icc = implied_profile(&exif(UNCALIBRATED, b"R03\0")).expect("a profile");
        assert_eq!(icc.get(16..20), Some(&b"RGB "[..]));
        assert_eq!(implied_profile(&exif(1, b"R98\0")), None);
        assert_eq!(implied_profile(&exif(UNCALIBRATED, b"R98\0")), None);
    }

    #[test]
    fn exif_of_converted_samples_says_srgb_and_nothing_else_in_it_changes() {
        for (before, after) in
            [(exif(UNCALIBRATED, b"R03\0"), exif(1, b"R98\0")), (exif(2, b"R03\0"), exif(2, b"R03\0"))]
        {
            let mut changed = before;
            exif_to_srgb(&mut changed);
            assert_eq!(changed, after);
        }
        exif_to_srgb(&mut []);
    }

    #[test]
    fn exif_that_ends_early_implies_nothing() {
        let whole = exif(UNCALIBRATED, b"R03\0");
        assert!((0..69).all(|length| implied_profile(&whole[..length]).is_none()));
    }

    #[test]
    fn a_raw_profile_is_its_digits() {
        assert_eq!(raw_profile("\nexif\n       4\n4578\n69 66\n"), Some(b"Exif".to_vec()));
        assert_eq!(raw_profile("\nexif\n       5\n45786966\n"), None);
        assert_eq!(raw_profile("\nexif\n       2\n4g78\n"), None);
    }
}
