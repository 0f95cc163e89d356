//! What an archive contains, as 7-Zip's `l` shows it: a line each, in columns.

use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};

use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use super::super::options::Options;
use super::super::{Entry, as_argument};
use super::password;
use crate::tools::Place;

/// How far the columns of time, attributes and packed size reach. Those of the two sizes grow with what stands in them.
const TIME: usize = 19;
const ATTRIBUTES: usize = 25;
const SIZE: usize = 38;
const PACKED: usize = 13;

/// Whether the names in the archive can be told apart from those of other folders: 7-Zip keeps the last part of each folder it
/// was given, so each must be given by its full path, and no two may end alike.
pub(in super::super) fn can_be_listed(options: &Options<'_>) -> bool {
    options.are_known() && Names::of(options).is_some()
}

/// Listing the archive in UTF-8, times in the zone of `TZ`.
pub(in super::super) fn list_command(options: &Options<'_>, made: &str) -> Option<Vec<String>> {
    if !can_be_listed(options) {
        return None;
    }
    let mut command = vec![options.program?.to_owned(), "l".to_owned(), "-sccUTF-8".to_owned()];
    command.extend(password(options).map(str::to_owned));
    command.push(as_argument(made));
    Some(command)
}

/// `2026-11-23 19:51:24 ....A            2           12  practice/a.txt`; the packed size is empty for all but the first file of
/// a block, and the line that sums up has no attributes.
pub(in super::super) fn read_entry(options: &Options<'_>, line: &str) -> Option<Entry> {
    let attributes = line.get(TIME + 1..ATTRIBUTES)?;
    let is_entry = attributes.chars().all(|c| c == '.' || c.is_ascii_uppercase());
    if !is_entry || line.get(TIME..=TIME)? != " " || line.get(ATTRIBUTES..=ATTRIBUTES)? != " " {
        return None;
    }
    let (size, rest) = number(line.get(ATTRIBUTES..)?, SIZE - ATTRIBUTES)?;
    let (_packed, rest) = number(rest, PACKED)?;
    let name = rest.strip_prefix("  ").filter(|name| !name.is_empty())?;
    let modified = line.get(..TIME)?.parse::<DateTime>().ok();
    Some(Entry {
        path: Names::of(options)?.full(name)?,
        is_file: !attributes.starts_with('D'),
        size: size.unwrap_or(0),
        modified: modified.and_then(|time| TimeZone::UTC.to_timestamp(time).ok()),
    })
}

/// The number in a column of at least that width, and what follows.
fn number(text: &str, width: usize) -> Option<(Option<u64>, &str)> {
    let end = match text.find(|c: char| c != ' ') {
        Some(first) if first < width => {
            let digits = text.get(first..)?.find(|c: char| !c.is_ascii_digit())?;
            (first + digits).max(width)
        }
        _ => width,
    };
    let (column, rest) = text.split_at_checked(end)?;
    let column = column.trim_start();
    let number = if column.is_empty() {
        None
    } else {
        Some(column.parse().ok()?)
    };
    Some((number, rest))
}

/// Where the names of an archive lie on this machine.
enum Names {
    /// They are full paths.
    Full,
    /// They are relative to this folder.
    Below(PathBuf),
    /// They begin with the last part of one of these.
    LastPartOf(Vec<PathBuf>),
}

impl Names {
    fn of(options: &Options<'_>) -> Option<Self> {
        let mut words = options.words();
        if !matches!(words.next(), Some("a" | "u")) {
            return None;
        }
        let _archive = words.next()?;
        let given: Vec<&str> = words.collect();
        if given.is_empty() || names_more(options) || !given.iter().all(|path| is_direct(path)) {
            return None;
        }
        if options.arguments.iter().any(|argument| argument == "-spf") {
            return Some(Self::Full);
        }
        if let [only] = given.as_slice()
            && let Some(folder) = only.strip_suffix('*').filter(|folder| folder.ends_with(['/', '\\']))
        {
            return (!has_wildcard(folder)).then(|| Self::Below(PathBuf::from(folder)));
        }
        let folders: Vec<PathBuf> = given.iter().map(PathBuf::from).collect();
        let last_parts: BTreeSet<Place> = folders.iter().filter_map(|folder| last_part(folder)).collect();
        let can_be_told_apart = last_parts.len() == folders.len() && !given.iter().any(|path| has_wildcard(path));
        can_be_told_apart.then_some(Self::LastPartOf(folders))
    }

    fn full(&self, name: &str) -> Option<String> {
        let folder = match self {
            Self::Full => return Some(name.to_owned()),
            Self::Below(folder) => folder,
            Self::LastPartOf(folders) => {
                let first = name.split(['/', '\\']).next().map(Place::of);
                let given = folders.iter().find(|folder| last_part(folder) == first)?;
                given.parent()?
            }
        };
        Some(folder.join(name).to_string_lossy().into_owned())
    }
}

/// Whether more is packed than the words of the command line say: names of another list, names looked for in all folders, standard
/// input; or less of each name is kept than its last part.
fn names_more(options: &Options<'_>) -> bool {
    options.arguments.iter().any(|argument| {
        let argument = argument.to_ascii_lowercase();
        argument == "--"
            || ["-i", "-r", "-si", "-spf2"]
                .iter()
                .any(|option| argument.starts_with(option))
    })
}

/// Whether a path says from the root on, and without detours, where something lies.
fn is_direct(path: &str) -> bool {
    let has_detour = Path::new(path).components().any(|part| part == Component::ParentDir)
        || path.ends_with("/.")
        || path.ends_with("\\.");
    Path::new(path).is_absolute() && !has_detour
}

fn last_part(folder: &Path) -> Option<Place> {
    folder.file_name().map(|name| Place::of_path(Path::new(name)))
}

fn has_wildcard(path: &str) -> bool {
    path.contains(['*', '?'])
}
