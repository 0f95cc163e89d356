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

#[test]
fn vendored_files_are_what_the_manifest_says() {
    use sha2::{Digest as _, Sha256};
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../static");
    let manifest = std::fs::read_to_string(folder.join("vendor/MANIFEST")).unwrap();
    let lines: Vec<Vec<&str>> = manifest
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| line.split_whitespace().collect())
        .collect();
    assert_eq!(lines.len(), 3);
    for line in lines {
        let hash = Sha256::digest(std::fs::read(folder.join(line[0])).unwrap());
        assert_eq!(format!("{hash:x}"), line[3], "{}", line[0]);
    }
}

#[test]
fn every_part_renders_and_escapes() {
    let now = "2026-11-21T02:04:00Z".parse().unwrap();
    let html = Parts {
        layout: super::Layout::plain("Parts", now),
        moment: words::Moment {
            at: now,
            zone: words::zone("America/New_York"),
        },
        options: vec![("a", "Ay"), ("b", "Bee")],
        older: Some("/x?before=1".to_owned()),
        none: None,
    };
    let html = askama::Template::render(&html).unwrap();
    for expected in [
        r#"<span class="mark is-not_monitored">not monitored</span>"#,
        r#"<time datetime="2026-11-20T21:04:00-05:00" title="2026-11-20 21:04:00 EST">Fri 20 Nov, 21:04</time>"#,
        r#"value="&#60;b&#62;""#,
        r#"<option value="b" selected>Bee</option>"#,
        r#"aria-invalid="true" aria-describedby="name-error""#,
        r#"<a href="/x?before=1" rel="next">Older</a>"#,
        r#"<html lang="en" data-theme="system">"#,
        "<title>Parts · Lastgood</title>",
    ] {
        assert!(html.contains(expected), "{expected} is not in {html}");
    }
    assert!(!html.contains(" style="), "inline styles are against the policy");
}

#[derive(askama::Template)]
#[template(
    ext = "html",
    source = r#"{% extends "_layout/page.html" %}{% import "_ui/ui.html" as ui %}{% block main %}
{{ ui::mark("not_monitored") }}{{ ui::mark_as("ok", "fine") }}{{ ui::moment(moment) }}{{ ui::day(moment) }}
{{ ui::moment_or(Some(moment), "never") }}
{{ ui::input("town", "Town", "<b>", hint = "Where") }}{{ ui::input("name", "Name", "", error = "Name is empty.") }}
{{ ui::text_area("why", "Why", "", required = false) }}{{ ui::select("pick", "Pick", options, "b") }}{{ ui::check("yes", "Yes", true) }}
{% call ui::table("Things") %}<tbody></tbody>{% endcall %}{% call ui::table_below_heading("Things") %}<tbody></tbody>{% endcall %}
{% call ui::empty("Nothing.") %}Add one.{% endcall %}
{% call ui::facts() %}{% call ui::fact("Zone") %}UTC{% endcall %}{% endcall %}
{{ ui::pager(none, older) }}{{ ui::copy("line", "a & b") }}
{% call ui::field("own", "Own", required = false) %}<input id="own">{% endcall %}
{% call ui::confirm("/x", "Harbor", "Remove") %}All is lost.{% endcall %}
{% endblock %}"#
)]
struct Parts {
    layout: super::Layout,
    moment: words::Moment,
    options: Vec<(&'static str, &'static str)>,
    older: Option<String>,
    none: Option<String>,
}
