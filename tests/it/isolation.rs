//! Tenancy in the database itself: what PostgreSQL's own catalogue says about it.

use lastgood_tests::database::Psql;
use lastgood_tests::server::Server;

/// Tables that belong to nobody: they hold no firm's rows.
const NOT_TENANT: [&str; 4] = ["_sqlx_migrations", "evaluator", "login_failures", "monitoring_gaps"];

fn assert_no_row(database: &Psql, rule: &str, sql: &str) {
    let rows = database.rows(sql);
    assert!(rows.is_empty(), "{rule}: {rows:?}");
}

#[test]
fn every_table_with_a_firm_is_guarded_and_the_application_owns_nothing() {
    let server = Server::start();
    let database = server.database();
    let tables = database.column(
        "select c.relname from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attname = 'firm_id'
         where c.relkind in ('r', 'p') and c.relnamespace = 'public'::regnamespace order by 1",
    );
    assert!(tables.len() > 15, "{tables:?}");
    assert_no_row(
        &database,
        "row-level security is enabled, forced, and has a policy for each role",
        "select c.relname from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attname = 'firm_id'
         where c.relkind in ('r', 'p') and c.relnamespace = 'public'::regnamespace
           and not (c.relrowsecurity and c.relforcerowsecurity
                    and (select count(distinct r) from pg_policy p, unnest(p.polroles) r where p.polrelid = c.oid) >= 2)",
    );
    let others = database.column(
        "select c.relname from pg_class c where c.relkind in ('r', 'p') and c.relnamespace = 'public'::regnamespace
           and not exists (select from pg_attribute a where a.attrelid = c.oid and a.attname = 'firm_id') order by 1",
    );
    assert_eq!(others, NOT_TENANT, "a table without firm_id holds nothing of a firm");
    assert_no_row(
        &database,
        "a table without firm_id names no practice, job or agent",
        "select c.relname, a.attname from pg_class c join pg_attribute a on a.attrelid = c.oid
         where c.relname in ('evaluator', 'login_failures', 'monitoring_gaps') and c.relnamespace = 'public'::regnamespace
           and a.attname in ('practice_id', 'job_id', 'agent_id', 'user_id', 'email', 'name')",
    );
    assert_no_row(
        &database,
        "the application's roles bypass nothing and belong to nothing",
        "select rolname from pg_roles r where rolname like 'lastgood\\_w%'
           and (rolsuper or rolbypassrls or rolcreaterole or rolcreatedb or rolreplication
                or exists (select from pg_auth_members m where m.member = r.oid))",
    );
    assert_eq!(
        database.number("select count(*) from pg_roles where rolname in ('lastgood_web', 'lastgood_worker')"),
        2
    );
    assert_no_row(
        &database,
        "the application's roles own nothing",
        "select c.relname from pg_class c join pg_roles r on r.oid = c.relowner where r.rolname like 'lastgood\\_w%'
         union all select p.proname from pg_proc p join pg_roles r on r.oid = p.proowner where r.rolname like 'lastgood\\_w%'",
    );
    for table in &tables {
        let sql = format!("set local role lastgood_web; select count(*) from {table}");
        match database.try_execute(&sql) {
            Ok(out) => assert_eq!(out.trim(), "0", "{table} shows rows to a transaction without a scope"),
            Err(error) => assert!(error.contains("permission denied"), "{table}: {error}"),
        }
    }
}

#[test]
fn every_key_and_every_reference_carries_the_firm() {
    let server = Server::start();
    let database = server.database();
    assert_no_row(
        &database,
        "firm_id is the first column of the primary key of every tenant table",
        "select c.relname from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attname = 'firm_id' and a.attnotnull
         join pg_constraint k on k.conrelid = c.oid and k.contype = 'p'
         where c.relkind = 'r' and c.relnamespace = 'public'::regnamespace and k.conkey[1] <> a.attnum",
    );
    assert_no_row(
        &database,
        "every reference between tenant tables carries firm_id on both sides",
        "select k.conrelid::regclass, k.conname from pg_constraint k
         join pg_attribute target on target.attrelid = k.confrelid and target.attname = 'firm_id'
         where k.contype = 'f' and not exists (
             select from unnest(k.conkey, k.confkey) as pair(here, there)
             join pg_attribute h on h.attrelid = k.conrelid and h.attnum = pair.here and h.attname = 'firm_id'
             where pair.there = target.attnum)",
    );
}

#[test]
fn a_page_cannot_write_into_another_practice_whatever_it_asks() {
    let server = Server::start();
    server.add_user("olivia@northwind.example", "owner", None);
    server.add_practice("Harbor Counseling");
    server.add_practice("Lakeside Clinic");
    let database = server.database();
    let id = |name: &str| {
        database
            .rows(&format!(
                "select firm_id, practice_id from practices where name = '{name}'"
            ))
            .remove(0)
    };
    let (firm, harbor) = (&id("Harbor Counseling")[0], &id("Harbor Counseling")[1]);
    let lakeside = &id("Lakeside Clinic")[1];
    let scope = format!(
        "set local role lastgood_web; select set_config('lastgood.firm', '{firm}', true); select set_config('lastgood.practice', '{harbor}', true);"
    );
    let seen = database
        .try_execute(&format!("{scope} select name from practices"))
        .unwrap();
    assert!(
        seen.contains("Harbor Counseling") && !seen.contains("Lakeside"),
        "{seen}"
    );
    let changed = database.try_execute(&format!(
        "{scope} with done as (update practices set name = 'taken' where practice_id = '{lakeside}' returning 1) select count(*) from done"
    ));
    assert_eq!(
        changed.unwrap().lines().last(),
        Some("0"),
        "what is not seen is not changed"
    );
    let inserted = database.try_execute(&format!(
        "{scope} insert into practices (firm_id, practice_id, name, created_at) values ('{firm}', gen_random_uuid(), 'new', now())"
    ));
    assert!(
        inserted.unwrap_err().contains("row-level security"),
        "a viewer's page adds no practice"
    );
}
