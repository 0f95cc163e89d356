-- An agent's row changes with each of its reports. With room on its page, and no column of an index among what changes, a new version
-- of the row needs no new entry in any index: `silent_at` is moved on when it has passed, not when the agent is heard.
alter table agents set (fillfactor = 50);
