//! The segments of a JPEG, gone through without decoding anything: the decoder reads a file that breaks off as if
//! nothing were missing, and does not say which segments it passes over.

use super::Lost;
use super::metadata::Claims;

/// Markers, the bytes after 0xff: of progressive frames, start and end of the picture, start of a scan, and two of the
/// segments for applications.
const PROGRESSIVE: u8 = 0xc2;
const START: u8 = 0xd8;
const END: u8 = 0xd9;
const SCAN: u8 = 0xda;
const APP1: u8 = 0xe1;
const APP2: u8 = 0xe2;

/// What is between the start and the end of a JPEG.
#[derive(Debug, Default)]
pub(super) struct Segments {
    /// Samples per pixel; four are inks.
    components: u8,
    /// How it is coded, if that is not read.
    foreign: Option<&'static str>,
    progressive: bool,
    scans: u32,
    icc: bool,
    extended_xmp: bool,
}

impl Segments {
    /// Goes from marker to marker, up to the one at the end; `None` if the bytes end before it. What comes behind it,
    /// such as further pictures, is not looked at.
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let mut segments = Self::default();
        let (mut marker, mut rest) = next_marker(bytes)?;
        if marker != START {
            return None;
        }
        loop {
            (marker, rest) = next_marker(rest)?;
            match marker {
                END => return Some(segments),
                // Another picture before this one has ended.
                START => return None,
                // Restart markers, one without a meaning, and reserved ones: nothing belongs to them.
                0x01..=0xbf | 0xd0..=0xd7 => {}
                _ => {
                    // The length counts itself. One that does not is for the decoder to complain about.
                    let length = usize::from(u16::from_be_bytes(*rest.first_chunk()?)).max(2);
                    segments.note(marker, rest.get(2..length)?);
                    rest = rest.get(length..)?;
                }
            }
        }
    }

    fn note(&mut self, marker: u8, body: &[u8]) {
        match marker {
            0xc0..=PROGRESSIVE => {
                // Behind precision, height and width.
                self.components = body.get(5).copied().unwrap_or(0);
                self.progressive = marker == PROGRESSIVE;
                let is_deep = body.first().is_some_and(|&bits| bits > 8);
                self.foreign = if is_deep { Some("of more than 8 bits per sample") } else { odd_sampling(body) };
            }
            // 0xc4, 0xc8 and 0xcc begin no frame: tables of Huffman's codes, nothing yet, and what an arithmetic coder begins with.
            0xc3 | 0xc7 => self.foreign = Some("lossless"),
            0xc5 | 0xc6 => self.foreign = Some("hierarchical"),
            0xc9..=0xcb | 0xcd..=0xcf => self.foreign = Some("coded arithmetically"),
            SCAN => self.scans += 1,
            APP1 => self.extended_xmp |= body.starts_with(b"http://ns.adobe.com/xmp/extension/\0"),
            APP2 => self.icc |= body.starts_with(b"ICC_PROFILE\0"),
            _ => {}
        }
    }

    /// What the JPEG says to have, whether the decoder makes something of it or not.
    pub(super) fn claims(&self) -> Claims {
        let lost = if self.extended_xmp { vec![Lost::ExtendedXmp] } else { Vec::new() };
        Claims { icc: self.icc, lost, ..Claims::default() }
    }

    /// How it is coded, if it is in a way that is not read.
    pub(super) fn foreign(&self) -> Option<&'static str> {
        self.foreign
    }

    /// Whether it has a profile, or parts of one.
    pub(super) fn has_icc(&self) -> bool {
        self.icc
    }

    /// How often the samples are in memory at the same time, at most.
    pub(super) fn copies(&self) -> u64 {
        // Coefficients have 16 bits, and are all there until the last scan was read.
        let coefficients = if self.progressive || self.scans > 1 { 2 } else { 0 };
        // Four inks, their coefficients, and the colours that were made of them.
        let inks = if self.components == 4 { 2 } else { 0 };
        1 + coefficients + inks
    }
}

/// What is odd about how a frame's header says that components are sampled: of colours finer than brightness the decoder makes stripes, and three samples for one
/// it calls damaged.
fn odd_sampling(body: &[u8]) -> Option<&'static str> {
    let factors = |component: &[u8]| component.get(1).map_or([0, 0], |factors| [factors >> 4, factors & 15]);
    let components: Vec<[u8; 2]> = body.get(6..)?.chunks(3).map(factors).collect();
    let (first, others) = components.split_first()?;
    if others.iter().any(|other| other[0] > first[0] || other[1] > first[1]) {
        return Some("sampled more finely in its colours than in its brightness");
    }
    let has_three = first.contains(&3) && others.iter().any(|other| other != first);
    has_three.then_some("sampled three times as finely in its brightness as in its colours")
}

/// The next marker, and what is behind it. Before it may be fill bytes (0xff), samples of a scan, in which 0xff is
/// followed by 0, and bytes that belong nowhere, which decoders skip.
fn next_marker(mut bytes: &[u8]) -> Option<(u8, &[u8])> {
    loop {
        let at = bytes.iter().position(|&byte| byte == 0xff)?;
        bytes = bytes.get(at + 1..)?;
        match bytes.split_first()? {
            (0 | 0xff, _) => {}
            (&marker, behind) => return Some((marker, behind)),
        }
    }
}
