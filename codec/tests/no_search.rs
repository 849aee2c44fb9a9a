//! A build without burn refuses the efforts that search: `cargo test -p lic-codec --no-default-features --features cpu --test no_search`.
#![cfg(not(feature = "burn"))]

use lic_codec::{Colour, DeviceChoice, Effort, EncodeOptions, Encoder, Error, Model, Picture};

#[test]
fn efforts_that_search_are_refused_and_others_are_not() {
    let encoder = Encoder::new(&Model::embedded().unwrap(), DeviceChoice::Cpu).unwrap();
    let picture = Picture::new(8, 8, Colour::Grey, vec![100; 64]).unwrap();
    for (number, effort) in [(2, Effort::Refined), (3, Effort::Thorough)] {
        let result = encoder.encode(&picture, &EncodeOptions { effort, ..EncodeOptions::default() });
        assert!(matches!(&result, Err(Error::NoSearch(n)) if *n == number), "{result:?}");
        assert!(result.unwrap_err().to_string().contains("feature burn"));
    }
    assert!(encoder.encode(&picture, &EncodeOptions::default()).is_ok());
}
