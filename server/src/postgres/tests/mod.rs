//! With real clusters in folders of their own under /tmp.

mod dumps;

use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use sqlx::{Connection as _, PgConnection};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use super::log::Log;
use super::{Holder, OWNER, Place, PostgresError, PrivatePostgres, StateLock};

/// Tells a process of this test that it plays the server that will be killed, and where.
const PLAYS_THE_SERVER: &str = "TEST_STATE_OF_SERVER_TO_BE_KILLED";

/// A state folder that is removed at the end, with whatever postmaster still runs in it.
struct State {
    folder: TempDir,
}

impl State {
    fn new() -> State {
        let folder = tempfile::Builder::new()
            .prefix("lg")
            .permissions(PermissionsExt::from_mode(0o755))
            .tempdir();
        State {
            folder: folder.unwrap(),
        }
    }

    fn place(&self) -> Place {
        place(self.folder.path().join("state"))
    }

    fn postmaster(&self) -> Option<i32> {
        let note = std::fs::read_to_string(self.folder.path().join("state/pg/data/postmaster.pid")).ok()?;
        note.lines().next()?.trim().parse().ok()
    }
}

impl Drop for State {
    fn drop(&mut self) {
        if let Some(pid) = self.postmaster().and_then(rustix::process::Pid::from_raw) {
            rustix::process::kill_process(pid, rustix::process::Signal::QUIT).ok();
        }
    }
}

fn place(state: PathBuf) -> Place {
    let search_path = std::env::vars_os()
        .find(|(name, _)| name == "PATH")
        .map(|(_, value)| value);
    Place {
        state,
        bindir: None,
        search_path: search_path.unwrap_or_default(),
    }
}

async fn start(place: &Place) -> Result<PrivatePostgres, PostgresError> {
    PrivatePostgres::start(place, &mut |_| {}).await
}

/// Runs statements of the test itself.
async fn execute(postgres: &PrivatePostgres, statements: &'static str) {
    let mut connection = PgConnection::connect_with(&postgres.connect_options(OWNER))
        .await
        .unwrap();
    sqlx::raw_sql(statements).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
}

async fn setting(postgres: &PrivatePostgres, name: &str) -> String {
    let mut connection = PgConnection::connect_with(&postgres.connect_options(OWNER))
        .await
        .unwrap();
    let value = sqlx::query_scalar!(r#"select current_setting($1) as "value!""#, name)
        .fetch_one(&mut connection)
        .await;
    connection.close().await.unwrap();
    value.unwrap()
}

async fn answers(postgres: &PrivatePostgres) -> bool {
    match PgConnection::connect_with(&postgres.connect_options(OWNER)).await {
        Ok(connection) => connection.close().await.is_ok(),
        Err(_) => false,
    }
}

fn kill(pid: i32) {
    let pid = rustix::process::Pid::from_raw(pid).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
}

#[tokio::test]
async fn the_first_start_makes_a_durable_cluster_and_the_second_finds_it() {
    let state = State::new();
    let place = state.place();
    let mut said = Vec::new();
    let postgres = PrivatePostgres::start(&place, &mut |line| said.push(line.to_owned()))
        .await
        .unwrap();
    assert_eq!(said.len(), 2, "{said:?}");
    for (name, value) in [
        ("fsync", "on"),
        ("full_page_writes", "on"),
        ("synchronous_commit", "on"),
        ("data_checksums", "on"),
    ] {
        assert_eq!(setting(&postgres, name).await, value, "{name}");
    }
    assert_eq!(setting(&postgres, "listen_addresses").await, "");
    for folder in [postgres.data_dir(), postgres.socket_dir()] {
        assert_eq!(
            std::fs::metadata(folder).unwrap().mode() & 0o777,
            0o700,
            "{}",
            folder.display()
        );
    }
    execute(
        &postgres,
        "create table kept (fact text); insert into kept values ('here')",
    )
    .await;
    postgres.stop().await;
    assert!(
        state.postmaster().is_none(),
        "the postmaster ended and took its note with it"
    );

    said.clear();
    let postgres = PrivatePostgres::start(&place, &mut |line| said.push(line.to_owned()))
        .await
        .unwrap();
    assert_eq!(said, ["Starting PostgreSQL"]);
    execute(&postgres, "do $$ begin assert (select fact from kept) = 'here'; end $$").await;
    postgres.stop().await;
}

#[tokio::test]
async fn a_postmaster_is_taken_over_after_its_server_was_killed() {
    if let Some((_, state)) = std::env::vars_os().find(|(name, _)| name == PLAYS_THE_SERVER) {
        let postgres = start(&place(PathBuf::from(state))).await.unwrap();
        execute(
            &postgres,
            "create table kept (fact text); insert into kept values ('here')",
        )
        .await;
        println!("\nready {}", postgres.pid().await.unwrap());
        return std::future::pending().await;
    }
    let state = State::new();
    let name = "postgres::tests::a_postmaster_is_taken_over_after_its_server_was_killed";
    #[expect(
        clippy::disallowed_methods,
        reason = "the server to be killed is this test in a process of its own"
    )]
    let mut server = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", name, "--nocapture"])
        .env(PLAYS_THE_SERVER, state.place().state)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(server.stdout.take().unwrap()).lines();
    let ready = lines
        .map_while(Result::ok)
        .find_map(|line| line.strip_prefix("ready ")?.parse::<i32>().ok());
    let pid = ready.expect("the server became ready");

    let refused = start(&state.place()).await.unwrap_err().to_string();
    assert!(
        refused.contains(&format!("in use by another lastgood (process {})", server.id())),
        "{refused}"
    );

    server.kill().unwrap();
    server.wait().unwrap();
    let postgres = start(&state.place()).await.unwrap();
    assert_eq!(postgres.pid().await, Some(pid), "the same postmaster");
    execute(&postgres, "do $$ begin assert (select fact from kept) = 'here'; end $$").await;
    postgres.stop().await;
    assert!(state.postmaster().is_none(), "the adopted postmaster ended too");
}

