//! The part of `status` about media: which is in, and which is wanted for the next run.

use jiff::Timestamp;
use lastgood_protocol::MediumSighting;
use serde::Serialize;

use super::super::check_config::next;
use super::super::media::copied;
use super::{Status, ago};
use crate::config::JobConfig;
use crate::engine::rotation::{MediumRule, Wanted};
use crate::media::{self, Kept, Seen};

/// A job's medium.
#[derive(Debug, Default, Serialize)]
pub(super) struct MediumStatus {
    /// What is in.
    pub(super) medium: Option<MediumSighting>,
    /// The set it belongs to.
    set: Option<String>,
    /// Since when it is in, where that was noticed.
    since: Option<Timestamp>,
    /// What the next run wants, in words; for a job without a rule, what would be next in turn.
    wanted: Option<String>,
    /// Whether the next run would not begin without it.
    required: bool,
    /// Whether what is in is what is wanted.
    fits: bool,
}

/// Looks at the medium of a job, and says what is wrong with it and what is to be done before the next run.
pub(super) fn look(job: &JobConfig, kept: &Kept, now: Timestamp, status: &mut Status) -> Option<MediumStatus> {
    let seen = media::look(job.medium.as_deref()?);
    let due = job.schedule.as_ref().and_then(|schedule| schedule.next_after(now));
    let rule = job.require_medium.as_ref();
    let wanted = kept.rotation.wanted(
        rule.unwrap_or(&MediumRule::Rotated),
        &job.key,
        job.days.day_of(due.unwrap_or(now)),
    );
    let name = seen.as_ref().ok().and_then(|seen| seen.marker.as_ref());
    let name = name.map(media::Marker::name);
    let fits = wanted.allows(name.as_ref());
    let is_known = rule.is_some() || matches!(wanted, Wanted::AnotherThan { next: Some(_), .. });
    let wanted = wanted.name().filter(|_| is_known);
    let before = next(job).unwrap_or_else(|| "the next run".to_owned());
    match &seen {
        Err(error) => status.wrong(
            format!("No medium for '{}': {error}.", job.key),
            match &wanted {
                Some(wanted) => format!("Connect and mount {wanted} before {before}"),
                None => "Connect and mount it before the next run".to_owned(),
            },
        ),
        Ok(_) if rule.is_some() && !fits => {
            let wanted = wanted.as_deref().unwrap_or("another medium");
            status
                .to_do
                .push(format!("Put in {wanted} for '{}' before {before}.", job.key));
        }
        Ok(_) => {}
    }
    let medium = seen.as_ref().ok().map(Seen::sighting);
    if let Some(original) = medium.as_ref().and_then(|medium| medium.copied_from.as_ref()) {
        let (what, next_step) = copied(original);
        status.wrong(format!("The medium of '{}' is a copy. {what}", job.key), next_step);
    }
    Some(MediumStatus {
        since: medium.as_ref().and_then(|medium| media::since(kept, medium)),
        medium,
        set: name.map(|name| name.set),
        wanted,
        required: rule.is_some(),
        fits,
    })
}

impl MediumStatus {
    /// Its lines on the screen.
    pub(super) fn lines(&self, now: Timestamp) -> Vec<String> {
        let mut lines = Vec::new();
        if let Some(medium) = &self.medium {
            let label = medium.label.as_deref().unwrap_or("not registered");
            let set = self.set.as_deref().filter(|set| *set != label);
            let set = set.map_or_else(String::new, |set| format!(" of set {set}"));
            let since = self
                .since
                .map_or_else(String::new, |since| format!(", in since {}", ago(since, now)));
            lines.push(format!("medium: {label}{set}, volume {}{since}", medium.volume));
        }
        if let Some(wanted) = &self.wanted {
            let fits = if self.fits { "; it fits" } else { "" };
            let kind = if self.required { "wanted" } else { "next in turn" };
            lines.push(format!("{kind}: {wanted}{fits}"));
        }
        lines
    }
}
