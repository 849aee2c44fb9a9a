//! A batch converter: images that the `image` crate reads to `.lic` files beside them, with colour profile, EXIF and XMP.
//!
//!     cargo run --release -p lic-codec --features image --example convert -- 60 *.png

use std::error::Error;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use image::{DynamicImage, ImageDecoder, ImageEncoder, ImageReader};
use lic_codec::image::LicEncoder;
use lic_codec::{DeviceChoice, EncodeOptions, Encoder, Model};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [quality, inputs @ ..] = arguments.as_slice() else { return Err("usage: convert QUALITY IMAGE...".into()) };
    let options = EncodeOptions { quality: quality.parse()?, ..EncodeOptions::default() };
    // One encoder for all images.
    let encoder = Arc::new(Encoder::new(&Model::embedded()?, DeviceChoice::Auto)?);
    for input in inputs.iter().map(Path::new) {
        let output = convert(input, options, &encoder).map_err(|error| format!("{}: {error}", input.display()))?;
        println!("{}", output.display());
    }
    Ok(())
}

fn convert(input: &Path, options: EncodeOptions, encoder: &Arc<Encoder>) -> Result<PathBuf, Box<dyn Error>> {
    let mut decoder = ImageReader::open(input)?.with_guessed_format()?.into_decoder()?;
    let (profile, exif, xmp) = (decoder.icc_profile()?, decoder.exif_metadata()?, decoder.xmp_metadata()?);
    let image = DynamicImage::from_decoder(decoder)?;
    let mut bytes = Vec::new();
    let mut writer = LicEncoder::with_encoder(&mut bytes, options, encoder.clone());
    if let Some(profile) = profile {
        writer.set_icc_profile(profile)?;
    }
    if let Some(exif) = exif {
        writer.set_exif_metadata(exif)?;
    }
    if let Some(xmp) = xmp {
        writer.set_xmp_metadata(xmp);
    }
    writer.write_image(image.as_bytes(), image.width(), image.height(), image.color().into())?;
    let output = input.with_extension("lic");
    std::fs::write(&output, bytes)?;
    Ok(output)
}
