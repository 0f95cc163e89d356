//! What does not happen: an agent that is gone, a night without a backup, and the way back.

use lastgood_tests::mail::MailServer;
use lastgood_tests::server::Server;
use lastgood_tests::wait;

use super::{
    HARBOR, OLIVIA, add_minutely_job, enrolled_machine, northwind_with, shown, wait_for_alert, wait_for_run,
    wait_for_state,
};

/// What the agent starts every minute; quick, so that the journey is about the minutes.
const JOB: &str = "[[job]]\nkey = \"nightly\"\ntool = \"command\"\ncommand = [\"true\"]\nschedule = \"* * * * *\"\n";

#[test]
fn a_missed_backup_is_late_then_missed_in_one_mail_and_recovers_with_what_was_missed() {
    let mail = MailServer::start();
    let server = northwind_with(Server::wishes(), &mail);
    let job = add_minutely_job(&server);
    let machine = enrolled_machine(&server);
    machine.configure(JOB);
    let agent = machine.start();
    wait_for_run(&server, &job, "ok");
    // The machine stays; only the backup is no longer started.
    drop(agent);
    machine.configure("");
    let idle = machine.start();

    wait_for_state(&server, &job, "late");
    let alert = wait_for_alert(&server, "missed", true);
    let letter = mail.wait_for("Harbor Counseling: no backup since");
    assert_eq!(letter.to, [OLIVIA]);
    wait::until_within(3 * wait::PATIENCE, "a second miss", || {
        (server
            .database()
            .number("select count(*) from slots where declared_missed_at is not null")
            >= 2)
            .then_some(())
    });
    assert_eq!(mail.mails().len(), 1, "however many misses, one mail");
    let page = shown(&server.visitor(OLIVIA).get("/"));
    assert!(page.contains(HARBOR), "Today shows it: {page}");

    drop(idle);
    machine.configure(JOB);
    let _agent = machine.start();
    wait::until_within(3 * wait::PATIENCE, "the alert to end", || {
        (server
            .database()
            .value(&format!("select closed_how from alerts where alert_id = '{alert}'"))
            == "evidence")
            .then_some(())
    });
    let letter = mail.wait_for("backups are back");
    assert!(letter.subject().contains(HARBOR), "{}", letter.subject());
    assert!(
        letter.text().contains("missed") || letter.text().contains("Missed"),
        "it says what was missed: {}",
        letter.text()
    );
    assert_eq!(mail.mails().len(), 2);
}

#[test]
fn a_silent_agent_is_one_mail_instead_of_its_jobs_misses() {
    let mail = MailServer::start();
    let server = northwind_with(Server::wishes().with("LASTGOOD_SILENT_AFTER", "5s"), &mail);
    let job = add_minutely_job(&server);
    let machine = enrolled_machine(&server);
    machine.configure(JOB);
    let mut agent = machine.start();
    wait_for_run(&server, &job, "ok");
    agent.kill();

    wait_for_alert(&server, "agent_silent", true);
    let letter = mail.wait_for("Harbor Counseling");
    assert!(letter.text().contains("harbor-srv"), "{}", letter.text());
    wait_for_state(&server, &job, "unknown");
    assert_eq!(
        server
            .database()
            .number("select count(*) from alerts where kind = 'missed' and closed_at is null"),
        0,
        "silence is not a miss"
    );
    assert_eq!(mail.mails().len(), 1, "one mail");

    let _agent = machine.start();
    wait_for_alert(&server, "agent_silent", false);
    mail.wait_for("heard from again");
    wait_for_state(&server, &job, "ok");
}
