//! What does not happen: an agent that is gone, a night without a backup, and the way back.

use lastgood_tests::agent::Machine;
use lastgood_tests::mail::MailServer;
use lastgood_tests::process::Process;
use lastgood_tests::server::Server;
use lastgood_tests::wait;

use super::{
    HARBOR, OLIVIA, add_minutely_job, enrolled_machine, northwind, northwind_with, shown, wait_for_alert, wait_for_run,
    wait_for_state,
};

/// What somebody else starts on the machine, and the agent reports.
const JOB: &str = "[[job]]\nkey = \"nightly\"\ntool = \"command\"\n";

/// A machine whose agent runs, and a job that is due every minute from now on, done for this minute.
fn machine_with_a_job(server: &Server) -> (Machine, Process, String) {
    let machine = enrolled_machine(server);
    machine.configure(JOB);
    let agent = machine.start();
    let job = add_minutely_job(server);
    back_up(&machine);
    wait_for_run(server, &job, "ok");
    (machine, agent, job)
}

fn back_up(machine: &Machine) {
    machine.run(&["exec", "nightly", "--", "true"]).succeeded();
}

#[test]
fn a_missed_backup_is_late_then_missed_in_one_mail_and_recovers_with_what_was_missed() {
    let mail = MailServer::start();
    // Its agent may be silent for an hour: what is not there is missed.
    let server = northwind(&mail);
    let (machine, mut agent, job) = machine_with_a_job(&server);
    assert_eq!(agent.stop(), Some(0));

    wait_for_state(&server, &job, "late");
    assert!(mail.mails().is_empty(), "late is quiet");
    let alert = wait_for_alert(&server, "missed", true);
    let letter = mail.wait_for("Harbor Counseling: no backup since");
    assert_eq!(letter.to, [OLIVIA]);
    let page = shown(&server.visitor(OLIVIA).get("/"));
    assert!(
        page.contains(HARBOR) && page.contains("Nightly backup"),
        "Today shows it: {page}"
    );
    let database = server.database();
    let declared = "select count(*) from slots where declared_missed_at is not null";
    wait::until_within(2 * wait::PATIENCE, "a second miss", || {
        (database.number(declared) >= 2).then_some(())
    });
    assert_eq!(mail.mails().len(), 1, "however many misses, one mail");

    let _agent = machine.start();
    back_up(&machine);
    assert_eq!(
        wait_for_alert(&server, "missed", false),
        alert,
        "it is the same alert that ends"
    );
    let how = format!("select closed_how from alerts where alert_id = '{alert}'");
    assert_eq!(database.value(&how), "evidence");
    let letter = mail.wait_for("backups are back");
    assert!(letter.subject().contains(HARBOR), "{}", letter.subject());
    assert!(
        letter.text().contains("issed"),
        "it says what was missed: {}",
        letter.text()
    );
    assert_eq!(mail.mails().len(), 2);
    assert!(database.number(declared) >= 2, "what was missed stays missed");
}

#[test]
fn a_silent_agent_is_one_mail_instead_of_its_jobs_misses() {
    let mail = MailServer::start();
    let server = northwind_with(Server::wishes().with("LASTGOOD_SILENT_AFTER", "10s"), &mail);
    let (machine, mut agent, job) = machine_with_a_job(&server);
    agent.kill();

    let alert = wait_for_alert(&server, "agent_silent", true);
    let letter = mail.wait_for(HARBOR);
    assert!(letter.text().contains("harbor-srv"), "{}", letter.text());
    wait_for_state(&server, &job, "unknown");
    let database = server.database();
    assert_eq!(
        database.number("select count(*) from alerts where kind = 'missed'"),
        0,
        "silence is not a miss"
    );
    assert_eq!(mail.mails().len(), 1, "one mail");

    let _agent = machine.start();
    assert_eq!(wait_for_alert(&server, "agent_silent", false), alert);
    mail.wait_for("heard from again");
    // What it did not do while it was silent is known now: it is told, and does not stay unknown.
    wait::until_within(2 * wait::PATIENCE, "what was unknown to be missed", || {
        let states = database.column(
            "select distinct s.state from slots s join slot_changes c using (firm_id, slot_id) where c.to_state = 'unknown'",
        );
        (states == ["missed"]).then_some(())
    });
    back_up(&machine);
    wait_for_state(&server, &job, "ok");
}
