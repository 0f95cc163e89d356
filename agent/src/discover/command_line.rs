//! Which backup tool a command line or a script starts. The line is looked at for that and forgotten: neither an argument nor a
//! path of it goes any further.

use lastgood_protocol::JobKey;

/// How deep a shell's argument may hold another shell's.
const MOST_DEPTH: usize = 3;

/// How much of a script is looked at, in bytes.
const MOST_SCRIPT: usize = 64 * 1024;

/// How many words of one command are looked at.
const MOST_WORDS: usize = 500;

/// What a command line starts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Starts {
    /// A backup by this tool.
    Backup(&'static str),
    /// The agent, which reports it as this job.
    Agent(JobKey),
    /// A script, which may start one.
    Script(String),
}

/// How a command line is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dialect {
    /// A shell of Unix.
    Shell,
    /// Windows' own.
    Windows,
}

/// A tool: its name, how it is called, and the words of which one shows that it makes a backup (any call, if empty).
struct Known {
    name: &'static str,
    programs: &'static [&'static str],
    words: &'static [&'static str],
}

/// The tools, those first that make what is kept when several work together.
const KNOWN: [Known; 23] = [
    known("restic", &["restic"], &["backup"]),
    known("borg", &["borg", "borg1", "borg2"], &["create"]),
    known("borgmatic", &["borgmatic"], &[]),
    known("resticprofile", &["resticprofile"], &["backup", "run-schedule"]),
    known("kopia", &["kopia"], &["snapshot", "snap"]),
    known("duplicity", &["duplicity"], &[]),
    known("duplicati", &["duplicati-cli", "duplicati.commandline"], &["backup"]),
    known("windows-server-backup", &["wbadmin"], &["backup"]),
    known("veeam", &["veeamconfig"], &["start"]),
    known("rdiff-backup", &["rdiff-backup"], &[]),
    known("rsnapshot", &["rsnapshot"], &[]),
    known("rclone", &["rclone"], &["copy", "sync", "copyto", "bisync"]),
    known("robocopy", &["robocopy"], &[]),
    known("rsync", &["rsync"], &[]),
    known("7-zip", &["7z", "7za", "7zr", "7zz", "7zzs"], &["a", "u"]),
    known("tar", &["tar", "gtar", "bsdtar"], &[]),
    known("pg_dump", &["pg_dump", "pg_dumpall"], &[]),
    known("pg_basebackup", &["pg_basebackup"], &[]),
    known("mariadb-dump", &["mariadb-dump", "mysqldump"], &[]),
    known("mariadb-backup", &["mariadb-backup", "mariabackup", "xtrabackup"], &[]),
    known("sqlcmd", &["sqlcmd"], &[]),
    known("dbbackup", &["dbbackup"], &[]),
    known("sqlite3", &["sqlite3"], &[]),
];

