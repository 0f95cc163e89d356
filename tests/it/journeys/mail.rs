//! Mail as it arrives: what hostile words cannot do, and a mail server that is away for a while.

use lastgood_protocol::{EventBody, Outcome};
use lastgood_tests::mail::MailServer;
use lastgood_tests::reporter::{Reported, Reporter, now};
use lastgood_tests::wait;

use super::{HARBOR, OLIVIA, add_daily_job, northwind};

/// What a mail of ours may carry in its head.
const HEADERS: [&str; 15] = [
    "Auto-Submitted",
    "Content-Transfer-Encoding",
    "Content-Type",
    "Date",
    "From",
    "In-Reply-To",
    "List-Unsubscribe",
    "MIME-Version",
    "Message-ID",
    "Precedence",
    "References",
    "Reply-To",
    "Subject",
    "To",
    "X-Auto-Response-Suppress",
];

#[test]
fn words_of_an_agent_stay_words_in_a_mail() {
    let hostile = [
        "\r\n.\r\nMAIL FROM:<evil@example.com>\r\nRCPT TO:<victim@example.com>\r\nDATA\r\nSubject: gotcha\r\n\r\nhello\r\n.\r\n",
        "\n.\nRCPT TO:<victim@example.com>\n",
        "Bcc: victim@example.com\r\nX-Evil: yes",
        "a\u{2028}b\u{85}c",
        "=?utf-8?q?=0d=0aBcc:_victim@example.com?=",
        "<script>alert(1)</script><img src=x onerror=alert(2)>",
    ];
    let mail = MailServer::start();
    let server = northwind(&mail);
    let mut reporter = Reporter::enrol(&server.address(), &server.token(HARBOR));
    let mut expected = 0;
    for (number, words) in hostile.iter().enumerate() {
        let key = format!("job-{number}");
        add_daily_job(&server, &key);
        let EventBody::RunFinished(mut run) = Reported::ok(&key, now() - jiff::SignedDuration::from_mins(15))
            .ended(Outcome::Failed)
            .finished()
        else {
            unreachable!("a run that ended")
        };
        run.reason = Some((*words).to_owned());
        let event = reporter.event(now(), EventBody::RunFinished(run));
        // The server may refuse the words at its door; what it takes must be harmless.
        expected += reporter.deliver(&[event]).len();
    }
    assert!(expected > 0, "some of the words are allowed to be said");
    let failed = || {
        server
            .database()
            .number("select count(*) from runs where outcome = 'failed'")
    };
    let aside = || {
        server
            .database()
            .number("select count(*) from inbox where state = 'set_aside'")
    };
    let count = i64::try_from(expected).unwrap();
    wait::until("every report to be judged", || {
        (failed() + aside() == count).then_some(())
    });
    let alerts = server
        .database()
        .number("select count(*) from alerts where closed_at is null");
    let due = || {
        server
            .database()
            .number("select count(*) from notifications where state <> 'delivered'")
    };
    wait::until("every mail to be sent", || (due() == 0).then_some(()));
    let mails = mail.mails();
    assert_eq!(
        i64::try_from(mails.len()).unwrap(),
        alerts,
        "one mail per alert, and none of anybody else's"
    );
    for letter in &mails {
        assert_eq!(letter.to, [OLIVIA]);
        assert!(!letter.from.contains("evil"), "{}", letter.from);
        for name in letter.header_names() {
            assert!(
                HEADERS.iter().any(|known| known.eq_ignore_ascii_case(&name)),
                "header {name} is not ours:\n{}",
                letter.content
            );
        }
        let (_, html) = letter
            .content
            .split_once("<!doctype html>")
            .expect("there is an HTML part");
        assert!(!html.contains("<script>") && !html.contains("<img"), "{html}");
        let bare = letter.content.replace("\r\n", "");
        assert!(!bare.contains('\r') && !bare.contains('\n'), "every line ends in CR LF");
    }
}

#[test]
fn a_mail_server_that_is_busy_gets_the_mail_later_and_once() {
    let mail = MailServer::start();
    let server = northwind(&mail);
    add_daily_job(&server, "nightly");
    mail.refuse(1);
    let mut reporter = Reporter::enrol(&server.address(), &server.token(HARBOR));
    reporter.report(&Reported::ok("nightly", now() - jiff::SignedDuration::from_mins(15)).ended(Outcome::Failed));
    let letter = mail.wait_for("Harbor Counseling: backup failed");
    assert_eq!(mail.refusals_left(), 0, "it was refused once");
    let row = server
        .database()
        .rows("select message_id, attempts, state from notifications");
    assert_eq!(row.len(), 1);
    wait::until("it to count as delivered", || {
        (server.database().value("select state from notifications") == "delivered").then_some(())
    });
    assert!(
        letter
            .header("Message-ID")
            .unwrap()
            .contains(row[0][0].trim_matches(['<', '>'])),
        "the same id over every try"
    );
    assert_eq!(mail.mails().len(), 1);
}
