//! Durations, the forms and the commands.

mod command;
mod pages;

use jiff::SignedDuration;

use super::durations;

#[test]
fn durations_are_understood_as_people_type_them() {
    for (typed, minutes) in [
        ("90 min", 90),
        ("90m", 90),
        ("3h", 180),
        ("1 h 30 min", 90),
        ("1 hour, 30 minutes", 90),
        ("2 days", 2_880),
        ("1 week", 10_080),
        ("PT3H", 180),
        ("0 min", 0),
    ] {
        assert_eq!(
            durations::parse(typed),
            Ok(SignedDuration::from_mins(minutes)),
            "{typed}"
        );
    }
    for wrong in [
        "",
        "90",
        "soon",
        "-3h",
        "1 month",
        "2 years",
        "900 days",
        "3 h 3 h",
        "99999999999999999999 h",
    ] {
        let error = durations::parse(wrong).unwrap_err();
        assert!(
            error.contains("90 min") || error.contains("shorter"),
            "{wrong}: {error}"
        );
    }
}

#[test]
fn a_duration_can_be_typed_again() {
    for seconds in [0, 30, 60, 5_400, 3_600, 86_400, 172_800, 90_000] {
        let duration = SignedDuration::from_secs(seconds);
        assert_eq!(durations::parse(&durations::typed(duration)), Ok(duration));
    }
}
