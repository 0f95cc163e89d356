-- Firms, their practices and offices, the people who sign in, and the audit log.
--
-- Every tenant row carries firm_id, first in its primary key and in every foreign key. Row-level security is enabled and
-- forced on each of them. Two roles, made before migrations run (server/src/db/roles.rs), use the tables:
--   lastgood_web     pages: sees the firm, and where it is set the one practice, named by the transaction's settings
--   lastgood_worker  ingest, evaluator, dispatcher, sign-in: sees every firm
-- Neither owns a table nor bypasses row-level security.

create function current_firm() returns uuid language sql stable as
$$ select nullif(current_setting('lastgood.firm', true), '')::uuid $$;

create function current_practice() returns uuid language sql stable as
$$ select nullif(current_setting('lastgood.practice', true), '')::uuid $$;

-- The two guards, by what a table's rows belong to.
create procedure guard_firm_table(target regclass) language plpgsql as $$
begin
    execute format('alter table %s enable row level security', target);
    execute format('alter table %s force row level security', target);
    execute format('create policy worker on %s to lastgood_worker using (true) with check (true)', target);
    execute format('create policy firm on %s to lastgood_web using (firm_id = current_firm())
                    with check (firm_id = current_firm() and current_practice() is null)', target);
end $$;

create procedure guard_practice_table(target regclass) language plpgsql as $$
begin
    execute format('alter table %s enable row level security', target);
    execute format('alter table %s force row level security', target);
    execute format('create policy worker on %s to lastgood_worker using (true) with check (true)', target);
    execute format('create policy practice on %s to lastgood_web
                    using (firm_id = current_firm() and (current_practice() is null or practice_id = current_practice()))
                    with check (firm_id = current_firm() and (current_practice() is null or practice_id = current_practice()))', target);
end $$;

create function refuse_change() returns trigger language plpgsql as
$$ begin raise exception '% is append-only', tg_table_name using errcode = 'insufficient_privilege'; end $$;

create procedure make_append_only(target regclass) language plpgsql as $$
begin
    execute format('create trigger append_only before update or delete on %s for each row execute function refuse_change()', target);
    execute format('create trigger append_only_truncate before truncate on %s for each statement execute function refuse_change()', target);
end $$;

create table firms (
    firm_id uuid primary key,
    name text not null check (name <> ''),
    created_at timestamptz not null
);
call guard_firm_table('firms');
grant select, update on firms to lastgood_web;
grant select, insert, update on firms to lastgood_worker;

create table practices (
    firm_id uuid not null references firms,
    practice_id uuid not null,
    name text not null check (name <> ''),
    created_at timestamptz not null,
    archived_at timestamptz,
    primary key (firm_id, practice_id)
);
create unique index practices_name on practices (firm_id, lower(name)) where archived_at is null;
call guard_practice_table('practices');
grant select, insert, update on practices to lastgood_web, lastgood_worker;

-- closed_weekdays: ISO weekdays, 1 is Monday.
-- business_day_starts: minutes after local midnight at which a backup day begins; a run at 01:00 belongs to the day before
-- when a backup day begins at 12:00.
create table offices (
    firm_id uuid not null,
    office_id uuid not null,
    practice_id uuid not null,
    name text not null check (name <> ''),
    zone text not null,
    closed_weekdays smallint[] not null default '{}',
    business_day_starts integer not null default 720 check (business_day_starts between 0 and 1439),
    created_at timestamptz not null,
    primary key (firm_id, office_id),
    unique (firm_id, practice_id, office_id),
    foreign key (firm_id, practice_id) references practices
);
create index offices_practice on offices (firm_id, practice_id);
call guard_practice_table('offices');
grant select, insert, update on offices to lastgood_web, lastgood_worker;

create table office_closures (
    firm_id uuid not null,
    closure_id uuid not null,
    practice_id uuid not null,
    office_id uuid not null,
    first_day date not null,
    last_day date not null check (last_day >= first_day),
    reason text not null,
    primary key (firm_id, closure_id),
    foreign key (firm_id, practice_id, office_id) references offices (firm_id, practice_id, office_id)
);
create index office_closures_office on office_closures (firm_id, office_id, last_day);
call guard_practice_table('office_closures');
grant select, insert, delete on office_closures to lastgood_web, lastgood_worker;

-- A practice viewer belongs to one practice and sees it alone; everybody else belongs to the firm.
create table users (
    firm_id uuid not null references firms,
    user_id uuid not null,
    practice_id uuid,
    email text not null check (email = lower(email)),
    name text not null,
    role text not null check (role in ('owner', 'technician', 'read_only', 'practice_viewer')),
    password_hash text,
    receives_alerts boolean not null default false,
    created_at timestamptz not null,
    disabled_at timestamptz,
    primary key (firm_id, user_id),
    foreign key (firm_id, practice_id) references practices,
    check ((role = 'practice_viewer') = (practice_id is not null))
);
create unique index users_email on users (email);
call guard_practice_table('users');
grant select, insert, update on users to lastgood_web, lastgood_worker;

-- token_hash: SHA-256 of the 256-bit token in the cookie.
create table sessions (
    firm_id uuid not null,
    session_id uuid not null,
    user_id uuid not null,
    practice_id uuid,
    token_hash bytea not null unique,
    created_at timestamptz not null,
    seen_at timestamptz not null,
    idle_expires_at timestamptz not null,
    expires_at timestamptz not null,
    authenticated_at timestamptz not null,
    address text not null,
    user_agent text not null,
    ended_at timestamptz,
    primary key (firm_id, session_id),
    foreign key (firm_id, user_id) references users
);
create index sessions_user on sessions (firm_id, user_id) where ended_at is null;
call guard_practice_table('sessions');
grant select, update on sessions to lastgood_web;
grant select, insert, update, delete on sessions to lastgood_worker;

-- One-time links: the first owner's set-up, and an invited person's first password.
create table setup_links (
    token_hash bytea primary key,
    purpose text not null check (purpose in ('first_owner', 'password')),
    firm_id uuid,
    user_id uuid,
    created_at timestamptz not null,
    expires_at timestamptz not null,
    used_at timestamptz,
    foreign key (firm_id, user_id) references users,
    check ((purpose = 'password') = (user_id is not null))
);
alter table setup_links enable row level security;
alter table setup_links force row level security;
create policy worker on setup_links to lastgood_worker using (true) with check (true);
create policy firm on setup_links to lastgood_web using (firm_id = current_firm() and current_practice() is null)
    with check (firm_id = current_firm() and current_practice() is null);
grant select, insert, update on setup_links to lastgood_worker;
grant insert on setup_links to lastgood_web;

-- Failed sign-ins per account and per address; kept here so that a restart forgives nothing. Not tenant rows: an address
-- or an unknown account belongs to nobody. subject_hash is SHA-256 of the account name or the address prefix.
create table login_failures (
    subject_kind text not null check (subject_kind in ('account', 'address')),
    subject_hash bytea not null,
    window_began_at timestamptz not null,
    failures integer not null,
    refused_until timestamptz,
    primary key (subject_kind, subject_hash)
);
grant select, insert, update, delete on login_failures to lastgood_worker;

create table audit_entries (
    firm_id uuid not null references firms,
    entry_id uuid not null,
    practice_id uuid,
    at timestamptz not null,
    actor_kind text not null check (actor_kind in ('user', 'agent', 'operator', 'system')),
    actor_id uuid,
    actor_name text not null,
    action text not null,
    subject_kind text not null,
    subject_id uuid,
    subject_name text not null default '',
    details jsonb not null default '{}',
    address text not null default '',
    request_id text not null default '',
    primary key (firm_id, entry_id),
    foreign key (firm_id, practice_id) references practices
);
create index audit_entries_time on audit_entries (firm_id, at desc, entry_id);
call guard_practice_table('audit_entries');
call make_append_only('audit_entries');
grant select, insert on audit_entries to lastgood_web, lastgood_worker;
