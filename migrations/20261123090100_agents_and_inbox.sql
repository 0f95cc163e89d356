-- Agents, the tokens that enrol them, and the inbox that keeps what they said as they said it.

-- silent_at is the stored deadline after which the agent counts as silent; silent_since is set while it is.
-- silence_began_at: the last word before the latest silence, kept after its end.
-- heard_again_at: when a silent agent was heard from again, so that its spool has time to land before anything is judged.
create table agents (
    firm_id uuid not null,
    agent_id uuid not null,
    practice_id uuid not null,
    office_id uuid not null,
    name text not null,
    public_key bytea not null unique check (length(public_key) = 32),
    platform text not null,
    agent_version text not null,
    enrolled_at timestamptz not null,
    revoked_at timestamptz,
    last_heard_at timestamptz,
    last_seq bigint not null default 0,
    last_boot uuid,
    clock_skew_ms bigint,
    spooled bigint,
    silent_after_seconds integer not null check (silent_after_seconds > 0),
    silent_at timestamptz,
    silent_since timestamptz,
    silence_began_at timestamptz,
    heard_again_at timestamptz,
    primary key (firm_id, agent_id),
    unique (firm_id, practice_id, agent_id),
    unique (agent_id),
    foreign key (firm_id, practice_id, office_id) references offices (firm_id, practice_id, office_id)
);
create index agents_practice on agents (firm_id, practice_id);
create index agents_silent on agents (silent_at) where silent_since is null and revoked_at is null;
call guard_practice_table('agents');
grant select, insert, update on agents to lastgood_web, lastgood_worker;

create table enrolment_tokens (
    firm_id uuid not null,
    token_id uuid not null,
    practice_id uuid not null,
    office_id uuid not null,
    secret_hash bytea not null unique,
    created_at timestamptz not null,
    created_by uuid,
    expires_at timestamptz not null,
    used_at timestamptz,
    used_by_agent uuid,
    withdrawn_at timestamptz,
    primary key (firm_id, token_id),
    foreign key (firm_id, practice_id, office_id) references offices (firm_id, practice_id, office_id),
    foreign key (firm_id, used_by_agent) references agents
);
create index enrolment_tokens_practice on enrolment_tokens (firm_id, practice_id, created_at desc);
call guard_practice_table('enrolment_tokens');
grant select, insert, update on enrolment_tokens to lastgood_web, lastgood_worker;

-- What was received, as it was received. position is the order of arrival; an agent's events are projected in that order.
-- The body never changes: only the state of its projection does (see the trigger).
create table inbox (
    firm_id uuid not null,
    agent_id uuid not null,
    event_id uuid not null,
    practice_id uuid not null,
    position bigint not null generated always as identity unique,
    seq bigint not null,
    kind text not null,
    occurred_at timestamptz not null,
    sent_at timestamptz not null,
    received_at timestamptz not null,
    body text not null,
    body_hash bytea not null,
    state text not null default 'received' check (state in ('received', 'projected', 'set_aside')),
    attempts integer not null default 0,
    problem text,
    projected_at timestamptz,
    primary key (firm_id, agent_id, event_id),
    foreign key (firm_id, practice_id, agent_id) references agents (firm_id, practice_id, agent_id)
);
create index inbox_received on inbox (position) where state = 'received';
create index inbox_set_aside on inbox (firm_id, received_at desc) where state = 'set_aside';
call guard_practice_table('inbox');
create function keep_inbox_as_received() returns trigger language plpgsql as $$
begin
    if tg_op = 'DELETE' then
        raise exception 'the inbox keeps what was received' using errcode = 'insufficient_privilege';
    end if;
    if (new.firm_id, new.agent_id, new.event_id, new.practice_id, new.position, new.seq, new.kind, new.occurred_at, new.sent_at,
        new.received_at, new.body, new.body_hash)
       is distinct from
       (old.firm_id, old.agent_id, old.event_id, old.practice_id, old.position, old.seq, old.kind, old.occurred_at, old.sent_at,
        old.received_at, old.body, old.body_hash) then
        raise exception 'the inbox keeps what was received' using errcode = 'insufficient_privilege';
    end if;
    return new;
end $$;
create trigger as_received before update or delete on inbox for each row execute function keep_inbox_as_received();
grant select on inbox to lastgood_web;
grant update (state, attempts, problem) on inbox to lastgood_web;
grant select, insert, update on inbox to lastgood_worker;
