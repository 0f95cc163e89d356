-- Jobs that agents propose after somebody looked around on their machines. Nothing becomes a job before somebody accepts it.

-- proposal: the proposal as it was checked, in the words of protocol/src/discovery.rs. place: its rank in its agent's report.
-- gone_since: the newest report of its agent does not name it any more.
create table proposals (
    firm_id uuid not null,
    proposal_id uuid not null,
    practice_id uuid not null,
    agent_id uuid not null,
    key text not null,
    proposal jsonb not null,
    place integer not null,
    first_proposed_at timestamptz not null,
    last_proposed_at timestamptz not null,
    gone_since timestamptz,
    state text not null default 'proposed' check (state in ('proposed', 'accepted', 'dismissed')),
    state_since timestamptz not null,
    job_id uuid,
    primary key (firm_id, proposal_id),
    unique (firm_id, agent_id, key),
    foreign key (firm_id, practice_id, agent_id) references agents (firm_id, practice_id, agent_id),
    foreign key (firm_id, practice_id, job_id) references jobs (firm_id, practice_id, job_id),
    check ((state = 'accepted') = (job_id is not null))
);
create index proposals_practice on proposals (firm_id, practice_id, state);
call guard_practice_table('proposals');
grant select, update on proposals to lastgood_web;
grant select, insert, update on proposals to lastgood_worker;
