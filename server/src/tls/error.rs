//! What can be wrong with certificates.

use std::path::{Path, PathBuf};

/// Why HTTPS cannot be served with these certificates.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file operation failed.
    #[error("{doing} {path} failed: {source}", path = .path.display())]
    File {
        doing: &'static str,
        path: PathBuf,
        source: std::io::Error,
    },
    /// A file is there and does not hold what it should.
    #[error("{path} {problem}", path = .path.display())]
    Unusable { path: PathBuf, problem: String },
    /// Our own certificate could not be made.
    #[error("the server's own certificate cannot be made: {0}")]
    NotMade(#[from] rcgen::Error),
    /// The TLS library refused.
    #[error("TLS cannot be set up: {0}")]
    Library(#[from] rustls::Error),
}

impl TlsError {
    /// Completes `map_err` on file operations.
    pub(super) fn file(doing: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> TlsError {
        let path = path.to_owned();
        move |source| TlsError::File { doing, path, source }
    }

    pub(super) fn unusable(path: &Path, problem: impl Into<String>) -> TlsError {
        TlsError::Unusable {
            path: path.to_owned(),
            problem: problem.into(),
        }
    }
}
