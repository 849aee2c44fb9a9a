//! Pictures for the tests, and the C compiler.
#![allow(dead_code, reason = "every test program uses its own part of this")]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::LazyLock;

use lic_codec::format::BitDepth;
use lic_codec::{Alpha, Colour, Decoder, DeviceChoice, EncodeOptions, Encoder, Model, Picture, Samples};

pub(crate) const WIDTH: u32 = 70;
pub(crate) const HEIGHT: u32 = 50;

static MODEL: LazyLock<Model> = LazyLock::new(|| Model::embedded().unwrap());
static ENCODER: LazyLock<Encoder> = LazyLock::new(|| Encoder::new(&MODEL, DeviceChoice::Cpu).unwrap());
static DECODER: LazyLock<Decoder> = LazyLock::new(|| Decoder::new(&MODEL, DeviceChoice::Cpu).unwrap());

/// A smooth picture.
pub(crate) fn drawn(colour: Colour, alpha: bool, depth: BitDepth) -> Picture {
    let peak = (1u32 << depth.bits()) - 1;
    let plane = |channels: u32, value: &dyn Fn(u32, u32, u32) -> u32| {
        let all = (0..WIDTH * HEIGHT * channels).map(|i| (i / channels % WIDTH, i / channels / WIDTH, i % channels));
        let all = all.map(|(x, y, channel)| value(x, y, channel) * peak / 255);
        match depth {
            BitDepth::Eight => Samples::Eight(all.map(|value| value as u8).collect()),
            depth => Samples::Deep(depth, all.map(|value| value as u16).collect()),
        }
    };
    let channels = if colour == Colour::Rgb { 3 } else { 1 };
    let colours = plane(channels, &|x, y, channel| (3 * x + 20 * channel).min(5 * y + 10));
    let mut picture = Picture::new(WIDTH, HEIGHT, colour, colours).unwrap();
    picture.alpha = alpha.then(|| Alpha { samples: plane(1, &|x, y, _| 255 - x - y), premultiplied: false });
    picture
}

/// A picture as a file of the model inside the library, with tiles of 64 pixels: more than one.
pub(crate) fn encoded(picture: &Picture) -> Vec<u8> {
    let options = EncodeOptions { tile: 64, ..EncodeOptions::default() };
    ENCODER.encode(picture, &options).unwrap().bytes
}

/// What the Rust interface makes of a file.
pub(crate) fn decoded(file: &[u8]) -> Picture {
    let mut picture = DECODER.decode(file).unwrap().picture;
    picture.unpremultiply();
    picture
}

/// The samples of a picture as red, green, blue, alpha, from its planes of one depth.
pub(crate) fn rgba<T: Copy>(colours: &[T], alpha: Option<&[T]>, opaque: T) -> Vec<[T; 4]> {
    let pixels = (WIDTH * HEIGHT) as usize;
    let channels = colours.len() / pixels;
    let pixel = |i: usize| {
        let [r, g, b] = [0, 1, 2].map(|channel| colours[i * channels + channel % channels]);
        [r, g, b, alpha.map_or(opaque, |alpha| alpha[i])]
    };
    (0..pixels).map(pixel).collect()
}

/// [`rgba`] of a picture with 8 bits.
pub(crate) fn rgba8(picture: &Picture) -> Vec<[u8; 4]> {
    let alpha = picture.alpha.as_ref().map(|alpha| alpha.samples.to_eight());
    rgba(&picture.pixels.to_eight(), alpha.as_deref(), 255)
}

/// [`rgba`] of a picture with 16 bits.
pub(crate) fn rgba16(picture: &Picture) -> Vec<[u16; 4]> {
    let alpha = picture.alpha.as_ref().map(|alpha| alpha.samples.to_sixteen());
    rgba(&picture.pixels.to_sixteen(), alpha.as_deref(), 65535)
}

/// A file of this crate.
pub(crate) fn own(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// Where cargo has put the libraries that it built for this test: beside the test, without a hash in their names.
pub(crate) fn libraries() -> PathBuf {
    std::env::current_exe().unwrap().parent().unwrap().to_owned()
}

/// Arguments that link the shared library, which is found again when the program starts.
pub(crate) fn shared() -> Vec<String> {
    let folder = libraries();
    let folder = folder.display();
    vec![format!("-L{folder}"), "-llic_capi".into(), format!("-Wl,-rpath,{folder}")]
}

/// Arguments that link the static library, with the system's libraries that Linux needs for it.
pub(crate) fn linked_in() -> Vec<String> {
    let archive = libraries().join("liblic_capi.a").display().to_string();
    [archive.as_str(), "-lpthread", "-ldl", "-lm", "-lgcc_s"].map(str::to_owned).to_vec()
}

/// Runs a compiler that must succeed, and must not even warn.
pub(crate) fn compile(compiler: &str, arguments: &[&str], source: &Path, more: &[String]) {
    let output = Command::new(compiler)
        .args(arguments)
        .args(["-Wall", "-Wextra", "-Werror", "-I"])
        .arg(own("include"))
        .arg(source)
        .args(more)
        .output()
        .unwrap_or_else(|error| panic!("{compiler}: {error}"));
    assert!(output.status.success(), "{compiler} {source:?}: {}", text(&output));
}

/// What a program has said.
pub(crate) fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}
