use lastgood_protocol::{MOST_OUTPUT_BYTES, MOST_OUTPUT_LINES, OutputTail};
use proptest::prelude::*;
use secrecy::SecretString;

use super::{Printed, Redaction, fuzzing, given_secrets, names_secret, tail, words};

const SECRET: &str = "hunter2 & Söhne";

fn redaction() -> Redaction {
    Redaction::new(&[
        SecretString::from(SECRET),
        SecretString::from("-----BEGIN-----\nQmFzZTY0\n-----END-----"),
    ])
}

fn told(line: &str) -> String {
    redaction().line(line)
}

/// What a tool printed, and what may be told of it.
const CASES: &[(&str, &str)] = &[
    // restic 0.14 and 0.18
    (
        "Fatal: unable to open config file: stat /mnt/nowhere/config: no such file or directory",
        "Fatal: unable to open config file: stat [path]: no such file or directory",
    ),
    (
        "Is there a repository at the following location?",
        "Is there a repository at the following location?",
    ),
    ("/mnt/nowhere", "[path]"),
    (
        "Fatal: wrong password or no key found",
        "Fatal: wrong password or no key found",
    ),
    (
        "repo already locked, waiting up to 0s for the lock",
        "repo already locked, waiting up to 0s for the lock",
    ),
    (
        r#"{"message_type":"error","error":{"message":"open /srv/practice/Anna Schmidt.pdf: permission denied"},"during":"archival","item":"/srv/practice/Anna Schmidt.pdf"}"#,
        r#"{"during":"archival","error":{"message":"open [path]: permission denied"},"item":"[path]","message_type":"error"}"#,
    ),
    (
        r#"{"message_type":"exit_error","code":10,"message":"Fatal: repository does not exist: unable to open config file: stat C:\\Users\\Anna\\config: no such file\nIs there a repository at the following location?\nC:\\Users"}"#,
        r#"{"code":10,"message":"Fatal: repository does not exist: unable to open config file: stat [path]: no such file Is there a repository at the following location? [path]","message_type":"exit_error"}"#,
    ),
    // borg
    ("Repository /mnt/x does not exist.", "Repository [path] does not exist."),
    (
        "passphrase supplied in BORG_PASSPHRASE is incorrect.",
        "passphrase supplied in BORG_PASSPHRASE is incorrect.",
    ),
    (
        "Remote: Connection closed by remote host",
        "Remote: Connection closed by remote host",
    ),
    // GNU tar
    (
        "tar: /srv/practice/O'Brien, Mary – letter.docx: Cannot open: Permission denied",
        "tar: [path]: Cannot open: Permission denied",
    ),
    (
        "tar: Anna Schmidt: Cannot stat: No such file or directory",
        "tar: […]: Cannot stat: No such file or directory",
    ),
    (
        "tar: Exiting with failure status due to previous errors",
        "tar: Exiting with failure status due to previous errors",
    ),
    (
        "tar: \u{2018}intake form.pdf\u{2019}: file changed as we read it",
        "tar: \u{2018}[path]\u{2019}: file changed as we read it",
    ),
    // Windows
    (
        r"2026/11/23 22:00:01 ERROR 32 (0x00000020) Copying File D:\Praxis\Akte Weiß, Karin.doc",
        "2026/11/23 22:00:01 ERROR 32 (0x00000020) Copying [path]",
    ),
    (
        "The process cannot access the file because it is being used by another process.",
        "The process cannot access the file because it is being used by another process.",
    ),
    (r"\\server\patients$\2024\Meyer Karl.pst", "[path]"),
    (
        r#"ERROR: "C:\Documents and Settings\Dr. Who\notes" : Access is denied."#,
        r#"ERROR: "[path]" : Access is denied."#,
    ),
    // databases
    (
        "pg_dump: error: connection to server at \"10.0.0.5\", port 5432 failed: FATAL: password authentication failed for user \"amelia\"",
        "pg_dump: error: connection to server at \"10.0.0.5\", port 5432 failed: FATAL: password authentication failed for user \"[…]\"",
    ),
    (
        "mysqldump: Got error: 1045: Access denied for user 'x'@'localhost'",
        "mysqldump: Got error: 1045: Access denied for user [address]",
    ),
    // rclone
    (
        "2026/11/23 22:00:01 ERROR : a/b.pdf: Failed to copy: dial tcp: lookup backup.example.com: no such host",
        "2026/11/23 22:00:01 ERROR : [path]: Failed to copy: dial tcp: lookup [path]: no such host",
    ),
    (
        "2026-11-23 22:00:01 write failed: No space left on device",
        "2026-11-23 22:00:01 write failed: No space left on device",
    ),
    // names, wherever
    ("Anna Schmidt", "[…]"),
    ("Backup of Anna Schmidt failed", "Backup of […] failed"),
    (
        "failed for 1987-04-12 and 123-45-6789 and 4915112345678",
        "failed for […] and […] and […]",
    ),
    ("wrote 123456789 bytes in 12.5s", "wrote 123456789 bytes in 12.5s"),
    ("Anna 48213: not found", "[…]: not found"),
    ("mail to anna.schmidt@example.org failed", "mail to [address] failed"),
    // secrets
    ("using hunter2 & Söhne for it", "using [secret] for it"),
    (
        r#"{"message":"bad HUNTER2 \u0026 Söhne"}"#,
        r#"{"message":"bad [secret]"}"#,
    ),
    ("https://backup:hunter2%20%26%20S%C3%B6hne@host/", "[address]"),
    ("QmFzZTY0", "[secret]"),
    ("PGPASSWORD=swordfish and more", "[secret]"),
    ("UID=backup;PWD=sword fish;port=1", "[secret]"),
    ("password: swordfish", "password: [secret]"),
    (
        r#"{"access_key": "abc", "pin": 1234, "errors": 3}"#,
        r#"{"access_key":"[secret]","errors":3,"pin":"[secret]"}"#,
    ),
    (
        "mysqldump -u root -pswordfish --all",
        "mysqldump -u root [secret] --all",
    ),
    ("7z --password swordfish failed", "7z --password [secret] failed"),
    ("Authorization: Bearer abc.def", "Authorization: [secret]"),
    ("token eyJhbGciOiJIUzI1NiJ9xx1 rejected", "token [secret] rejected"),
    // what a terminal would not show
    (
        "\u{1b}[31mFatal\u{1b}[0m: \u{1b}]0;title\u{7}dis\u{200b}k\tfull\u{202e}",
        "Fatal: disk full",
    ),
    ("F\0a\0t\0a\0l\0", "Fatal"),
    ("\u{e000}\u{e001}", ""),
];

