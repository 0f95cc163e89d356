//! When the process of the database server was last started, so that "restarted every day" is evidence.

use jiff::Timestamp;

/// A server's process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Server {
    /// It runs since then; of several of the name, the one that has run longest.
    Runs(Timestamp),
    /// None of the name runs.
    Absent,
    /// That cannot be told.
    Unknown,
}

impl Server {
    /// Whether it runs, where that is known.
    pub(crate) fn runs(self) -> Option<bool> {
        match self {
            Self::Runs(_) => Some(true),
            Self::Absent => Some(false),
            Self::Unknown => None,
        }
    }

    /// Since when it runs.
    pub(crate) fn started_at(self) -> Option<Timestamp> {
        match self {
            Self::Runs(at) => Some(at),
            Self::Absent | Self::Unknown => None,
        }
    }
}

/// The process of this name.
pub(crate) fn server(name: &str) -> Server {
    match of_this_system(name) {
        Some(Some(at)) => Server::Runs(at),
        Some(None) => Server::Absent,
        None => Server::Unknown,
    }
}

cfg_select! {
    windows => {
        /// `PowerShell` knows it without a library. The name was checked to be letters, digits, `_`, `-` and `.`.
        #[expect(clippy::option_option, reason = "none runs, or nobody knows")]
        fn of_this_system(name: &str) -> Option<Option<Timestamp>> {
            let name = name.strip_suffix(".exe").unwrap_or(name);
            let script = format!(
                "@(Get-Process -Name '{name}' -ErrorAction SilentlyContinue | Sort-Object StartTime)[0] | \
                 ForEach-Object {{ $_.StartTime.ToUniversalTime().ToString('o') }}; exit 0"
            );
            let arguments = ["-NoProfile", "-NonInteractive", "-Command", &script];
            let answer = crate::exec::short_answer("powershell", &arguments)?;
            match answer.trim() {
                "" => Some(None),
                time => time.parse().ok().map(Some),
            }
        }
    }
    _ => {
        use std::fs;
        use std::path::Path;

        /// How the kernel counts a process's start, in every Linux of today: a hundredth of a second.
        const TICKS: i64 = 100;

        #[expect(clippy::option_option, reason = "none runs, or nobody knows")]
        fn of_this_system(name: &str) -> Option<Option<Timestamp>> {
            let booted = fs::read_to_string("/proc/stat")
                .ok()
                .and_then(|stat| booted_at(&stat))?;
            let mut oldest: Option<i64> = None;
            for entry in fs::read_dir("/proc").ok()? {
                let Ok(entry) = entry else { continue };
                if !entry.file_name().to_string_lossy().bytes().all(|byte| byte.is_ascii_digit()) {
                    continue;
                }
                // One that has ended meanwhile is skipped.
                let Ok(stat) = fs::read_to_string(entry.path().join("stat")) else { continue };
                if !is_called(&entry.path(), &stat, name) {
                    continue;
                }
                if let Some(ticks) = ticks_of(&stat) {
                    oldest = Some(oldest.map_or(ticks, |other| other.min(ticks)));
                }
            }
            let Some(ticks) = oldest else { return Some(None) };
            let second = booted + ticks / TICKS;
            Timestamp::from_second(second).ok().map(Some)
        }

        /// By its own name, which the kernel cuts after 15 bytes, or by its program's file.
        fn is_called(process: &Path, stat: &str, name: &str) -> bool {
            let own = stat
                .split_once('(')
                .and_then(|(_, rest)| rest.rsplit_once(')'))
                .map(|(own, _)| own);
            own == Some(name)
                || fs::read_link(process.join("exe"))
                    .is_ok_and(|program| program.file_name().is_some_and(|file| file == name))
        }

        fn ticks_of(stat: &str) -> Option<i64> {
            // The name may hold spaces and brackets; the fields count from behind it.
            let (_, fields) = stat.rsplit_once(')')?;
            fields.split_ascii_whitespace().nth(19)?.parse().ok()
        }

        fn booted_at(stat: &str) -> Option<i64> {
            stat.lines()
                .find_map(|line| line.strip_prefix("btime "))?
                .trim()
                .parse()
                .ok()
        }
    }
}
