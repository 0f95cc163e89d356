//! A second copy for a check that would change the first: SQL Anywhere's manual says that validating a backup copy starts a
//! server on it, which may recover it and so alter it.

use std::fs;

use crate::backup::{Scratch, Steps};
use crate::config::CopyStep;

/// Copies the copy into a scratch folder; `None` when it cannot be.
pub(super) fn make(step: &CopyStep, parent: &std::path::Path, steps: &Steps<'_>) -> Option<Scratch> {
    let scratch = Scratch::create(parent, steps.job.key.as_str(), steps.run).ok()?;
    for path in super::files(step).keys() {
        let inner = match path.strip_prefix(&step.writes) {
            Ok(inner) if !inner.as_os_str().is_empty() => inner,
            _ => std::path::Path::new(path.file_name()?),
        };
        let to = scratch.path().join(inner);
        fs::create_dir_all(to.parent()?).ok()?;
        fs::copy(path, to).ok()?;
    }
    Some(scratch)
}
