//! Pictures that no photo prepares a network for. What is lost of them may be much, but not more than there was: hidden units that open on nothing else
//! have turned such patterns into noise, at more bits than their pixels have.

use lic_codec::{Colour, Decoder, DeviceChoice, Effort, EncodeOptions, Encoder, Model, Picture};

/// With the embedded weights.
fn networks() -> (Encoder, Decoder) {
    let model = Model::embedded().unwrap();
    (Encoder::new(&model, DeviceChoice::Cpu).unwrap(), Decoder::new(&model, DeviceChoice::Cpu).unwrap())
}

/// Bits per pixel, and dB, of a picture of 192x192 pixels.
fn coded((encoder, decoder): &(Encoder, Decoder), pixel: impl Fn(usize, usize) -> [u8; 3]) -> (f64, f64) {
    let side = 192;
    let pixels = (0..side * side).flat_map(|i| pixel(i % side, i / side)).collect::<Vec<u8>>();
    let picture = Picture::new(side as u32, side as u32, Colour::Rgb, pixels).unwrap();
    let options = EncodeOptions { effort: Effort::Nearest, ..EncodeOptions::default() };
    let bytes = encoder.encode(&picture, &options).unwrap().bytes;
    let decoded = decoder.decode(&bytes).unwrap().picture;
    ((8 * bytes.len()) as f64 / (side * side) as f64, picture.psnr(&decoded))
}

fn lines(at: usize, period: usize) -> [u8; 3] {
    if 2 * (at % period) < period { [0; 3] } else { [255; 3] }
}

#[test]
fn lines_stay_lines() {
    let networks = networks();
    for period in [3, 4, 5, 6, 7, 8, 12] {
        let upright = coded(&networks, |x, _| lines(x, period));
        let lying = coded(&networks, |_, y| lines(y, period));
        for (bpp, psnr) in [upright, lying] {
            assert!(bpp < 1.5 && psnr > 22.0, "lines of {period} pixels: {bpp:.2} bpp, {psnr:.1} dB");
        }
    }
}

#[test]
fn colours_in_turn_take_fewer_bits_than_their_pixels_have() {
    let (bpp, psnr) = coded(&networks(), |x, _| if x % 4 < 2 { [255, 0, 0] } else { [0, 0, 255] });
    assert!(bpp < 6.0, "{bpp:.2} bpp, {psnr:.1} dB");
}
