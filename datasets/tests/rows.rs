//! A PNG read in rows must be what it is when it is read as a whole.

use std::path::{Path, PathBuf};

use image::{DynamicImage, GenericImageView, Rgba, RgbaImage};
use lic_datasets::{Photo, PhotoError, PhotoRows, PhotoSamples, generate};

fn saved(folder: &Path, image: &DynamicImage) -> PathBuf {
    let path = folder.join("image.png");
    image.save(&path).unwrap();
    path
}

/// All rows, `count` at a time; opaque alpha is nothing, as in a photo.
fn all(mut rows: PhotoRows, count: u32) -> Photo {
    let join = |all: &mut Option<PhotoSamples>, more: PhotoSamples| match (all, more) {
        (Some(PhotoSamples::Eight(all)), PhotoSamples::Eight(more)) => all.extend(more),
        (Some(PhotoSamples::Sixteen(all)), PhotoSamples::Sixteen(more)) => all.extend(more),
        (all, more) => *all = Some(more),
    };
    let (mut pixels, mut alpha) = (None, None);
    while let Some((colours, plane)) = rows.next(count).unwrap() {
        join(&mut pixels, colours);
        if let Some(plane) = plane {
            join(&mut alpha, plane);
        }
    }
    let opaque = match &alpha {
        Some(PhotoSamples::Eight(plane)) => plane.iter().all(|&sample| sample == 255),
        Some(PhotoSamples::Sixteen(plane)) => plane.iter().all(|&sample| sample == 65535),
        None => true,
    };
    let photo = Photo::new(rows.width, rows.height, rows.channels, pixels.unwrap());
    Photo { alpha: alpha.filter(|_| !opaque), metadata: rows.metadata, lost: rows.lost, ..photo }
}

#[test]
fn rows_are_those_of_the_photo() {
    let folder = tempfile::tempdir().unwrap();
    let landscape = generate::landscape(61, 47, 3).into_image().unwrap();
    let clear = RgbaImage::from_fn(30, 40, |x, y| Rgba([x as u8, y as u8, 9, (x * y) as u8]));
    let images = [
        landscape.clone(),
        landscape.to_luma8().into(),
        landscape.to_rgb16().into(),
        landscape.to_luma_alpha16().into(),
        landscape.to_rgba8().into(),
        clear.into(),
    ];
    for image in images {
        let path = saved(folder.path(), &image);
        for count in [1, 7, 1000] {
            let rows = PhotoRows::open(&path, 0).unwrap().unwrap();
            assert!(all(rows, count) == Photo::open(&path).unwrap(), "{:?} {:?}", image.color(), image.dimensions());
        }
    }
}

#[test]
fn palettes_and_few_bits_become_colours() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("palette.png");
    let write = |transparent: Option<&[u8]>| {
        let mut encoder = png::Encoder::new(std::fs::File::create(&path).unwrap(), 5, 3);
        encoder.set_color(png::ColorType::Indexed);
        encoder.set_depth(png::BitDepth::Four);
        encoder.set_palette(vec![255, 0, 0, 0, 255, 0, 1, 2, 3]);
        if let Some(alpha) = transparent {
            encoder.set_trns(alpha.to_vec());
        }
        encoder
            .write_header()
            .unwrap()
            .write_image_data(&[0x01, 0x20, 0x10, 0x22, 0x11, 0x00, 0x01, 0x02, 0x10])
            .unwrap();
    };
    for transparent in [None, Some([7, 255, 255].as_slice())] {
        write(transparent);
        assert!(all(PhotoRows::open(&path, 0).unwrap().unwrap(), 2) == Photo::open(&path).unwrap());
    }
}

#[test]
fn small_foreign_interlaced_and_animated_files_are_left_to_the_photo() {
    let folder = tempfile::tempdir().unwrap();
    let landscape = generate::landscape(20, 10, 3).into_image().unwrap();
    let path = saved(folder.path(), &landscape);
    assert!(PhotoRows::open(&path, 199).unwrap().is_some());
    assert!(PhotoRows::open(&path, 200).unwrap().is_none());
    // A single pixel of grey, in the first of seven passes.
    let interlaced = folder.path().join("interlaced.png");
    std::fs::write(&interlaced, b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01\0\0\0\x01\x08\0\0\0\x01My\xab\xc3\0\0\0\rIDATx\x01\x01\x02\0\xfd\xff\0\x80\0\x82\0\x81\xc3n%\xe0\0\0\0\0IEND\xaeB`\x82").unwrap();
    assert_eq!(Photo::open(&interlaced).unwrap().width, 1);
    assert!(PhotoRows::open(&interlaced, 0).unwrap().is_none());
    let animated = folder.path().join("animated.png");
    let mut encoder = png::Encoder::new(std::fs::File::create(&animated).unwrap(), 1, 1);
    encoder.set_animated(2, 0).unwrap();
    let mut writer = encoder.write_header().unwrap();
    writer.write_image_data(&[1]).unwrap();
    writer.write_image_data(&[2]).unwrap();
    writer.finish().unwrap();
    assert!(PhotoRows::open(&animated, 0).unwrap().is_none());
    let jpeg = folder.path().join("image.jpg");
    landscape.save(&jpeg).unwrap();
    assert!(PhotoRows::open(&jpeg, 0).unwrap().is_none());
    assert!(matches!(PhotoRows::open(&folder.path().join("missing.png"), 0), Err(PhotoError::Io(_))));
}

#[test]
fn a_file_that_breaks_off_is_damaged() {
    let folder = tempfile::tempdir().unwrap();
    let path = saved(folder.path(), &generate::landscape(200, 300, 3).into_image().unwrap());
    let bytes = std::fs::read(&path).unwrap();
    std::fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
    let mut rows = PhotoRows::open(&path, 0).unwrap().unwrap();
    let error = loop {
        match rows.next(10) {
            Ok(Some(_)) => {}
            Ok(None) => panic!("all rows came"),
            Err(error) => break error,
        }
    };
    assert!(matches!(error, PhotoError::Damaged(_)), "{error}");
}
