//! Secrets that the configuration names and does not hold: `secret:NAME`. Each is kept in a file of its own in the state folder, for
//! the administrator alone and sealed where the system can (DPAPI on Windows).

use std::fmt;
use std::fs;
use std::io;
use std::path::PathBuf;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::zeroize::Zeroizing;
use secrecy::{ExposeSecret as _, SecretString};

use crate::platform;
use crate::state::{StateFolder, write_durably};

/// What stands before a secret's name in the configuration.
pub(crate) const REFERENCE: &str = "secret:";

/// The largest secret, in bytes.
pub(crate) const LARGEST: usize = 16 * 1024;

const FOLDER: &str = "secrets";
// It keeps a secret called `con` or `nul` from naming a device on Windows.
const BEGINNING: &str = "s-";
const ENDING: &str = ".secret";

/// What a secret is called: 1 to 64 lower-case letters, digits, `-` and `_`, so that every system takes it as a file's name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct SecretName(String);

/// A name that cannot be a secret's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a secret's name has 1 to 64 lower-case letters, digits, '-' and '_'")]
pub(crate) struct SecretNameError;

impl FromStr for SecretName {
    type Err = SecretNameError;

    fn from_str(name: &str) -> Result<Self, SecretNameError> {
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_');
        if (1..=64).contains(&name.len()) && name.chars().all(plain) {
            Ok(Self(name.to_owned()))
        } else {
            Err(SecretNameError)
        }
    }
}

impl fmt::Display for SecretName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The secrets in a state folder.
#[derive(Debug, Clone)]
pub(crate) struct Secrets {
    folder: PathBuf,
}

impl Secrets {
    /// Those in this state folder; nothing is made yet.
    pub(crate) fn in_folder(state: &StateFolder) -> Self {
        Self {
            folder: state.file(FOLDER),
        }
    }

    /// Keeps a secret, in place of another of this name if there is one.
    pub(crate) fn keep(&self, name: &SecretName, secret: &SecretString) -> io::Result<()> {
        platform::create_private_folder(&self.folder)?;
        let sealed = platform::seal(secret.expose_secret().as_bytes())?;
        write_durably(&self.file(name), Zeroizing::new(STANDARD.encode(sealed)).as_bytes())
    }

    /// Reads a secret; `None` when there is none of this name.
    pub(crate) fn read(&self, name: &SecretName) -> io::Result<Option<SecretString>> {
        let sealed = match fs::read_to_string(self.file(name)) {
            Ok(sealed) => Zeroizing::new(sealed),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let sealed = STANDARD.decode(sealed.trim()).map_err(io::Error::other)?;
        let text = String::from_utf8(platform::unseal(&sealed)?).map_err(io::Error::other)?;
        Ok(Some(text.into()))
    }

    /// Forgets a secret. Whether there was one.
    pub(crate) fn remove(&self, name: &SecretName) -> io::Result<bool> {
        match fs::remove_file(self.file(name)) {
            Ok(()) => platform::sync_folder(&self.folder).map(|()| true),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// The names, in order.
    pub(crate) fn names(&self) -> io::Result<Vec<SecretName>> {
        let entries = match fs::read_dir(&self.folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let mut names = Vec::new();
        for entry in entries {
            let file = entry?.file_name();
            names.extend(
                file.to_str()
                    .and_then(|file| file.strip_prefix(BEGINNING)?.strip_suffix(ENDING)?.parse().ok()),
            );
        }
        names.sort_unstable();
        Ok(names)
    }

    fn file(&self, name: &SecretName) -> PathBuf {
        self.folder.join(format!("{BEGINNING}{name}{ENDING}"))
    }
}

#[cfg(test)]
mod tests {
    use secrecy::{ExposeSecret as _, SecretString};

    use super::{SecretName, Secrets};
    use crate::state::StateFolder;

    fn name(name: &str) -> SecretName {
        name.parse().expect("a name")
    }

    #[test]
    fn a_secret_is_kept_for_its_owner_read_again_replaced_and_forgotten() {
        let folder = tempfile::tempdir().expect("a folder");
        let state = StateFolder::at(folder.path().join("state"));
        state.create().expect("made");
        let secrets = Secrets::in_folder(&state);
        assert!(secrets.names().expect("readable").is_empty());
        assert!(secrets.read(&name("restic")).expect("readable").is_none());
        for value in ["hunter2", "with\nlines and \u{fc}mlauts"] {
            secrets.keep(&name("restic"), &SecretString::from(value)).expect("kept");
            let read = secrets.read(&name("restic")).expect("readable").expect("there");
            assert_eq!(read.expose_secret(), value);
        }
        secrets.keep(&name("nul"), &SecretString::from("x")).expect("kept");
        assert_eq!(secrets.names().expect("readable"), [name("nul"), name("restic")]);
        assert!(!crate::platform::others_can_read(&secrets.folder).expect("readable"));
        assert!(secrets.remove(&name("restic")).expect("removed"));
        assert!(!secrets.remove(&name("restic")).expect("it was gone"));
        assert_eq!(secrets.names().expect("readable"), [name("nul")]);
    }

    #[test]
    fn what_could_lead_elsewhere_is_no_name() {
        for wrong in ["", "..", "a/b", "a\\b", "A", "a b", "a.b", &"a".repeat(65)] {
            assert!(wrong.parse::<SecretName>().is_err(), "{wrong:?}");
        }
    }
}
