//! What a person is told to type on this platform. The same names as on the other.

/// What a person does about rights.
pub(crate) const AS_ADMINISTRATOR: &str = "Run this as root";

/// What starts the service.
pub(crate) const START_SERVICE: &str = "systemctl start lastgood-agent";

/// What makes the service read its configuration anew.
pub(crate) const RESTART_SERVICE: &str = "systemctl restart lastgood-agent";

/// What follows an enrolment.
pub(crate) const AFTER_ENROLMENT: &str =
    "write its backup jobs into /etc/lastgood/agent.toml, then\n  systemctl enable --now lastgood-agent";

/// What keeps a file from being changed by others.
pub(crate) const KEEP_FROM_CHANGE: &str = "Give both to root and take the right to write from group and others: chown root FILE FOLDER; chmod go-w FILE FOLDER";

/// What keeps a file from being read by others.
pub(crate) const KEEP_PRIVATE: &str = "chmod 600 FILE";

/// The help of `--config`.
pub(crate) const CONFIG_HELP: &str = "The configuration file [default: /etc/lastgood/agent.toml]";

/// The help of `--state`.
pub(crate) const STATE_HELP: &str =
    "The folder where the agent keeps its key and its spool [default: /var/lib/lastgood-agent]";

/// What stands below `--help`.
pub(crate) const FIRST_STEPS: &str = "First steps:
  1. On the server, open the agents page and make a token for this office.
  2. Here, as root:  lastgood-agent enroll TOKEN
  3. Write the backup jobs into /etc/lastgood/agent.toml (see: lastgood-agent check-config --help)
  4. systemctl enable --now lastgood-agent
  5. lastgood-agent status";

/// How to read what the service logged about a job.
pub(crate) fn search_log(job: &str) -> String {
    format!("journalctl -u lastgood-agent | grep {job}")
}