const fn known(name: &'static str, programs: &'static [&'static str], words: &'static [&'static str]) -> Known {
    Known { name, programs, words }
}

/// Programs that start another one, named in their arguments.
const STARTERS: [&str; 24] = [
    "sudo",
    "doas",
    "su",
    "runuser",
    "setpriv",
    "nice",
    "ionice",
    "chrt",
    "taskset",
    "nohup",
    "env",
    "timeout",
    "flock",
    "chronic",
    "cronic",
    "setsid",
    "systemd-run",
    "systemd-inhibit",
    "systemd-cat",
    "exec",
    "time",
    "start",
    "call",
    "if",
];

const SHELLS: [&str; 8] = ["sh", "bash", "dash", "zsh", "ksh", "cmd", "powershell", "pwsh"];

/// Where a tool stands among those that work together.
pub(super) fn rank(tool: &str) -> usize {
    KNOWN.iter().position(|known| known.name == tool).unwrap_or(KNOWN.len())
}

/// What a command line starts, in its order, each once.
pub(super) fn starts(line: &str, dialect: Dialect) -> Vec<Starts> {
    let mut found = Vec::new();
    look(line, dialect, MOST_DEPTH, &mut found);
    found
}

/// The tools that a script starts, and the jobs it reports.
pub(super) fn in_script(text: &str, dialect: Dialect) -> Vec<Starts> {
    let mut end = text.len().min(MOST_SCRIPT);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let joined = text
        .get(..end)
        .unwrap_or_default()
        .replace("\\\r\n", " ")
        .replace("\\\n", " ");
    let mut found = Vec::new();
    for line in joined.lines() {
        let line = line.trim_start_matches('@').trim();
        let lower = line.get(..4).map(str::to_ascii_lowercase).unwrap_or_default();
        if line.starts_with(['#', ';']) || line.starts_with("::") || lower == "rem " {
            continue;
        }
        look(line, dialect, MOST_DEPTH, &mut found);
    }
    found.retain(|start| !matches!(start, Starts::Script(_)));
    found
}

fn look(line: &str, dialect: Dialect, depth: usize, found: &mut Vec<Starts>) {
    for command in commands(line, dialect) {
        look_at(&command, dialect, depth, found);
    }
}

fn add(start: Starts, found: &mut Vec<Starts>) {
    if !found.contains(&start) {
        found.push(start);
    }
}

/// One command: its program, past what only starts it.
fn look_at(words: &[String], dialect: Dialect, depth: usize, found: &mut Vec<Starts>) {
    let is_assignment = |word: &String| {
        word.split_once('=').is_some_and(|(name, _)| {
            !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        })
    };
    let glue = |word: &String| {
        matches!(
            word.as_str(),
            "!" | "then" | "do" | "else" | "{" | "while" | "&" | "-" | "@"
        )
    };
    let begin = words.iter().position(|word| !is_assignment(word) && !glue(word));
    let Some((program, arguments)) = begin.and_then(|begin| words.get(begin..)).and_then(<[_]>::split_first) else {
        return;
    };
    let name = base_name(program);
    if STARTERS.contains(&name.as_str()) {
        let next = arguments.iter().position(|word| leads_on(word));
        // `su - postgres -c "pg_dump …"` holds its command in one word.
        let inner = arguments
            .iter()
            .position(|word| word == "-c" || word == "--command")
            .and_then(|at| arguments.get(at + 1));
        match (next.and_then(|at| arguments.get(at..)), inner) {
            (_, Some(inner)) if depth > 0 && matches!(name.as_str(), "su" | "runuser" | "flock") => {
                look(inner, dialect, depth - 1, found);
            }
            (Some(rest), _) if depth > 0 => look_at(rest, dialect, depth - 1, found),
            _ => {}
        }
        return;
    }
    if name == "lastgood-agent" {
        // What it starts is reported already.
        let after = arguments.iter().skip_while(|word| *word != "exec").nth(1);
        if let Some(key) = after.and_then(|key| key.parse().ok()) {
            add(Starts::Agent(key), found);
            let wrapped = arguments.iter().position(|word| word == "--");
            let rest = wrapped.and_then(|at| arguments.get(at + 1..)).unwrap_or_default();
            if depth > 0 {
                look_at(rest, dialect, depth - 1, found);
            }
        }
        return;
    }
    if SHELLS.contains(&name.as_str()) {
        look_at_shell(&name, arguments, dialect, depth, found);
        return;
    }
    if let Some(tool) = KNOWN.iter().find(|known| known.programs.contains(&name.as_str())) {
        if makes_backup(tool, arguments) {
            add(Starts::Backup(tool.name), found);
        }
        return;
    }
    if is_path(program) {
        add(Starts::Script(program.clone()), found);
    }
}

/// Whether a word after `sudo` and the like is the program it starts.
fn leads_on(word: &str) -> bool {
    let name = base_name(word);
    let is_known = KNOWN.iter().any(|known| known.programs.contains(&name.as_str()));
    is_known
        || name == "lastgood-agent"
        || SHELLS.contains(&name.as_str())
        || STARTERS.contains(&name.as_str())
        || is_script(word)
}

/// A shell with its command in an argument, or with a script.
fn look_at_shell(shell: &str, arguments: &[String], dialect: Dialect, depth: usize, found: &mut Vec<Starts>) {
    if depth == 0 {
        return;
    }
    let lower = |word: &String| word.to_ascii_lowercase();
    let inner_dialect = if matches!(shell, "cmd" | "powershell" | "pwsh") {
        Dialect::Windows
    } else {
        dialect
    };
    for (index, argument) in arguments.iter().enumerate() {
        let rest = arguments.get(index + 1..).unwrap_or_default();
        match (shell, lower(argument).as_str()) {
            ("cmd", "/c" | "/k" | "/r") | ("powershell" | "pwsh", "-command" | "-c") => {
                look(&rest.join(" "), inner_dialect, depth - 1, found);
                return;
            }
            ("powershell" | "pwsh", "-file" | "-f") => {
                if let Some(script) = rest.first() {
                    add(Starts::Script(script.clone()), found);
                }
                return;
            }
            (_, word)
                if inner_dialect == Dialect::Shell
                    && word.starts_with('-')
                    && word.ends_with('c')
                    && !word.starts_with("--") =>
            {
                if let Some(inner) = rest.first() {
                    look(inner, inner_dialect, depth - 1, found);
                }
                return;
            }
            (_, word) if word.starts_with('-') || (shell == "cmd" && word.starts_with('/')) => {}
            _ if is_path(argument) => {
                add(Starts::Script(argument.clone()), found);
                return;
            }
            _ => return,
        }
    }
}

/// Whether a call of a tool makes a backup, as far as its words say.
fn makes_backup(tool: &Known, arguments: &[String]) -> bool {
    let says = |words: &[&str]| {
        arguments
            .iter()
            .any(|argument| words.iter().any(|word| argument.eq_ignore_ascii_case(word)))
    };
    if says(&["--help", "--version", "-V", "--dry-run"]) {
        return false;
    }
    match tool.name {
        "tar" => arguments.iter().enumerate().any(|(index, argument)| {
            let letters = argument.strip_prefix('-').unwrap_or(argument);
            let bundled = (index == 0 || argument.starts_with('-'))
                && !argument.starts_with("--")
                && letters.bytes().all(|byte| byte.is_ascii_alphanumeric())
                && letters.contains(['c', 'r', 'u'])
                && !letters.contains(['x', 't']);
            bundled || argument == "--create" || argument == "--append" || argument == "--update"
        }),
        "sqlite3" | "sqlcmd" => arguments.iter().any(|argument| {
            let lower = argument.to_ascii_lowercase();
            lower.contains("backup") || lower.starts_with(".dump") || lower.contains("vacuum into")
        }),
        "resticprofile" => arguments
            .iter()
            .any(|argument| tool.words.contains(&argument.as_str()) || argument.ends_with(".backup")),
        _ => tool.words.is_empty() || says(tool.words),
    }
}

/// The file's name without folders and `.exe`, in lower case.
fn base_name(program: &str) -> String {
    let file = program.rsplit(['/', '\\']).next().unwrap_or(program);
    let lower = file.to_ascii_lowercase();
    lower.strip_suffix(".exe").unwrap_or(&lower).to_owned()
}

fn is_path(word: &str) -> bool {
    let mut characters = word.chars();
    let drive =
        matches!((characters.next(), characters.next()), (Some(letter), Some(':')) if letter.is_ascii_alphabetic());
    (word.starts_with('/') && word.len() > 2 && !word.starts_with("//")) || drive || word.starts_with('%')
}

fn is_script(word: &str) -> bool {
    let lower = word.to_ascii_lowercase();
    is_path(word)
        && [".sh", ".bash", ".bat", ".cmd", ".ps1", ".py", ".pl"]
            .iter()
            .any(|end| lower.ends_with(end))
}

/// The simple commands of a line, as their words.
fn commands(line: &str, dialect: Dialect) -> Vec<Vec<String>> {
    let mut commands = Vec::new();
    let mut words: Vec<String> = Vec::new();
    let mut word: Option<String> = None;
    let mut quote: Option<char> = None;
    let mut characters = line.chars().peekable();
    let quotes: &[char] = match dialect {
        Dialect::Shell => &['"', '\''],
        Dialect::Windows => &['"'],
    };
    let mut count = 0;
    while let Some(c) = characters.next() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (open, '\\') if dialect == Dialect::Shell && open != Some('\'') => {
                word.get_or_insert_default().extend(characters.next());
            }
            (None, c) if quotes.contains(&c) => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (None, '$') if dialect == Dialect::Shell && characters.peek() == Some(&'(') => {
                // What a command in brackets prints is part of a word.
                let mut open = 0_usize;
                for inner in characters.by_ref() {
                    match inner {
                        '(' => open += 1,
                        ')' => open = open.saturating_sub(1),
                        _ => {}
                    }
                    if open == 0 {
                        break;
                    }
                }
                word.get_or_insert_default().push('$');
            }
            (None, '#') if dialect == Dialect::Shell && word.is_none() => break,
            (None, c) if c.is_whitespace() || is_separator(c, dialect) => {
                words.extend(word.take());
                if !c.is_whitespace() {
                    commands.push(std::mem::take(&mut words));
                }
                count += 1;
            }
            (_, c) => word.get_or_insert_default().push(c),
        }
        if count > MOST_WORDS {
            break;
        }
    }
    words.extend(word);
    commands.push(words);
    commands
}

fn is_separator(c: char, dialect: Dialect) -> bool {
    match dialect {
        Dialect::Shell => matches!(c, ';' | '&' | '|' | '(' | ')' | '`'),
        Dialect::Windows => matches!(c, '&' | '|' | '(' | ')'),
    }
}
