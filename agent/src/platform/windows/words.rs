//! What a person is told to type on this platform. The same names as on the other.

/// What a person does about rights.
pub(crate) const AS_ADMINISTRATOR: &str = "Run this in a console that was opened as administrator";

/// What starts the service.
pub(crate) const START_SERVICE: &str = "net start LastgoodAgent";

/// What makes the service read its configuration anew.
pub(crate) const RESTART_SERVICE: &str = "net stop LastgoodAgent, then net start LastgoodAgent";

/// What follows an enrolment.
pub(crate) const AFTER_ENROLMENT: &str = r"write its backup jobs into C:\ProgramData\Lastgood\agent.toml, then
  net stop LastgoodAgent, and net start LastgoodAgent";

/// What keeps a file from being changed by others.
pub(crate) const KEEP_FROM_CHANGE: &str =
    r"Give both to administrators alone: icacls FOLDER /inheritance:r /grant *S-1-5-18:(OI)(CI)F *S-1-5-32-544:(OI)(CI)F, then icacls FILE /setowner *S-1-5-32-544 and icacls FILE /reset";

/// What keeps a file from being read by others.
pub(crate) const KEEP_PRIVATE: &str = "icacls FILE /inheritance:r /grant *S-1-5-18:F *S-1-5-32-544:F";

/// The help of `--config`.
pub(crate) const CONFIG_HELP: &str = r"The configuration file [default: C:\ProgramData\Lastgood\agent.toml]";

/// The help of `--state`.
pub(crate) const STATE_HELP: &str =
    r"The folder where the agent keeps its key and its spool [default: C:\ProgramData\Lastgood\State]";

/// What stands below `--help`.
pub(crate) const FIRST_STEPS: &str = r"First steps:
  1. On the server, open the agents page and make a token for this office.
  2. Here, as administrator:  lastgood-agent service install --token TOKEN
  3. Write the backup jobs into C:\ProgramData\Lastgood\agent.toml (see: lastgood-agent check-config --help)
  4. net stop LastgoodAgent, and net start LastgoodAgent
  5. lastgood-agent status";

/// How to read what the service logged about a job.
pub(crate) fn search_log(job: &str) -> String {
    format!(r"findstr {job} C:\ProgramData\Lastgood\State\agent.log")
}
