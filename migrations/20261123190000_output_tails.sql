-- The end of what tools printed in runs that did not end well, as redacted by the agents whose administrators ask for it.

-- For the firm's people alone: unlike the run itself, a practice's viewer does not see it.
create table run_outputs (
    firm_id uuid not null,
    run_id uuid not null,
    practice_id uuid not null,
    stdout text[] not null,
    stderr text[] not null,
    primary key (firm_id, run_id),
    foreign key (firm_id, practice_id, run_id) references runs (firm_id, practice_id, run_id)
);
alter table run_outputs enable row level security;
alter table run_outputs force row level security;
create policy worker on run_outputs to lastgood_worker using (true) with check (true);
create policy firm on run_outputs to lastgood_web using (firm_id = current_firm() and current_practice() is null)
    with check (firm_id = current_firm() and current_practice() is null);
call make_append_only('run_outputs');
grant select on run_outputs to lastgood_web;
grant select, insert on run_outputs to lastgood_worker;
