-- The three kinds of evidence: runs, media sightings, drills.

-- run_id is made by the agent. Times are the agent's, corrected by the skew known when the event arrived (corrected_by_ms).
create table runs (
    firm_id uuid not null,
    run_id uuid not null,
    practice_id uuid not null,
    job_id uuid not null,
    agent_id uuid not null,
    slot_id uuid,
    started_at timestamptz not null,
    finished_at timestamptz,
    corrected_by_ms bigint not null default 0,
    received_at timestamptz not null,
    finish_received_at timestamptz,
    outcome text check (outcome in ('ok', 'warning', 'failed')),
    will_be_retried boolean not null default false,
    attempt integer not null default 1,
    reason text,
    exit_code bigint,
    tool text,
    tool_version text,
    bytes_processed bigint,
    bytes_added bigint,
    files_total bigint,
    files_new bigint,
    files_changed bigint,
    errors bigint,
    snapshot text,
    facts jsonb not null default '{}',
    medium_id uuid,
    primary key (firm_id, run_id),
    unique (firm_id, practice_id, run_id),
    foreign key (firm_id, practice_id, job_id) references jobs (firm_id, practice_id, job_id),
    foreign key (firm_id, practice_id, agent_id) references agents (firm_id, practice_id, agent_id),
    foreign key (firm_id, practice_id, slot_id) references slots (firm_id, practice_id, slot_id),
    check ((finished_at is null) = (outcome is null))
);
create index runs_job on runs (firm_id, job_id, started_at desc);
create index runs_good on runs (firm_id, job_id, started_at desc) where outcome in ('ok', 'warning');
create index runs_slot on runs (firm_id, slot_id) where slot_id is not null;
create index runs_open on runs (firm_id, job_id) where finished_at is null;
call guard_practice_table('runs');
grant select on runs to lastgood_web;
grant select, insert, update on runs to lastgood_worker;
alter table slots add foreign key (firm_id, practice_id, run_id) references runs (firm_id, practice_id, run_id);

-- A medium is known by its volume together with its marker. An unregistered one has no marker and the volume as its label.
create table media (
    firm_id uuid not null,
    medium_id uuid not null,
    practice_id uuid not null,
    volume text not null,
    marker_id uuid,
    label text not null,
    set_name text not null,
    file_system text,
    size_bytes bigint,
    registered_at timestamptz,
    first_seen_at timestamptz not null,
    last_seen_at timestamptz not null,
    primary key (firm_id, medium_id),
    unique (firm_id, practice_id, medium_id),
    foreign key (firm_id, practice_id) references practices
);
create unique index media_identity on media (firm_id, practice_id, volume, coalesce(marker_id, '00000000-0000-0000-0000-000000000000'));
call guard_practice_table('media');
grant select on media to lastgood_web;
grant select, insert, update on media to lastgood_worker;
alter table runs add foreign key (firm_id, practice_id, medium_id) references media (firm_id, practice_id, medium_id);

-- One sighting per run that named a medium. backup_day is the practice's local day the run belongs to.
create table media_sightings (
    firm_id uuid not null,
    run_id uuid not null,
    practice_id uuid not null,
    medium_id uuid not null,
    job_id uuid not null,
    backup_day date not null,
    seen_at timestamptz not null,
    free_bytes bigint,
    primary key (firm_id, run_id),
    foreign key (firm_id, practice_id, run_id) references runs (firm_id, practice_id, run_id),
    foreign key (firm_id, practice_id, medium_id) references media (firm_id, practice_id, medium_id),
    foreign key (firm_id, practice_id, job_id) references jobs (firm_id, practice_id, job_id)
);
create index media_sightings_job on media_sightings (firm_id, job_id, backup_day desc);
create index media_sightings_medium on media_sightings (firm_id, medium_id, backup_day desc);
call guard_practice_table('media_sightings');
call make_append_only('media_sightings');
grant select on media_sightings to lastgood_web;
grant select, insert on media_sightings to lastgood_worker;

create table drills (
    firm_id uuid not null,
    drill_id uuid not null,
    practice_id uuid not null,
    agent_id uuid not null,
    job_id uuid,
    slot_id uuid,
    medium_id uuid,
    backup text not null,
    backup_made_at timestamptz,
    started_at timestamptz not null,
    finished_at timestamptz not null,
    received_at timestamptz not null,
    outcome text not null check (outcome in ('passed', 'passed_with_notes', 'failed', 'abandoned')),
    steps jsonb not null,
    checks jsonb not null,
    performed_by text not null,
    notes text,
    primary key (firm_id, drill_id),
    unique (firm_id, practice_id, drill_id),
    foreign key (firm_id, practice_id, agent_id) references agents (firm_id, practice_id, agent_id),
    foreign key (firm_id, practice_id, job_id) references jobs (firm_id, practice_id, job_id),
    foreign key (firm_id, practice_id, slot_id) references slots (firm_id, practice_id, slot_id),
    foreign key (firm_id, practice_id, medium_id) references media (firm_id, practice_id, medium_id)
);
create index drills_practice on drills (firm_id, practice_id, finished_at desc);
call guard_practice_table('drills');
call make_append_only('drills');
grant select on drills to lastgood_web;
grant select, insert on drills to lastgood_worker;
alter table slots add foreign key (firm_id, practice_id, drill_id) references drills (firm_id, practice_id, drill_id);
