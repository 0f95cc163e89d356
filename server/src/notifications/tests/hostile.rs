//! Names that try to become headers, recipients or further messages.

use jiff::SignedDuration;

use super::sink::{Script, Sink};
use super::support::{deliver, deliver_after, header, key, raise, recover, start};
use crate::db::Scope;
use crate::testing::TestApp;

const HEADERS: [&str; 12] = [
    "auto-submitted",
    "content-type",
    "date",
    "from",
    "in-reply-to",
    "message-id",
    "mime-version",
    "references",
    "reply-to",
    "subject",
    "to",
    "x-auto-response-suppress",
];

const HOSTILE: [&str; 14] = [
    "x\r\nBcc: evil@example.test",
    "x\nBcc: evil@example.test",
    "x\rBcc: evil@example.test",
    "x\r\n.\r\nMAIL FROM:<evil@example.test>\r\nRCPT TO:<evil@example.test>\r\nDATA\r\n",
    "x\n.\nMAIL FROM:<evil@example.test>\nRCPT TO:<evil@example.test>\nDATA\n",
    "x\r.\rMAIL FROM:<evil@example.test>",
    "x\r\n\r\n<script>alert(1)</script>",
    "x\u{2028}Bcc: evil@example.test\u{2029}.\u{2028}",
    "x\u{85}Bcc: evil@example.test",
    "=?utf-8?q?x=0D=0ABcc:_evil=40example.test?=",
    "\u{202e}evil\u{2066}\u{feff}",
    "<b>x</b>\"><img src=https://evil.example.test/>{{ 7*7 }}",
    ".",
    "Praxis für Gesundheit 健康 🏥 of a very long name that goes on and on, far beyond what a subject has room for, and then on",
];

async fn rename_practice(test: &TestApp, name: &str) {
    let mut transaction = test.app.db.begin(Scope::Everything).await.unwrap();
    sqlx::query!(
        "update practices set name = $2 where practice_id = $1",
        test.cast.harbor.0,
        name
    )
    .execute(&mut *transaction)
    .await
    .unwrap();
    transaction.commit().await.unwrap();
}

#[tokio::test]
async fn no_name_becomes_more_than_a_name() {
    let sink = Sink::start(Script::default()).await;
    let test = start(&sink).await;
    for (number, hostile) in (0..).zip(HOSTILE) {
        rename_practice(&test, hostile).await;
        let mut key = key(&test, number);
        hostile.clone_into(&mut key.subject.name);
        raise(&test, &key, hostile).await;
        deliver_after(&test, SignedDuration::from_mins(1)).await;
        recover(&test, &key).await;
        deliver(&test).await;
    }
    let sessions = sink.sessions();
    assert_eq!(sessions.len(), 2 * HOSTILE.len());
    for session in &sessions {
        let verbs: Vec<&str> = session
            .commands
            .iter()
            .map(|line| line.split([' ', ':']).next().unwrap())
            .collect();
        assert_eq!(
            verbs,
            ["EHLO", "STARTTLS", "EHLO", "AUTH", "MAIL", "RCPT", "DATA", "QUIT"]
        );
        assert!(session.commands.contains(&"RCPT TO:<olivia@example.test>".to_owned()));
        assert!(
            has_whole_line_breaks(&session.bytes),
            "a server that takes a bare CR or LF for a line could be fooled"
        );
        let [message] = session.messages.as_slice() else {
            panic!("one message per session: {:#?}", session.messages);
        };
        check_message(message);
    }
}

fn check_message(message: &str) {
    let head = message.split("\r\n\r\n").next().unwrap().replace("\r\n ", " ");
    let mut names: Vec<String> = head
        .lines()
        .map(|line| line.split(':').next().unwrap().to_ascii_lowercase())
        .collect();
    names.sort();
    let all = names.len();
    names.dedup();
    assert_eq!(names.len(), all, "no header twice: {head}");
    for name in names {
        assert!(HEADERS.contains(&name.as_str()), "{name} is no header of ours: {head}");
    }
    assert_eq!(header(message, "To"), "olivia@example.test");
    assert!(message.is_ascii(), "everything else is encoded");
    assert!(message.lines().all(|line| line.len() <= 998), "RFC 5322, 2.1.1");
    let (_, markup) = message.split_once("Content-Type: text/html").unwrap();
    let lower = markup.replace("=\r\n", "").to_lowercase();
    assert!(
        !lower.contains("<script") && !lower.contains("<img"),
        "markup is escaped: {message}"
    );
}

/// Whether each CR is followed by LF and each LF comes after CR.
fn has_whole_line_breaks(bytes: &[u8]) -> bool {
    let mut pairs = bytes.windows(2);
    pairs.all(|pair| (pair[0] == b'\r') == (pair[1] == b'\n'))
}
