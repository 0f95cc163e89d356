use crate::config::SmtpSecurity;
use crate::notifications::model::{cut, one_line, pause_after, subject_line};
use crate::notifications::{Mailer, SmtpServer};

#[test]
fn text_from_outside_becomes_one_harmless_line() {
    for (hostile, harmless) in [
        ("a\r\nBcc: b@example.test", "a Bcc: b@example.test"),
        ("a\r\n.\r\nb", "a . b"),
        ("a\nb\rc\0d", "a b c d"),
        ("a\u{2028}b\u{2029}c\u{85}d", "a b c d"),
        ("\u{202e}txet\u{feff}", "txet"),
        ("=?utf-8?q?a=0d=0aBcc:_b?=", "= ?utf-8?q?a=0d=0aBcc:_b? ="),
        ("  a  b  ", "a b"),
    ] {
        assert_eq!(one_line(hostile), harmless);
    }
}

#[test]
fn a_subject_keeps_its_fact_and_its_mark_however_long_the_practice() {
    let practice = "The very long name of a practice ".repeat(10);
    let subject = subject_line(&practice, "no backup since Fri 20 Nov (Records)", "LG-3F9A1C");
    assert_eq!(subject.chars().count(), 120);
    assert!(
        subject.ends_with("…: no backup since Fri 20 Nov (Records) [LG-3F9A1C]"),
        "{subject}"
    );
    let subject = subject_line("Harbor", &"x".repeat(300), "LG-3F9A1C");
    assert_eq!(subject.chars().count(), 120);
    assert!(subject.ends_with("x… [LG-3F9A1C]"), "{subject}");
    assert_eq!(subject_line("", "a test", ""), "a test");
    assert_eq!(cut("äöüß", 3), "äö…");
}

#[test]
fn tries_become_rarer_until_they_are_hourly() {
    let pauses: Vec<i64> = (1..=9).map(|attempt| pause_after(attempt).as_secs()).collect();
    assert_eq!(pauses, [10, 30, 60, 120, 300, 600, 1800, 3600, 3600]);
}

#[test]
fn mail_leaves_unprotected_for_this_machine_alone() {
    let server = |host: &str| SmtpServer {
        host: host.to_owned(),
        port: 25,
        security: SmtpSecurity::None,
        account: None,
        authority: None,
    };
    let from: lettre::message::Mailbox = "lastgood@lastgood.test".parse().unwrap();
    for host in ["localhost", "127.0.0.1", "::1"] {
        Mailer::smtp(server(host), from.clone()).unwrap();
    }
    for host in [
        "mail.example.test",
        "192.0.2.1",
        "localhost.example.test",
        "127.0.0.1.example.test",
    ] {
        let refused = Mailer::smtp(server(host), from.clone()).unwrap_err().to_string();
        assert_eq!(
            refused,
            format!("smtp_security is none, and {host} is not this machine. Use starttls or tls.")
        );
    }
}
