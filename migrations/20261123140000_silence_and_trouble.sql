-- What makes sure that nothing stays unknown, and that trouble with judging is known to be over.

-- landed_at: when what a silent agent kept back has had time to arrive, and its unknown slots are judged again.
alter table agents add column landed_at timestamptz;
create index agents_landed on agents (landed_at) where landed_at is not null;

-- unjudged_since: since when a slot cannot be judged; empty once it is. broken_since: since when a rule cannot be followed.
alter table slots add column unjudged_since timestamptz;
create index slots_unjudged on slots (firm_id, practice_id) where unjudged_since is not null;
alter table expectations add column broken_since timestamptz;