#[tokio::test]
async fn a_killed_postmaster_is_started_again_and_nothing_committed_is_lost() {
    let state = State::new();
    let postgres = Arc::new(start(&state.place()).await.unwrap());
    execute(
        &postgres,
        "create table kept (fact text); insert into kept values ('here')",
    )
    .await;
    let shutdown = CancellationToken::new();
    let supervised = Arc::clone(&postgres);
    let token = shutdown.clone();
    let supervisor = tokio::task::LocalSet::new();
    supervisor.spawn_local(async move { supervised.supervise(token).await });
    supervisor
        .run_until(async {
            for _ in 0..3 {
                let before = postgres.pid().await.unwrap();
                kill(before);
                let recovered = async {
                    let mut ticks = tokio::time::interval(Duration::from_millis(20));
                    while postgres.pid().await == Some(before) || !answers(&postgres).await {
                        ticks.tick().await;
                    }
                };
                tokio::time::timeout(Duration::from_secs(30), recovered)
                    .await
                    .expect("it answers again");
            }
            execute(&postgres, "do $$ begin assert (select fact from kept) = 'here'; end $$").await;
            // A stop must end the supervision, not be undone by it.
            postgres.stop().await;
        })
        .await;
    tokio::time::timeout(Duration::from_secs(5), supervisor)
        .await
        .expect("supervision ended");
    assert!(state.postmaster().is_none());
}

#[tokio::test]
async fn a_command_works_beside_a_server_and_leaves_it_running() {
    let state = State::new();
    let server = start(&state.place()).await.unwrap();
    let command = PrivatePostgres::open(&state.place(), &mut |_| {}).await.unwrap();
    assert!(command.is_joined());
    command.stop().await;
    assert!(answers(&server).await, "the command's end is not the server's");
    let alone = PrivatePostgres::open_alone(&state.place(), &mut |_| {}).await;
    assert!(matches!(alone, Err(PostgresError::InUse { .. })));
    server.stop().await;

    let command = PrivatePostgres::open(&state.place(), &mut |_| {}).await.unwrap();
    assert!(!command.is_joined());
    command.stop().await;
    assert!(state.postmaster().is_none(), "what a command started ends with it");
}

#[test]
fn folders_above_the_state_folder_are_open_and_it_is_closed() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("new/parent/x");
    super::make_state(&state).unwrap();
    let mode = |path: &Path| std::fs::metadata(path).unwrap().mode() & 0o777;
    for above in state.ancestors().skip(1).take(2) {
        assert_eq!(mode(above), 0o755, "{}", above.display());
    }
    assert_eq!(
        mode(&state) & 0o766,
        0o700,
        "others may pass through a state folder of root's and no more"
    );
}

#[tokio::test]
async fn a_server_waits_for_a_command_at_work() {
    let state = State::new();
    let place = state.place();
    super::make_state(&place.state).unwrap();
    let command = StateLock::take(&place.state, Holder::Command).await.unwrap();
    let (server, ()) = tokio::join!(StateLock::take(&place.state, Holder::Server), async { drop(command) });
    assert!(server.is_ok());
}

#[tokio::test]
async fn a_creation_that_was_interrupted_begins_anew() {
    let state = State::new();
    let place = state.place();
    let unfinished = place.state.join("pg/data.unfinished");
    std::fs::create_dir_all(&unfinished).unwrap();
    std::fs::write(unfinished.join("PG_VERSION"), "15\n").unwrap();
    // A state folder made by somebody careful is opened for PostgreSQL's user to pass through, and for nobody else.
    std::fs::set_permissions(&place.state, PermissionsExt::from_mode(0o700)).unwrap();
    let postgres = start(&place).await.unwrap();
    assert!(answers(&postgres).await);
    assert!(!unfinished.exists());
    assert_eq!(std::fs::metadata(&place.state).unwrap().mode() & 0o707, 0o700);
    postgres.stop().await;
}

