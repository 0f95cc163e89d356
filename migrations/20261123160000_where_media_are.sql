-- What a medium is, and where it is now.

alter table media
    add column removable boolean,
    add column encryption text check (encryption in ('none', 'luks', 'bitlocker', 'other')),
    -- Whether it is in a drive; empty as long as no agent said when it came or went. moved_at: since when.
    add column present boolean,
    add column moved_at timestamptz,
    add column moved_at_agent uuid,
    add foreign key (firm_id, practice_id, moved_at_agent) references agents (firm_id, practice_id, agent_id),
    add check ((present is null) = (moved_at is null) and (present is null) = (moved_at_agent is null));

-- Each time an agent saw a medium come or go. Times are the agent's, corrected by the skew of its clock.
create table media_moves (
    firm_id uuid not null,
    move_id uuid not null,
    practice_id uuid not null,
    medium_id uuid not null,
    agent_id uuid not null,
    present boolean not null,
    moved_at timestamptz not null,
    received_at timestamptz not null,
    primary key (firm_id, move_id),
    foreign key (firm_id, practice_id, medium_id) references media (firm_id, practice_id, medium_id),
    foreign key (firm_id, practice_id, agent_id) references agents (firm_id, practice_id, agent_id)
);
create index media_moves_medium on media_moves (firm_id, medium_id, moved_at desc);
call guard_practice_table('media_moves');
call make_append_only('media_moves');
grant select on media_moves to lastgood_web;
grant select, insert on media_moves to lastgood_worker;
