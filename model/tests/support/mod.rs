//! What the tests of training and of distillation begin with.

#![allow(dead_code, reason = "every test program uses its own part of this")]

use std::path::Path;

use burn::tensor::Device;
use lic_model::Preset;
use lic_model::train::{Budget, Event, Options, train};
use lic_model::weights::Grid;

/// Every site of `tiny`'s prior.
pub(crate) fn grid() -> Grid {
    let hyper = ["stream1", "stream2", "hidden1", "hidden2"].map(|site| format!("hyper.{site}"));
    let passes = (1..4).flat_map(|pass| ["stream", "hidden0", "hidden1"].map(|site| format!("pass{pass}.{site}")));
    let ends = ["z", "feedback"].map(str::to_owned);
    hyper.into_iter().chain(passes).chain(ends).map(|site| (site, 64.0)).collect()
}

/// Three generated photos: smooth gradients with some texture.
pub(crate) fn photos(folder: &Path) {
    for (index, name) in ["a.png", "b.png", "c.png"].iter().enumerate() {
        let image = image::RgbImage::from_fn(160, 128, |x, y| {
            let wave = ((x as f32 * 0.11 * (index + 1) as f32).sin() + (y as f32 * 0.07).cos()) * 50.0;
            let grain = ((x * 7919 + y * 104_729) % 23) as f32;
            let value = |shift: f32| (128.0 + wave + grain + shift).clamp(0.0, 255.0) as u8;
            image::Rgb([value(0.0), value(20.0), value(-15.0)])
        });
        image.save(folder.join(name)).unwrap();
    }
}

/// A short run of `tiny` on them.
pub(crate) fn options(data: &Path, out: &Path, steps: u64) -> Options {
    let mut options =
        Options::new(Preset::Tiny, data.into(), out.into(), Budget::Steps(steps), Device::flex().autodiff());
    options.side = 64;
    options.batch = 4;
    options.schedule.warmup = 3;
    options
}

/// Runs to the end; the loss of every step.
pub(crate) fn losses(options: &Options) -> Vec<f64> {
    let mut losses = Vec::new();
    let result = train(options, &mut |event| {
        if let Event::Step { report, .. } = event {
            losses.push(report.loss);
        }
    });
    result.unwrap();
    losses
}