#[tokio::test]
async fn a_note_of_a_postmaster_whose_number_is_somebody_elses_is_removed() {
    let state = State::new();
    let place = state.place();
    let postgres = start(&place).await.unwrap();
    let data = postgres.data_dir().to_owned();
    postgres.stop().await;
    // A sleeping process of PostgreSQL's own user, which PostgreSQL would take for a postmaster.
    let owner = std::fs::metadata(&data).unwrap();
    #[expect(clippy::disallowed_methods, reason = "a process that is not a postmaster")]
    let mut stranger = std::os::unix::process::CommandExt::uid(&mut std::process::Command::new("sleep"), owner.uid())
        .arg("60")
        .spawn()
        .unwrap();
    let note = format!("{}\n{}\n1\n5432\n/x\n\n", stranger.id(), data.display());
    std::fs::write(data.join("postmaster.pid"), note).unwrap();
    let started = start(&place).await;
    stranger.kill().unwrap();
    stranger.wait().unwrap();
    started.unwrap().stop().await;
}

#[tokio::test]
async fn a_state_folder_with_a_long_name_gets_a_short_socket() {
    let state = State::new();
    let long = place(
        state
            .folder
            .path()
            .join("a-name-as-long-as-no-socket-can-have".repeat(3)),
    );
    let postgres = start(&long).await.unwrap();
    let sockets = postgres.socket_dir().to_owned();
    assert!(!sockets.starts_with(&long.state), "{}", sockets.display());
    assert!(answers(&postgres).await);
    postgres.stop().await;
    std::fs::remove_dir(&sockets).unwrap();
}

#[tokio::test]
async fn what_is_missing_or_closed_is_said_with_its_remedy() {
    let state = State::new();
    let mut place = state.place();
    place.bindir = Some(PathBuf::from("/nonexistent"));
    let message = start(&place).await.unwrap_err().to_string();
    assert!(
        message.starts_with("PostgreSQL 14 or later is needed and was not found in /nonexistent."),
        "{message}"
    );
    assert!(message.contains("apt-get install postgresql"), "{message}");
    assert_eq!(message.lines().count(), 1);

    // Only root's PostgreSQL is somebody else, to whom a folder can be closed.
    let closed = state.folder.path().join("closed");
    std::fs::DirBuilder::new().mode(0o700).create(&closed).unwrap();
    let message = start(&self::place(closed.join("state"))).await.unwrap_err().to_string();
    assert!(
        message.starts_with(&format!("{} is closed to the user", closed.display())),
        "{message}"
    );
    assert!(
        message.contains(&format!("chmod o+x {}", closed.display())),
        "{message}"
    );

    let file = state.folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    let message = start(&self::place(file.join("state"))).await.unwrap_err().to_string();
    assert!(
        message.starts_with(&format!("making the folder {} failed: File exists", file.display())),
        "{message}"
    );
}

#[tokio::test]
async fn data_of_another_major_version_is_not_touched() {
    let state = State::new();
    let place = state.place();
    let data = place.state.join("pg/data");
    std::fs::create_dir_all(&data).unwrap();
    let message = start(&place).await.unwrap_err().to_string();
    assert!(message.contains("is not a folder of PostgreSQL's data"), "{message}");
    std::fs::write(data.join("PG_VERSION"), "9\n").unwrap();
    let message = start(&place).await.unwrap_err().to_string();
    assert!(
        message.contains("was made by PostgreSQL 9, which is not installed"),
        "{message}"
    );
    assert_eq!(std::fs::read_dir(&data).unwrap().count(), 1);
}

#[test]
fn the_log_is_bounded_while_it_is_written() {
    let folder = TempDir::new().unwrap();
    let log = Log {
        path: folder.path().join("postgres.log"),
    };
    let mut postmaster = log.open().unwrap();
    let line = [b'x'; 1023]
        .iter()
        .chain(b"\n")
        .copied()
        .collect::<Vec<u8>>()
        .repeat(1024);
    for _ in 0..8 {
        log.bound().unwrap();
        postmaster.write_all(&line).unwrap();
    }
    assert_eq!(log.end(), 8 * 1024 * 1024);
    log.bound().unwrap();
    let start = log.end();
    postmaster.write_all(b"the next line\n").unwrap();
    assert_eq!((start, log.end()), (0, 14), "the open file goes on at the beginning");
    assert_eq!(log.tail(start), "the next line");
    assert_eq!(
        std::fs::metadata(folder.path().join("postgres.log.1")).unwrap().len(),
        8 * 1024 * 1024
    );
}
