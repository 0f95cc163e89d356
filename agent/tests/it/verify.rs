//! After a run the agent looks for itself: restic and borg check their repositories, good and damaged, and a sample is restored and
//! compared with the source.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use lastgood_protocol::{Basis, Knowledge, Outcome, RunFinished};

use crate::machine::Machine;
use crate::tools::{job, lonely, plain, run_jobs};

const PASSWORD: &str = "right";

/// A practice's folder with sixteen files, and a repository of each tool.
struct Place {
    machine: Machine,
}

impl Place {
    fn new() -> Self {
        let machine = lonely();
        fs::create_dir_all(machine.path("practice/letters")).expect("writable");
        for number in 0..8_u8 {
            // Different and not compressible, so that each has its own place in the repository.
            let content: Vec<u8> = (0..30_000_u32)
                .map(|at| {
                    u8::try_from(at.wrapping_mul(2_654_435_761).rotate_left(u32::from(number)) >> 24).expect("a byte")
                })
                .collect();
            fs::write(machine.path(&format!("practice/file {number}")), content).expect("writable");
            let name = format!("practice/letters/[{number}] *.txt");
            fs::write(machine.path(&name), format!("Dear colleague {number}")).expect("writable");
        }
        machine.secret("password", PASSWORD);
        fs::create_dir(machine.path("scratch")).expect("writable");
        let place = Self { machine };
        place.tool(&["restic", "init", "--repo", &place.path("restic")]);
        place.tool(&["borg", "init", "--encryption", "repokey-blake2", &place.path("borg")]);
        place
    }

    fn path(&self, name: &str) -> String {
        plain(&self.machine.path(name))
    }

    fn tool(&self, command: &[&str]) {
        let output = Command::new(command[0])
            .args(&command[1..])
            .env("HOME", self.machine.path(""))
            .env("RESTIC_PASSWORD", PASSWORD)
            .env("BORG_PASSPHRASE", PASSWORD)
            .output()
            .expect("it can be started");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    fn job(&self, tool: &str, more: &str) -> (String, String) {
        let lines = format!(
            "tool = \"{tool}\"\nrepository = \"{}\"\npaths = [\"{}\"]\npassword_file = \"{}\"\n{more}\n[job.compare]\nfiles = 100\nscratch = \"{}\"\n",
            self.path(tool),
            self.path("practice"),
            self.path("password"),
            self.path("scratch")
        );
        (tool.to_owned(), lines)
    }

    fn run(&self, jobs: &[(String, String)]) -> Vec<RunFinished> {
        let runs = run_jobs(&self.machine, jobs);
        let left = fs::read_dir(self.machine.path("scratch")).expect("there").count();
        assert_eq!(left, 0, "restored files were left behind");
        runs
    }

    /// Turns over bytes in the middle of the largest file below a folder, where the data is.
    fn damage(&self, folder: &str) {
        let mut files = Vec::new();
        files_below(&self.machine.path(folder), &mut files);
        files.sort_by_key(|file| fs::metadata(file).expect("there").len());
        let file = files.pop().expect("there is one");
        let mut bytes = fs::read(&file).expect("readable");
        let middle = bytes.len() / 2;
        for byte in &mut bytes[middle..middle + 64] {
            *byte ^= 0xff;
        }
        let mut permissions = fs::metadata(&file).expect("there").permissions();
        std::os::unix::fs::PermissionsExt::set_mode(&mut permissions, 0o600);
        fs::set_permissions(&file, permissions).expect("ours");
        fs::write(&file, bytes).expect("writable");
    }
}

fn files_below(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("readable") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            files_below(&path, files);
        } else {
            files.push(path);
        }
    }
}

#[test]
fn good_backups_are_checked_read_back_and_a_sample_is_the_same() {
    let place = Place::new();
    let required = format!("must_contain = [\"{}\"]", place.path("practice/letters"));
    let runs = place.run(&[
        place.job("restic", &format!("check = true\ncheck_subset = \"100%\"\n{required}")),
        place.job("borg", &format!("check = true\nread_back = true\n{required}")),
    ]);
    for run in runs {
        assert_eq!((run.outcome, &run.reason), (Outcome::Ok, &None), "{run:?}");
        let sample = run.facts.sample.expect("one was drawn");
        assert_eq!((sample.files, sample.same), (16, 16), "{run:?}");
        assert!(sample.bytes > 240_000, "{sample:?}");
        let compared = run.facts.compared.expect("it was");
        assert_eq!(
            (compared.holds, compared.known, compared.basis),
            (true, Knowledge::Measured, Some(Basis::Sample))
        );
        assert_eq!(run.facts.verified.and_then(|claim| claim.basis), Some(Basis::DataCheck));
        let coverage = run.facts.coverage.expect("it was counted");
        assert_eq!((coverage.required, coverage.covered), (1, 1));
        assert!(!serde_json::to_string(&run).expect("JSON").contains("letters"));
    }
}

