//! The float prior that the search sees, against the integers that will charge.

use lic_model::refine::{Choice, Differentiable, Extent, Window};
use lic_model::weights::WeightFile;

use super::rates::Rates;
use crate::model::Model;
use crate::prior::{FastEngine, PriorEngine, QualityIndex, TileShape};

const TINY: &[u8] = include_bytes!("../../../model/weights/tiny.safetensors");

/// Mean differences of means, in steps, and of scale indices, where both code the same latents.
fn differences(model: &Model, quality: QualityIndex) -> [f64; 2] {
    let [rows, columns] = [7, 5];
    let file = WeightFile::parse(model.bytes()).unwrap();
    let network = Differentiable::load(&file).unwrap();
    let (y, z) = (network.config().y, network.config().z);
    let gains: Vec<f32> = model.prior().gains(quality).scale().iter().map(|&g| g as f32).collect();
    let setting = network.at(quality.get(), &gains);
    let extent = Extent { window: [rows, columns], rows: 0..rows, columns: 0..columns };
    let patches = vec![0.0; rows * columns * 768];
    let window = Window::new(&setting, extent, vec![0.0; rows * columns * y], &patches, &patches);
    let rates = Rates::new(model.prior().scale_tables()).unwrap();

    let hyper: Vec<i16> = (0..2 * 2 * z).map(|i| (i * 7 % 5) as i16 - 2).collect();
    let mut engine = FastEngine::new(model.prior().clone());
    engine.begin(&[TileShape { height: rows, width: columns }], quality, &[&hyper]).unwrap();
    let (mut sums, mut count) = ([0.0; 2], 0.0);
    let plane: Vec<f32> = hyper.iter().map(|&z| z.into()).collect();
    window.step(&plane, |pass, means, log_scales| {
        let prediction = engine.predict().unwrap()[0].clone();
        let mut integers = prediction.mean64.iter().zip(&prediction.index);
        let mut symbols = Vec::new();
        let mut decoded = vec![0.0; means.len()];
        window.in_pass(pass, |places| {
            for place in places {
                let (&mean64, &index) = integers.next().unwrap();
                sums[0] += f64::from(means[place] - mean64 as f32 / 64.0).abs();
                sums[1] += (rates.index(log_scales[place]) as f64 - f64::from(index)).abs();
                count += 1.0;
                let symbol = if index > 20 { (place % 3) as i16 - 1 } else { 0 };
                decoded[place] = f32::from(symbol) + mean64 as f32 / 64.0;
                symbols.push(symbol);
            }
        });
        engine.accept(&[symbols]).unwrap();
        Choice { decoded, by_mean: vec![0.0; means.len()], by_log_scale: vec![0.0; means.len()] }
    });
    assert_eq!(count as usize, rows * columns * y);
    sums.map(|sum| sum / count)
}

#[test]
fn the_float_prior_predicts_what_the_integer_prior_does_at_knots_and_between_them() {
    let student = Model::embedded().unwrap();
    // Its file does not record the integer grid.
    let tiny = Model::from_bytes(TINY.to_vec()).unwrap();
    for (name, model) in [("student", &student), ("tiny", &tiny)] {
        for quality in [40, 126, 211] {
            let [mean, index] = differences(model, QualityIndex::new(quality).unwrap());
            assert!(mean < 0.05 && index < 0.5, "{name} at {quality}: {mean} steps, {index} scales");
        }
    }
}