#[test]
fn what_tools_say_is_told_without_names() {
    let wrong: Vec<String> = CASES
        .iter()
        .filter(|(line, expected)| told(line) != *expected)
        .map(|(line, expected)| format!("{line}\n  told   {}\n  wanted {expected}", told(line)))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_last_lines_are_told_and_no_more_than_fit() {
    let many: Vec<String> = (0..100).map(|number| format!("error {number}")).collect();
    let printed = Printed {
        stdout: "\nstarted\r\n\nended\r\n".into(),
        stderr: many.join("\n").as_str().into(),
    };
    let few = tail(&printed, 3, &redaction()).expect("there is something");
    let lines = |lines: &[&str]| -> Vec<String> { lines.iter().map(|&line| line.to_owned()).collect() };
    assert_eq!(few.stdout, lines(&["started", "ended"]));
    assert_eq!(few.stderr, lines(&["error 97", "error 98", "error 99"]));
    assert_eq!(
        tail(&printed, 1000, &redaction())
            .expect("there is something")
            .stderr
            .len(),
        MOST_OUTPUT_LINES
    );
    let nothing = Printed {
        stdout: "\n \n".into(),
        stderr: "{\"message_type\":\"status\",\"percent_done\":1}\n".into(),
    };
    assert_eq!(tail(&nothing, 20, &redaction()), None);

    let full = Printed {
        stdout: format!("{}{}\n", "\"failed\"\n".repeat(300), "failed ".repeat(3_000))
            .as_str()
            .into(),
        stderr: format!("{}\n", "denied ".repeat(80)).repeat(60).as_str().into(),
    };
    let OutputTail { stdout, stderr } = tail(&full, 50, &redaction()).expect("there is something");
    let size = |lines: &[String]| lines.iter().map(String::len).sum::<usize>();
    assert!(
        stdout.len() == 50 && size(&stderr) > 3_000,
        "one may use what the other leaves"
    );
    assert!(size(&stdout) + size(&stderr) <= MOST_OUTPUT_BYTES);
    assert_eq!(
        stdout.last().map(String::as_str),
        Some("[…]"),
        "a line that is too long is not read"
    );
    let sent = serde_json::to_string(&OutputTail { stdout, stderr }).expect("JSON");
    assert!(
        sent.len() < lastgood_protocol::MAX_EVENT_BYTES * 3 / 4,
        "the rest of a report has room"
    );
}

#[test]
fn of_an_output_that_was_cut_the_broken_line_is_not_told() {
    let printed = Printed {
        stdout: crate::exec::Tail::default(),
        stderr: format!("{}\nerror 2\n", "password ".repeat(20_000)).as_str().into(),
    };
    let told = tail(&printed, 50, &redaction()).expect("there is something");
    assert_eq!(told.stderr, ["error 2"]);
}

#[test]
fn the_secrets_of_a_command_line_are_known() {
    let command = |words: &[&str]| -> Vec<String> { words.iter().map(|&word| word.to_owned()).collect() };
    let given = |words: &[&str]| -> Vec<String> {
        use secrecy::ExposeSecret as _;
        let given = given_secrets(&command(words));
        given.iter().map(|secret| secret.expose_secret().to_owned()).collect()
    };
    assert_eq!(
        given(&["mysqldump", "-u", "root", "-pswordfish", "clinic"]),
        ["swordfish"]
    );
    assert_eq!(
        given(&["sqlcmd", "-P", "sword fish", "--token=abc"]),
        ["sword fish", "abc"]
    );
    assert_eq!(given(&["rclone", "https://me:sword@host/x"]), ["sword"]);
    assert!(given(&["tar", "-pv", "--file", "x"]).is_empty());
    for name in ["RESTIC_PASSWORD", "AWS_ACCESS_KEY_ID", "api-key", "my.pass", "sasToken"] {
        assert!(names_secret(name), "{name}");
    }
    for name in ["DB_USER", "monkey", "path", "bypass", "keyboard"] {
        assert!(!names_secret(name), "{name}");
    }
}

#[test]
fn the_list_has_words_in_lower_case_and_in_order() {
    let all: Vec<&str> = include_str!("words.txt")
        .lines()
        .filter(|line| !line.starts_with('#'))
        .flat_map(str::split_ascii_whitespace)
        .collect();
    assert!(all.is_sorted() && all.len() > 1_000);
    for word in all {
        assert!(
            word.chars()
                .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '\''),
            "{word}"
        );
        assert!(words::may_be_told(word), "{word}");
    }
}

