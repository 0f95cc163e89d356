//! Variables with secrets: never in the open, and in no file that all can read.

use std::ops::Range;
use std::path::{Path, PathBuf};

use super::build::Builder;
use super::file::RawJob;
use super::{SecretSource, SecretVariable};
use crate::platform;
use crate::secrets::{REFERENCE, SecretNameError};

/// Variables that tools read from a file by themselves, so the file's name is handed on as it is.
const READ_BY_TOOL: [&str; 3] = ["RESTIC_PASSWORD_FILE", "RESTIC_REPOSITORY_FILE", "BORG_KEY_FILE"];

impl Builder<'_> {
    pub(super) fn environment(&mut self, raw: &RawJob) -> (Vec<(String, String)>, Vec<SecretVariable>) {
        let mut plain = Vec::new();
        let mut secrets = Vec::new();
        for (name, value) in &raw.environment {
            let span = value.span();
            let valid = !name.is_empty() && !name.contains(['=', '\0']) && !value.get_ref().contains('\0');
            if !valid {
                self.wrong(
                    &span,
                    format!("'{name}' cannot be a variable"),
                    "Use letters, digits and '_'",
                );
            } else if let Some(kept) = value.get_ref().strip_prefix(REFERENCE) {
                match kept.parse() {
                    Ok(kept) => secrets.push(SecretVariable {
                        name: name.clone(),
                        source: SecretSource::Kept(kept),
                    }),
                    Err(error) => self.wrong(
                        &span,
                        SecretNameError::to_string(&error),
                        "Name it as `lastgood-agent secret list` does",
                    ),
                }
            } else if READ_BY_TOOL.contains(&name.as_str()) {
                self.secret_file(&span, Path::new(value.get_ref()));
                plain.push((name.clone(), value.get_ref().clone()));
            } else if let Some(variable) = name.strip_suffix("_FILE") {
                let file = PathBuf::from(value.get_ref());
                self.secret_file(&span, &file);
                secrets.push(SecretVariable {
                    name: variable.to_owned(),
                    source: SecretSource::File(file),
                });
            } else if looks_secret(name) {
                self.wrong(
                    &span,
                    format!("'{name}' looks like a secret and stands here in the open"),
                    &format!(
                        "Keep it with `lastgood-agent secret set NAME` and write {name} = \"secret:NAME\", or write {name}_FILE and the path of a file that only root can read"
                    ),
                );
            } else {
                plain.push((name.clone(), value.get_ref().clone()));
            }
        }
        (plain, secrets)
    }

    pub(super) fn secret_file(&mut self, span: &Range<usize>, file: &Path) {
        if file.is_relative() {
            self.wrong(
                span,
                "the file of a secret is given without its full path",
                "Write it from the root on",
            );
            return;
        }
        match platform::others_can_read(file) {
            Ok(false) => {}
            Ok(true) => self.warn(
                span,
                "every user of the machine can read this secret",
                platform::words::KEEP_PRIVATE,
            ),
            Err(error) => self.warn(
                span,
                format!("the file of this secret cannot be read: {error}"),
                "Create it",
            ),
        }
    }
}

fn looks_secret(name: &str) -> bool {
    let name = name.to_ascii_uppercase();
    let plain_ids = ["KEY_ID", "ACCESS_KEY_ID", "ACCOUNT_ID"];
    ["PASSWORD", "PASSPHRASE", "SECRET", "TOKEN", "_KEY", "PWD"]
        .iter()
        .any(|word| name.contains(word))
        && !plain_ids.iter().any(|id| name.ends_with(id))
}
