//! All SQL of `media` and `media_sightings`.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff_sqlx::ToSqlx as _;
use uuid::Uuid;

use super::Use;
use super::model::{DayOfUse, Encryption, LabelAndSet, Medium, SeenMedium, Whereabouts, bytes};
use crate::agents::Reporter;
use crate::db::Transaction;
use crate::error::AppError;
use crate::ids::{self, FirmId, JobId, MediumId, PracticeId};

/// Puts a medium into the register or notes that it was seen again. Answers whether it is new.
pub(super) async fn upsert_seen(
    transaction: &mut Transaction,
    now: Timestamp,
    reporter: &Reporter,
    seen_at: Timestamp,
    seen: &SeenMedium<'_>,
) -> Result<(MediumId, bool), AppError> {
    let new: MediumId = ids::new(now);
    let medium = sqlx::query_scalar!(
        "insert into media (firm_id, medium_id, practice_id, volume, marker_id, label, set_name, file_system, size_bytes,
            first_seen_at, last_seen_at, removable, encryption)
         values ($1, $2, $3, $4, $5, $6, $6, $7, $8, $9, $9, $10, $11)
         on conflict (firm_id, practice_id, volume, coalesce(marker_id, '00000000-0000-0000-0000-000000000000')) do update set
            first_seen_at = least(media.first_seen_at, excluded.first_seen_at),
            last_seen_at = greatest(media.last_seen_at, excluded.last_seen_at),
            file_system = coalesce(excluded.file_system, media.file_system),
            size_bytes = coalesce(excluded.size_bytes, media.size_bytes),
            removable = coalesce(excluded.removable, media.removable),
            encryption = coalesce(excluded.encryption, media.encryption)
         returning medium_id",
        reporter.firm.0,
        new.0,
        reporter.practice.0,
        seen.volume,
        seen.marker,
        seen.label,
        seen.file_system,
        seen.size_bytes,
        seen_at.to_sqlx(),
        seen.removable,
        seen.encryption.map(Encryption::as_str),
    )
    .fetch_one(&mut **transaction)
    .await?;
    Ok((medium, medium == new))
}

/// Gives a medium its label and set. A registration that comes late does not undo a newer one.
pub(super) async fn set_label(
    transaction: &mut Transaction,
    firm: FirmId,
    medium: MediumId,
    label: &str,
    set: &str,
    registered_at: Timestamp,
) -> Result<(), AppError> {
    sqlx::query!(
        "update media set label = $3, set_name = $4, registered_at = $5
         where firm_id = $1 and medium_id = $2 and (registered_at is null or registered_at <= $5)",
        firm.0,
        medium.0,
        label,
        set,
        registered_at.to_sqlx(),
    )
    .execute(&mut **transaction)
    .await?;
    Ok(())
}

/// A medium came or went.
pub(super) struct Move {
    /// It.
    pub(super) medium: MediumId,
    /// Whether it is in the drive from then on.
    pub(super) present: bool,
    /// When, by the server's clock.
    pub(super) at: Timestamp,
}

/// Keeps that a medium came or went, and where it is now. A report that comes late does not undo a newer one, one that says
/// what is known already does not change since when, and a medium that is in another machine's drive by now has not left
/// that one.
pub(super) async fn insert_move(
    transaction: &mut Transaction,
    now: Timestamp,
    reporter: &Reporter,
    moved: &Move,
) -> Result<(), AppError> {
    sqlx::query!(
        "insert into media_moves (firm_id, move_id, practice_id, medium_id, agent_id, present, moved_at, received_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8)",
        reporter.firm.0,
        ids::new::<Uuid>(now),
        reporter.practice.0,
        moved.medium.0,
        reporter.agent.0,
        moved.present,
        moved.at.to_sqlx(),
        now.to_sqlx(),
    )
    .execute(&mut **transaction)
    .await?;
    sqlx::query!(
        "update media set present = $3, moved_at = $4, moved_at_agent = $5
         where firm_id = $1 and medium_id = $2 and (moved_at is null or moved_at <= $4)
            and case when present then $3 = (moved_at_agent <> $5) else $3 or present is null end",
        reporter.firm.0,
        moved.medium.0,
        moved.present,
        moved.at.to_sqlx(),
        reporter.agent.0,
    )
    .execute(&mut **transaction)
    .await?;
    Ok(())
}

