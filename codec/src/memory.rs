//! How much memory decoding takes, known from the header: for callers that set limits before they decode.

use crate::bands::CPU_BAND;
use crate::format::{BitDepth, Header};
use crate::picture::channels;
use crate::tiles::Area;

/// Bytes that decoding takes per latent position beside file and samples: rounded up from 80 MB for a full band of the student.
const WORK: u64 = 2560;

impl Header {
    /// Bytes that decoding takes on the CPU with the model inside the program, without the file's own: the picture's samples and what works on
    /// them. `alpha` says whether the file has an alpha plane.
    pub fn decoding_memory(&self, alpha: bool) -> u64 {
        let channels = channels(self.colour) as u64 + u64::from(alpha);
        let bytes = if self.depth == BitDepth::Eight { 1 } else { 2 };
        let samples = u64::from(self.width) * u64::from(self.height) * channels * bytes;
        samples + WORK * Area::of_picture(self).positions().min(CPU_BAND) as u64
    }
}
