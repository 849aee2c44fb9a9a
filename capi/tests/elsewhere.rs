//! What can be checked without burn, and so on processors where it is slow to build or cannot run: the kernels among themselves, and the pixels of golden
//! files. On aarch64, emulated on Debian (`rustup target add aarch64-unknown-linux-gnu`, packages gcc-aarch64-linux-gnu and qemu-user):
//!
//!     export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER=aarch64-linux-gnu-gcc
//!     export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUNNER="qemu-aarch64 -L /usr/aarch64-linux-gnu"
//!     cargo test --release -p lic-capi --test elsewhere --target aarch64-unknown-linux-gnu --target-dir target/aarch64

#[allow(dead_code, unsafe_code, reason = "the codec's own module, of which this uses a part")]
#[path = "../../codec/src/simd/mod.rs"]
mod simd;

use std::path::PathBuf;

use lic_codec::{Decoder, DeviceChoice, EncodeOptions, Encoder, Model, Samples};
use sha2::{Digest, Sha256};

/// Golden files, and the SHA-256 of their colour samples as u16, little-endian. Those called `fitted` and `enhanced` are of weights with what is, the latter with all of it.
const GOLDEN: [(&str, &str); 9] = [
    ("rgb.lic", "7203a9c065395b517bd4cbb839fd7b444d7769e9736aa912e7140219ba630dea"),
    ("grey.lic", "556a43f19e42eb4c0f4dfbf1285e1f65970c89d4159f54eaa994c4188321e88f"),
    ("tiled.lic", "c39fffae0e0e17cdc55116c61e7b7a3aed2567138c1159847527d70809a7881e"),
    ("everything.lic", "064b314097707bef5d45f5e9f20a5dedd7e4f9f84e07195dee069522c3d03fe2"),
    ("lossy-alpha.lic", "f4d059c5a4e5044c40ca61073d8de207cf56d878bdf855726d3e2ae677ee4eda"),
    ("fitted.lic", "700b059438dbfbb8824db0eb2bda7dc6a963d011b2642b66203ba59c3785a06e"),
    ("fitted-grey.lic", "bae609a1857d47c027891ff721ce02b21da3c91ab387c0d94c11e7786e16d6a5"),
    ("enhanced.lic", "db2d602048067ef1a00b2de449fc81529fefd912f02f46f0266af1e6b7c4a242"),
    ("enhanced-grey.lic", "d77911b42cc54ddea3591abfa6efe9a366a4229520dfa62a5abadb8c0bcce064"),
];

/// The SHA-256 of `rgb.lic`'s picture coded anew at quality 50.
const AGAIN: &str = "125339fb1fa2a859f55247c703e4431dce72cda120526295cc13a10fd0460237";

fn from_root(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..").join(path)
}

fn golden(name: &str) -> Vec<u8> {
    std::fs::read(from_root("codec/tests/golden").join(name)).unwrap()
}

fn tiny() -> Model {
    weights("tiny")
}

fn weights(name: &str) -> Model {
    Model::open(&from_root("model/weights").join(format!("{name}.safetensors"))).unwrap()
}

fn hex(hash: Sha256) -> String {
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

fn hash(samples: &Samples) -> String {
    let mut hash = Sha256::new();
    match samples {
        Samples::Eight(samples) => samples.iter().for_each(|&s| hash.update(u16::from(s).to_le_bytes())),
        Samples::Deep(_, samples) => samples.iter().for_each(|s| hash.update(s.to_le_bytes())),
    }
    hex(hash)
}

#[test]
fn golden_files_have_the_same_pixels_on_every_processor() {
    let [plain, fitted, enhanced] =
        ["tiny", "tiny-fitted", "tiny-enhanced"].map(|name| Decoder::new(&weights(name), DeviceChoice::Cpu).unwrap());
    let found = GOLDEN.map(|(name, _)| {
        let decoder = match name.split(['.', '-']).next() {
            Some("fitted") => &fitted,
            Some("enhanced") => &enhanced,
            _ => &plain,
        };
        (name, hash(&decoder.decode(&golden(name)).unwrap().picture.pixels))
    });
    assert_eq!(found.each_ref().map(|(name, hash)| (*name, hash.as_str())), GOLDEN);
}

#[test]
fn a_picture_becomes_the_same_file_on_every_processor() {
    let picture = Decoder::new(&tiny(), DeviceChoice::Cpu).unwrap().decode(&golden("rgb.lic")).unwrap().picture;
    let encoder = Encoder::new(&tiny(), DeviceChoice::Cpu).unwrap();
    let options = EncodeOptions { quality: 50.0, ..EncodeOptions::default() };
    let file = encoder.encode(&picture, &options).unwrap().bytes;
    assert_eq!(hex(Sha256::new_with_prefix(file)), AGAIN);
}
