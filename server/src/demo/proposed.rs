//! What a look around on Harbor Counseling's server proposes.

use jiff::Timestamp;
use lastgood_protocol::{FoundBy, JobProposal, JobsProposed, ProposedSchedule, ReportingWay, Unclear};

use super::cast::HARBOR;
use super::seed::Seeded;
use crate::agents::Reporter;
use crate::app::App;
use crate::db::Scope;
use crate::discovery;
use crate::error::AppError;
use crate::ids::FirmId;
use crate::runs::Reported;

/// Proposes three jobs, as an agent's report would.
pub(super) async fn propose(app: &App, now: Timestamp, firm: FirmId, seeded: &[Seeded]) -> Result<(), AppError> {
    let Some(harbor) = seeded.iter().find(|seeded| seeded.practice.name == HARBOR) else {
        return Ok(());
    };
    let reporter = Reporter {
        firm,
        practice: harbor.practice_id,
        office: harbor.office,
        agent: harbor.agent,
        name: String::new(),
        is_silent: false,
    };
    let proposed = JobsProposed {
        looked_at: now,
        proposals: proposals(harbor.practice.zone)?,
    };
    let mut transaction = app.db.begin(Scope::Everything).await?;
    discovery::propose(&mut transaction, &reporter, Reported::new(now, now), &proposed).await?;
    transaction.commit().await?;
    Ok(())
}

fn proposals(zone: &str) -> Result<Vec<JobProposal>, AppError> {
    let schedule = |cron: &str| {
        Some(ProposedSchedule {
            cron: cron.to_owned(),
            zone: Some(zone.to_owned()),
            up_to_seconds_later: None,
        })
    };
    let letters = JobProposal {
        key: "letters-to-vault".parse().map_err(AppError::internal)?,
        tool: "rclone".to_owned(),
        found: FoundBy::SystemdTimer,
        name: Some("letters-to-vault".to_owned()),
        way: ReportingWay::Wrapped,
        is_indirect: false,
        schedule: schedule("15 23 * * 1-5"),
        unclear: None,
        version: None,
        source: None,
    };
    let archive = JobProposal {
        key: "archive".parse().map_err(AppError::internal)?,
        tool: "7-zip".to_owned(),
        found: FoundBy::Crontab,
        name: Some("archive".to_owned()),
        is_indirect: true,
        schedule: schedule("0 4 1 */3 *"),
        ..letters.clone()
    };
    let database = JobProposal {
        key: "postgresql".parse().map_err(AppError::internal)?,
        tool: "pg_dump".to_owned(),
        found: FoundBy::DatabaseServer,
        name: None,
        way: ReportingWay::Own,
        schedule: None,
        unclear: Some(Unclear::NothingStartsIt),
        version: Some("15".to_owned()),
        ..letters.clone()
    };
    Ok(vec![letters, archive, database])
}
