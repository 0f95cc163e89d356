//! `lastgood doctor` on installations as they are found: it says what is wrong and what to do, and changes nothing.

use std::os::unix::fs::{MetadataExt as _, chown};
use std::path::Path;
use std::process::Command;

use lastgood_tests::mail::MailServer;
use lastgood_tests::process::{Ended, run};
use lastgood_tests::server::{Server, free_port};
use lastgood_tests::wait;
use rcgen::{CertificateParams, KeyPair, date_time_ymd};
use serde_json::Value;

use super::{HARBOR, OLIVIA};

/// Asks the doctor; its answer must be one, whatever it finds.
fn doctor(server: &Server, flags: &[&str]) -> (bool, Vec<(String, bool, String)>) {
    let mut command = server.command();
    let asked = run(command.args(["doctor", "--json"]).args(flags), "");
    let answer: Value =
        serde_json::from_str(&asked.out).unwrap_or_else(|error| panic!("{error}: {}{}", asked.out, asked.err));
    let well = answer["ok"].as_bool().unwrap();
    assert_eq!(asked.code, i32::from(!well), "a script reads the exit code");
    let checks: Vec<_> = answer["checks"]
        .as_array()
        .unwrap()
        .iter()
        .map(|check| {
            let text = |name: &str| check[name].as_str().unwrap().to_owned();
            (text("subject"), check["ok"].as_bool().unwrap(), text("message"))
        })
        .collect();
    assert_eq!(well, checks.iter().all(|check| check.1));
    in_words(&mut server.command(), flags, &checks);
    (well, checks)
}

/// People read the same in the same order.
fn in_words(command: &mut Command, flags: &[&str], checks: &[(String, bool, String)]) {
    let Ended { out, .. } = run(command.arg("doctor").args(flags), "");
    let lines: Vec<_> = out
        .lines()
        .filter(|line| line.starts_with("ok ") || line.starts_with("problem "))
        .collect();
    assert_eq!(lines.len(), checks.len(), "{out}");
    for (line, (subject, is_ok, _)) in lines.iter().zip(checks) {
        let mark = if *is_ok { "ok       " } else { "problem  " };
        assert!(line.starts_with(&format!("{mark}{subject}: ")), "{line}");
    }
}

/// This and nothing else is wrong, and these words are said of it.
fn assert_wrong(found: &(bool, Vec<(String, bool, String)>), subject: &str, words: &[&str]) {
    let wrong: Vec<_> = found.1.iter().filter(|check| !check.1).collect();
    assert_eq!(wrong.len(), 1, "{found:?}");
    assert_eq!(wrong[0].0, subject, "{found:?}");
    for said in words {
        assert!(wrong[0].2.contains(said), "{said:?}: {}", wrong[0].2);
    }
}

/// A certificate that ended long ago, and its key.
fn expired(folder: &Path) -> (String, String) {
    let key = KeyPair::generate().unwrap();
    let mut wanted = CertificateParams::new(["localhost".to_owned()]).unwrap();
    wanted.not_before = date_time_ymd(2020, 1, 1);
    wanted.not_after = date_time_ymd(2021, 1, 1);
    let paths = [folder.join("old.pem"), folder.join("old.key")];
    std::fs::write(&paths[0], wanted.self_signed(&key).unwrap().pem()).unwrap();
    std::fs::write(&paths[1], key.serialize_pem()).unwrap();
    let [certificate, key] = paths.map(|path| path.display().to_string());
    (certificate, key)
}

#[test]
fn before_the_first_start_the_doctor_says_so_and_makes_nothing() {
    let server = Server::wishes().prepare();
    let found = doctor(&server, &[]);
    assert!(!found.0);
    assert!(found.1[0].2.contains("Start the server once"), "{found:?}");
    assert!(!server.state().exists(), "it made the state folder");
}

#[test]
fn the_doctor_says_what_is_wrong_and_what_to_do() {
    let mail = MailServer::start();
    let mut server = Server::wishes()
        .mailing(&mail)
        // Its last tick stays what the test makes it.
        .with("LASTGOOD_EVALUATOR_PERIOD", "300s")
        .start();
    server.add_user(OLIVIA, "owner", None);
    server.add_practice(HARBOR);
    let database = server.database();
    wait::until("the evaluator to have run", || {
        (database.number("select count(*) from evaluator") == 1).then_some(())
    });
    let (well, checks) = doctor(&server, &[]);
    assert!(well, "{checks:?}");
    assert_eq!(
        checks.iter().map(|check| check.0.as_str()).collect::<Vec<_>>(),
        [
            "state folder",
            "server",
            "certificate",
            "mail",
            "PostgreSQL",
            "database",
            "evaluator"
        ]
    );

    let closed = free_port().to_string();
    let unreachable = ["--smtp-host", "127.0.0.1", "--smtp-port", &closed];
    assert_wrong(&doctor(&server, &unreachable), "mail", &["refused", "Check smtp_host"]);

    let (certificate, key) = expired(server.folder().path());
    let old = ["--tls-certificate", &certificate, "--tls-key", &key];
    assert_wrong(
        &doctor(&server, &old),
        "certificate",
        &["ended", "Give the server a new one"],
    );

    let found = doctor(&server, &["--pg-bindir", "/nowhere"]);
    assert_wrong(&found, "PostgreSQL", &["14 or later", "apt-get install postgresql"]);

    database.execute("update evaluator set last_tick_at = now() - interval '10 minutes'");
    let found = doctor(&server, &[]);
    assert_wrong(&found, "evaluator", &["10 min ago", "nothing is watched"]);

    server.process().stop();
    let found = doctor(&server, &[]);
    let wrong: Vec<_> = found
        .1
        .iter()
        .filter(|check| !check.1)
        .map(|check| check.0.as_str())
        .collect();
    assert_eq!(wrong, ["server", "evaluator"]);
    assert!(found.1[1].2.contains("Start it: lastgood serve"), "{found:?}");

    let data = server.state().join("pg/data");
    let owner = std::fs::metadata(&data).unwrap().uid();
    if owner != 0 && rustix::process::geteuid().is_root() {
        chown(&data, Some(0), None).unwrap();
        let found = doctor(&server, &[]);
        let cluster = found.1.iter().find(|check| check.0 == "PostgreSQL").unwrap();
        assert!(!cluster.1 && cluster.2.contains("Type: chown -R"), "{found:?}");
        chown(&data, Some(owner), None).unwrap();
    }
    server.run();
    wait::until("all to be well again", || doctor(&server, &[]).0.then_some(()));
}
