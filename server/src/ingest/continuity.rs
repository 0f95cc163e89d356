//! Whether an agent's events follow one another: its numbers count up by one and are never used again.

use std::collections::BTreeSet;

use uuid::Uuid;

/// What was known of an agent before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Known {
    /// The highest number seen; 0 before the first.
    pub(super) last_seq: i64,
    /// The start of its machine in which that was.
    pub(super) last_boot: Option<Uuid>,
}

/// What does not follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Break {
    /// So many numbers are missing.
    Gap(u64),
    /// A number at or below the highest was used for a new event.
    Back {
        /// The highest before.
        from: i64,
        /// The number used again.
        to: i64,
        /// Whether the machine was started in between: a second machine, or an old copy of this one.
        other_boot: bool,
    },
}

impl Break {
    /// How many records it concerns.
    pub(super) fn count(self) -> u64 {
        match self {
            Self::Gap(count) => count,
            Self::Back { .. } => 1,
        }
    }

    /// What the consultant reads.
    pub(super) fn sentence(self) -> String {
        match self {
            Self::Gap(1) => {
                "One report of this agent is missing between others: it was lost at the practice before it \
                             was sent. Runs of that time may not be shown."
                    .to_owned()
            }
            Self::Gap(count) => format!(
                "{count} reports of this agent are missing between others: they were lost at the practice before they \
                 were sent. Runs of that time may not be shown."
            ),
            Self::Back { from, to, other_boot } => {
                let why = if other_boot {
                    "Two machines may report with the same key, or the machine was set back to an old copy. Revoke this \
                     agent and enrol each machine anew."
                } else {
                    "Its folder was set back to an old copy. Reports that were waiting then may be lost."
                };
                format!("The numbers of this agent's reports went back from {from} to {to}. {why}")
            }
        }
    }
}

/// Judges the numbers of newly stored events, in the order they came; `rejected` are numbers of events that could not be
/// stored, which are no gap. The first report of all begins where it likes.
pub(super) fn judge(known: Known, boot: Uuid, stored: &[i64], rejected: &[i64]) -> Option<Break> {
    let lowest = stored.iter().copied().min()?;
    let other_boot = known.last_boot.is_some_and(|last| last != boot);
    if known.last_seq > 0 && lowest <= known.last_seq {
        return Some(Break::Back {
            from: known.last_seq,
            to: lowest,
            other_boot,
        });
    }
    let seen: BTreeSet<i64> = stored
        .iter()
        .chain(rejected)
        .copied()
        .filter(|seq| *seq > known.last_seq)
        .collect();
    let (first, last) = (*seen.first()?, *seen.last()?);
    let begins = if known.last_seq > 0 { known.last_seq + 1 } else { first };
    let wanted = last.abs_diff(begins).saturating_add(1);
    let missing = wanted.saturating_sub(u64::try_from(seen.len()).unwrap_or(u64::MAX));
    (missing > 0).then_some(Break::Gap(missing))
}
