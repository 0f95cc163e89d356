//! Certificates and keys as files.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::fs::{CWD, RenameFlags, renameat_with};
use rustls::pki_types::pem::{Error as PemError, PemObject as _};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::error::TlsError;

/// Every certificate in a PEM file, in the file's order; at least one.
pub(super) fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    certificates_in(&read(path)?, path)
}

/// The private key in a PEM file.
pub(super) fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>, TlsError> {
    private_key_in(&read(path)?, path)
}

/// The first certificate and the private key of a PEM file that holds both; read at once, so that they are one pair
/// even while the file is being replaced.
pub(super) fn pair(path: &Path) -> Result<(CertificateDer<'static>, PrivateKeyDer<'static>), TlsError> {
    let text = read(path)?;
    Ok((
        certificates_in(&text, path)?.swap_remove(0),
        private_key_in(&text, path)?,
    ))
}

fn read(path: &Path) -> Result<Vec<u8>, TlsError> {
    std::fs::read(path).map_err(TlsError::file("reading", path))
}

fn certificates_in(text: &[u8], path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let found: Result<Vec<_>, PemError> = CertificateDer::pem_slice_iter(text).collect();
    let found = found.map_err(|error| TlsError::unusable(path, format!("is not valid PEM ({error}).")))?;
    if found.is_empty() {
        let problem = "holds no certificate. It should begin with -----BEGIN CERTIFICATE-----.";
        return Err(TlsError::unusable(path, problem));
    }
    Ok(found)
}

fn private_key_in(text: &[u8], path: &Path) -> Result<PrivateKeyDer<'static>, TlsError> {
    let problem = "holds no private key without a password. It should begin with -----BEGIN PRIVATE KEY-----.";
    PrivateKeyDer::from_pem_slice(text).map_err(|_| TlsError::unusable(path, problem))
}

/// Whether other users of the machine can read a file.
pub(super) fn is_open_to_all(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|metadata| metadata.permissions().mode() & 0o004 != 0)
}

/// Makes a folder that only we can open, if it is missing.
pub(super) fn make_closed_folder(folder: &Path) -> Result<(), TlsError> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(folder);
    made.map_err(TlsError::file("making the folder", folder))
}

/// Writes a file so that after a power cut it is there whole, or as it was before.
pub(super) fn write_durably(path: &Path, text: &str, mode: u32) -> Result<(), TlsError> {
    write(path, text, mode, RenameFlags::empty()).map_err(TlsError::file("writing", path))
}

/// The same for a file that must not be replaced: of two processes that write it at once, the first one's stays.
pub(super) fn write_once(path: &Path, text: &str, mode: u32) -> Result<(), TlsError> {
    match write(path, text, mode, RenameFlags::NOREPLACE) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        other => other.map_err(TlsError::file("writing", path)),
    }
}

fn write(path: &Path, text: &str, mode: u32, flags: RenameFlags) -> std::io::Result<()> {
    static WRITTEN: AtomicU64 = AtomicU64::new(0);
    let number = WRITTEN.fetch_add(1, Ordering::Relaxed);
    let unfinished = path.with_extension(format!("unfinished-{}-{number}", std::process::id()));
    // One left by a crash of a process with our number may have other permissions.
    if unfinished.exists() {
        std::fs::remove_file(&unfinished)?;
    }
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(&unfinished)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    if let Err(error) = renameat_with(CWD, &unfinished, CWD, path, flags) {
        std::fs::remove_file(&unfinished)?;
        return Err(error.into());
    }
    path.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all())
}
