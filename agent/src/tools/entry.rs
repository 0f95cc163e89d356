//! What a backup contains, read back from its tool, and how its paths are compared with those of this machine.

use std::path::{Component, Path, PathBuf};

use jiff::Timestamp;

/// One file or folder in a backup.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    /// Its path as the tool writes it.
    pub(crate) path: String,
    /// Whether it is a plain file.
    pub(crate) is_file: bool,
    /// Its size in bytes.
    pub(crate) size: u64,
    /// When it was last changed, as the backup has it.
    pub(crate) modified: Option<Timestamp>,
}

impl Entry {
    /// Its path in one form for all tools and systems.
    pub(crate) fn place(&self) -> Place {
        Place::of(&self.path)
    }
}

/// A path in one form: parts joined by `/`, without a first one, drive letters as a part, letters of one case on Windows.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place(String);

impl Place {
    /// Reads `/srv/practice`, `srv/practice`, `C:\Practice` and `/C/Practice`.
    pub(crate) fn of(path: &str) -> Self {
        let parts: Vec<&str> = if cfg!(windows) {
            path.split(['/', '\\']).collect()
        } else {
            path.split('/').collect()
        };
        let parts: Vec<&str> = parts
            .into_iter()
            .map(|part| part.strip_suffix(':').filter(|_| cfg!(windows)).unwrap_or(part))
            .filter(|part| !part.is_empty() && *part != ".")
            .collect();
        let joined = parts.join("/");
        Self(if cfg!(windows) { joined.to_lowercase() } else { joined })
    }

    /// Reads a path of this machine.
    pub(crate) fn of_path(path: &Path) -> Self {
        Self::of(&path.to_string_lossy())
    }

    /// Whether this lies in `folder`, at any depth.
    pub(crate) fn is_inside(&self, folder: &Self) -> bool {
        self.0
            .strip_prefix(folder.0.as_str())
            .is_some_and(|rest| rest.starts_with('/') || (folder.0.is_empty() && !rest.is_empty()))
    }
}

/// Where a path of a backup lies on this machine; `None` for one that could lead elsewhere.
pub(crate) fn source(path: &str) -> Option<PathBuf> {
    let inner = inner(path)?;
    if cfg!(windows) {
        let mut parts = inner.components();
        let drive = parts.next()?.as_os_str().to_string_lossy().into_owned();
        let drive = drive.trim_end_matches(':');
        return Some(PathBuf::from(format!("{drive}:\\")).join(parts.as_path()));
    }
    Some(Path::new("/").join(inner))
}

/// Where a path of a backup lies below the folder it is restored to; `None` for one that could lead elsewhere.
pub(crate) fn inner(path: &str) -> Option<PathBuf> {
    let mut inner = PathBuf::new();
    for component in Path::new(path.trim_start_matches(['/', '\\'])).components() {
        match component {
            Component::Normal(name) => inner.push(name),
            Component::CurDir => {}
            Component::Prefix(_) | Component::RootDir | Component::ParentDir => return None,
        }
    }
    (inner != PathBuf::new()).then_some(inner)
}
