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
    /// Labels of codecs that are measured only, and why: they have too few qualities for a curve.
    pub bare: Vec<(String, String)>,
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
        let mut cast = Self { subjects: Vec::new(), published: Vec::new(), anchors: Vec::new(), bare: Vec::new() };
        let run = |cast: &mut Self, text: &str, argument: &str, qualities: &[f32]| -> anyhow::Result<()> {
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
                None => run(&mut cast, text, "--codec", qualities)?,
            }
        }
        let by_default = [default_anchor(dataset, metrics).to_owned()];
        let few: Vec<(String, String)> = cast
            .subjects
            .iter()
            .filter_map(|one| Some((one.codec.about().label.clone(), too_few(one, method)?)))
            .collect();
        // An anchor that nobody has named takes qualities of its own where it cannot have those that were asked for.
        let whole = qualities.iter().all(|quality| quality.fract() == 0.0);
        let of_anchor = if anchors.is_empty() && !whole { &[] } else { qualities };
        let anchors = if !anchors.is_empty() {
            if let Some((_, why)) = few.into_iter().next() {
                bail!(Usage(why));
            }
            anchors
        } else if asked == by_default {
            // A codec is no anchor of itself: one that is run alone is measured, and that is all.
            &[]
        } else {
            // Nobody has asked for an anchor: those that have enough are compared with it.
            cast.bare = few;
            // Unless it is run, and with as few.
            let runs_few = by_default == ["jpeg"] && (1..method.least_points()).contains(&of_anchor.len());
            let all_are_bare = cast.bare.len() == cast.subjects.len() && cast.published.is_empty();
            if runs_few || all_are_bare { &[] } else { &by_default[..] }
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
                run(&mut cast, text, "--anchor", of_anchor)?;
                if let Some(why) = cast.subjects.last().and_then(|anchor| too_few(anchor, method)) {
                    bail!(Usage(why));
                }
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

/// Why a codec has no curve, if it has too few points for one.
fn too_few(subject: &Subject, method: Method) -> Option<String> {
    let (label, count, least) = (&subject.codec.about().label, subject.qualities.len(), method.least_points());
    let name = method.name();
    (count < least)
        .then(|| format!("a curve of {label} needs at least {least} qualities with {name}, and there are {count}"))
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
    let tells = |name: &&str| {
        let curve = whole_set(dataset).ok().and_then(|set| anchors::find(set, name).ok());
        curve.map(|curve| Published::of(&curve)).is_some_and(|curve| {
            let side = Side::Published(&curve);
            metrics.iter().any(|metric| side.has(*metric))
        })
    };
    ["vtm", "vtm-18.0", "vtm-9.1"].into_iter().find(tells).unwrap_or("jpeg")
}

/// Those with these labels, in the order of the labels.
pub fn chosen<'a>(sides: &[Side<'a>], labels: &[String]) -> Vec<Side<'a>> {
    labels.iter().filter_map(|label| sides.iter().copied().find(|side| side.label() == *label)).collect()
}

/// Those that were asked for as codecs, but for those that are measured only.
pub fn tests<'a>(sides: &[Side<'a>], asked: &[String], bare: &[(String, String)]) -> Vec<Side<'a>> {
    let label = |text: &String| text.parse::<Spec>().map_or_else(|_| text.clone(), |spec| spec.label().to_owned());
    let mut labels: Vec<String> = asked.iter().map(label).collect();
    // A published curve may be named twice; the order is the user's.
    let mut seen = BTreeSet::new();
    labels.retain(|label| seen.insert(label.clone()) && bare.iter().all(|(bare, _)| bare != label));
    chosen(sides, &labels)
}
