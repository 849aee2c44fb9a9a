//! Training as its user sees it: it lowers the loss, refuses wrong input; and every preset takes a step. Runs that go on are in `resuming.rs`.

mod support;

use std::path::Path;

use burn::tensor::Device;
use lic_model::network::Network;
use lic_model::params;
use lic_model::prior::Taps;
use lic_model::quantise::{checkpoint_network, checkpoint_to_weights, restore};
use lic_model::train::{
    Batch, Crops, Optimiser, Options, Place, TrainError, load_folder, score, step, train, validate,
};
use lic_model::weights::WeightFile;
use lic_model::{Preset, checkpoint};
use support::{losses, photos};

fn options(data: &Path, out: &Path, steps: u64) -> Options {
    let mut options = support::options(data, out, steps);
    options.schedule.quantised_share = 0.4;
    options
}

#[test]
fn a_run_that_begins_with_a_checkpoint_of_soap_goes_on_in_its_bases() {
    let folder = tempfile::tempdir().unwrap();
    photos(folder.path());
    let soap = |out: &str, steps| Options {
        optimiser: Optimiser::Soap,
        ..options(folder.path(), &folder.path().join(out), steps)
    };
    losses(&soap("first", 6));
    let from = folder.path().join("first/checkpoint.safetensors");
    let mut second = Options { from: Some(from.clone()), ..soap("second", 1) };
    second.schedule.peak = 1e-12;
    losses(&second);
    let (_, one) = checkpoint::load(&from).unwrap();
    let (_, two) = checkpoint::load(&folder.path().join("second/checkpoint.safetensors")).unwrap();
    let basis = "analysis.stem.weight.0.right.vectors";
    let (_, before) = &one["rotation"][basis];
    let (_, after) = &two["rotation"][basis];
    assert!(before.iter().any(|v| *v != 0.0 && *v != 1.0));
    // One step more moves the covariance by a fiftieth.
    let n = (before.len() as f64).sqrt() as usize;
    let strongest: f32 = before[..n].iter().zip(&after[..n]).map(|(a, b)| a * b).sum();
    assert!(strongest.abs() > 0.9, "{strongest}");
}

#[test]
fn training_lowers_the_loss() {
    let folder = tempfile::tempdir().unwrap();
    photos(folder.path());
    let losses = losses(&options(folder.path(), &folder.path().join("run"), 40));
    let mean = |part: &[f64]| part.iter().sum::<f64>() / part.len() as f64;
    assert!(mean(&losses[35..]) < 0.9 * mean(&losses[..5]), "{losses:?}");
}

#[test]
fn a_run_that_begins_with_a_weight_file_begins_where_its_training_ended() {
    let folder = tempfile::tempdir().unwrap();
    photos(folder.path());
    let (first, second) = (folder.path().join("first"), folder.path().join("second"));
    train(&options(folder.path(), &first, 60), &mut |_| {}).unwrap();
    let checkpoint = first.join("checkpoint.safetensors");
    let quantised = checkpoint_to_weights(&checkpoint, None).unwrap();
    let weights = folder.path().join("weights.safetensors");
    std::fs::write(&weights, &quantised.bytes).unwrap();

    let device = Device::flex();
    let score_of = |network: &Network| {
        let images = load_folder(folder.path()).unwrap();
        score(&validate(network, &images, &device, &mut Taps::Off, None))
    };
    let trained = score_of(&checkpoint_network(&checkpoint, &device).unwrap());
    let restored = score_of(&restore(&WeightFile::parse(&quantised.bytes).unwrap(), &device).unwrap());
    let linear = {
        let start = folder.path().join("start");
        train(&options(folder.path(), &start, 1), &mut |_| {}).unwrap();
        score_of(&checkpoint_network(&start.join("checkpoint.safetensors"), &device).unwrap())
    };
    println!("start {linear}, trained {trained}, restored {restored}");
    assert!((restored - trained).abs() < 0.1 * (linear - trained), "{linear} {trained} {restored}");

    let mut onward = options(folder.path(), &second, 2);
    onward.from = Some(weights);
    train(&onward, &mut |_| {}).unwrap();
    let (meta, _) = checkpoint::load(&second.join("checkpoint.safetensors")).unwrap();
    assert_eq!((meta.step, meta.earlier.0), (2, 60));

    // The checkpoint has more to give: its own floats, and the moments with their steps.
    onward.from = Some(checkpoint);
    onward.out = folder.path().join("third");
    train(&onward, &mut |_| {}).unwrap();
    let (meta, parts) = checkpoint::load(&onward.out.join("checkpoint.safetensors")).unwrap();
    assert_eq!((meta.step, meta.lead, meta.earlier.0), (2, 60, 60));
    assert!(parts["second"].values().flat_map(|(_, values)| values).all(|v| v.is_finite()));
}

