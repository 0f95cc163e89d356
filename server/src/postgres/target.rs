//! A database that is dumped, restored or looked into: the private one, or the one that the settings name.

use std::ffi::{OsStr, OsString};
use std::path::Path;

use secrecy::{ExposeSecret as _, SecretString};
use sqlx::ConnectOptions as _;
use sqlx::postgres::PgConnectOptions;
use tokio::process::Command;

use super::error::PostgresError;
use super::program::Programs;
use super::{DATABASE, OWNER, PrivatePostgres};

/// A database, and the programs that fit its server.
pub struct Target {
    /// The database's name.
    pub name: String,
    pub(super) programs: Programs,
    pub(super) options: PgConnectOptions,
    /// Another database of the same server, for what cannot be done from inside this one.
    pub(super) maintenance: PgConnectOptions,
}

impl Target {
    /// The private database.
    pub fn private(postgres: &PrivatePostgres) -> Target {
        Target {
            name: DATABASE.to_owned(),
            programs: postgres.programs().clone(),
            options: postgres.connect_options(OWNER),
            maintenance: postgres.maintenance_options(),
        }
    }

    /// The database that `url` names. Its server's own programs are the best; the newest installed here are used.
    pub async fn external(
        url: &SecretString,
        bindir: Option<&Path>,
        search_path: &OsStr,
    ) -> Result<Target, PostgresError> {
        // The error could repeat the password; the settings have checked the URL already.
        let wrong =
            || PostgresError::Refused("the setting `database_url` is not a PostgreSQL URL with a database".to_owned());
        let options: PgConnectOptions = url.expose_secret().parse().map_err(|_| wrong())?;
        let name = options.get_database().ok_or_else(wrong)?.to_owned();
        let programs = Programs::find_clients(bindir, search_path).await?;
        Ok(Target {
            name,
            programs,
            maintenance: options.clone().database("postgres"),
            options,
        })
    }

    /// One of PostgreSQL's programs that connects to `database` of this server by itself.
    pub(super) fn command(&self, program: &str, database: &str) -> Command {
        let mut command = self.programs.command(program);
        command.envs(environment(&self.options)).env("PGDATABASE", database);
        command
    }

    /// The same for a person at a terminal.
    pub(super) fn interactive(&self, program: &str) -> Command {
        let mut command = self.programs.interactive(program);
        command.envs(environment(&self.options)).env("PGDATABASE", &self.name);
        command
    }

    /// This server's database of that name.
    pub(super) fn database(&self, name: &str) -> PgConnectOptions {
        self.options.clone().database(name)
    }
}

/// The connection as libpq's variables. A command line can be read by every user of the machine; these cannot.
fn environment(options: &PgConnectOptions) -> Vec<(&'static str, OsString)> {
    let host = options
        .get_socket()
        .map_or_else(|| options.get_host().into(), |folder| folder.clone().into_os_string());
    let mut variables = vec![
        ("PGHOST", host),
        ("PGPORT", options.get_port().to_string().into()),
        ("PGUSER", options.get_username().into()),
        ("PGAPPNAME", "lastgood".into()),
    ];
    let url = options.to_url_lossy();
    if let Some(password) = url.password() {
        variables.push(("PGPASSWORD", decoded(password).into()));
    }
    for (name, value) in url.query_pairs() {
        let variable = match name.as_ref() {
            "sslmode" => "PGSSLMODE",
            "sslrootcert" => "PGSSLROOTCERT",
            "sslcert" => "PGSSLCERT",
            "sslkey" => "PGSSLKEY",
            _ => continue,
        };
        // sqlx writes a certificate's file as `file: PATH`.
        let value = value.strip_prefix("file: ").unwrap_or(&value);
        variables.push((variable, value.into()));
    }
    variables
}

/// `%20` and its like as the bytes they stand for.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let escaped = after
            .split_at_checked(2)
            .filter(|_| *first == b'%')
            .and_then(|(digits, after)| {
                let value = u8::from_str_radix(str::from_utf8(digits).ok()?, 16).ok()?;
                Some((value, after))
            });
        let (byte, after) = escaped.unwrap_or((*first, after));
        bytes.push(byte);
        rest = after;
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::{decoded, environment};

    #[test]
    fn a_url_becomes_variables() {
        let url =
            "postgres://me:p%40ss%20w%C3%B6rd%25@db.example.net:6543/lastgood?sslmode=verify-full&sslrootcert=/ca.pem";
        let variables = environment(&url.parse().unwrap());
        for (name, value) in [
            ("PGHOST", "db.example.net"),
            ("PGPORT", "6543"),
            ("PGUSER", "me"),
            ("PGPASSWORD", "p@ss wörd%"),
            ("PGSSLMODE", "verify-full"),
            ("PGSSLROOTCERT", "/ca.pem"),
        ] {
            assert!(variables.contains(&(name, value.into())), "{name} in {variables:?}");
        }
        let socket = environment(&"postgres:///lastgood?host=/a/folder".parse().unwrap());
        assert!(socket.contains(&("PGHOST", "/a/folder".into())), "{socket:?}");
        assert_eq!(decoded("%zz%4"), "%zz%4");
    }
}
