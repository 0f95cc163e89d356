//! Migrations on a real PostgreSQL: one by one, from a dump, and what a server does with a schema it does not know.

use std::borrow::Cow;
use std::process::Command;

use lastgood::db::MIGRATOR;
use lastgood_tests::cluster::Cluster;
use lastgood_tests::database::{Psql, programs};
use lastgood_tests::process::run;
use lastgood_tests::server::Server;
use sqlx::migrate::Migrator;
use sqlx::{Connection as _, PgConnection};

/// The schema as one text, without what differs from dump to dump.
fn schema(database: &Psql) -> String {
    let out = run(
        Command::new(programs().join("pg_dump"))
            .args(database.arguments())
            .args(["-s", "-n", "public"]),
        "",
    )
    .succeeded();
    out.lines()
        .filter(|line| !line.starts_with("--") && !line.starts_with('\\'))
        .collect::<Vec<_>>()
        .join("\n")
}

/// Applies the first `count` migrations, as an older server would have.
fn migrate_up_to(cluster: &Cluster, count: usize) {
    cluster.database().execute(
        "do $$ begin
            create role lastgood_web login noinherit; create role lastgood_worker login noinherit;
         exception when duplicate_object then null; end $$",
    );
    let older = Migrator {
        migrations: Cow::Owned(MIGRATOR.iter().take(count).cloned().collect()),
        ..Migrator::DEFAULT
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let mut connection = PgConnection::connect(&cluster.url()).await.unwrap();
        older.run(&mut connection).await.unwrap();
        connection.close().await.unwrap();
    });
}

fn known() -> usize {
    MIGRATOR.iter().count()
}

#[test]
fn applied_one_by_one_and_from_a_dump_they_make_the_same_schema() {
    let cluster = Cluster::start();
    for count in 1..=known() {
        migrate_up_to(&cluster, count);
    }
    let made = schema(&cluster.database());
    assert!(made.contains("CREATE TABLE public.slots"));

    let dump = run(
        Command::new(programs().join("pg_dump")).args(cluster.database().arguments()),
        "",
    )
    .succeeded();
    cluster.psql("postgres").column("select 1");
    run(
        Command::new("psql")
            .args(cluster.psql("postgres").arguments())
            .args(["-c", "create database again"]),
        "",
    )
    .succeeded();
    let again = cluster.psql("again");
    run(
        Command::new("psql")
            .args(again.arguments())
            .args(["-q", "-v", "ON_ERROR_STOP=1"]),
        &dump,
    )
    .succeeded();
    assert_eq!(schema(&again), made);
}

#[test]
fn an_older_database_is_dumped_before_it_is_brought_up_to_date() {
    let cluster = Cluster::start();
    migrate_up_to(&cluster, known() - 1);
    cluster
        .database()
        .execute("insert into firms (firm_id, name, created_at) values (gen_random_uuid(), 'Northwind IT', now())");
    let server = Server::wishes().on_database(&cluster.url()).start();
    assert_eq!(
        cluster
            .database()
            .number("select count(*) from _sqlx_migrations where success"),
        i64::try_from(known()).unwrap()
    );
    assert_eq!(
        cluster.database().value("select name from firms"),
        "Northwind IT",
        "what was there is still there"
    );

    let mut dumps = Vec::new();
    let mut folders = vec![server.state()];
    while let Some(folder) = folders.pop() {
        for path in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                folders.push(path);
            } else if std::fs::read(&path).unwrap().starts_with(b"PGDMP") {
                dumps.push(path);
            }
        }
    }
    let [dump] = &dumps[..] else {
        panic!("there should be one dump: {dumps:?}")
    };
    run(
        Command::new("psql")
            .args(cluster.psql("postgres").arguments())
            .args(["-c", "create database before"]),
        "",
    )
    .succeeded();
    let before = cluster.psql("before");
    run(
        Command::new(programs().join("pg_restore"))
            .args(before.arguments())
            .arg("--exit-on-error")
            .arg(dump),
        "",
    )
    .succeeded();
    assert_eq!(
        before.number("select count(*) from _sqlx_migrations"),
        i64::try_from(known() - 1).unwrap()
    );
    assert_eq!(
        before.value("select name from firms"),
        "Northwind IT",
        "the dump holds what was there before"
    );
}

#[test]
fn a_schema_from_the_future_is_refused_and_left_alone() {
    let cluster = Cluster::start();
    migrate_up_to(&cluster, known());
    cluster.database().execute(
        "insert into _sqlx_migrations (version, description, success, checksum, execution_time)
         values (20991231235959, 'of a newer Lastgood', true, '\\x00', 0)",
    );
    let before = schema(&cluster.database());
    let server = Server::wishes().on_database(&cluster.url()).prepare();
    let said = server.operator(&["serve"]).refused();
    assert!(
        said.contains("20991231235959") && said.contains("newer Lastgood"),
        "{said}"
    );
    assert_eq!(schema(&cluster.database()), before);
}