/// Of each of these practices the set that was not used for the longest time, where it has several: of registered media that
/// were seen after `seen_after`, because one that was lost is not wanted for ever.
pub(super) async fn sets_next_in_turn(
    transaction: &mut Transaction,
    firm: FirmId,
    practices: &[PracticeId],
    seen_after: Timestamp,
) -> Result<BTreeMap<PracticeId, String>, AppError> {
    let practices: Vec<Uuid> = practices.iter().map(|practice| practice.0).collect();
    let rows = sqlx::query!(
        r#"select ranked.practice_id as "practice_id!: PracticeId", ranked.set_name as "set_name!" from (
            select m.practice_id, m.set_name, count(*) over (partition by m.practice_id) as sets,
                row_number() over (partition by m.practice_id order by max(used.backup_day) nulls first, m.set_name) as place
            from media m
            left join lateral (
                select s.backup_day from media_sightings s
                join runs r on r.firm_id = s.firm_id and r.run_id = s.run_id and r.outcome <> 'failed'
                where s.firm_id = m.firm_id and s.medium_id = m.medium_id order by s.backup_day desc limit 1
            ) used on true
            where m.firm_id = $1 and m.practice_id = any($2) and m.registered_at is not null and m.last_seen_at > $3
            group by m.practice_id, m.set_name
         ) ranked where ranked.place = 1 and ranked.sets > 1"#,
        firm.0,
        &practices,
        seen_after.to_sqlx(),
    )
    .fetch_all(&mut **transaction)
    .await?;
    Ok(rows.into_iter().map(|row| (row.practice_id, row.set_name)).collect())
}

/// The label of another medium of the practice that carries the same marker.
pub(super) async fn other_with_marker(
    transaction: &mut Transaction,
    reporter: &Reporter,
    seen: &SeenMedium<'_>,
) -> Result<Option<String>, AppError> {
    let Some(marker) = seen.marker else { return Ok(None) };
    let label = sqlx::query_scalar!(
        "select label from media
         where firm_id = $1 and practice_id = $2 and marker_id = $3 and volume <> $4
         order by last_seen_at desc limit 1",
        reporter.firm.0,
        reporter.practice.0,
        marker,
        seen.volume,
    )
    .fetch_optional(&mut **transaction)
    .await?;
    Ok(label)
}

/// Whether the job made a backup on this medium on this day before.
pub(super) async fn is_used(transaction: &mut Transaction, firm: FirmId, used: &Use<'_>) -> Result<bool, AppError> {
    let is_used = sqlx::query_scalar!(
        r#"select exists (
            select from media_sightings s join runs r on r.firm_id = s.firm_id and r.run_id = s.run_id
            where s.firm_id = $1 and s.job_id = $2 and s.backup_day = $3 and s.medium_id = $4 and r.outcome <> 'failed'
                and r.run_id <> $5
         ) as "is_used!""#,
        firm.0,
        used.job.0,
        used.backup_day.to_sqlx(),
        used.medium.0,
        used.run.0,
    )
    .fetch_one(&mut **transaction)
    .await?;
    Ok(is_used)
}

/// Keeps that a run wrote to a medium.
pub(super) async fn insert_sighting(
    transaction: &mut Transaction,
    reporter: &Reporter,
    used: &Use<'_>,
) -> Result<(), AppError> {
    sqlx::query!(
        "insert into media_sightings (firm_id, run_id, practice_id, medium_id, job_id, backup_day, seen_at, free_bytes)
         values ($1, $2, $3, $4, $5, $6, $7, $8) on conflict (firm_id, run_id) do nothing",
        reporter.firm.0,
        used.run.0,
        reporter.practice.0,
        used.medium.0,
        used.job.0,
        used.backup_day.to_sqlx(),
        used.at.to_sqlx(),
        bytes("medium.free_bytes", used.free_bytes)?,
    )
    .execute(&mut **transaction)
    .await?;
    Ok(())
}

