//! What every JSON value from an agent must keep to before anything is made of it.
//!
//! `serde_json` itself refuses lone surrogates, unescaped control characters and numbers that are out of range.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::Deserialize;
use serde::de::{DeserializeOwned, DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

/// How deep objects and arrays may stand in one another, the event itself counted.
pub(super) const MOST_DEPTH: usize = 16;

/// The most characters of one text.
pub(super) const MOST_CHARACTERS: usize = 2_000;

/// How long a field's path and a sentence may be in an answer, so that a hundred of them fit into what an agent reads.
const MOST_FIELD_BYTES: usize = 120;
const MOST_MESSAGE_BYTES: usize = 200;

/// What is wrong, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Flaw {
    /// The field, as a path: `body.facts.snapshot`. Empty for the whole.
    pub(super) field: String,
    /// What is wrong with it.
    pub(super) message: String,
}

impl Flaw {
    /// A flaw whose texts are short and printable, whatever they were made from.
    pub(super) fn new(field: impl AsRef<str>, message: impl AsRef<str>) -> Self {
        Self {
            field: printable(field.as_ref(), MOST_FIELD_BYTES),
            message: printable(message.as_ref(), MOST_MESSAGE_BYTES),
        }
    }
}

fn printable(text: &str, most: usize) -> String {
    text.chars()
        .map(|c| if c == ' ' || c.is_ascii_graphic() { c } else { '?' })
        .take(most)
        .collect()
}

/// Checks everything inside `text`, which need not be valid JSON.
pub(super) fn check(text: &str) -> Result<(), Flaw> {
    let mut path = Vec::new();
    let mut reader = serde_json::Deserializer::from_str(text);
    let checked = Value {
        path: &mut path,
        depth: 0,
    }
    .deserialize(&mut reader)
    .and_then(|()| reader.end());
    checked.map_err(|error| Flaw::new(join(&path), error.to_string()))
}

enum Step {
    Key(String),
    Index(usize),
}

fn join(path: &[Step]) -> String {
    path.iter().fold(String::new(), |mut joined, step| {
        match step {
            Step::Key(key) if joined.is_empty() => joined.push_str(key),
            Step::Key(key) => {
                joined.push('.');
                joined.push_str(key);
            }
            Step::Index(index) => {
                joined.push('[');
                joined.push_str(&index.to_string());
                joined.push(']');
            }
        }
        joined
    })
}

/// Visits a value and keeps nothing of it. After an error `path` says where it was.
struct Value<'p> {
    path: &'p mut Vec<Step>,
    depth: usize,
}

impl Value<'_> {
    fn enter<E: serde::de::Error>(&self) -> Result<usize, E> {
        if self.depth == MOST_DEPTH {
            return Err(E::custom(format!("is nested more than {MOST_DEPTH} deep")));
        }
        Ok(self.depth + 1)
    }
}

impl<'de> DeserializeSeed<'de> for Value<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Value<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<(), E> {
        check_text(text)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<(), A::Error> {
        let depth = self.enter()?;
        for index in 0.. {
            self.path.push(Step::Index(index));
            let inner = Value {
                path: &mut *self.path,
                depth,
            };
            if sequence.next_element_seed(inner)?.is_none() {
                self.path.pop();
                break;
            }
            self.path.pop();
        }
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let depth = self.enter()?;
        let mut keys = BTreeSet::new();
        while let Some(key) = map.next_key::<String>()? {
            self.path.push(Step::Key(key.clone()));
            check_text(&key)?;
            if !keys.insert(key) {
                return Err(A::Error::custom("is there twice"));
            }
            map.next_value_seed(Value {
                path: &mut *self.path,
                depth,
            })?;
            self.path.pop();
        }
        Ok(())
    }
}

fn check_text<E: serde::de::Error>(text: &str) -> Result<(), E> {
    if let Some(control) = text.chars().find(|c| c.is_control()) {
        return Err(E::custom(format!(
            "contains the control character U+{:04X}",
            u32::from(control)
        )));
    }
    if text.len() > MOST_CHARACTERS && text.chars().count() > MOST_CHARACTERS {
        return Err(E::custom(format!("is longer than {MOST_CHARACTERS} characters")));
    }
    Ok(())
}

/// An object's fields as they were received, so that each can be read by its name and blamed by it. Refuses doubles.
#[derive(Debug)]
pub(super) struct Fields<'a>(BTreeMap<String, &'a RawValue>);

impl<'a> Fields<'a> {
    /// Reads a field that must be there.
    pub(super) fn read<T: DeserializeOwned>(&self, name: &str) -> Result<T, Flaw> {
        let value = self.raw(name)?;
        serde_json::from_str(value.get()).map_err(|error| Flaw::new(name, error.to_string()))
    }

    /// A field that must be there, as it was received.
    pub(super) fn raw(&self, name: &str) -> Result<&'a RawValue, Flaw> {
        self.0.get(name).copied().ok_or_else(|| Flaw::new(name, "is missing"))
    }
}

impl<'de> Deserialize<'de> for Fields<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Read;
        impl<'de> Visitor<'de> for Read {
            type Value = Fields<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields<'de>, A::Error> {
                let mut fields = BTreeMap::new();
                while let Some(name) = map.next_key::<String>()? {
                    let value = map.next_value::<&'de RawValue>()?;
                    if fields.insert(name, value).is_some() {
                        return Err(A::Error::custom("a field is there twice"));
                    }
                }
                Ok(Fields(fields))
            }
        }
        deserializer.deserialize_map(Read)
    }
}
