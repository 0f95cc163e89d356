use lastgood_protocol::{Basis, Claim, Coverage, DatabaseCopy, Knowledge, RunFacts, Sample};

use super::{claim, copy, coverage, sample};

#[test]
fn a_claim_says_how_it_is_known_and_by_what() {
    let said = |basis| {
        let fact = claim(
            "Encrypted",
            Some(Claim {
                holds: true,
                known: Knowledge::Configured,
                basis,
            }),
        );
        (fact.value, fact.known)
    };
    let yes = "yes".to_owned();
    assert_eq!(
        said(Some(Basis::Options)),
        (yes.clone(), "configured: the options it was started with".to_owned())
    );
    assert_eq!(said(None), (yes.clone(), "configured".to_owned()));
    assert_eq!(said(Some(Basis::Other)), (yes, "configured".to_owned()));
    assert_eq!(claim("Encrypted", None).value, "not known");
}

#[test]
fn facts_of_an_older_or_newer_agent_are_read() {
    let text = r#"{"encrypted":{"holds":true,"known":"measured"},"full":{"holds":false,"known":"measured","basis":"augury"},
        "sample":{"files":3,"moons":7},"later":{"a":1}}"#;
    let facts: RunFacts = serde_json::from_str(text).expect("it is understood");
    assert_eq!(facts.encrypted.map(|claim| claim.basis), Some(None));
    assert_eq!(facts.full.and_then(|claim| claim.basis), Some(Basis::Other));
    assert_eq!(facts.sample.map(|sample| sample.files), Some(3));
}

#[test]
fn a_sample_a_copy_and_the_coverage_are_told_in_words() {
    let drawn = Sample {
        files: 12,
        same: 10,
        changed_since: 2,
        ..Sample::default()
    };
    assert_eq!(sample(drawn).value, "12 files: 10 the same, 2 changed since");
    let huge = Sample {
        files: u64::MAX,
        not_restored: u64::MAX,
        ..Sample::default()
    };
    assert!(sample(huge).value.ends_with("not restored"));
    let copied = DatabaseCopy {
        fresh: true,
        complete: false,
        validated: Some(true),
        bytes: u64::MAX,
        ..DatabaseCopy::default()
    };
    assert!(copy(copied).value.contains("fresh, not complete, checked by"));
    let covered = Coverage {
        required: 3,
        covered: 2,
        live_inside: Some(false),
        ..Coverage::default()
    };
    let told: Vec<String> = coverage(covered).into_iter().map(|fact| fact.value).collect();
    assert_eq!(told, ["2 of 3", "no"]);
}
