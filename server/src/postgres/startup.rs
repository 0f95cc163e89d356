//! From an empty folder, a stopped cluster or an orphaned postmaster to a database that answers.

use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgSslMode};
use tokio::time::{Instant, interval, sleep};

use super::cluster::{self, Cluster};
use super::db::{self, Answer};
use super::error::PostgresError;
use super::postmaster::Postmaster;
use super::program::Programs;
use super::{DATABASE, FIRST_PAUSE, LONGEST_PAUSE, OWNER, Place, Progress, account};

/// How long a postmaster may take to answer; recovery after a crash replays at most `max_wal_size`.
const UNTIL_READY: Duration = Duration::from_mins(10);

pub(super) async fn find_programs(place: &Place, cluster: &Cluster) -> Result<Programs, PostgresError> {
    let major = cluster.major()?;
    let wanted = major.map(|major| (cluster.data.as_path(), major));
    let mut programs = Programs::find(place.bindir.as_deref(), &place.search_path, wanted).await?;
    programs.account = account::account_for(&cluster.data)?;
    Ok(programs)
}

pub(super) fn options(cluster: &Cluster, role: &str, database: &str) -> PgConnectOptions {
    PgConnectOptions::new_without_pgpass()
        .socket(&cluster.sockets)
        .port(cluster::PORT)
        .username(role)
        .database(database)
        .ssl_mode(PgSslMode::Disable)
        .application_name("lastgood")
}

/// Takes over a postmaster that already works on this cluster. One that is just ending is waited for.
pub(super) async fn adopt(cluster: &Cluster, progress: Progress<'_>) -> Result<Option<Postmaster>, PostgresError> {
    let Some(mut postmaster) = Postmaster::find(cluster)? else {
        return Ok(None);
    };
    progress("Taking over the PostgreSQL that an earlier server left running");
    let start = cluster.log.end();
    if wait_until_ready(cluster, &mut postmaster, start, progress)
        .await
        .is_ok()
    {
        return Ok(Some(postmaster));
    }
    // It was ending, or it hangs; either way nobody but us has a claim to it.
    postmaster.stop().await;
    Ok(None)
}

pub(super) async fn start_new(
    cluster: &Cluster,
    programs: &Programs,
    progress: Progress<'_>,
) -> Result<Postmaster, PostgresError> {
    if cluster.major()?.is_none() {
        progress(&format!(
            "Making a database in {} with PostgreSQL {}",
            cluster.data.display(),
            programs.version
        ));
        cluster.create(programs).await?;
    }
    progress("Starting PostgreSQL");
    let mut pause = FIRST_PAUSE;
    loop {
        let start = cluster.log.end();
        let mut postmaster = Postmaster::start(cluster, programs)?;
        match wait_until_ready(cluster, &mut postmaster, start, progress).await {
            Ok(()) => return Ok(postmaster),
            // Backends of a killed postmaster notice its death on their own, soon.
            Err(PostgresError::NotStarted { tail, .. })
                if tail.contains("shared memory block") && pause < LONGEST_PAUSE =>
            {
                sleep(pause).await;
                pause *= 2;
            }
            Err(error) => {
                postmaster.stop().await;
                return Err(error);
            }
        }
    }
}

/// Waits until the database answers, and makes it if the cluster is new. `start`: where in the log the postmaster's
/// lines begin.
async fn wait_until_ready(
    cluster: &Cluster,
    postmaster: &mut Postmaster,
    start: u64,
    progress: Progress<'_>,
) -> Result<(), PostgresError> {
    let not_started = |problem: String| PostgresError::NotStarted {
        problem,
        log: cluster.log.path.clone(),
        tail: cluster.log.tail(start),
    };
    let began = Instant::now();
    // PostgreSQL tells nobody but systemd when it is ready.
    let mut ticks = interval(Duration::from_millis(25));
    let mut seconds = interval(Duration::from_secs(10));
    seconds.tick().await;
    loop {
        tokio::select! {
            () = postmaster.ended() => return Err(not_started(format!("it ended ({})", postmaster.collect().await))),
            _ = seconds.tick() => progress("PostgreSQL is still starting; after a crash it first repeats what was not yet in its files"),
            _ = ticks.tick() => match db::ask(&options(cluster, OWNER, DATABASE)).await {
                Answer::Ready => return Ok(()),
                Answer::NoDatabase => db::create(&options(cluster, OWNER, "postgres"), DATABASE)
                    .await
                    .map_err(PostgresError::database("making the database"))?,
                Answer::NotYet(error) if began.elapsed() > UNTIL_READY => {
                    return Err(not_started(format!("it did not answer within {} min ({error})", UNTIL_READY.as_secs() / 60)));
                }
                Answer::NotYet(_) => {}
            },
        }
    }
}
