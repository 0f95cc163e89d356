//! Dumps and their way back, with the real schema.

use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;

use clap::Parser as _;
use jiff::Timestamp;
use secrecy::SecretString;
use sqlx::{Connection as _, PgConnection};

use super::{State, execute, start};
use crate::config::{Environment, Settings, SettingsArgs};
use crate::postgres::command::{DbCommand, run};
use crate::postgres::dump::{dump, dump_before_migration, list};
use crate::postgres::restore::restore;
use crate::postgres::{OWNER, Place, PostgresError, PrivatePostgres, Target};

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_790_000_000 + second).unwrap()
}

/// A running Postgres with the schema and a fact in it.
async fn filled(place: &Place) -> PrivatePostgres {
    let postgres = start(place).await.unwrap();
    let options = postgres.connect_options(OWNER);
    crate::db::migrate(&options, |_| async {
        Err("an empty database is not dumped".to_owned())
    })
    .await
    .unwrap();
    execute(
        &postgres,
        "create table kept (fact text); insert into kept values ('before'); grant select on kept to lastgood_web",
    )
    .await;
    postgres
}

async fn change(postgres: &PrivatePostgres) {
    execute(postgres, "update kept set fact = 'after'").await;
}

async fn databases(postgres: &PrivatePostgres) -> Vec<String> {
    let mut connection = PgConnection::connect_with(&postgres.connect_options(OWNER))
        .await
        .unwrap();
    let names =
        sqlx::query_scalar!("select datname::text as \"name!\" from pg_database where not datistemplate order by 1");
    let names = names.fetch_all(&mut connection).await.unwrap();
    connection.close().await.unwrap();
    names
}

#[tokio::test]
async fn a_dump_restores_what_was_and_keeps_what_is() {
    let state = State::new();
    let place = state.place();
    let postgres = filled(&place).await;
    let target = Target::private(&postgres);
    let file = dump(&target, &place.state, "by-hand", at(0)).await.unwrap();
    assert_eq!(std::fs::metadata(&file).unwrap().mode() & 0o777, 0o600);
    assert!(
        file.ends_with("dumps/20260921T141320Z-by-hand.dump"),
        "{}",
        file.display()
    );
    change(&postgres).await;

    // While somebody is connected nothing happens, and nothing is left behind.
    let busy = PgConnection::connect_with(&postgres.connect_options(OWNER))
        .await
        .unwrap();
    let refused = restore(&target, &file, at(1)).await.unwrap_err().to_string();
    assert!(refused.contains("is in use. Stop every lastgood"), "{refused}");
    busy.close().await.unwrap();
    assert_eq!(databases(&postgres).await, ["lastgood", "postgres"]);

    let restored = restore(&target, &file, at(2)).await.unwrap();
    assert_eq!(restored.former, "lastgood_before_20260921t141322z");
    assert_eq!(
        databases(&postgres).await,
        ["lastgood", "lastgood_before_20260921t141322z", "postgres"]
    );
    execute(
        &postgres,
        "do $$ begin
            assert (select fact from kept) = 'before';
            assert has_table_privilege('lastgood_web', 'kept', 'select');
            assert (select bool_and(relforcerowsecurity) from pg_class where relname in ('practices', 'agents', 'jobs'));
        end $$",
    )
    .await;
    let former = postgres.connect_options(OWNER).database(&restored.former);
    let mut former = PgConnection::connect_with(&former).await.unwrap();
    sqlx::raw_sql("do $$ begin assert (select fact from kept) = 'after'; end $$")
        .execute(&mut former)
        .await
        .unwrap();
    former.close().await.unwrap();
    postgres.stop().await;
}

#[tokio::test]
async fn a_dump_restores_on_a_machine_that_never_saw_the_database() {
    let (old, new) = (State::new(), State::new());
    let postgres = filled(&old.place()).await;
    let file = dump(&Target::private(&postgres), &old.place().state, "by-hand", at(0))
        .await
        .unwrap();
    postgres.stop().await;

    let postgres = start(&new.place()).await.unwrap();
    restore(&Target::private(&postgres), &file, at(1)).await.unwrap();
    execute(
        &postgres,
        "do $$ begin assert (select fact from kept) = 'before'; end $$",
    )
    .await;
    // Up to date: there is nothing to migrate, and the roles are there.
    let migrated = crate::db::migrate(&postgres.connect_options(OWNER), |_| async {
        Err("needless".to_owned())
    })
    .await;
    assert_eq!(migrated.unwrap().applied, 0);
    postgres.stop().await;
}

