//! What is there of the private PostgreSQL, looked at without starting or making any of it.

use std::os::unix::fs::MetadataExt as _;

use super::cluster::Cluster;
use super::error::PostgresError;
use super::lock::{Claim, Holder, StateLock};
use super::startup::find_programs;
use super::{Place, Programs};

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Survey {
    /// PostgreSQL's version as its programs state it.
    pub version: String,
    /// Whether there is a cluster.
    pub has_data: bool,
}

/// The server that works in a state folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ServerAtWork {
    /// Its process, where its note can be read.
    pub pid: Option<u32>,
}

impl Survey {
    /// Finds PostgreSQL's programs and looks whether the data belong to the user that they will run as.
    pub async fn of(place: &Place) -> Result<Self, PostgresError> {
        let cluster = Cluster::in_state(&place.state);
        let programs = find_programs(place, &cluster).await?;
        check_owner(&cluster, &programs)?;
        Ok(Self {
            has_data: cluster.major()?.is_some(),
            version: programs.version,
        })
    }
}

fn check_owner(cluster: &Cluster, programs: &Programs) -> Result<(), PostgresError> {
    if let Some(account) = &programs.account {
        account.check_way_to(&programs.bindir)?;
    }
    let Ok(data) = std::fs::metadata(&cluster.data) else {
        return Ok(());
    };
    let wanted = programs
        .account
        .as_ref()
        .map_or_else(|| rustix::process::geteuid().as_raw(), |account| account.uid);
    if data.uid() == wanted {
        return Ok(());
    }
    let folder = cluster.data.display();
    let problem = match &programs.account {
        Some(account) => format!(
            "belongs to user {}, and PostgreSQL runs as {}. Type: chown -R {} {folder}",
            data.uid(),
            account.name,
            account.name,
        ),
        None => format!(
            "belongs to user {}. Run this command as that user, or as root.",
            data.uid()
        ),
    };
    Err(PostgresError::Unexpected {
        path: cluster.data.clone(),
        problem,
    })
}

/// The server that works in this state folder, if one does.
pub async fn server_at_work(place: &Place) -> Result<Option<ServerAtWork>, PostgresError> {
    // A lock file that root makes here would keep the server's own user out.
    if !StateLock::is_noted(&place.state) {
        return Ok(None);
    }
    match StateLock::claim(&place.state, Holder::Command).await? {
        Claim::Held {
            holder: Some(Holder::Server),
            pid,
        } => Ok(Some(ServerAtWork { pid })),
        Claim::Held { .. } | Claim::Taken(_) => Ok(None),
    }
}
