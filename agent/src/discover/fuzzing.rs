//! Doors of this folder for [`crate::fuzzing`].

use super::{command_line, crontab, on_calendar, task, times, unit};

/// A crontab.
pub(crate) fn crontab(text: &str) {
    for has_user in [false, true] {
        let lines = crontab::parse(text, has_user);
        std::hint::black_box(crontab::folder_times(&lines, "cron.daily"));
    }
}

/// A calendar event of systemd, and the cron fields made of it.
pub(crate) fn on_calendar(text: &str) {
    if let Ok((times, _)) = on_calendar::parse(text) {
        std::hint::black_box(times::cron_of_all(&[times]).is_ok());
    }
}

/// A unit of systemd.
pub(crate) fn unit(text: &str) {
    for value in unit::values(text, "Timer", "OnCalendar") {
        on_calendar(&value);
    }
    for value in unit::values(text, "Timer", "RandomizedDelaySec") {
        std::hint::black_box(unit::seconds(&value));
    }
    for value in unit::values(text, "Service", "ExecStart") {
        command_line(&value);
    }
}

/// A task of Windows' Task Scheduler.
pub(crate) fn task(bytes: &[u8]) {
    std::hint::black_box(task::parse(bytes, jiff::civil::date(2026, 11, 23).at(12, 0, 0, 0)));
}

/// A command line or a script.
pub(crate) fn command_line(text: &str) {
    for dialect in [command_line::Dialect::Shell, command_line::Dialect::Windows] {
        std::hint::black_box(command_line::starts(text, dialect).len());
        std::hint::black_box(command_line::in_script(text, dialect).len());
    }
}