#[test]
fn a_secret_that_an_object_spells_leaves_no_half_word() {
    fuzzing::output("r\"", "{\"error\":\"r\\\"\"}");
    fuzzing::output("r\"", "{\"error\":\"could not open it\", \"code\": 1}");
    fuzzing::output("x", "{\"error\":\"x\\\"0\"}");
    fuzzing::output("x", "{\"error\":\"'o x\"}");
    fuzzing::output("x", "{\"error\":\"i/o error\"}");
}

/// A part of a path that nobody would miss: no word of the list.
fn component() -> impl Strategy<Value = String> {
    "[A-ZÄ]?[a-zé]{4,10}".prop_filter("a word of the list may stay", |name| !words::may_be_told(name))
}

fn path() -> impl Strategy<Value = (String, Vec<String>)> {
    let parts = prop::collection::vec(component(), 1..6);
    let joints = prop::collection::vec(
        prop::sample::select(vec!["/", " ", "\\", "_", "-", ", ", "'s ", " of the "]),
        6,
    );
    let roots = prop::sample::select(vec![
        "/",
        "C:\\",
        "\\\\server\\share\\",
        "./",
        "file:///",
        "~/",
        "\"/",
        "'D:\\",
    ]);
    (roots, parts, joints).prop_map(|(root, parts, joints)| {
        let mut path = root.to_owned();
        for (part, joint) in parts.iter().zip(joints) {
            path.push_str(part);
            path.push_str(joint);
        }
        (path + "x.pdf", parts)
    })
}

fn pieces(line: &str) -> Vec<String> {
    line.split(|c: char| !c.is_alphanumeric())
        .map(str::to_lowercase)
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn no_path_survives_wherever_it_stands((path, parts) in path(), before in "\\PC{0,40}", after in "\\PC{0,40}") {
        for line in [format!("{before}{path}{after}"), serde_json::json!({ "message": format!("{before}{path}{after}") }).to_string()] {
            let told = told(&line);
            for part in &parts {
                prop_assert!(!pieces(&told).contains(&part.to_lowercase()), "{part:?} of {line:?} stays in {told:?}");
            }
        }
    }

    #[test]
    fn no_secret_survives_wherever_it_stands(
        secret in "\\PC{1,30}", before in "\\PC{0,40}", after in "\\PC{0,40}", form in 0_usize..4,
    ) {
        let written = match form {
            0 => secret.clone(),
            1 => serde_json::to_string(&secret).expect("JSON"),
            2 => secret.replace('\'', "'\\''"),
            _ => secret.to_ascii_uppercase(),
        };
        fuzzing::output(&secret, &format!("{before}{written}{after}\0{{\"error\":{}}}", serde_json::json!(format!("{before}{secret}{after}"))));
    }

    #[test]
    fn whatever_is_printed_what_is_told_is_within_bounds(secret in any::<String>(), printed in any::<String>()) {
        fuzzing::output(&secret, &printed);
    }
}
