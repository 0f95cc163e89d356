//! After a run: the backup is read back from its tool. What it must and must not contain is counted, and a random sample of
//! files is restored to a scratch folder and compared with the source.

mod compare;
mod reservoir;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use lastgood_protocol::{Basis, Knowledge, Outcome, Sample};

use self::reservoir::Reservoir;
use crate::backup::{Phase, Steps};
use crate::config::Compare;
use crate::coverage::{self, Counter, Wanted};
use crate::ids;
use crate::tools::{self, Verdict, claim};

const NOT_READ: &str = "The backup was made, but what it contains could not be read back from the tool.";
const NO_SCRATCH: &str = "The backup was made, but the scratch folder for restoring a sample could not be used.";
const NOT_RESTORED: &str = "The backup was made, but a random sample of its files could not be restored.";
const DIFFERENT: &str =
    "The backup was made, but restored files differ from files of the source that were not changed since.";

/// What the step before the backup left to look for.
#[derive(Debug, Default)]
pub(crate) struct Before {
    /// The files of the database's copy and their sizes.
    pub(crate) copy: Option<BTreeMap<PathBuf, u64>>,
    /// Whether the database ran.
    pub(crate) database_ran: Option<bool>,
}

/// Reads the backup back where the job asks for it, and takes what is found into the verdict.
pub(crate) fn after(steps: &Steps<'_>, before: Before, verdict: &mut Verdict) {
    let job = steps.job;
    let live = job.copy.as_ref().map(|step| step.live.clone()).unwrap_or_default();
    let covers = !job.must_contain.is_empty() || before.copy.is_some() || !live.is_empty();
    if verdict.outcome == Outcome::Failed || !(covers || job.compare.is_some()) {
        return;
    }
    let counter = Counter::new(Wanted {
        required: job.must_contain.clone(),
        copy: before.copy,
        live,
        database_ran: before.database_ran,
    });
    steps.enter(Phase::ReadingBack);
    let Some((counter, drawn)) = read_back(steps, counter, verdict.made.as_deref()) else {
        verdict.worsen(Outcome::Warning, NOT_READ);
        return;
    };
    if covers {
        coverage::judge(counter.finish(), verdict);
    }
    if let Some(compare) = &job.compare {
        steps.enter(Phase::Comparing);
        match compare::compare(steps, compare, verdict.made.as_deref().unwrap_or_default(), &drawn) {
            Some(sample) => judge(sample, verdict),
            None => verdict.worsen(Outcome::Warning, NO_SCRATCH),
        }
    }
}

fn read_back(steps: &Steps<'_>, counter: Counter, made: Option<&str>) -> Option<(Counter, Reservoir)> {
    let tool = steps.job.tool.clone();
    let command = tools::list_command(&tool, made?)?;
    let wanted = steps.job.compare.as_ref().map_or(0, Compare::files);
    let reading = Arc::new(Mutex::new((counter, Reservoir::new(wanted, 0))));
    let seen = Arc::clone(&reading);
    let ended = steps.read_lines(command, tools::list_environment(), move |line| {
        let Some(entry) = tools::read_entry(&tool, line) else {
            return;
        };
        let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
        let (counter, reservoir) = &mut *seen;
        counter.see(&entry);
        reservoir.offer(entry, ids::random_u64());
    });
    let ended = ended.ok()?;
    if ended.code != 0 || ended.cut_short.is_some() {
        return None;
    }
    // The reader's thread has ended with the tool, or was given up on; then what it read is not all.
    Arc::into_inner(reading).map(|reading| reading.into_inner().unwrap_or_else(PoisonError::into_inner))
}

fn judge(sample: Sample, verdict: &mut Verdict) {
    verdict.facts.sample = Some(sample);
    let good = sample.different == 0 && sample.not_restored == 0;
    if sample.same > 0 || !good {
        verdict.facts.compared = Some(claim(good, Knowledge::Measured, Basis::Sample));
    }
    if sample.different > 0 {
        verdict.worsen(Outcome::Failed, DIFFERENT);
    } else if sample.not_restored > 0 {
        verdict.worsen(Outcome::Failed, NOT_RESTORED);
    }
}

// They speak of the rights and links of Unix.
#[cfg(all(test, unix))]
mod tests;
