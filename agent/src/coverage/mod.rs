//! What a backup contains of what it must and must not contain, counted while the tool lists it. No path leaves the machine.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use lastgood_protocol::{Coverage, Outcome};

use crate::tools::{Entry, Place, Verdict};

/// What is looked for.
#[derive(Debug, Default)]
pub(crate) struct Wanted {
    /// Folders that must be in the backup.
    pub(crate) required: Vec<PathBuf>,
    /// The files of the database's copy and their sizes; `None` when there is no copy step.
    pub(crate) copy: Option<BTreeMap<PathBuf, u64>>,
    /// Folders of the live database.
    pub(crate) live: Vec<PathBuf>,
    /// Whether the database ran, where that is known.
    pub(crate) database_ran: Option<bool>,
}

/// Counts entries.
#[derive(Debug)]
pub(crate) struct Counter {
    required: Vec<(Place, bool)>,
    copy: Option<BTreeMap<Place, u64>>,
    live: Vec<Place>,
    live_found: BTreeSet<usize>,
    database_ran: Option<bool>,
}

impl Counter {
    /// A counter that has seen nothing.
    pub(crate) fn new(wanted: Wanted) -> Self {
        let places = |paths: &[PathBuf]| paths.iter().map(|path| Place::of_path(path)).collect::<Vec<_>>();
        Self {
            required: places(&wanted.required)
                .into_iter()
                .map(|place| (place, false))
                .collect(),
            copy: wanted
                .copy
                .map(|files| files.iter().map(|(path, size)| (Place::of_path(path), *size)).collect()),
            live: places(&wanted.live),
            live_found: BTreeSet::new(),
            database_ran: wanted.database_ran,
        }
    }

    /// Takes in one entry.
    pub(crate) fn see(&mut self, entry: &Entry) {
        let place = entry.place();
        for (folder, found) in &mut self.required {
            // A folder without anything in it may be a disk that was not mounted.
            *found |= place.is_inside(folder) || (entry.is_file && place == *folder);
        }
        for (index, folder) in self.live.iter().enumerate() {
            if entry.is_file && (place.is_inside(folder) || place == *folder) {
                self.live_found.insert(index);
            }
        }
        if let Some(missing) = &mut self.copy
            && entry.is_file
            && missing.get(&place) == Some(&entry.size)
        {
            missing.remove(&place);
        }
    }

    /// What was counted.
    pub(crate) fn finish(&self) -> Coverage {
        let count = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
        Coverage {
            required: count(self.required.len()),
            covered: count(self.required.iter().filter(|(_, found)| *found).count()),
            copy_inside: self.copy.as_ref().map(BTreeMap::is_empty),
            live_inside: (!self.live.is_empty()).then_some(!self.live_found.is_empty()),
            database_ran: self.database_ran,
        }
    }
}

/// Makes of the coverage what it means for the run.
pub(crate) fn judge(coverage: Coverage, verdict: &mut Verdict) {
    if coverage.copy_inside == Some(false) {
        let sentence = "The backup was made, but the database's copy is not in it.";
        verdict.worsen(Outcome::Failed, sentence);
    }
    if coverage.covered < coverage.required {
        let missing = coverage.required - coverage.covered;
        let sentence = format!(
            "The backup was made, but {missing} of {} folders that must be protected are not in it, or were empty.",
            coverage.required
        );
        verdict.worsen(Outcome::Failed, &sentence);
    }
    // A database that did not run may be copied with its files.
    if coverage.live_inside == Some(true) && coverage.database_ran != Some(false) {
        let sentence =
            "The backup was made, but files of the running database are in it; restored, they may be unusable.";
        verdict.worsen(Outcome::Warning, sentence);
    }
    verdict.facts.coverage = Some(coverage);
}

#[cfg(test)]
mod tests;
