//! As whom PostgreSQL's programs run. They refuse root, so a server started as root gives them another user.

use std::fs::Metadata;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt};
use std::path::Path;

use super::error::PostgresError;

/// A user of this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Account {
    pub(super) name: String,
    pub(super) uid: u32,
    pub(super) gid: u32,
}

/// Nobody when the process is not root: everything then belongs to the process's own user. Otherwise the owner of a
/// cluster that exists, else the user `lastgood`, else `postgres`.
pub(super) fn account_for(data: &Path) -> Result<Option<Account>, PostgresError> {
    if !rustix::process::geteuid().is_root() {
        return Ok(None);
    }
    // System users stand in this file; users of a directory service are not for servers.
    let users = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    if let Ok(owner) = std::fs::metadata(data)
        && owner.uid() != 0
    {
        let name = find(&users, |account| account.uid == owner.uid())
            .map_or_else(|| format!("number {}", owner.uid()), |account| account.name);
        return Ok(Some(Account {
            name,
            uid: owner.uid(),
            gid: owner.gid(),
        }));
    }
    ["lastgood", "postgres"]
        .into_iter()
        .find_map(|name| find(&users, |account| account.name == name && account.uid != 0))
        .map(Some)
        .ok_or(PostgresError::NoAccount)
}

fn find(users: &str, wanted: impl Fn(&Account) -> bool) -> Option<Account> {
    users
        .lines()
        .filter_map(|line| {
            let mut fields = line.split(':');
            let name = fields.next()?.to_owned();
            let uid = fields.nth(1)?.parse().ok()?;
            let gid = fields.next()?.parse().ok()?;
            Some(Account { name, uid, gid })
        })
        .find(wanted)
}

impl Account {
    /// Refuses if a folder on the way to `path`, or `path` itself, is closed to this user.
    pub(super) fn check_way_to(&self, path: &Path) -> Result<(), PostgresError> {
        let ancestors: Vec<&Path> = path.ancestors().collect();
        for folder in ancestors.into_iter().rev() {
            let metadata = std::fs::metadata(folder).map_err(PostgresError::file("looking at", folder))?;
            if metadata.is_dir() && !self.may_search(&metadata) {
                return Err(PostgresError::Closed {
                    folder: folder.to_owned(),
                    account: self.name.clone(),
                });
            }
        }
        Ok(())
    }

    /// Opens a folder of ours to this user's group, for passing through only.
    pub(super) fn admit(&self, folder: &Path) -> Result<(), PostgresError> {
        let metadata = std::fs::metadata(folder).map_err(PostgresError::file("looking at", folder))?;
        if self.may_search(&metadata) {
            return Ok(());
        }
        std::os::unix::fs::chown(folder, None, Some(self.gid))
            .map_err(PostgresError::file("changing the group of", folder))?;
        // The bits of the former group fall away: they were given to somebody else.
        let mode = (metadata.mode() & 0o707) | 0o010;
        std::fs::set_permissions(folder, PermissionsExt::from_mode(mode))
            .map_err(PostgresError::file("opening", folder))
    }

    fn may_search(&self, folder: &Metadata) -> bool {
        let bit = if folder.uid() == self.uid {
            0o100
        } else if folder.gid() == self.gid {
            0o010
        } else {
            0o001
        };
        folder.mode() & bit != 0
    }
}