#[test]
fn a_damaged_repository_is_found_by_the_check_and_by_the_sample() {
    let place = Place::new();
    let first = place.run(&[place.job("restic", ""), place.job("borg", "")]);
    assert!(first.iter().all(|run| run.outcome == Outcome::Ok), "{first:?}");
    place.damage("restic/data");
    place.damage("borg/data");
    let unchecked = place.run(&[place.job("restic", ""), place.job("borg", "")]);
    for run in unchecked {
        assert_eq!(run.outcome, Outcome::Failed, "{run:?}");
        let sample = run.facts.sample.expect("one was drawn");
        assert!(sample.not_restored + sample.different > 0, "{sample:?}");
        assert_eq!(run.facts.compared.map(|claim| claim.holds), Some(false));
    }
    let checked = place.run(&[
        place.job("restic", "check = true\ncheck_subset = \"100%\""),
        place.job("borg", "check = true"),
    ]);
    for run in checked {
        assert_eq!(run.outcome, Outcome::Failed, "{run:?}");
        assert_eq!(run.facts.verified.map(|claim| claim.holds), Some(false), "{run:?}");
        assert!(run.reason.expect("it says why").contains("check"));
    }
}

#[test]
fn a_source_that_changed_since_is_told_from_a_restored_file_that_differs() {
    let place = Place::new();
    let source = place.path("practice/file 1");
    // Between backup and comparison the source is changed: openly, or so that its time of change stays the same.
    let wrapped = |after: &str| {
        let script =
            format!("#!/bin/sh\nrestic \"$@\"\ncode=$?\ncase \"$*\" in *' backup '*) {after} ;; esac\nexit $code\n");
        let path = place.machine.secret("wrapped", &script);
        Command::new("chmod").arg("700").arg(&path).status().expect("chmod");
        place.job("restic", &format!("program = \"{}\"", plain(&path)))
    };
    let open = wrapped(&format!(
        "printf XX | dd of='{source}' bs=1 seek=50 conv=notrunc 2>/dev/null"
    ));
    let run = place.run(&[open]).remove(0);
    let sample = run.facts.sample.expect("one was drawn");
    assert_eq!(
        (sample.same, sample.changed_since, sample.different),
        (15, 1, 0),
        "{run:?}"
    );
    assert_eq!(run.outcome, Outcome::Ok);
    let hidden = wrapped(&format!(
        "cp -p '{source}' '{0}'; printf YY | dd of='{source}' bs=1 seek=70 conv=notrunc 2>/dev/null; touch -r '{0}' '{source}'",
        place.path("before")
    ));
    let run = place.run(&[hidden]).remove(0);
    let sample = run.facts.sample.expect("one was drawn");
    assert_eq!(
        (sample.same, sample.changed_since, sample.different),
        (15, 0, 1),
        "{run:?}"
    );
    assert_eq!(run.outcome, Outcome::Failed);
}

#[test]
fn what_must_be_protected_and_is_not_makes_the_run_fail() {
    let place = Place::new();
    let elsewhere = place.path("elsewhere");
    let runs = place.run(&[place.job(
        "restic",
        &format!("must_contain = [\"{}\", \"{elsewhere}\"]", place.path("practice")),
    )]);
    let coverage = runs[0].facts.coverage.expect("it was counted");
    assert_eq!((coverage.required, coverage.covered), (2, 1));
    assert_eq!(runs[0].outcome, Outcome::Failed);
    let reason = runs[0].reason.clone().expect("it says why");
    assert!(reason.contains("1 of 2") && !reason.contains("elsewhere"), "{reason}");
}

/// A job with tar, into an archive of its own: jobs run at the same time.
fn tar_job(place: &Place, key: &str, required: &[&str], options: &[&str]) -> (String, String) {
    let required: Vec<String> = required.iter().map(|folder| place.path(folder)).collect();
    let lines = format!("tool = \"tar\"\nmust_contain = {}", serde_json::json!(required));
    let archive = place.path(&format!("{key}.tar"));
    job(
        key,
        &lines,
        &[&["tar", "--create", "--file", &archive], options].concat(),
    )
}

