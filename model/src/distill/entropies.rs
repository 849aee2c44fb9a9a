//! How many bits each channel of a teacher's latent carries, measured with the teacher's own prior: what channel distillation weighs channels by.
//!
//! `H_c = E[-log2 p(y_c)]` over crops at all qualities, in bits per pixel, so that the channels' entropies sum to the latent's rate. Kept in a text file,
//! a line per channel, most bits first.

use std::path::Path;

use super::{DistillError, Teacher};
use crate::net::in_f32;
use crate::params::read;
use crate::prior::{GROUP_OF_PHASE, Rounding, Taps};
use crate::rate;
use crate::train::{Crops, write_whole};

use burn::tensor::{Tensor, TensorData};

/// Batches of eight crops that are measured.
const BATCHES: u64 = 32;

/// Bits of every latent channel.
#[derive(Clone, Debug, PartialEq)]
pub struct Entropies {
    /// Whose: [`Teacher::id`].
    pub teacher: u32,
    /// On which crops: first four bytes of [`Crops::digest`].
    pub crops: u32,
    /// Bits per pixel of each channel.
    pub bits: Vec<f64>,
    /// Bits per pixel of the hyper-latent.
    pub hyper: f64,
}

impl Entropies {
    /// Measures a teacher on crops.
    pub fn measure(teacher: &Teacher, crops: &Crops) -> Self {
        let channels = teacher.config.y;
        let mut bits = vec![0.0; channels];
        let (mut hyper, mut pixels) = (0.0, 0.0);
        for i in 0..BATCHES {
            let batch = crops.batch(u64::MAX / 8 - i, 8);
            let side = batch.side / 8;
            pixels += (8 * batch.side * batch.side) as f64;
            let patches = Tensor::<4>::from_data(TensorData::new(batch.patches, [8, side, side, 192]), &teacher.device);
            let coded = in_f32(|| {
                let y = teacher.network.analysis.forward(patches);
                teacher.network.prior.forward(y, &batch.knots, Rounding::Hard, &mut Taps::Off)
            });
            hyper += read(coded.z_bits).iter().map(|&b| f64::from(b)).sum::<f64>();
            let residual = read(coded.residual);
            let log_scale = read(coded.log_scale);
            // [16 = pass and phase, batch, positions, channels / 4]
            let (block, group) = (residual.len() / 16, channels / 4);
            for (i, (r, s)) in residual.iter().zip(&log_scale).enumerate() {
                let channel = GROUP_OF_PHASE[i / block / 4][i / block % 4] * group + i % group;
                bits[channel] += f64::from(rate::term(r.round(), *s).bits);
            }
        }
        bits.iter_mut().for_each(|b| *b /= pixels);
        Self { teacher: teacher.id, crops: id(crops), bits, hyper: hyper / pixels }
    }

    /// Channels and their bits per pixel, most bits first.
    pub fn ranked(&self) -> Vec<(usize, f64)> {
        let mut ranked: Vec<(usize, f64)> = self.bits.iter().copied().enumerate().collect();
        ranked.sort_by(|a, b| b.1.total_cmp(&a.1));
        ranked
    }

    /// The file's text: comments, then a line of channel, bits per pixel, and the share in percent of this channel and those before it.
    pub fn to_text(&self) -> String {
        let total: f64 = self.bits.iter().sum();
        let mut text = format!(
            "# teacher {:08x} on crops {:08x}: bits per pixel of its latent channels, {total:.6} in all; \
             its hyper-latent has {:.6}\n# channel\tbits per pixel\tshare so far, %\n",
            self.teacher, self.crops, self.hyper
        );
        let mut so_far = 0.0;
        for (channel, bits) in self.ranked() {
            so_far += bits;
            text += &format!("{channel}\t{bits:.9}\t{:.2}\n", 100.0 * so_far / total.max(1e-12));
        }
        text
    }

    /// Reads what [`Self::to_text`] wrote.
    fn parse(text: &str) -> Option<Self> {
        let head = text.lines().next()?;
        let (teacher, rest) = head.strip_prefix("# teacher ")?.split_once(" on crops ")?;
        let teacher = u32::from_str_radix(teacher, 16).ok()?;
        let crops = u32::from_str_radix(rest.split_once(':')?.0, 16).ok()?;
        let hyper = head.rsplit(' ').next()?.parse().ok()?;
        let mut bits: Vec<Option<f64>> = Vec::new();
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let mut fields = line.split('\t');
            let channel: usize = fields.next()?.parse().ok()?;
            let value: f64 = fields.next()?.parse().ok()?;
            if channel >= 4096 || !value.is_finite() {
                return None;
            }
            bits.resize(bits.len().max(channel + 1), None);
            bits[channel] = Some(value);
        }
        Some(Self { teacher, crops, bits: bits.into_iter().collect::<Option<_>>()?, hyper })
    }

    /// From the file if it is this teacher's on these crops, else measured and written there, and read from it all the same: it rounds.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn load_or_measure(path: &Path, teacher: &Teacher, crops: &Crops) -> Result<Self, DistillError> {
        let known = std::fs::read_to_string(path).ok().and_then(|text| Self::parse(&text));
        let same = |known: &Self| known.teacher == teacher.id && known.crops == id(crops);
        if let Some(known) = known.filter(|known| same(known) && known.bits.len() == teacher.config.y) {
            return Ok(known);
        }
        let entropies = Self::measure(teacher, crops);
        let text = entropies.to_text();
        match write_whole(path, text.as_bytes()) {
            Ok(()) => Ok(Self::parse(&text).unwrap_or(entropies)),
            Err(source) => Err(DistillError::Io { path: path.to_owned(), source }),
        }
    }
}

/// What names crops in the file.
fn id(crops: &Crops) -> u32 {
    let digest = crops.digest();
    u32::from_be_bytes([digest[0], digest[1], digest[2], digest[3]])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_is_sorted_and_read_back_as_it_was() {
        let bits = vec![0.25, 0.5, 0.0, 0.125];
        let entropies = Entropies { teacher: 0x00ab_cdef, crops: 0x0123_4567, bits, hyper: 0.015625 };
        let text = entropies.to_text();
        let channels: Vec<&str> = text.lines().skip(2).filter_map(|line| line.split('\t').next()).collect();
        assert_eq!(channels, ["1", "0", "3", "2"]);
        assert!(text.contains("0.875000 in all") && text.lines().last().unwrap().ends_with("100.00"), "{text}");
        assert_eq!(Entropies::parse(&text), Some(entropies));
        // Files from before crops were named are measured again.
        let nameless = text.replace(" on crops 01234567", "");
        for damaged in ["", "# teacher", &nameless, &text.replace("3\t", "x\t"), &text.replace("\n0\t", "\n7\t")] {
            assert_eq!(Entropies::parse(damaged), None, "{damaged}");
        }
    }
}
