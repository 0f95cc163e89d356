-- Alerts, and the messages about them.

-- One open alert per practice, subject and kind. since: when the problem began, which is before it was noticed.
-- facts: what the sentence about it needs, as the alert's kind defines it (server/src/alerts/model.rs).
-- weight: the order in which kinds matter, the worst is 0; a column so that pages can be cut at any place of that order.
create table alerts (
    firm_id uuid not null,
    alert_id uuid not null,
    practice_id uuid not null,
    kind text not null check (kind in ('failed', 'missed', 'overrun', 'no_success', 'agent_silent', 'equivocation', 'unprojectable',
        'agent_problem', 'same_medium', 'few_sets', 'drill_failed', 'drill_overdue', 'undelivered')),
    subject_kind text not null check (subject_kind in ('job', 'agent', 'practice', 'recipient')),
    subject_id uuid not null,
    subject_name text not null,
    weight smallint not null,
    since timestamptz not null,
    opened_at timestamptz not null,
    changed_at timestamptz not null,
    facts jsonb not null,
    acknowledged_at timestamptz,
    acknowledged_by text,
    acknowledged_reason text,
    acknowledged_until timestamptz,
    closed_at timestamptz,
    closed_how text check (closed_how in ('evidence', 'resolution', 'replaced')),
    closed_by text,
    resolution text,
    primary key (firm_id, alert_id),
    unique (firm_id, practice_id, alert_id),
    foreign key (firm_id, practice_id) references practices,
    check ((closed_at is null) = (closed_how is null)),
    check ((acknowledged_at is null) = (acknowledged_until is null))
);
create unique index alerts_one_open on alerts (firm_id, practice_id, subject_kind, subject_id, kind) where closed_at is null;
create index alerts_subject on alerts (firm_id, practice_id, subject_kind, subject_id, kind, opened_at desc);
create index alerts_open on alerts (firm_id, opened_at) where closed_at is null;
create index alerts_time on alerts (firm_id, opened_at desc);
create index alerts_acknowledged on alerts (acknowledged_until) where closed_at is null and acknowledged_until is not null;
call guard_practice_table('alerts');
grant select, insert, update on alerts to lastgood_web, lastgood_worker;

create table alert_changes (
    firm_id uuid not null,
    change_id bigint not null generated always as identity,
    practice_id uuid not null,
    alert_id uuid not null,
    at timestamptz not null,
    what text not null check (what in ('opened', 'repeated', 'acknowledged', 'acknowledgement_undone', 'acknowledgement_ended', 'closed', 'replaced')),
    who text not null default '',
    reason text not null default '',
    facts jsonb not null default '{}',
    primary key (firm_id, change_id),
    foreign key (firm_id, practice_id, alert_id) references alerts (firm_id, practice_id, alert_id)
);
create index alert_changes_alert on alert_changes (firm_id, alert_id);
call guard_practice_table('alert_changes');
call make_append_only('alert_changes');
grant select, insert on alert_changes to lastgood_web, lastgood_worker;

-- The outbox. A row is one message to one recipient; message_id is the same over every attempt.
-- position: messages about one alert go to one recipient in this order, never a later one before an earlier one.
-- due_at: when it may next be sent. A lease that ran out is taken by the next dispatcher; lease fences a late one out.
-- refused_at: when the mail server last said that it will never take it (5xx). practice_id is empty for test messages alone.
create table notifications (
    firm_id uuid not null,
    notification_id uuid not null,
    position bigint not null generated always as identity unique,
    practice_id uuid,
    alert_id uuid,
    purpose text not null check (purpose in ('opened', 'reminder', 'recovered', 'notice', 'test')),
    channel text not null default 'email' check (channel in ('email')),
    user_id uuid not null,
    recipient text not null,
    message_id text not null unique,
    in_reply_to text,
    subject text not null,
    text_part text not null,
    html_part text not null,
    created_at timestamptz not null,
    due_at timestamptz,
    expires_at timestamptz not null,
    state text not null default 'waiting' check (state in ('waiting', 'leased', 'delivered', 'failed', 'withdrawn')),
    lease uuid,
    leased_until timestamptz,
    attempts integer not null default 0,
    last_attempt_at timestamptz,
    last_problem text,
    refused_at timestamptz,
    delivered_at timestamptz,
    delivered_by text,
    primary key (firm_id, notification_id),
    unique (firm_id, practice_id, notification_id),
    foreign key (firm_id, practice_id) references practices,
    foreign key (firm_id, practice_id, alert_id) references alerts (firm_id, practice_id, alert_id),
    foreign key (firm_id, user_id) references users,
    check (practice_id is not null or purpose in ('test', 'notice')),
    check ((state = 'leased') = (lease is not null)),
    check ((state = 'leased') = (leased_until is not null))
);
create index notifications_due on notifications (due_at) where state in ('waiting', 'leased');
create index notifications_time on notifications (firm_id, position desc);
create index notifications_unsent on notifications (firm_id, user_id, position) where state in ('waiting', 'leased');
create index notifications_alert on notifications (firm_id, alert_id);
call guard_practice_table('notifications');
grant select, insert, update on notifications to lastgood_web, lastgood_worker;