/// The newest backup days of a job, oldest first, with the media each was made on.
pub(super) async fn days_of_use(
    transaction: &mut Transaction,
    firm: FirmId,
    job: JobId,
    most: usize,
) -> Result<Vec<DayOfUse>, AppError> {
    let rows = sqlx::query!(
        "select distinct s.backup_day, s.medium_id, m.label, m.set_name
         from media_sightings s
         join runs r on r.firm_id = s.firm_id and r.run_id = s.run_id and r.outcome <> 'failed'
         join media m on m.firm_id = s.firm_id and m.medium_id = s.medium_id
         where s.firm_id = $1 and s.job_id = $2 and s.backup_day in (
            select distinct d.backup_day from media_sightings d
            join runs e on e.firm_id = d.firm_id and e.run_id = d.run_id and e.outcome <> 'failed'
            where d.firm_id = $1 and d.job_id = $2
            order by d.backup_day desc limit $3)
         order by s.backup_day, s.medium_id",
        firm.0,
        job.0,
        i64::try_from(most).unwrap_or(i64::MAX),
    )
    .fetch_all(&mut **transaction)
    .await?;
    let mut days: BTreeMap<_, DayOfUse> = BTreeMap::new();
    for row in rows {
        let day = row.backup_day.to_jiff();
        let entry = days.entry(day).or_insert_with(|| DayOfUse {
            day,
            media: BTreeMap::new(),
        });
        let names = LabelAndSet {
            label: row.label,
            set: row.set_name,
        };
        entry.media.insert(row.medium_id, names);
    }
    Ok(days.into_values().collect())
}

/// The register, by practice and label.
pub(super) async fn list(
    transaction: &mut Transaction,
    firm: FirmId,
    practice: Option<PracticeId>,
    skipped: i64,
    most: i64,
) -> Result<Vec<Medium>, AppError> {
    let rows = sqlx::query!(
        r#"select m.practice_id, p.name as practice_name, m.label, m.set_name, m.volume, m.file_system,
            m.size_bytes, m.registered_at, m.last_seen_at, m.removable, m.encryption,
            m.present as "present?", m.moved_at as "moved_at?", a.name as "agent_name?", a.silent_since as "agent_silent_since?",
            coalesce((select o.zone from offices o where o.firm_id = m.firm_id and o.practice_id = m.practice_id
                order by o.created_at limit 1), 'UTC') as "zone!",
            (select s.free_bytes from media_sightings s where s.firm_id = m.firm_id and s.medium_id = m.medium_id
                order by s.backup_day desc, s.seen_at desc limit 1) as free_bytes,
            coalesce((select array_agg(distinct j.name order by j.name) from media_sightings s
                join jobs j on j.firm_id = s.firm_id and j.job_id = s.job_id
                where s.firm_id = m.firm_id and s.medium_id = m.medium_id), '{}') as "jobs!"
         from media m join practices p on p.firm_id = m.firm_id and p.practice_id = m.practice_id
         left join agents a on a.firm_id = m.firm_id and a.agent_id = m.moved_at_agent
         where m.firm_id = $1 and ($2::uuid is null or m.practice_id = $2) and p.archived_at is null
         order by lower(p.name), lower(m.label), m.medium_id offset $3 limit $4"#,
        firm.0,
        practice.map(|practice| practice.0) as Option<Uuid>,
        skipped,
        most,
    )
    .fetch_all(&mut **transaction)
    .await?;
    let media = rows.into_iter().map(|row| Medium {
        practice: row.practice_id,
        practice_name: row.practice_name,
        zone: row.zone,
        label: row.label,
        set: row.set_name,
        volume: row.volume,
        file_system: row.file_system,
        size_bytes: row.size_bytes,
        free_bytes: row.free_bytes,
        registered_at: row.registered_at.map(jiff_sqlx::Timestamp::to_jiff),
        last_seen_at: row.last_seen_at.to_jiff(),
        removable: row.removable,
        encryption: row.encryption,
        place: Whereabouts::new(
            row.present,
            row.moved_at.map(jiff_sqlx::Timestamp::to_jiff),
            row.agent_name,
            row.agent_silent_since.is_some(),
        ),
        jobs: row.jobs,
    });
    Ok(media.collect())
}
