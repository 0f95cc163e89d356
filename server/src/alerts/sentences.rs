//! The whole message about an alert: what happened, since when, what to do.

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};

use super::model::AlertFacts;
use super::words::{Told, days, missed_words, short};
use crate::notifications::cut;
use crate::web::words::{count, duration};

impl Told<'_> {
    /// The whole message: what happened, since when, what to do.
    pub fn sentence(&self) -> String {
        format!("{} {}", self.what_happened(), self.what_to_do())
    }

    /// What happened, and since when.
    pub fn what_happened(&self) -> String {
        let (name, practice) = (self.name(), short(self.practice));
        match self.facts {
            AlertFacts::Missed {
                days,
                due_at,
                last_good,
                never_reported,
            } => self.missed(days, *due_at, *last_good, *never_reported),
            AlertFacts::Failed {
                finished_at,
                reason,
                wanted_medium,
                in_a_row,
                last_good,
                run: _,
            } => self.failed(
                *finished_at,
                (reason.as_deref(), wanted_medium.as_deref()),
                *in_a_row,
                *last_good,
            ),
            AlertFacts::Overrun {
                started_at,
                maximum_seconds,
                run: _,
            } => format!(
                "The backup {name} at {practice} began {} and is still running. It may take {} at most.",
                self.zoned(*started_at),
                seconds(*maximum_seconds)
            ),
            AlertFacts::NoSuccess {
                last_good,
                limit_seconds,
            } => format!(
                "The backup {name} at {practice} has not gone well for longer than {}. {}",
                seconds(*limit_seconds),
                self.last_good(*last_good)
            ),
            AlertFacts::AgentSilent { last_heard, jobs } => self.silent(*last_heard, *jobs),
            AlertFacts::Equivocation { count: number } => format!(
                "The agent {name} at {practice} has contradicted itself {} since {}: under the number of an earlier report it \
                 sent another one.",
                count(i64::from(*number), "time", "times"),
                self.zoned(self.since)
            ),
            AlertFacts::Unprojectable { count, problem } => self.unprojectable(*count, problem),
            AlertFacts::AgentProblem { message, count: _ } => format!(
                "The agent {name} at {practice} has found a problem, {}: {}",
                self.zoned(self.since),
                full_stop(&short(message))
            ),
            AlertFacts::SameMedium { label, first, second } => format!(
                "The backup {name} at {practice} was written to {} on two consecutive backup days, {}.",
                short(label),
                days(&[*first, *second])
            ),
            AlertFacts::FewSets { sets, days } => format!(
                "The backup {name} at {practice} should rotate between three sets: {} in the last {days} backup days.",
                seen(sets)
            ),
            AlertFacts::DrillFailed { finished_at, what, .. } => self.drill_failed(*finished_at, what),
            AlertFacts::DrillOverdue { due_at, last_passed } => self.drill_overdue(*due_at, *last_passed),
            AlertFacts::Undelivered { count: number, problem } => format!(
                "{} about {practice} could not be delivered to {name} since {}. The last try: {}",
                count(i64::from(*number), "message", "messages"),
                self.zoned(self.since),
                full_stop(&short(problem))
            ),
        }
    }

    fn missed(&self, missed: &[Date], due_at: Timestamp, last_good: Option<Timestamp>, never_reported: bool) -> String {
        let last = match last_good {
            None if never_reported => "This job has never reported anything.".to_owned(),
            last_good => self.last_good(last_good),
        };
        format!(
            "No backup came from {} at {}: {}. It was due {}. {last}",
            self.name(),
            short(self.practice),
            missed_words(missed),
            self.zoned(due_at)
        )
    }

    fn failed(
        &self,
        finished_at: Timestamp,
        (reason, wanted_medium): (Option<&str>, Option<&str>),
        in_a_row: u32,
        last_good: Option<Timestamp>,
    ) -> String {
        let reason = reason.map(short).filter(|reason| !reason.is_empty());
        let (end, why) = match (wanted_medium, reason) {
            (Some(_), Some(reason)) => ("did not begin", full_stop(&reason)),
            (Some(wanted), None) => ("did not begin", format!("It waits for {}.", short(wanted))),
            (None, Some(reason)) => ("failed", format!("The tool said: {}", full_stop(&reason))),
            (None, None) => ("failed", "The tool gave no reason.".to_owned()),
        };
        let row = match in_a_row {
            0 | 1 => String::new(),
            _ => format!(" It has failed {in_a_row} times in a row."),
        };
        format!(
            "The backup {} at {} {end} {}. {why}{row} {}",
            self.name(),
            short(self.practice),
            self.zoned(finished_at),
            self.last_good(last_good)
        )
    }

    fn last_good(&self, last_good: Option<Timestamp>) -> String {
        match last_good {
            Some(good) => format!("The last good backup finished {}.", self.zoned(good)),
            None => "There has never been a good backup of this job.".to_owned(),
        }
    }

    fn silent(&self, last_heard: Option<Timestamp>, jobs: u32) -> String {
        let (name, practice) = (self.name(), short(self.practice));
        let heard = match last_heard {
            Some(heard) => format!(
                "The agent {name} at {practice} was last heard from {}.",
                self.zoned(heard)
            ),
            None => format!("The agent {name} at {practice} has said nothing since it was enrolled."),
        };
        match jobs {
            0 => heard,
            _ => format!(
                "{heard} Nobody sees meanwhile what becomes of its {}.",
                count(i64::from(jobs), "backup job", "backup jobs")
            ),
        }
    }

    fn unprojectable(&self, number: u32, problem: &str) -> String {
        format!(
            "{} from {} at {} since {} could not be read and {} set aside, as received. The newest: {}",
            count(i64::from(number), "report", "reports"),
            self.name(),
            short(self.practice),
            self.zoned(self.since),
            if number == 1 { "is" } else { "are" },
            full_stop(&short(problem))
        )
    }

    fn drill_failed(&self, finished_at: Timestamp, what: &[String]) -> String {
        let what: Vec<String> = what.iter().map(|step| short(step)).collect();
        let failed = if what.is_empty() {
            String::new()
        } else {
            format!(" What failed: {}", full_stop(&cut(&what.join("; "), 400)))
        };
        format!(
            "The practised restore at {} failed {}.{failed}",
            short(self.practice),
            self.zoned(finished_at)
        )
    }

    fn drill_overdue(&self, due_at: Timestamp, last_passed: Option<Timestamp>) -> String {
        let last = match last_passed {
            Some(passed) => format!("The last one that passed was on {}.", self.long_day(passed)),
            None => "None has ever passed.".to_owned(),
        };
        format!(
            "A restore at {} should have been practised by {}. {last}",
            short(self.practice),
            self.long_day(due_at)
        )
    }

    /// What somebody should do about it.
    pub fn what_to_do(&self) -> &'static str {
        match self.facts {
            AlertFacts::Missed {
                never_reported: true, ..
            } => "Check on the machine that the job stands in the agent's settings under the same key.",
            AlertFacts::Missed { .. } => {
                "Check that the machine is on, that its disk or drive is connected, and that the job has not been switched off."
            }
            AlertFacts::Failed {
                wanted_medium: Some(_), ..
            } => "Have the medium changed, and run the job again or wait for its next time.",
            AlertFacts::Failed { .. } => "Correct what the tool complains about and run the job again.",
            AlertFacts::Overrun { .. } => {
                "Look on the machine whether it still moves; end it if it does not, and run the job again."
            }
            AlertFacts::NoSuccess { .. } => {
                "Open the job's last runs, correct what they have in common and run it again."
            }
            AlertFacts::AgentSilent { .. } => {
                "Check that the machine is on, that it reaches the internet, and that the service lastgood-agent runs there."
            }
            AlertFacts::Equivocation { .. } => {
                "Find out whether the machine was cloned or put back from an image, or whether its key was copied. Revoke the agent and enrol the machine anew."
            }
            AlertFacts::Unprojectable { .. } => "Nothing is lost. Update the server, then have the reports read again.",
            AlertFacts::AgentProblem { .. } => "Look at the agent's own log on that machine.",
            AlertFacts::SameMedium { .. } => "Change the medium today, and ask the practice who changes it.",
            AlertFacts::FewSets { .. } => "Put a further set into use, or register it if one is used already.",
            AlertFacts::DrillFailed { .. } => {
                "Find out why, correct it and practise again: until then nobody knows whether this backup can be restored."
            }
            AlertFacts::DrillOverdue { .. } => "Practise a restore and record it.",
            AlertFacts::Undelivered { .. } => {
                "Correct the address, or ask whoever runs that mailbox why it refuses. Until then tell this person by other means."
            }
        }
    }
}

fn seen(sets: &[String]) -> String {
    match sets {
        [] => "none was seen".to_owned(),
        [set] => format!("{} alone was seen", short(set)),
        sets => {
            let sets: Vec<String> = sets.iter().map(|set| short(set)).collect();
            format!("{} were seen", cut(&sets.join(" and "), 200))
        }
    }
}

fn full_stop(text: &str) -> String {
    match text.chars().last() {
        Some('.' | '!' | '?' | '…') => text.to_owned(),
        _ => format!("{text}."),
    }
}

fn seconds(seconds: i64) -> String {
    duration(SignedDuration::from_secs(seconds))
}
