-- Jobs, what is expected of them and of a practice, and the dated instances of that: slots.

-- state: the job as lists show it, kept by the transaction that changes a slot (server/src/expectations/standing).
create table jobs (
    firm_id uuid not null,
    job_id uuid not null,
    practice_id uuid not null,
    office_id uuid not null,
    agent_id uuid,
    key text not null,
    name text not null,
    tool text not null default '',
    destination text check (destination in ('medium', 'vendor', 'disk')),
    state text not null default 'no_schedule' check (state in ('no_schedule', 'never_reported', 'waiting', 'running', 'ok', 'warning',
        'failed', 'late', 'missed', 'overrun', 'excused', 'not_monitored', 'unknown')),
    created_at timestamptz not null,
    archived_at timestamptz,
    primary key (firm_id, job_id),
    unique (firm_id, practice_id, key),
    unique (firm_id, practice_id, job_id),
    foreign key (firm_id, practice_id, office_id) references offices (firm_id, practice_id, office_id),
    foreign key (firm_id, practice_id, agent_id) references agents (firm_id, practice_id, agent_id)
);
create index jobs_agent on jobs (firm_id, agent_id);
create index jobs_odd on jobs (firm_id, state) where archived_at is null and state <> 'ok';
call guard_practice_table('jobs');
grant select, insert, update on jobs to lastgood_web, lastgood_worker;

-- kind 'run': a run of the job by its schedule (cron in the office's zone). kind 'drill': a passed drill every interval_days.
-- dst_policy names the source whose rule applies when clocks change: cron runs a skipped time once at the gap's end,
-- systemd skips it; both run a repeated time once.
-- materialise_at: when the next slots must be written. no_success_at: when "no success for N" becomes true.
create table expectations (
    firm_id uuid not null,
    expectation_id uuid not null,
    practice_id uuid not null,
    kind text not null check (kind in ('run', 'drill')),
    job_id uuid,
    office_id uuid not null,
    cron text,
    interval_days integer check (interval_days > 0),
    dst_policy text not null default 'cron' check (dst_policy in ('cron', 'systemd')),
    opens_before_seconds integer not null check (opens_before_seconds >= 0),
    late_after_seconds integer not null check (late_after_seconds >= 0),
    missed_after_seconds integer not null check (missed_after_seconds >= late_after_seconds),
    maximum_run_seconds integer not null check (maximum_run_seconds > 0),
    no_success_seconds integer check (no_success_seconds > 0),
    active_from timestamptz not null,
    retired_at timestamptz,
    materialised_until timestamptz not null,
    materialise_at timestamptz,
    last_success_at timestamptz,
    no_success_at timestamptz,
    primary key (firm_id, expectation_id),
    unique (firm_id, practice_id, expectation_id),
    foreign key (firm_id, practice_id, job_id) references jobs (firm_id, practice_id, job_id),
    foreign key (firm_id, practice_id, office_id) references offices (firm_id, practice_id, office_id),
    check ((kind = 'run') = (job_id is not null)),
    check ((kind = 'run') = (cron is not null)),
    check ((kind = 'drill') = (interval_days is not null))
);
create unique index expectations_job on expectations (firm_id, job_id) where job_id is not null and retired_at is null;
create index expectations_of_job on expectations (firm_id, job_id) where job_id is not null;
create unique index expectations_drill on expectations (firm_id, practice_id) where kind = 'drill' and retired_at is null;
create index expectations_materialise on expectations (materialise_at) where materialise_at is not null and retired_at is null;
create index expectations_no_success on expectations (no_success_at) where no_success_at is not null and retired_at is null;
call guard_practice_table('expectations');
grant select, insert, update on expectations to lastgood_web, lastgood_worker;

-- job_id is the expectation's, empty for drills. excused_by_calendar: a closed day of the office excuses it, not a person.
-- A slot belongs to the times [opens_at, closes_at); closes_at is the next slot's opens_at, and empty while that is unknown.
-- check_at is the stored deadline at which the state must be computed anew; empty when only evidence can change it.
-- declared_missed_at stays when a report that came late fills the slot after all.
create table slots (
    firm_id uuid not null,
    slot_id uuid not null,
    practice_id uuid not null,
    expectation_id uuid not null,
    job_id uuid,
    backup_day date not null,
    opens_at timestamptz not null,
    due_at timestamptz not null,
    late_at timestamptz not null,
    missed_at timestamptz not null,
    closes_at timestamptz,
    state text not null default 'waiting' check (state in ('waiting', 'running', 'ok', 'warning', 'failed', 'late', 'missed',
        'overrun', 'excused', 'not_monitored', 'unknown')),
    state_since timestamptz not null,
    check_at timestamptz,
    run_id uuid,
    drill_id uuid,
    declared_missed_at timestamptz,
    reported_late boolean not null default false,
    excused_at timestamptz,
    excused_by text,
    excuse_reason text,
    excused_by_calendar boolean not null default false,
    primary key (firm_id, slot_id),
    unique (firm_id, expectation_id, due_at),
    unique (firm_id, practice_id, slot_id),
    foreign key (firm_id, practice_id, expectation_id) references expectations (firm_id, practice_id, expectation_id),
    foreign key (firm_id, practice_id, job_id) references jobs (firm_id, practice_id, job_id)
);
create index slots_expectation_window on slots (firm_id, expectation_id, opens_at);
create index slots_job_window on slots (firm_id, job_id, opens_at) where job_id is not null;
create index slots_job_judged on slots (firm_id, job_id, due_at) where job_id is not null and state not in ('waiting', 'excused');
create index slots_job_good on slots (firm_id, job_id, due_at) where job_id is not null and state in ('ok', 'warning');
create index slots_job_trouble on slots (firm_id, job_id, due_at)
    where job_id is not null and (declared_missed_at is not null or state in ('overrun', 'unknown'));
create index slots_check on slots (check_at) where check_at is not null;
create index slots_day on slots (firm_id, practice_id, backup_day);
create index slots_open on slots (firm_id, state) where state in ('late', 'unknown', 'overrun', 'not_monitored', 'running');
call guard_practice_table('slots');
grant select, insert, update, delete on slots to lastgood_web, lastgood_worker;

-- Each change of a slot's state, so that the history can be told.
create table slot_changes (
    firm_id uuid not null,
    change_id bigint not null generated always as identity,
    practice_id uuid not null,
    slot_id uuid not null,
    at timestamptz not null,
    from_state text not null,
    to_state text not null,
    primary key (firm_id, change_id),
    foreign key (firm_id, practice_id, slot_id) references slots (firm_id, practice_id, slot_id)
);
create index slot_changes_slot on slot_changes (firm_id, slot_id);
call guard_practice_table('slot_changes');
call make_append_only('slot_changes');
grant select, insert on slot_changes to lastgood_web, lastgood_worker;

-- The evaluator's own life: one row, and the gaps in it. Not tenant data. What should have been judged from hold_from on is
-- not judged before hold_until, so that reports kept back while we were down can land.
create table evaluator (
    only_row boolean primary key default true check (only_row),
    last_tick_at timestamptz not null,
    hold_from timestamptz,
    hold_until timestamptz
);
create table monitoring_gaps (
    gap_id bigint primary key generated always as identity,
    began_at timestamptz not null,
    ended_at timestamptz not null
);
grant select, insert, update on evaluator to lastgood_worker;
grant select on evaluator, monitoring_gaps to lastgood_web;
grant select, insert on monitoring_gaps to lastgood_worker;
