//! What an image viewer does: small PNGs of any images, `.lic` files among them. It decodes them whole, as `image` has nothing else;
//! `lic_codec::Decoder::view` with `View::at_least` makes a preview of a `.lic` file in a third of the time.
//!
//!     cargo run --release -p lic-codec --features image --example thumbnails -- 256 photo.lic other.png thumbnails/

use std::error::Error;
use std::path::Path;

use image::{DynamicImage, ImageDecoder, ImageReader};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [size, inputs @ .., folder] = arguments.as_slice() else {
        return Err("usage: thumbnails SIZE IMAGE... FOLDER".into());
    };
    let size = size.parse()?;
    lic_codec::image::register();
    for input in inputs.iter().map(Path::new) {
        let small = thumbnail(input, size).map_err(|error| format!("{}: {error}", input.display()))?;
        let mut name = input.file_stem().ok_or("a file is needed")?.to_owned();
        name.push(".png");
        let output = Path::new(folder).join(name);
        small.save(&output)?;
        println!("{}", output.display());
    }
    Ok(())
}

/// The picture upright, at most `size` pixels wide and high.
fn thumbnail(path: &Path, size: u32) -> Result<DynamicImage, Box<dyn Error>> {
    let mut decoder = ImageReader::open(path)?.with_guessed_format()?.into_decoder()?;
    let orientation = decoder.orientation()?;
    let mut image = DynamicImage::from_decoder(decoder)?.thumbnail(size, size);
    image.apply_orientation(orientation);
    Ok(image)
}