/// Names with blanks, brackets, line ends and umlauts, from full paths and from a folder.
#[test]
fn what_an_archive_of_tar_contains_is_counted() {
    let place = Place::new();
    fs::write(place.machine.path("practice/letters/\u{fc}ber\nuns \\ -> x"), "x").expect("writable");
    let (whole, folder) = (place.path("practice"), place.path(""));
    let runs = place.run(&[
        tar_job(&place, "full-paths", &["practice/letters"], &["--gzip", &whole]),
        tar_job(
            &place,
            "from-a-folder",
            &["practice", "practice/letters"],
            &["-C", &folder, "practice"],
        ),
        tar_job(
            &place,
            "missing",
            &["practice", "elsewhere"],
            &["--directory", &folder, "practice"],
        ),
    ]);
    let told = runs.iter().map(|run| {
        let coverage = run.facts.coverage.unwrap_or_else(|| panic!("it was counted: {run:?}"));
        (run.outcome, coverage.required, coverage.covered)
    });
    let expected = [(Outcome::Ok, 1, 1), (Outcome::Ok, 2, 2), (Outcome::Failed, 2, 1)];
    assert_eq!(told.collect::<Vec<_>>(), expected, "{runs:?}");
    assert!(!serde_json::to_string(&runs).expect("JSON").contains("letters"));
}

/// 7-Zip keeps the last part of each folder it is given; passwords of its archives are passed as they were.
#[test]
fn what_an_archive_of_7_zip_contains_is_counted() {
    let place = Place::new();
    fs::create_dir(place.machine.path("other")).expect("writable");
    fs::write(place.machine.path("other/\u{fc}  b.txt"), "x").expect("writable");
    let seven_zip = |key: &str, required: &[&str], rest: &[&str]| {
        let required: Vec<String> = required.iter().map(|folder| place.path(folder)).collect();
        let lines = format!("tool = \"7-zip\"\nmust_contain = {}", serde_json::json!(required));
        let archive = place.path(&format!("{key}.7z"));
        let rest: Vec<String> = rest.iter().map(|path| path.replace('~', &place.path(""))).collect();
        let rest = rest.iter().map(String::as_str);
        let command: Vec<&str> = ["7zz", "a", &archive].into_iter().chain(rest).collect();
        job(key, &lines, &command)
    };
    let runs = place.run(&[
        seven_zip("folders", &["practice/letters", "other"], &["~practice", "~other"]),
        seven_zip("sealed", &["practice"], &["-psecret", "-mhe=on", "~practice/*"]),
        seven_zip("full-paths", &["practice", "other"], &["-tzip", "-spf", "~practice"]),
    ]);
    let told = runs.iter().map(|run| {
        let coverage = run.facts.coverage.unwrap_or_else(|| panic!("it was counted: {run:?}"));
        (run.outcome, coverage.required, coverage.covered)
    });
    let expected = [(Outcome::Ok, 2, 2), (Outcome::Ok, 1, 1), (Outcome::Failed, 2, 1)];
    assert_eq!(told.collect::<Vec<_>>(), expected, "{runs:?}");
}

#[test]
fn an_archive_of_tar_holds_the_copy_of_a_database_and_not_the_live_one() {
    let place = Place::new();
    for folder in ["live", "copy"] {
        fs::create_dir(place.machine.path(&format!("practice/{folder}"))).expect("writable");
    }
    fs::write(place.machine.path("practice/live/practice.db"), vec![1; 5_000]).expect("writable");
    let whole = place.path("practice");
    let copy = format!(
        "[job.copy]\ncommand = [\"cp\", \"{whole}/live/practice.db\", \"{whole}/copy/practice.db\"]\nwrites = \"{whole}/copy\"\nlive = [\"{whole}/live\"]\n"
    );
    let but_live = format!("--exclude={whole}/live");
    for (key, options, live_inside) in [
        ("copied", vec![but_live.as_str(), whole.as_str()], false),
        ("live-too", vec![whole.as_str()], true),
    ] {
        let (key, lines) = tar_job(&place, key, &["practice/letters"], &options);
        let run = place.run(&[(key, format!("{lines}{copy}"))]).remove(0);
        let coverage = run.facts.coverage.expect("it was counted");
        assert_eq!(
            (coverage.copy_inside, coverage.live_inside),
            (Some(true), Some(live_inside)),
            "{run:?}"
        );
        assert_eq!(
            run.facts.copy.map(|copy| (copy.fresh, copy.complete)),
            Some((true, true))
        );
    }
}
