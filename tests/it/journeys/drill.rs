//! Practised restores: recorded by the person who did it, missed by the server when nobody did.

use jiff::SignedDuration;
use lastgood_tests::mail::MailServer;
use lastgood_tests::reporter::now;
use lastgood_tests::wait;

use super::{OLIVIA, add_daily_job, enrolled_machine, northwind, shown, wait_for_alert};

/// `lastgood-agent drill record …` of a drill that took half an hour until a minute ago.
fn record(machine: &lastgood_tests::agent::Machine, outcome: &str, opens: &str) {
    let at = |minutes| {
        (now() - SignedDuration::from_mins(minutes))
            .strftime("%Y-%m-%dT%H:%M:%SZ")
            .to_string()
    };
    let restore = format!("Restore to the spare machine={}..{}", at(31), at(11));
    let open = format!(
        "Open the program={}..{}{}",
        at(11),
        at(1),
        if opens == "yes" { "" } else { ":failed" }
    );
    machine
        .run(&[
            "drill",
            "record",
            "--job",
            "nightly",
            "--backup",
            "Friday's disk",
            "--outcome",
            outcome,
            "--step",
            &restore,
            "--step",
            &open,
            "--check",
            &format!("The program opens={opens}"),
            "--by",
            "Nora Whitfield",
        ])
        .succeeded();
}

#[test]
fn a_drill_that_is_overdue_is_missed_and_one_that_passes_ends_that() {
    let mail = MailServer::start();
    let server = northwind(&mail);
    add_daily_job(&server, "nightly");
    let machine = enrolled_machine(&server);
    let _agent = machine.start();
    let database = server.database();
    let harbor = "(select practice_id from practices where name = 'Harbor Counseling')";
    let slot = format!(
        "expectation_id in (select expectation_id from expectations where kind = 'drill' and practice_id = {harbor})"
    );
    assert_eq!(
        database.number(&format!("select count(*) from slots where {slot}")),
        1,
        "a practice is expected to practise restores"
    );

    // A quarter passes.
    database.execute(&format!(
        "update slots set opens_at = opens_at - interval '92 days', due_at = due_at - interval '92 days', late_at = late_at - interval '92 days',
            missed_at = missed_at - interval '92 days', check_at = check_at - interval '92 days' where {slot}"
    ));
    wait_for_alert(&server, "drill_overdue", true);
    let letter = mail.wait_for("Harbor Counseling");
    assert!(letter.subject().contains("restore"), "{}", letter.subject());

    record(&machine, "passed", "yes");
    wait_for_alert(&server, "drill_overdue", false);
    wait::until("the mail that it is over", || {
        mail.mails()
            .into_iter()
            .find(|mail| mail.subject().contains("a practised restore passed"))
    });
    let page = shown(&server.visitor(OLIVIA).get("/drills"));
    assert!(
        page.contains("Harbor Counseling") && page.contains("Nora Whitfield"),
        "{page}"
    );
}

#[test]
fn a_drill_that_failed_is_in_a_mail_with_what_failed() {
    let mail = MailServer::start();
    let server = northwind(&mail);
    add_daily_job(&server, "nightly");
    let machine = enrolled_machine(&server);
    let _agent = machine.start();
    record(&machine, "failed", "no");
    wait_for_alert(&server, "drill_failed", true);
    let letter = mail.wait_for("Harbor Counseling");
    assert!(
        letter.text().contains("The program opens") || letter.text().contains("Open the program"),
        "{}",
        letter.text()
    );
    let drill = server.database().value("select drill_id from drills");
    let page = shown(&server.visitor(OLIVIA).get(&format!("/drills/{drill}")));
    for words in [
        "Restore to the spare machine",
        "Open the program",
        "Friday's disk",
        "Nora Whitfield",
    ] {
        assert!(page.contains(words), "{words}: {page}");
    }
}
