//! Who takes part in a comparison: codecs to run, published curves, and which of them are anchors.

use std::collections::BTreeSet;

use anyhow::{Context, bail};
use lic_benches::codecs::{self, LicDefaults, Spec};
use lic_benches::metric::Metric;
use lic_benches::report::Published;
use lic_benches::report::compare::Side;
use lic_benches::run::Subject;
use lic_benches::{Method, anchors};
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
    /// Why there is none, if there could be one.
    pub warning: Option<String>,
}

impl Cast {
    /// Reads what the user wrote.
    pub fn new(
        asked: &[String],
        anchors: &[String],
        qualities: &[f32],
        dataset: &Dataset,
        defaults: &LicDefaults,
        (metrics, method): (&[Metric], Method),
    ) -> anyhow::Result<Self> {
        let mut cast = Self { subjects: Vec::new(), published: Vec::new(), anchors: Vec::new(), warning: None };
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
        let by_default = [default_anchor(dataset, metrics).to_owned()];
        let anchors = if !anchors.is_empty() {
            cast.check_points(method).map_err(Usage)?;
            anchors
        } else if asked == by_default {
            // A codec is no anchor of itself: one that is run alone is measured, and that is all.
            &[]
        } else if let Err(why) = cast.check_points(method) {
            cast.warning = Some(format!("no BD-rate: {why}"));
            &[]
        } else {
            &by_default[..]
        };
        for text in anchors {
            let label = if let Some(name) = text.strip_prefix(PUBLISHED) {
                cast.publish(name, dataset, "--anchor")?
            } else if let Some(spec) = text.parse::<Spec>().ok().filter(|spec| cast.runs(spec.label())) {
                if spec.qualities().is_some_and(|own| cast.qualities_of(spec.label()) != Some(own)) {
                    bail!(Usage(format!("--anchor {text}: it is run with other qualities, give them in --codec")));
                }
                spec.label().to_owned()
            } else if has_curve(dataset, text) {
                cast.publish(text, dataset, "--anchor")?
            } else if let Err(error) = text.parse::<Spec>() {
                let curves = match whole_set(dataset) {
                    Ok(set) => format!("the published curves of {set} are {}", anchors::names(set).join(", ")),
                    Err(why) => why,
                };
                bail!(Usage(format!("--anchor {text:?}: {error}; {curves}")));
            } else {
                run(&mut cast, text, "--anchor")?;
                cast.check_points(method).map_err(Usage)?;
                text.parse::<Spec>().map(|spec| spec.label().to_owned())?
            };
            if !cast.anchors.contains(&label) {
                cast.anchors.push(label);
            }
        }
        Ok(cast)
    }

    /// Whether there are points enough for curves.
    fn check_points(&self, method: Method) -> Result<(), String> {
        let least = method.least_points();
        let few = self.subjects.iter().find(|subject| subject.qualities.len() < least);
        few.map_or(Ok(()), |subject| {
            let (label, count) = (&subject.codec.about().label, subject.qualities.len());
            Err(format!(
                "a curve of {label} needs at least {least} qualities with {}, and there are {count}",
                method.name()
            ))
        })
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

/// VTM as it was measured on a known set, by one of the metrics, else JPEG.
fn default_anchor(dataset: &Dataset, metrics: &[Metric]) -> &'static str {
    let curve = |name: &str| anchors::find(whole_set(dataset).ok()?, name).ok();
    let tells = |name: &&str| {
        curve(name).is_some_and(|curve| {
            let points = Published::of(&curve).points;
            points.iter().any(|point| metrics.iter().any(|metric| point.scores.contains_key(metric)))
        })
    };
    ["vtm", "vtm-18.0", "vtm-9.1"].into_iter().find(tells).unwrap_or("jpeg")
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
