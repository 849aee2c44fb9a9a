//! Gradients that stop being numbers: the run ends with an error, and its checkpoint is one from before.

use burn::tensor::Device;

use super::objective::{Objective, Place};
use super::run::{CHECKPOINT, train_towards};
use super::{Batch, Budget, Options, StepReport, TrainError};
use crate::checkpoint;
use crate::network::Network;
use crate::params::{self, Slot};
use crate::preset::Preset;
use crate::prior::Taps;

/// A loss whose gradient is zero, and no number from a step on.
struct Breaking {
    from: u64,
}

impl Objective for Breaking {
    fn step(
        &mut self,
        network: &Network,
        _batch: &Batch,
        place: Place<'_>,
        _taps: &mut Taps<'_>,
    ) -> Result<(StepReport, Vec<f32>), TrainError> {
        let size: usize = params::slots(network).iter().map(Slot::len).sum();
        let value = if place.step < self.from { 0.0 } else { f32::NAN };
        Ok((StepReport::default(), vec![value; size]))
    }
}

/// How a run of so many steps ends, and the steps of its checkpoint.
fn broken(steps: u64, from: u64) -> (TrainError, u64) {
    let folder = tempfile::tempdir().unwrap();
    let photo =
        image::RgbImage::from_fn(96, 96, |x, y| image::Rgb([(x * 79 + y * 31) as u8, (2 * x) as u8, (x * y) as u8]));
    photo.save(folder.path().join("photo.png")).unwrap();
    let (data, out) = (folder.path().to_owned(), folder.path().join("run"));
    let mut options = Options::new(Preset::Tiny, data, out, Budget::Steps(steps), Device::flex().autodiff());
    options.side = 64;
    options.batch = 1;
    options.checkpoint_minutes = 0.0;
    options.schedule.quantised_share = 0.0;
    let error = train_towards(&options, &mut Breaking { from }, &mut |_| {}).unwrap_err();
    (error, checkpoint::meta(&options.out.join(CHECKPOINT)).unwrap().step)
}

#[test]
fn a_run_that_diverges_keeps_the_checkpoint_of_its_last_finite_gradient() {
    let (error, step) = broken(60, 3);
    assert!(matches!(error, TrainError::Diverged(20)), "{error}");
    assert_eq!(step, 3);
}

#[test]
fn a_run_whose_last_gradients_are_not_finite_has_not_ended_well() {
    let (error, step) = broken(5, 3);
    assert!(matches!(error, TrainError::Diverged(2)), "{error}");
    assert_eq!(step, 3);
}