#[tokio::test]
async fn what_is_no_dump_of_ours_changes_nothing() {
    let state = State::new();
    let place = state.place();
    let postgres = filled(&place).await;
    let target = Target::private(&postgres);
    let whole = dump(&target, &place.state, "by-hand", at(0)).await.unwrap();

    let garbage = place.state.join("garbage.dump");
    std::fs::write(&garbage, "no dump").unwrap();
    let refused = restore(&target, &garbage, at(1)).await.unwrap_err().to_string();
    assert!(refused.contains("is not a dump that this PostgreSQL"), "{refused}");

    let half = place.state.join("half.dump");
    let bytes = std::fs::read(&whole).unwrap();
    std::fs::write(&half, &bytes[..bytes.len() - 1000]).unwrap();
    restore(&target, &half, at(2)).await.unwrap_err();

    execute(&postgres, "insert into _sqlx_migrations select 99990101000000, description, now(), true, checksum, 0 from _sqlx_migrations limit 1").await;
    let newer = dump(&target, &place.state, "newer", at(3)).await.unwrap();
    let refused = restore(&target, &newer, at(4)).await.unwrap_err().to_string();
    assert!(
        refused.contains("was written by a newer Lastgood (schema 99990101000000"),
        "{refused}"
    );

    execute(&postgres, "drop table _sqlx_migrations").await;
    let foreign = dump(&target, &place.state, "foreign", at(5)).await.unwrap();
    let refused = restore(&target, &foreign, at(6)).await.unwrap_err().to_string();
    assert!(refused.contains("holds no database of Lastgood"), "{refused}");

    assert_eq!(databases(&postgres).await, ["lastgood", "postgres"]);
    execute(
        &postgres,
        "do $$ begin assert (select fact from kept) = 'before'; end $$",
    )
    .await;
    postgres.stop().await;
}

#[tokio::test]
async fn only_the_last_dumps_before_migrations_are_kept() {
    let state = State::new();
    let place = state.place();
    let postgres = filled(&place).await;
    let target = Target::private(&postgres);
    dump(&target, &place.state, "by-hand", at(0)).await.unwrap();
    for second in 1..=4 {
        dump_before_migration(&target, &place.state, 7, 2, at(second))
            .await
            .unwrap();
    }
    let names: Vec<PathBuf> = list(&place.state)
        .unwrap()
        .iter()
        .map(|path| path.file_name().unwrap().into())
        .collect();
    assert_eq!(
        names,
        [
            PathBuf::from("20260921T141320Z-by-hand.dump"),
            PathBuf::from("20260921T141323Z-before-migration-of-7.dump"),
            PathBuf::from("20260921T141324Z-before-migration-of-7.dump"),
        ]
    );
    let again = dump(&target, &place.state, "by-hand", at(0)).await;
    assert!(
        matches!(again, Err(PostgresError::Refused(_))),
        "a dump is never overwritten"
    );
    postgres.stop().await;
}

#[tokio::test]
async fn a_database_elsewhere_is_dumped_and_restored_by_its_url() {
    let state = State::new();
    let place = state.place();
    let postgres = filled(&place).await;
    let url = format!(
        "postgres://{OWNER}@localhost/lastgood?host={}",
        postgres.socket_dir().display()
    );
    let target = Target::external(&SecretString::from(url), None, &place.search_path)
        .await
        .unwrap();
    let file = dump(&target, &place.state, "by-hand", at(0)).await.unwrap();
    change(&postgres).await;
    restore(&target, &file, at(1)).await.unwrap();
    execute(
        &postgres,
        "do $$ begin assert (select fact from kept) = 'before'; end $$",
    )
    .await;

    // A role that row-level security binds cannot dump, and is told what to do about it.
    execute(
        &postgres,
        "create role bound login; grant select on all tables in schema public to bound; \
         grant select on all sequences in schema public to bound",
    )
    .await;
    let url = format!(
        "postgres://bound@localhost/lastgood?host={}",
        postgres.socket_dir().display()
    );
    let target = Target::external(&SecretString::from(url), None, &place.search_path)
        .await
        .unwrap();
    let message = dump(&target, &place.state, "bound", at(2))
        .await
        .unwrap_err()
        .to_string();
    assert!(message.contains("bypassrls"), "{message}");
    assert_eq!(
        std::fs::read_dir(place.state.join("dumps")).unwrap().count(),
        1,
        "nothing unfinished stays"
    );
    postgres.stop().await;
}

#[derive(clap::Parser)]
struct Line {
    #[command(subcommand)]
    command: DbCommand,
}

#[tokio::test]
async fn the_commands_start_what_they_need_and_refuse_beside_a_server() {
    let state = State::new();
    let place = state.place();
    filled(&place).await.stop().await;
    let args = SettingsArgs::default().or("state", place.state.to_str().unwrap());
    let settings = Settings::from_sources(&args, &Environment::default(), "tower", true).unwrap();
    let command = |line: &[&str]| {
        let command = Line::try_parse_from(std::iter::once(&"db").chain(line))
            .unwrap()
            .command;
        run(command, &settings, at(0), true)
    };
    command(&["info"]).await.unwrap();
    command(&["dump"]).await.unwrap();
    command(&["psql", "--", "-qc", "update kept set fact = 'by psql'"])
        .await
        .unwrap();
    assert!(state.postmaster().is_none(), "each command ends what it started");
    let file = list(&place.state).unwrap().remove(0);
    let file = file.to_str().unwrap();

    let server = start(&place).await.unwrap();
    execute(
        &server,
        "do $$ begin assert (select fact from kept) = 'by psql'; end $$",
    )
    .await;
    command(&["info"]).await.unwrap();
    let refused = command(&["restore", "--yes", file]).await.unwrap_err();
    assert!(matches!(refused, PostgresError::InUse { .. }), "{refused}");
    server.stop().await;

    command(&["restore", "--yes", file]).await.unwrap();
    let server = start(&place).await.unwrap();
    execute(&server, "do $$ begin assert (select fact from kept) = 'before'; end $$").await;
    server.stop().await;
}
