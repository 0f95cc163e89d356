create schema matrix;

do $$
declare firm uuid := gen_random_uuid();
declare practice uuid := gen_random_uuid();
begin
    insert into firms (firm_id, name, created_at) values (firm, 'canary-elsewhere firm', now());
    insert into practices (firm_id, practice_id, name, created_at) values (firm, practice, 'Elsewhere', now());
    insert into offices (firm_id, office_id, practice_id, name, zone, created_at)
    values (firm, gen_random_uuid(), practice, 'canary-elsewhere office', 'America/New_York', now());
    insert into users (firm_id, user_id, email, name, role, password_hash, receives_alerts, created_at)
    select firm, gen_random_uuid(), 'oscar@elsewhere.example', 'canary-elsewhere owner', 'owner', password_hash, true, now()
    from users where email = 'olivia@northwind.example';
end $$;

-- Makes a row of a kind at the practice named after the canary, and returns its id. upon: the row made before it, where the
-- new one belongs to that (an event to its agent).
create function matrix.fresh(kind text, canary text, address text, upon uuid) returns uuid language plpgsql volatile as $$
declare p practices%rowtype;
declare o offices%rowtype;
declare id uuid := gen_random_uuid();
declare other uuid;
declare day timestamptz := now() - random() * interval '5000 days';
begin
    select * into strict p from practices where name = canary || ' practice';
    select * into strict o from offices where practice_id = p.practice_id limit 1;
    case kind
    when 'practice' then
        return p.practice_id;
    when 'practice_spare' then
        -- Its name is known by its id; nothing hinders that it is renamed or archived.
        insert into practices (firm_id, practice_id, name, created_at) values (p.firm_id, id, canary || ' spare ' || id, now());
        insert into offices (firm_id, office_id, practice_id, name, zone, created_at)
        values (p.firm_id, gen_random_uuid(), id, canary || ' office', 'America/New_York', now());
    when 'office' then
        return o.office_id;
    when 'closure' then
        insert into office_closures (firm_id, closure_id, practice_id, office_id, first_day, last_day, reason)
        values (p.firm_id, id, p.practice_id, o.office_id, current_date + 9, current_date + 9, canary || ' closure');
    when 'agent' then
        insert into agents (firm_id, agent_id, practice_id, office_id, name, public_key, platform, agent_version, enrolled_at,
            last_heard_at, silent_after_seconds, silent_at)
        values (p.firm_id, id, p.practice_id, o.office_id, canary || ' agent', decode(md5(id::text) || md5(id::text || 'x'), 'hex'), 'linux',
            '0.1.0', now(), now(), 3600000, now() + interval '1000 hours');
    when 'token' then
        insert into enrolment_tokens (firm_id, token_id, practice_id, office_id, secret_hash, created_at, expires_at)
        values (p.firm_id, id, p.practice_id, o.office_id, decode(md5(id::text), 'hex'), now(), now() + interval '1 day');
    when 'event' then
        insert into inbox (firm_id, agent_id, event_id, practice_id, seq, kind, occurred_at, sent_at, received_at, body, body_hash, state, problem)
        values (p.firm_id, upon, id, p.practice_id, 1, 'run_finished', now(), now(), now(),
            format('{"id":"%s","seq":1,"occurred_at":"2026-11-23T00:00:00Z","kind":"run_finished","body":{"note":"%s"}}', id, canary), '\x00',
            'set_aside', canary || ' problem');
    when 'job' then
        insert into jobs (firm_id, job_id, practice_id, office_id, key, name, created_at)
        values (p.firm_id, id, p.practice_id, o.office_id, 'job-' || id, canary || ' job', now());
    when 'run' then
        other := matrix.fresh('job', canary, address, null);
        insert into runs (firm_id, run_id, practice_id, job_id, agent_id, started_at, finished_at, received_at, finish_received_at, outcome,
            reason, tool, snapshot)
        values (p.firm_id, id, p.practice_id, other, matrix.fresh('agent', canary, address, null), now() - interval '1 hour', now(), now(),
            now(), 'warning', canary || ' reason', canary || ' tool', canary || ' snapshot');
        insert into run_outputs (firm_id, run_id, practice_id, stdout, stderr)
        values (p.firm_id, id, p.practice_id, array[canary || ' output'], array[canary || ' complaint']);
    when 'medium' then
        insert into media (firm_id, medium_id, practice_id, volume, label, set_name, first_seen_at, last_seen_at)
        values (p.firm_id, id, p.practice_id, canary || ' volume ' || id, canary || ' label', canary || ' set', now(), now());
    when 'drill' then
        insert into drills (firm_id, drill_id, practice_id, agent_id, backup, started_at, finished_at, received_at, outcome, steps, checks, performed_by)
        values (p.firm_id, id, p.practice_id, matrix.fresh('agent', canary, address, null), canary || ' backup', now() - interval '1 hour', now(), now(),
            'passed', '[]', '[]', canary || ' person');
    when 'proposal', 'proposal_dismissed' then
        insert into proposals (firm_id, proposal_id, practice_id, agent_id, key, proposal, place, first_proposed_at, last_proposed_at, state,
            state_since)
        values (p.firm_id, id, p.practice_id, matrix.fresh('agent', canary, address, null), 'proposed-' || id,
            jsonb_build_object('key', 'proposed-' || id, 'tool', 'restic', 'found', 'crontab', 'name', canary || ' file', 'way', 'wrapped',
                'schedule', jsonb_build_object('cron', '0 22 * * *')),
            1, now(), now(), case kind when 'proposal' then 'proposed' else 'dismissed' end, now());
    when 'slot', 'slot_excused' then
        other := matrix.fresh('job', canary, address, null);
        insert into expectations (firm_id, expectation_id, practice_id, kind, job_id, office_id, cron, opens_before_seconds, late_after_seconds,
            missed_after_seconds, maximum_run_seconds, active_from, materialised_until)
        values (p.firm_id, id, p.practice_id, 'run', other, o.office_id, '0 22 * * *', 3600, 3600, 7200, 7200, now(), now());
        insert into slots (firm_id, slot_id, practice_id, expectation_id, job_id, backup_day, opens_at, due_at, late_at, missed_at, closes_at,
            state, state_since, excused_at, excused_by, excuse_reason)
        values (p.firm_id, id, p.practice_id, id, other, (day at time zone 'UTC')::date, day, day + interval '1 hour', day + interval '2 hours',
            day + interval '3 hours', day + interval '1 day', case kind when 'slot' then 'missed' else 'excused' end, day,
            case kind when 'slot_excused' then now() end, case kind when 'slot_excused' then canary || ' person' end,
            case kind when 'slot_excused' then canary || ' reason' end);
    when 'alert', 'alert_acknowledged' then
        insert into alerts (firm_id, alert_id, practice_id, weight, kind, subject_kind, subject_id, subject_name, since, opened_at, changed_at, facts,
            acknowledged_at, acknowledged_by, acknowledged_reason, acknowledged_until)
        values (p.firm_id, id, p.practice_id, 9, 'agent_problem', 'agent', gen_random_uuid(), canary || ' agent', now(), now(), now(),
            jsonb_build_object('kind', 'agent_problem', 'message', canary || ' message', 'count', 1),
            case kind when 'alert_acknowledged' then now() end, case kind when 'alert_acknowledged' then canary || ' person' end,
            case kind when 'alert_acknowledged' then canary || ' reason' end,
            case kind when 'alert_acknowledged' then now() + interval '1 day' end);
    when 'message' then
        insert into notifications (firm_id, notification_id, practice_id, user_id, purpose, recipient, message_id, subject, text_part, html_part,
            created_at, expires_at, state, delivered_at)
        values (p.firm_id, id, p.practice_id, (select user_id from users where users.firm_id = p.firm_id limit 1), 'test', canary || '@example.com', id || '@example.com', canary || ' subject', canary || ' text',
            '<!doctype html><html lang="en"><title>x</title><p>' || canary || '</p></html>', now(), now() + interval '1 day', 'delivered', now());
    when 'user', 'user_disabled', 'user_quiet' then
        insert into users (firm_id, user_id, email, name, role, receives_alerts, created_at, disabled_at)
        values (p.firm_id, id, id || '@example.com', canary || ' user', 'technician', kind = 'user', now(),
            case kind when 'user_disabled' then now() end);
    when 'session' then
        insert into sessions (firm_id, session_id, user_id, practice_id, token_hash, created_at, seen_at, idle_expires_at, expires_at,
            authenticated_at, address, user_agent)
        select firm_id, id, user_id, practice_id, decode(md5(id::text), 'hex'), now(), now(), now() + interval '1 hour',
            now() + interval '9 hours', now(), '127.0.0.1', canary || ' browser' from users where email = address;
    end case;
    return id;
end $$;

-- A session whose token is the SHA-256 of a text, as if somebody had just signed in.
create function matrix.sign_in(address text, session_text text) returns void language sql as $$
    insert into sessions (firm_id, session_id, user_id, practice_id, token_hash, created_at, seen_at, idle_expires_at, expires_at,
        authenticated_at, address, user_agent)
    select firm_id, gen_random_uuid(), user_id, practice_id, sha256(sha256(convert_to(session_text, 'UTF8'))), now(), now(),
        now() + interval '1 hour', now() + interval '9 hours', now(), '127.0.0.1', 'matrix' from users where email = address;
$$;

-- A one-time link with this token: for the server's first owner, or for somebody new at the practice named after the canary.
create function matrix.link(token text, canary text, is_first boolean) returns void language plpgsql as $$
declare invited uuid;
begin
    if not is_first then
        invited := matrix.fresh('user', canary, '', null);
    end if;
    insert into setup_links (token_hash, purpose, firm_id, user_id, created_at, expires_at)
    values (sha256(convert_to(token, 'UTF8')), case when is_first then 'first_owner' else 'password' end,
        (select firm_id from users where user_id = invited), invited, now(), now() + interval '1 hour');
end $$;
