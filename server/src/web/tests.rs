use jiff::SignedDuration;

use super::extract::{field, local_path, optional_field};
use super::words;

#[test]
fn sizes_read_as_people_say_them() {
    let read: Vec<_> = [
        0,
        999,
        1_000,
        1_440_000,
        12_300_000,
        999_999_999,
        1_400_000_000,
        5_000_000_000_000_000,
    ]
    .map(words::size)
    .into();
    assert_eq!(
        read,
        [
            "0 B", "999 B", "1.0 kB", "1.4 MB", "12 MB", "999 MB", "1.4 GB", "5.0 PB"
        ]
    );
}

#[test]
fn durations_keep_what_matters() {
    let read: Vec<_> = [0, 59, 60, 3_540, 3_600, 7_500, 86_400, 200_000]
        .map(|s| words::duration(SignedDuration::from_secs(s)))
        .into();
    assert_eq!(
        read,
        ["0 s", "59 s", "1 min", "59 min", "1 h", "2 h 5 min", "1 day", "2 days"]
    );
}

#[test]
fn a_form_never_leads_to_another_site() {
    for away in [
        "https://evil.example",
        "//evil.example",
        "/\\evil.example",
        "evil",
        "",
        "/a\nb",
    ] {
        assert_eq!(local_path(away), "/");
    }
    assert_eq!(local_path("/practices?x=1"), "/practices?x=1");
}

#[test]
fn a_field_says_its_name_when_it_is_wrong() {
    assert_eq!(field("Name", "  Harbor  ", 10).unwrap(), "Harbor");
    assert_eq!(optional_field("Note", "   ", 10).unwrap(), None);
    for bad in ["", "a\0b", "\u{7}", "12345678901"] {
        assert!(field("Name", bad, 10).unwrap_err().sentence().starts_with("Name "));
    }
}
