//! A practice's backups, by the tools themselves.

use std::fs;

use lastgood_tests::mail::MailServer;

use super::{
    OLIVIA, add_daily_job, add_minutely_job, enrolled_machine, northwind, shown, wait_for_alert, wait_for_run,
    wait_for_state,
};

/// A job of the agent that backs up the practice's folder with restic.
fn restic_job(machine: &lastgood_tests::agent::Machine, key: &str, schedule: &str) -> String {
    format!(
        "[[job]]\nkey = \"{key}\"\ntool = \"restic\"\nrepository = \"{}\"\npaths = [\"{}\"]\npassword_file = \"{}\"\n{schedule}",
        machine.folder().join("restic").display(),
        machine.practice().display(),
        machine.folder().join("restic-password").display(),
    )
}

#[test]
fn a_scheduled_restic_backup_of_real_files_is_ok_on_the_page() {
    let mail = MailServer::start();
    let server = northwind(&mail);
    let job = add_minutely_job(&server);
    let machine = enrolled_machine(&server);
    machine.make_restic_repository();
    machine.configure(&restic_job(&machine, "nightly", "schedule = \"* * * * *\"\n"));
    let _agent = machine.start();

    let run = wait_for_run(&server, &job, "ok");
    wait_for_state(&server, &job, "ok");
    let facts = server.database().rows(&format!(
        "select files_total, bytes_processed > 300000, snapshot, tool, tool_version from runs where run_id = '{run}'"
    ));
    let [files, bytes, snapshot, tool, version] = &facts[0][..] else {
        panic!("{facts:?}")
    };
    assert_eq!((files.as_str(), bytes.as_str(), tool.as_str()), ("21", "t", "restic"));
    assert!(!version.is_empty(), "the tool's version is known");
    let snapshots = fs::read_dir(machine.folder().join("restic/snapshots")).unwrap();
    let made: Vec<_> = snapshots
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert!(
        made.iter().any(|name| name.starts_with(snapshot)),
        "{snapshot} is one that restic made: {made:?}"
    );

    let mut olivia = server.visitor(OLIVIA);
    let page = shown(&olivia.get(&format!("/jobs/{job}")));
    assert!(page.contains("Nightly backup") && page.contains("ok"), "{page}");
    let page = shown(&olivia.get(&format!("/runs/{run}")));
    assert!(page.contains("21") && page.contains(snapshot.as_str()), "{page}");
}

#[test]
fn a_wrong_repository_password_is_in_a_mail() {
    let mail = MailServer::start();
    let server = northwind(&mail);
    let job = add_daily_job(&server, "nightly");
    let machine = enrolled_machine(&server);
    machine.make_restic_repository();
    machine.folder().secret("restic-password", "not the right password\n");
    machine.configure(&restic_job(&machine, "nightly", ""));
    let _agent = machine.start();
    let restic = [
        "exec",
        "nightly",
        "--",
        "restic",
        "--json",
        "-r",
        &machine.folder().join("restic").display().to_string(),
        "--password-file",
        &machine.folder().join("restic-password").display().to_string(),
        "backup",
        &machine.practice().display().to_string(),
    ];
    assert_ne!(machine.run(&restic).code, 0, "restic's own exit code is passed on");

    wait_for_run(&server, &job, "failed");
    let letter = mail.wait_for("Harbor Counseling: backup failed");
    assert_eq!(letter.to, [OLIVIA]);
    assert!(letter.subject().contains("nightly backup"), "{}", letter.subject());
    assert!(
        letter.text().contains("password"),
        "the reason is told: {}",
        letter.text()
    );
    assert_eq!(mail.sent_in_clear(), 0, "nothing is said before TLS");
    assert_eq!(mail.mails().len(), 1, "one problem is one mail");

    let alert = wait_for_alert(&server, "failed", true);
    let page = shown(&server.visitor(OLIVIA).get(&format!("/alerts/{alert}")));
    assert!(
        page.contains("Harbor Counseling") && page.contains("nightly backup"),
        "{page}"
    );

    machine.folder().secret("restic-password", "the right password\n");
    assert_eq!(machine.run(&restic).code, 0);
    wait_for_run(&server, &job, "ok");
    let letter = mail.wait_for("the backup works again");
    assert!(letter.subject().contains("Harbor Counseling"), "{}", letter.subject());
}

#[test]
fn a_borg_backup_is_ok() {
    let mail = MailServer::start();
    let server = northwind(&mail);
    let job = add_minutely_job(&server);
    let machine = enrolled_machine(&server);
    machine.make_borg_repository();
    machine.configure(&format!(
        "[[job]]\nkey = \"nightly\"\ntool = \"borg\"\nrepository = \"{}\"\npaths = [\"{}\"]\npassword_file = \"{}\"\nschedule = \"* * * * *\"\n",
        machine.folder().join("borg").display(),
        machine.practice().display(),
        machine.folder().join("borg-passphrase").display(),
    ));
    let _agent = machine.start();
    let run = wait_for_run(&server, &job, "ok");
    let row = server.database().rows(&format!(
        "select tool, files_total, snapshot <> '' from runs where run_id = '{run}'"
    ));
    assert_eq!(row[0][0], "borg");
    assert_eq!(row[0][1], "21");
    assert_eq!(row[0][2], "t");
}

#[test]
fn a_wrapped_command_keeps_its_output_and_its_exit_code_and_is_reported() {
    let mail = MailServer::start();
    let server = northwind(&mail);
    let (good, bad) = (add_daily_job(&server, "good"), add_daily_job(&server, "bad"));
    let machine = enrolled_machine(&server);
    let _agent = machine.start();
    let ended = machine.run(&[
        "exec",
        "good",
        "--",
        "sh",
        "-c",
        "echo patient data; echo more >&2; exit 0",
    ]);
    assert_eq!((ended.code, ended.out.as_str()), (0, "patient data\n"));
    let ended = machine.run(&["exec", "bad", "--", "sh", "-c", "echo /srv/patients/doe.pdf; exit 7"]);
    assert_eq!(ended.code, 7);

    wait_for_run(&server, &good, "ok");
    let run = wait_for_run(&server, &bad, "failed");
    assert_eq!(
        server
            .database()
            .value(&format!("select exit_code from runs where run_id = '{run}'")),
        "7"
    );
    let sent = server
        .database()
        .value("select count(*) from inbox where body like '%patient%'");
    assert_eq!(sent, "0", "nothing of what the command said leaves the practice");
}
