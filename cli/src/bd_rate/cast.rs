//! Who takes part in a comparison: codecs to run, published curves, and which of them are anchors.

use std::collections::BTreeSet;

use anyhow::{Context, bail};
use lic_benches::anchors;
use lic_benches::codecs::{self, LicDefaults, Spec};
use lic_benches::report::Published;
use lic_benches::report::compare::Side;
use lic_benches::run::Subject;
use lic_datasets::{Completeness, Dataset};

use crate::exit::Usage;

/// Before a name: the published curve, even if a codec has the same name.
const PUBLISHED: &str = "published:";

/// Everyone who takes part.
pub struct Cast {
    /// Codecs to run.
    pub subjects: Vec<Subject>,
    /// Published curves.
    pub published: Vec<Published>,
    /// Labels of the anchors.
    pub anchors: Vec<String>,
}

impl Cast {
    /// Reads what the user wrote.
    pub fn new(
        asked: &[String],
        anchors: &[String],
        qualities: &[f32],
        dataset: &Dataset,
        defaults: &LicDefaults,
    ) -> anyhow::Result<Self> {
        let mut cast = Self { subjects: Vec::new(), published: Vec::new(), anchors: Vec::new() };
        let run = |cast: &mut Self, text: &str, argument: &str| -> anyhow::Result<()> {
            let spec: Spec = text.parse().map_err(|error| Usage(format!("{argument}: {error}")))?;
            if cast.runs(spec.label()) {
                bail!(Usage(format!("{argument}: {} is named twice", spec.label())));
            }
            let codec = codecs::open(&spec, defaults).with_context(|| format!("{argument} {}", spec.label()))?;
            let qualities = match spec.qualities() {
                Some(own) => own.to_vec(),
                None if qualities.is_empty() => codec.about().qualities.clone(),
                None => qualities.to_vec(),
            };
            if let Some(odd) = qualities.iter().find(|q| codec.about().whole_qualities && q.fract() != 0.0) {
                bail!(Usage(format!("{argument}: {} takes whole qualities only, not {odd}", spec.label())));
            }
            cast.subjects.push(Subject { codec, qualities });
            Ok(())
        };
        for text in asked {
            match text.strip_prefix(PUBLISHED) {
                Some(name) => drop(cast.publish(name, dataset, "--codec")?),
                None => run(&mut cast, text, "--codec")?,
            }
        }
        let by_default = [default_anchor(dataset).to_owned()];
        // A codec is no anchor of itself: one that is run alone is measured, and that is all.
        let alone = asked == by_default;
        for text in if !anchors.is_empty() {
            anchors
        } else if alone {
            &[]
        } else {
            &by_default[..]
        } {
            let label = if let Some(name) = text.strip_prefix(PUBLISHED) {
                cast.publish(name, dataset, "--anchor")?
            } else if let Some(spec) = text.parse::<Spec>().ok().filter(|spec| cast.runs(spec.label())) {
                if spec.qualities().is_some_and(|own| cast.qualities_of(spec.label()) != Some(own)) {
                    bail!(Usage(format!("--anchor {text}: it is run with other qualities, give them in --codec")));
                }
                spec.label().to_owned()
            } else if text.parse::<Spec>().is_err() || has_curve(dataset, text) {
                cast.publish(text, dataset, "--anchor")?
            } else {
                run(&mut cast, text, "--anchor")?;
                text.parse::<Spec>().map(|spec| spec.label().to_owned())?
            };
            if !cast.anchors.contains(&label) {
                cast.anchors.push(label);
            }
        }
        Ok(cast)
    }

    /// Whether a codec of this label is run.
    fn runs(&self, label: &str) -> bool {
        self.subjects.iter().any(|subject| subject.codec.about().label == label)
    }

    /// The qualities of the codec of this label.
    fn qualities_of(&self, label: &str) -> Option<&[f32]> {
        let subject = self.subjects.iter().find(|subject| subject.codec.about().label == label)?;
        Some(&subject.qualities)
    }

    /// Adds a published curve, once, and gives its label.
    fn publish(&mut self, name: &str, dataset: &Dataset, argument: &str) -> anyhow::Result<String> {
        let set = whole_set(dataset).map_err(|why| Usage(format!("{argument} {name}: {why}")))?;
        let anchor = anchors::find(set, name).map_err(|error| Usage(format!("{argument}: {error}")))?;
        let curve = Published::of(&anchor);
        let label = curve.label();
        if self.published.iter().all(|known| known.label() != label) {
            self.published.push(curve);
        }
        Ok(label)
    }
}

/// The name of a known set that is there as a whole, or why published curves do not hold for these images.
fn whole_set(dataset: &Dataset) -> Result<&str, String> {
    let only = "published curves hold for the whole set they were measured on only";
    match &dataset.completeness {
        Completeness::Complete if dataset.is_complete_known() => Ok(&dataset.name),
        Completeness::Partial { present, of, .. } => {
            Err(format!("{only}, and of {} there are {present} of {of} images", dataset.name))
        }
        _ => Err(format!("{only}, and {} is none of kodak, tecnick, clic-pro-valid", dataset.name)),
    }
}

fn has_curve(dataset: &Dataset, name: &str) -> bool {
    whole_set(dataset).is_ok_and(|set| anchors::names(set).contains(&name))
}

/// VTM as it was measured on a known set, else JPEG.
fn default_anchor(dataset: &Dataset) -> &'static str {
    ["vtm", "vtm-18.0", "vtm-9.1"].into_iter().find(|name| has_curve(dataset, name)).unwrap_or("jpeg")
}

/// Those with these labels, in the order of the labels.
pub fn chosen<'a>(sides: &[Side<'a>], labels: &[String]) -> Vec<Side<'a>> {
    labels.iter().filter_map(|label| sides.iter().copied().find(|side| side.label() == *label)).collect()
}

/// Those that were asked for as codecs.
pub fn tests<'a>(sides: &[Side<'a>], asked: &[String]) -> Vec<Side<'a>> {
    let label = |text: &String| text.parse::<Spec>().map_or_else(|_| text.clone(), |spec| spec.label().to_owned());
    let mut labels: Vec<String> = asked.iter().map(label).collect();
    // A published curve may be named twice; the order is the user's.
    let mut seen = BTreeSet::new();
    labels.retain(|label| seen.insert(label.clone()));
    chosen(sides, &labels)
}