#[test]
fn a_run_of_a_larger_preset_begins_with_a_smaller_one_grown_into_a_new_or_a_trained_one() {
    let folder = tempfile::tempdir().unwrap();
    photos(folder.path());
    let first = folder.path().join("first");
    train(&options(folder.path(), &first, 3), &mut |_| {}).unwrap();
    let mut grown = options(folder.path(), &folder.path().join("grown"), 1);
    grown.preset = Preset::Student;
    grown.from = Some(first.join("checkpoint.safetensors"));
    grown.revive = true;
    assert_eq!(losses(&grown).len(), 1);
    let mut shrunk = options(folder.path(), &folder.path().join("shrunk"), 1);
    shrunk.from = Some(grown.out.join("checkpoint.safetensors"));
    let error = train(&shrunk, &mut |_| {}).unwrap_err();
    assert!(matches!(error, TrainError::Grow { .. }), "{error}");
    // Into what was grown before, and into models that add nothing.
    let mut again = Options { revive: false, out: folder.path().join("again"), ..grown.clone() };
    again.additions = Some(grown.out.join("checkpoint.safetensors"));
    assert_eq!(losses(&again).len(), 1);
    let mut other = Options { out: folder.path().join("other"), ..again.clone() };
    other.additions.clone_from(&grown.from);
    let error = train(&other, &mut |_| {}).unwrap_err();
    assert!(matches!(error, TrainError::OtherAdditions { .. }), "{error}");
    other.from.clone_from(&again.additions);
    let error = train(&other, &mut |_| {}).unwrap_err();
    assert!(matches!(error, TrainError::Additions), "{error}");
}

#[test]
fn an_existing_run_is_not_overwritten_and_another_preset_not_resumed() {
    let folder = tempfile::tempdir().unwrap();
    photos(folder.path());
    let out = folder.path().join("run");
    let mut options = options(folder.path(), &out, 1);
    train(&options, &mut |_| {}).unwrap();
    assert!(matches!(train(&options, &mut |_| {}), Err(TrainError::Exists(_))));
    options.resume = true;
    options.preset = Preset::Student;
    let error = train(&options, &mut |_| {}).unwrap_err();
    assert!(error.to_string().starts_with("the checkpoint is of preset tiny, not student: "), "{error}");
}

#[test]
fn a_new_run_without_anything_to_revive_in_is_refused_before_anything_is_written() {
    let folder = tempfile::tempdir().unwrap();
    photos(folder.path());
    let out = folder.path().join("run");
    let new = Options { revive: true, ..options(folder.path(), &out, 1) };
    let error = train(&new, &mut |_| {}).unwrap_err();
    assert!(matches!(error, TrainError::Revive) && !out.exists(), "{error}");
}

#[test]
fn folders_without_usable_photos_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let error = Crops::load(folder.path(), 256, 0).unwrap_err();
    assert!(error.to_string().starts_with("no PNG or JPEG image of at least 256x256 pixels"), "{error}");
    std::fs::write(folder.path().join("broken.png"), b"not a picture").unwrap();
    let error = Crops::load(folder.path(), 64, 0).unwrap_err();
    assert!(error.to_string().contains("broken.png"), "{error}");
}

#[test]
fn crops_that_are_not_scaled_are_the_photos_own_pixels() {
    let folder = tempfile::tempdir().unwrap();
    // Every pixel has its own value, so a pixel of the crop is found in the photo or it is not there.
    let photo = image::RgbImage::from_fn(80, 80, |x, y| image::Rgb([3 * x as u8, 3 * y as u8, (x * y) as u8]));
    photo.save(folder.path().join("photo.png")).unwrap();
    let known: std::collections::HashSet<[u8; 3]> = photo.pixels().map(|p| p.0).collect();
    let own = |crops: Crops| {
        let patches = crops.batch(0, 4).patches;
        let bytes: Vec<u8> = patches.iter().map(|v| ((v + 0.5) * 255.0).round() as u8).collect();
        bytes.chunks_exact(3).filter(|c| known.contains(&[c[0], c[1], c[2]])).count() as f64 / (bytes.len() / 3) as f64
    };
    let crops = || Crops::load(folder.path(), 64, 0).unwrap();
    assert_eq!(own(crops().scaled_from(1.0)), 1.0);
    assert!(own(crops()) < 0.9);
}

#[test]
fn scales_outside_their_range_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let mut options = options(folder.path(), &folder.path().join("run"), 1);
    for scale in [0.0, 1.5, f32::NAN] {
        options.smallest_scale = scale;
        let error = train(&options, &mut |_| {}).unwrap_err();
        assert!(error.to_string().contains("between 0.1 and 1"), "{error}");
    }
}

#[test]
fn every_preset_takes_a_step_with_a_finite_gradient_in_every_layer() {
    let device = Device::flex().autodiff();
    for preset in Preset::ALL {
        let network = Network::new(&preset.config(), 1, &device);
        let patches = (0..64 * 192).map(|i| ((i * 31 % 97) as f32 / 97.0 - 0.5) * 0.8).collect();
        let batch = Batch { patches, knots: vec![40], side: 64, numbers: Vec::new() };
        let (report, gradient) = step(&network, &batch, Place { seed: 0, step: 0, device: &device }, &mut Taps::Off);
        assert!(report.loss.is_finite() && gradient.iter().all(|g| g.is_finite()), "{preset}");
        // A branch that starts at zero passes a gradient to its last layer, which must get one for the branch to wake up.
        for slot in
            params::slots(&network).iter().filter(|s| s.name.contains("blocks") && s.name.ends_with("project.weight"))
        {
            assert!(gradient[slot.range()].iter().any(|&g| g != 0.0), "{preset}: no gradient for {}", slot.name);
        }
    }
}
