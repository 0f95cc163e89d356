//! Where alerts are, for the letters about them.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::letters::{self, Matter};
use super::model::{AlertFacts, AlertKey};
use super::words::Told;
use super::{db, strip};
use crate::app::App;
use crate::db::Transaction;
use crate::error::AppError;
use crate::ids::{AlertId, JobId};
use crate::notifications::DayMark;
use crate::web::words::zone;

/// Where an alert is.
pub(super) struct Setting {
    practice: String,
    zone: TimeZone,
    days: Vec<DayMark>,
}

impl Setting {
    /// Where this alert is.
    pub(super) async fn find(transaction: &mut Transaction, now: Timestamp, key: &AlertKey) -> Result<Self, AppError> {
        let found = Self::find_all(transaction, now, &[key]).await?.pop();
        found.ok_or_else(|| AppError::internal("an alert's practice does not exist, which its foreign key forbids"))
    }

    /// Where these alerts are, in their order.
    pub(super) async fn find_all(
        transaction: &mut Transaction,
        now: Timestamp,
        keys: &[&AlertKey],
    ) -> Result<Vec<Self>, AppError> {
        let wanted: Vec<_> = keys
            .iter()
            .map(|key| (key.firm, key.practice, Some(&key.subject)))
            .collect();
        let places = db::places(transaction, &wanted).await?;
        let mut settings: Vec<Self> = places
            .into_iter()
            .map(|(practice, name)| Self {
                practice,
                zone: zone(&name),
                days: Vec::new(),
            })
            .collect();
        let with_jobs: Vec<_> = keys
            .iter()
            .zip(&mut settings)
            .filter(|(key, _)| letters::is_about_a_job(key))
            .collect();
        let jobs: Vec<_> = with_jobs
            .iter()
            .map(|(key, setting)| {
                let today = now.to_zoned(setting.zone.clone()).date();
                (key.firm, JobId(key.subject.id), today)
            })
            .collect();
        let states = db::last_days(transaction, &jobs).await?;
        for ((_, setting), states) in with_jobs.into_iter().zip(states) {
            setting.days = strip::marks(&states);
        }
        Ok(settings)
    }

    /// An alert as letters need it.
    pub(super) fn matter<'a>(
        &'a self,
        app: &'a App,
        key: &'a AlertKey,
        alert: AlertId,
        since: Timestamp,
        facts: &'a AlertFacts,
    ) -> Matter<'a> {
        Matter {
            alert,
            told: Told {
                practice: &self.practice,
                subject: &key.subject,
                zone: &self.zone,
                since,
                facts,
            },
            days: self.days.clone(),
            public_url: &app.options.public_url,
        }
    }
}
