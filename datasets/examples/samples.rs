//! Writes the generated images into `datasets/samples/`.

use std::path::Path;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("samples");
    for (name, photo) in lic_datasets::generate::committed() {
        let image = photo.into_image().ok_or("the generator drew too few pixels")?;
        image.save(folder.join(name))?;
    }
    Ok(())
}
