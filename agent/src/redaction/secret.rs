//! The secrets of one job, and the redaction of its lines by them and by everything else that is known.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use secrecy::{ExposeSecret as _, SecretString};

use super::line::{self, Mark};
use super::{forms, words};

/// What is known of a job that must not leave its machine.
#[derive(Debug, Default)]
pub(crate) struct Redaction {
    /// Each line of each secret in the forms in which tools print it, in lower case, the longest first.
    forms: Vec<SecretString>,
}

impl Redaction {
    /// Hides these values wherever they stand, in any case.
    pub(crate) fn new(secrets: &[SecretString]) -> Self {
        let mut forms: Vec<String> = secrets
            .iter()
            .flat_map(|secret| secret.expose_secret().split(['\n', '\r']))
            .flat_map(printed_forms)
            .collect();
        forms.sort_unstable_by(|one, other| other.len().cmp(&one.len()).then_with(|| one.cmp(other)));
        forms.dedup();
        Self {
            forms: forms.into_iter().map(SecretString::from).collect(),
        }
    }

    /// What may be told of a line.
    pub(super) fn line(&self, line: &str) -> String {
        let plain = line::clean(line);
        let mut told = match object(&plain) {
            Some(value) => self.value("", value).to_string(),
            None => self.text(&plain),
        };
        // Spaces went out of it, and an object's parts were put together anew: a secret may stand there only now, and what it
        // leaves of the words beside it is on no list. Each turn there is less that could be hidden.
        loop {
            let hidden = self.hide(&told);
            if hidden == told {
                return line::finish(&told);
            }
            told = words::choose(&hidden);
        }
    }

    /// A part of a line of JSON: its texts are lines themselves.
    fn value(&self, key: &str, value: serde_json::Value) -> serde_json::Value {
        use serde_json::Value;
        if names_secret_value(key, &value) {
            return Value::String(Mark::Secret.to_string());
        }
        match value {
            Value::String(text) => {
                let lines = text.split(['\n', '\r']).map(|line| self.text(&line::clean(line)));
                Value::String(unescaped(&lines.collect::<Vec<String>>().join(" ")))
            }
            Value::Array(values) => values.into_iter().map(|value| self.value(key, value)).collect(),
            Value::Object(fields) => fields
                .into_iter()
                .map(|(name, value)| {
                    let value = self.value(&name, value);
                    (unescaped(&self.text(&line::clean(&name))), value)
                })
                .collect(),
            Value::Number(number) if words::is_personal_number(&number.to_string()) && !words::is_measure(key) => {
                Value::String(Mark::Word.to_string())
            }
            Value::Number(_) | Value::Bool(_) | Value::Null => value,
        }
    }

    fn text(&self, plain: &str) -> String {
        words::choose(&forms::hide(&self.hide(plain)))
    }

    /// The text without the secrets' values.
    fn hide(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for form in &self.forms {
            let form = form.expose_secret();
            let lower = text.to_ascii_lowercase();
            if !lower.contains(form) {
                continue;
            }
            let mut hidden = String::with_capacity(text.len());
            let mut from = 0;
            // ASCII's letters have the same length in both cases, so that places in one are places in the other.
            for (at, found) in lower.match_indices(form) {
                hidden.push_str(text.get(from..at).unwrap_or_default());
                hidden.push(Mark::Secret.into());
                from = at + found.len();
            }
            hidden.push_str(text.get(from..).unwrap_or_default());
            text = hidden;
        }
        text
    }
}

fn object(line: &str) -> Option<serde_json::Value> {
    let line = line.trim();
    (line.starts_with('{') || line.starts_with('[')).then(|| serde_json::from_str(line).ok())?
}

/// With quotation marks that JSON need not escape anew, and that stand between words as the straight ones do.
fn unescaped(text: &str) -> String {
    text.replace('"', "\u{201d}")
}

fn names_secret_value(key: &str, value: &serde_json::Value) -> bool {
    (value.is_string() || value.is_number()) && forms::names_secret(key)
}

/// A line of a secret as it is, and as JSON, an address, base64 and a shell write it.
fn printed_forms(line: &str) -> Vec<String> {
    let plain = line::clean(line);
    let plain = plain.trim();
    if plain.is_empty() {
        return Vec::new();
    }
    let quoted = serde_json::to_string(plain).unwrap_or_default();
    let json = quoted.trim_matches('"').to_owned();
    // Go's encoder, and with it restic and rclone.
    let go = json
        .replace('&', "\\u0026")
        .replace('<', "\\u003c")
        .replace('>', "\\u003e");
    let address: String = plain.bytes().fold(String::new(), |mut address, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            address.push(byte.into());
        } else {
            write!(address, "%{byte:02x}").expect("a string takes everything");
        }
        address
    });
    let forms = [
        plain.to_owned(),
        json,
        go,
        address,
        STANDARD_NO_PAD.encode(plain),
        URL_SAFE_NO_PAD.encode(plain),
        plain.replace('\'', "'\\''"),
    ];
    forms.iter().map(|form| form.to_ascii_lowercase()).collect()
}
