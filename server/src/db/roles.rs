//! The two roles the application uses. Roles belong to the whole cluster, so they are made here and not in a migration.

use sqlx::{Executor as _, PgConnection};

/// The role of pages: sees one firm, or one practice of it.
pub(super) const WEB: &str = "lastgood_web";

/// The role of ingest, evaluator, dispatcher and sign-in: sees every firm.
pub(super) const WORKER: &str = "lastgood_worker";

/// The statement by which a connection becomes `role`.
pub(super) fn take_on(role: &'static str) -> &'static str {
    match role {
        WEB => "set role lastgood_web",
        _ => "set role lastgood_worker",
    }
}

/// Makes the roles where they are missing, and lets the connected owner become them. Two servers that start at the same
/// moment both succeed: whoever comes second finds them there.
pub(crate) async fn ensure(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    connection
        .execute(
            "do $$
            declare wanted text;
            begin
                foreach wanted in array array['lastgood_web', 'lastgood_worker'] loop
                    begin
                        execute format('create role %I login noinherit nosuperuser nobypassrls nocreatedb nocreaterole', wanted);
                    exception when duplicate_object or unique_violation then
                        null;
                    end;
                    if not pg_has_role(current_user, wanted, 'member') then
                        execute format('grant %I to current_user', wanted);
                    end if;
                end loop;
            end $$",
        )
        .await?;
    Ok(())
}
