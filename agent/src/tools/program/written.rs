//! What a backup tool wrote: there, new, how large, and what its first bytes say about compression and encryption.

use std::fs::{self, File};
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::Path;
use std::time::{Duration, SystemTime};

use jiff::Timestamp;

/// File systems keep times as coarsely as two seconds (FAT).
const COARSEST: Duration = Duration::from_secs(2);

/// How many entries of a folder are counted; more are no database's copy.
const MOST_ENTRIES: usize = 100_000;

const HEAD_BYTES: u64 = 512;
const TAIL_BYTES: u64 = 4096;

/// What stands at a path.
#[derive(Debug, Clone)]
pub(crate) struct Written {
    /// Size in bytes; of a folder, of all its files.
    pub(crate) bytes: u64,
    /// How many files.
    pub(crate) files: u64,
    /// When the file changed last; of a folder, when the file changed that changed last.
    pub(crate) newest: SystemTime,
    /// What the first bytes of a single file say.
    pub(crate) format: Format,
    /// The last bytes of a single file.
    pub(crate) tail: Vec<u8>,
}

impl Written {
    /// Whether something of it was written after `started`.
    pub(crate) fn is_newer_than(&self, started: Timestamp) -> bool {
        is_after(self.newest, started)
    }
}

fn is_after(changed: SystemTime, started: Timestamp) -> bool {
    SystemTime::from(started)
        .checked_sub(COARSEST)
        .is_none_or(|started| changed >= started)
}

/// A format told by its first bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    /// gzip, bzip2, xz, zstd or lz4.
    Compressed,
    /// tar, uncompressed.
    Tar,
    /// SQLite's database file.
    Sqlite,
    /// `pg_dump`'s custom format.
    PostgresCustom,
    /// The text that `pg_dump` writes.
    PostgresText,
    /// The text that `mariadb-dump` and `mysqldump` write.
    MariadbText,
    /// SQL Server's backup file.
    SqlServer,
    /// SQL Server's compressed backup file.
    SqlServerCompressed,
    /// zip, and whether its first file is encrypted.
    Zip {
        /// Whether it is.
        encrypted: bool,
    },
    /// 7-Zip's own format, which does not say at its beginning.
    SevenZip,
    /// age, OpenPGP or OpenSSL.
    Encrypted,
    /// Something else, or a folder.
    Unknown,
}

impl Format {
    /// Reads the first bytes of a file.
    pub(crate) fn of(head: &[u8]) -> Self {
        const MAGIC: [(&[u8], Format); 19] = [
            (b"\x1f\x8b", Format::Compressed),
            (b"BZh", Format::Compressed),
            (b"\xfd7zXZ\0", Format::Compressed),
            (b"\x28\xb5\x2f\xfd", Format::Compressed),
            (b"\x04\x22\x4d\x18", Format::Compressed),
            (b"SQLite format 3\0", Format::Sqlite),
            (b"PGDMP", Format::PostgresCustom),
            (b"--\n-- PostgreSQL database", Format::PostgresText),
            (b"-- PostgreSQL database", Format::PostgresText),
            (b"-- MariaDB dump", Format::MariadbText),
            (b"-- MySQL dump", Format::MariadbText),
            (b"/*M!999999", Format::MariadbText),
            (b"/*!999999", Format::MariadbText),
            (b"MSSQLBAK", Format::SqlServerCompressed),
            (b"TAPE", Format::SqlServer),
            (b"7z\xbc\xaf\x27\x1c", Format::SevenZip),
            (b"age-encryption.org/", Format::Encrypted),
            (b"-----BEGIN PGP MESSAGE", Format::Encrypted),
            (b"Salted__", Format::Encrypted),
        ];
        if head.starts_with(b"PK\x03\x04") {
            let encrypted = head.get(6).is_some_and(|flags| flags & 1 == 1);
            return Self::Zip { encrypted };
        }
        if head.get(257..262) == Some(b"ustar") {
            return Self::Tar;
        }
        MAGIC
            .iter()
            .find(|(magic, _)| head.starts_with(magic))
            .map_or(Self::Unknown, |(_, format)| *format)
    }

    /// Whether what is written so is compressed, where the first bytes tell.
    pub(crate) fn compressed(self) -> Option<bool> {
        match self {
            Self::Compressed | Self::SqlServerCompressed => Some(true),
            Self::Tar | Self::Sqlite | Self::PostgresText | Self::MariadbText | Self::SqlServer => Some(false),
            Self::PostgresCustom | Self::Zip { .. } | Self::SevenZip | Self::Encrypted | Self::Unknown => None,
        }
    }

    /// Whether what is written so is encrypted, where the first bytes tell.
    pub(crate) fn encrypted(self) -> Option<bool> {
        match self {
            Self::Encrypted => Some(true),
            Self::Zip { encrypted } => Some(encrypted),
            Self::Compressed
            | Self::Tar
            | Self::Sqlite
            | Self::PostgresCustom
            | Self::PostgresText
            | Self::MariadbText => Some(false),
            Self::SqlServer | Self::SqlServerCompressed | Self::SevenZip | Self::Unknown => None,
        }
    }
}

/// Looks at a file or a folder; `None` when there is none or it cannot be read. Nothing is changed.
pub(crate) fn look(path: &Path) -> Option<Written> {
    let metadata = fs::metadata(path).ok()?;
    if metadata.is_dir() {
        return look_at_folder(path);
    }
    let mut file = File::open(path).ok()?;
    let bytes = metadata.len();
    let mut head = Vec::new();
    file.by_ref().take(HEAD_BYTES).read_to_end(&mut head).ok()?;
    file.seek(SeekFrom::Start(bytes.saturating_sub(TAIL_BYTES))).ok()?;
    let mut tail = Vec::new();
    file.take(TAIL_BYTES).read_to_end(&mut tail).ok()?;
    let changed = metadata.modified().ok()?;
    Some(Written {
        bytes,
        files: 1,
        newest: changed,
        format: Format::of(&head),
        tail,
    })
}

/// Reads a file from beginning to end; whether that went well.
pub(crate) fn read_through(path: &Path) -> bool {
    let read = || -> io::Result<bool> {
        let mut file = File::open(path)?;
        let length = file.metadata()?.len();
        Ok(io::copy(&mut file, &mut io::sink())? >= length)
    };
    read().unwrap_or(false)
}

fn look_at_folder(path: &Path) -> Option<Written> {
    let mut whole: Option<Written> = None;
    let mut folders = vec![path.to_path_buf()];
    let mut seen = 0;
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).ok()? {
            let entry = entry.ok()?;
            seen += 1;
            if seen > MOST_ENTRIES {
                return whole;
            }
            // Links are not followed: they may lead round in a circle.
            let metadata = entry.metadata().ok()?;
            if metadata.is_dir() {
                folders.push(entry.path());
            } else if metadata.is_file() {
                let changed = metadata.modified().ok()?;
                let whole = whole.get_or_insert(Written {
                    bytes: 0,
                    files: 0,
                    newest: changed,
                    format: Format::Unknown,
                    tail: Vec::new(),
                });
                whole.bytes += metadata.len();
                whole.files += 1;
                whole.newest = whole.newest.max(changed);
            }
        }
    }
    whole
}
