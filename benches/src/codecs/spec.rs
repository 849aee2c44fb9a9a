//! What a user writes to choose a codec: `jpeg`, `webp:method=6`, `lic:model=other.safetensors:effort=0:q=10/50/90`.

use std::collections::BTreeMap;
use std::str::FromStr;

use super::NAMES;

/// A codec's name and options.
#[derive(Debug, Clone, PartialEq)]
pub struct Spec {
    label: String,
    name: &'static str,
    qualities: Option<Vec<f32>>,
    options: BTreeMap<String, String>,
}

/// Why a specification of a codec makes no sense.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SpecError {
    /// No codec of this name.
    #[error("there is no codec {name:?}, choose from {}", NAMES.join(", "))]
    Unknown {
        /// The name.
        name: String,
    },
    /// Something between colons that is not `option=value`.
    #[error("{text:?} in {spec:?} is no option: write name:option=value")]
    NoOption {
        /// The whole specification.
        spec: String,
        /// The part.
        text: String,
    },
    /// An option twice.
    #[error("the option {option} is given twice in {spec:?}")]
    Twice {
        /// The whole specification.
        spec: String,
        /// The option.
        option: String,
    },
    /// An option the codec does not have.
    #[error("{codec} has no option {option}, only {}", known.join(", "))]
    UnknownOption {
        /// The codec.
        codec: &'static str,
        /// The option.
        option: String,
        /// Its options.
        known: Vec<&'static str>,
    },
    /// A value that is not allowed.
    #[error("{codec}: {option}={value} is not allowed, only {allowed}")]
    Value {
        /// The codec.
        codec: &'static str,
        /// The option.
        option: &'static str,
        /// The value.
        value: String,
        /// What is allowed.
        allowed: String,
    },
}

impl FromStr for Spec {
    type Err = SpecError;

    fn from_str(text: &str) -> Result<Self, SpecError> {
        let mut parts = text.split(':');
        let asked = parts.next().unwrap_or_default();
        let unknown = || SpecError::Unknown { name: asked.to_owned() };
        let name = NAMES.into_iter().find(|name| *name == asked).ok_or_else(unknown)?;
        let mut spec = Self { label: text.to_owned(), name, qualities: None, options: BTreeMap::new() };
        for part in parts {
            let no_option = || SpecError::NoOption { spec: text.to_owned(), text: part.to_owned() };
            let (option, value) = part.split_once('=').ok_or_else(no_option)?;
            if spec.options.insert(option.to_owned(), value.to_owned()).is_some() {
                return Err(SpecError::Twice { spec: text.to_owned(), option: option.to_owned() });
            }
        }
        if let Some(list) = spec.options.remove("q") {
            let numbers: Result<Vec<f32>, _> = list.split('/').map(str::parse).collect();
            let allowed = "numbers from 0 to 100 with / between them".to_owned();
            let wrong = SpecError::Value { codec: name, option: "q", value: list.clone(), allowed };
            let mut numbers = numbers.map_err(|_| wrong.clone())?;
            if numbers.iter().any(|q| !(0.0..=100.0).contains(q)) {
                return Err(wrong);
            }
            sort_qualities(&mut numbers);
            spec.qualities = Some(numbers);
            // Which qualities are measured does not make it another codec.
            spec.label = text.split(':').filter(|part| !part.starts_with("q=")).collect::<Vec<_>>().join(":");
        }
        Ok(spec)
    }
}

/// Sorts qualities and takes out repetitions.
pub fn sort_qualities(qualities: &mut Vec<f32>) {
    qualities.sort_by(f32::total_cmp);
    qualities.dedup();
}

impl Spec {
    /// The specification without its qualities: how the codec is called in tables.
    pub fn label(&self) -> &str {
        &self.label
    }

    /// The codec's name.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// The qualities asked for with `q=`, rising.
    pub fn qualities(&self) -> Option<&[f32]> {
        self.qualities.as_deref()
    }

    /// Refuses options other than these.
    pub(super) fn only(&self, known: &[&'static str]) -> Result<(), SpecError> {
        match self.options.keys().find(|option| !known.contains(&option.as_str())) {
            None => Ok(()),
            Some(option) => {
                let known = known.iter().copied().chain(["q"]).collect();
                Err(SpecError::UnknownOption { codec: self.name, option: option.clone(), known })
            }
        }
    }

    /// An option's text.
    pub(super) fn text(&self, option: &'static str) -> Option<&str> {
        self.options.get(option).map(String::as_str)
    }

    /// A whole number within bounds, or `default`.
    pub(super) fn number(&self, option: &'static str, default: u8, [low, high]: [u8; 2]) -> Result<u8, SpecError> {
        let Some(value) = self.text(option) else { return Ok(default) };
        let allowed = || format!("{low} to {high}");
        let wrong = || SpecError::Value { codec: self.name, option, value: value.to_owned(), allowed: allowed() };
        value.parse().ok().filter(|number| (low..=high).contains(number)).ok_or_else(wrong)
    }

    /// One of several words; the first is the default.
    pub(super) fn word(&self, option: &'static str, words: &[&'static str]) -> Result<&'static str, SpecError> {
        let first = words.first().copied().unwrap_or_default();
        let Some(value) = self.text(option) else { return Ok(first) };
        let allowed = || words.join(" or ");
        let wrong = || SpecError::Value { codec: self.name, option, value: value.to_owned(), allowed: allowed() };
        words.iter().copied().find(|word| *word == value).ok_or_else(wrong)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_specification_has_a_name_options_and_qualities() {
        let spec: Spec = "webp:method=6:q=90/10/10".parse().expect("a specification");
        assert_eq!((spec.name(), spec.label()), ("webp", "webp:method=6"));
        assert_eq!(spec.qualities(), Some(&[10.0, 90.0][..]));
        assert_eq!(spec.number("method", 4, [0, 6]), Ok(6));
        assert_eq!(spec.number("other", 4, [0, 6]), Ok(4));
    }

    #[test]
    fn what_is_wrong_is_named_with_what_is_allowed() {
        let message = |text: &str| text.parse::<Spec>().expect_err("wrong").to_string();
        assert!(message("jpg").contains("\"jpg\", choose from lic, jpeg"));
        assert!(message("webp:6").contains("\"6\""));
        assert!(message("webp:method=1:method=2").contains("twice"));
        assert!(message("jpeg:q=10/high").contains("q=10/high"));
        assert!(message("jpeg:q=101").contains("0 to 100"));
        let spec: Spec = "webp:method=7:speed=1".parse().expect("well formed");
        assert!(spec.number("method", 4, [0, 6]).expect_err("too high").to_string().contains("0 to 6"));
        assert!(spec.only(&["method"]).expect_err("no such option").to_string().contains("no option speed"));
        assert!(spec.word("method", &["444", "420"]).expect_err("no such word").to_string().contains("444 or 420"));
    }
}
