//! Part of target `decode`: rows of a stream, regions and smaller pictures are what decoding the whole file gives.

use lic_codec::format::Header;
use lic_codec::{Decoded, Error, Picture, Region, Samples, Scale, View};

use super::model::DECODER;

/// Compares with `whole`, the result of [`lic_codec::Decoder::decode`].
pub fn check(file: &[u8], header: &Header, whole: &Result<Decoded, Error>) {
    let choice = crc32fast::hash(file);
    rows(file, choice, whole.as_ref().ok().map(|decoded| &decoded.picture));
    let [width, height] = [header.width, header.height].map(u32::from);
    let (x, y) = (choice % width, (choice >> 8) % height);
    let region = Region { x, y, width: 1 + (choice >> 16) % (width - x), height: 1 + (choice >> 24) % (height - y) };
    let scales = [Scale::Full, Scale::Full, Scale::Half, Scale::Quarter, Scale::Eighth, Scale::Preview];
    let view = View { region: Some(region), scale: scales[(choice >> 5) as usize % scales.len()] };
    // Damage in tiles beside the region is not noticed, so a region may come out of a damaged file, but not the other way round.
    match (DECODER.view(file, &view), whole) {
        (Ok(part), whole) => {
            let part = part.picture;
            assert_eq!([part.width, part.height], view.size(header).expect("the region lies in the picture"));
            assert_eq!(part.pixels.len(), part.width as usize * part.height as usize * part.channels());
            if let (Ok(whole), Scale::Full) = (whole, view.scale) {
                assert!(part == cut(&whole.picture, region), "a region differs from its picture");
            }
        }
        (Err(error), Ok(_)) => panic!("a region of a good file was refused: {error}"),
        (Err(_), Err(_)) => {}
    }
}

/// Reads the file as a stream that gives a few bytes at a time.
fn rows(file: &[u8], choice: u32, whole: Option<&Picture>) {
    struct Slow<'a>(&'a [u8], usize);
    impl std::io::Read for Slow<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            let most = self.1.min(buffer.len());
            self.0.read(&mut buffer[..most])
        }
    }
    let slow = Slow(file, [1, 7, 100, 5000][choice as usize % 4]);
    let mut reader = match DECODER.rows(slow, &View::default()) {
        Ok(reader) => reader,
        Err(error) => return assert!(whole.is_none(), "a good file was refused as a stream: {error}"),
    };
    if choice % 16 < 8 {
        match (reader.collect(), whole) {
            (Ok(picture), Some(whole)) => assert!(picture == *whole, "a stream gives another picture"),
            (Ok(_), None) => panic!("a damaged file was decoded as a stream"),
            (Err(error), Some(_)) => panic!("a good file was refused as a stream: {error}"),
            (Err(_), None) => drop(reader.next_band()),
        }
        return;
    }
    let mut y = 0;
    loop {
        match reader.next_band() {
            Ok(Some(band)) => {
                assert!(band.y == y && band.height > 0, "bands do not follow each other");
                y += band.height;
            }
            Ok(None) => return assert!(whole.is_some() && y == reader.size()[1], "a damaged file ended well"),
            Err(error) => {
                assert!(whole.is_none(), "a good file was refused as a stream: {error}");
                return drop(reader.next_band());
            }
        }
    }
}

/// A region of a picture.
fn cut(whole: &Picture, region: Region) -> Picture {
    let [x, y, width, height] = [region.x, region.y, region.width, region.height].map(|n| n as usize);
    let lines = |channels: usize| {
        let line = whole.width as usize * channels;
        (y..y + height).map(move |row| row * line + x * channels..row * line + (x + width) * channels)
    };
    let part = |samples: &Samples, channels: usize| match samples {
        Samples::Eight(samples) => Samples::Eight(lines(channels).flat_map(|at| samples[at].to_vec()).collect()),
        Samples::Deep(depth, samples) => {
            Samples::Deep(*depth, lines(channels).flat_map(|at| samples[at].to_vec()).collect())
        }
    };
    let mut picture = Picture { width: region.width, height: region.height, ..whole.clone() };
    picture.pixels = part(&whole.pixels, whole.channels());
    if let (Some(alpha), Some(of)) = (&mut picture.alpha, &whole.alpha) {
        alpha.samples = part(&of.samples, 1);
    }
    picture
}
