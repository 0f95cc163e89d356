use jiff::{Timestamp, Zoned};
use lastgood_protocol::{DrillId, DrillOutcome, StepOutcome};
use uuid::Uuid;

use super::{DrillDraft, check};

fn now() -> Zoned {
    "2026-11-20T12:00:00-05:00[America/New_York]".parse().expect("a time")
}

fn draft() -> DrillDraft {
    DrillDraft {
        job: Some("nightly".parse().expect("a key")),
        backup: "9532c3f5".to_owned(),
        made_at: Some("2026-11-19 22:00".to_owned()),
        medium: None,
        steps: vec![
            "Stop the database=10:02..10:04".to_owned(),
            "Restore=10:04..10:31:done".to_owned(),
        ],
        checks: vec!["The program opens=yes".to_owned()],
        outcome: DrillOutcome::Passed,
        by: "Dana Reyes".to_owned(),
        notes: Some(" ".to_owned()),
    }
}

fn problem(change: impl FnOnce(&mut DrillDraft)) -> String {
    let mut draft = draft();
    change(&mut draft);
    check(&draft, DrillId(Uuid::nil()), &now())
        .expect_err("it is wrong")
        .to_string()
}

#[test]
fn a_drill_as_written_down_becomes_one_with_instants() {
    let recorded = check(&draft(), DrillId(Uuid::nil()), &now()).expect("it is right");
    let at = |text: &str| text.parse::<Timestamp>().expect("a timestamp");
    assert_eq!(recorded.started_at, at("2026-11-20T15:02:00Z"));
    assert_eq!(recorded.finished_at, at("2026-11-20T15:31:00Z"));
    assert_eq!(recorded.backup_made_at, Some(at("2026-11-20T03:00:00Z")));
    assert_eq!(recorded.notes, None);
}

#[test]
fn a_step_s_outcome_stands_behind_its_times_in_every_form() {
    let outcome = |step: &str| {
        let mut draft = draft();
        draft.outcome = DrillOutcome::Failed;
        draft.steps = vec![step.to_owned()];
        check(&draft, DrillId(Uuid::nil()), &now()).expect("it is right").steps[0].outcome
    };
    assert_eq!(outcome("a=b=10:00..10:01:failed"), StepOutcome::Failed);
    assert_eq!(outcome("Compare=10:00..10:00:skipped"), StepOutcome::Skipped);
    assert_eq!(
        outcome("Restore=2026-11-20T10:00:00Z..2026-11-20T10:01:00Z"),
        StepOutcome::Done
    );
    assert_eq!(
        outcome("Restore=2026-11-19 23:50..2026-11-20 00:10:failed"),
        StepOutcome::Failed
    );
}

#[test]
fn each_mistake_names_its_field() {
    assert!(problem(|draft| draft.backup.clear()).starts_with("backup: "));
    assert!(problem(|draft| draft.by = "x".repeat(121)).starts_with("by: "));
    assert!(problem(|draft| draft.by = "a\nb".to_owned()).starts_with("by: "));
    assert!(problem(|draft| draft.made_at = Some("yesterday".to_owned())).starts_with("made-at: "));
    assert!(problem(|draft| draft.made_at = Some("2026-11-20 11:00".to_owned())).starts_with("made-at: "));
    assert!(problem(|draft| draft.steps.clear()).starts_with("step: "));
    assert!(problem(|draft| draft.steps[1] = "Restore".to_owned()).starts_with("step 2: "));
    assert!(problem(|draft| draft.steps[1] = "Restore=10:04..10:03".to_owned()).starts_with("step 2: "));
    assert!(problem(|draft| draft.steps[1] = "Restore=09:00..09:03".to_owned()).starts_with("step 2: "));
    assert!(problem(|draft| draft.steps[0] = "Restore=10:00..10:03:perhaps".to_owned()).contains("perhaps"));
    assert!(problem(|draft| draft.steps[0] = "Restore=13:00..13:01".to_owned()).contains("future"));
    assert!(problem(|draft| draft.checks[0] = "It opens".to_owned()).starts_with("check 1: "));
    assert!(problem(|draft| draft.notes = Some("x".repeat(2001))).starts_with("notes: "));
}

#[test]
fn a_drill_cannot_have_passed_against_its_own_evidence() {
    assert!(problem(|draft| draft.checks.clear()).starts_with("check: "));
    assert!(problem(|draft| draft.checks.push("The accounts add up=no".to_owned())).starts_with("outcome: "));
    assert!(problem(|draft| draft.steps[0].push_str(":failed")).starts_with("outcome: "));
}
