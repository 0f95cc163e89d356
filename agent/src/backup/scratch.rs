//! Folders for restored samples and for copies that a check may change: private, named so that nothing else is taken for one,
//! and removed with all they hold.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use lastgood_protocol::RunId;

use crate::platform;

/// How every such folder's name begins.
const PREFIX: &str = "lastgood-scratch-";

/// A private folder that is removed when it is dropped.
#[derive(Debug)]
pub(crate) struct Scratch {
    path: PathBuf,
}

impl Scratch {
    /// Makes one in `parent`, after removing those that runs of this job left there when the machine went down.
    pub(crate) fn create(parent: &Path, job: &str, run: RunId) -> io::Result<Self> {
        platform::create_private_folder(parent)?;
        let own = format!("{PREFIX}{job}-");
        for entry in fs::read_dir(parent)? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            // 36: a run's id. A job whose key begins like this one's keeps its own.
            let is_left = name.strip_prefix(&own).is_some_and(|rest| rest.len() == 36);
            if is_left && entry.file_type()?.is_dir() {
                fs::remove_dir_all(entry.path())?;
            }
        }
        let path = parent.join(format!("{own}{run}"));
        platform::create_private_folder(&path)?;
        Ok(Self { path })
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.path) {
            tracing::warn!(folder = %self.path.display(), %error, "restored files could not be removed");
        }
    }
}
