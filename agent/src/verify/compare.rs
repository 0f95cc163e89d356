//! Restoring a sample and comparing it with the source. The source is only read.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::Path;
use std::time::SystemTime;

use lastgood_protocol::Sample;
use ring::digest::{Context, Digest, SHA256};

use super::reservoir::Reservoir;
use crate::backup::{Scratch, Steps};
use crate::config::Compare;
use crate::tools::{self, Entry};

/// Restores what was drawn and compares it; `None` when the scratch folder cannot be used.
pub(super) fn compare(steps: &Steps<'_>, compare: &Compare, made: &str, drawn: &Reservoir) -> Option<Sample> {
    let scratch = Scratch::create(&compare.scratch, steps.job.key.as_str(), steps.run).ok()?;
    let mut sample = Sample {
        files: count(drawn.drawn.len()),
        bytes: drawn.drawn.iter().map(|entry| entry.size).sum(),
        ..Sample::default()
    };
    if drawn.drawn.is_empty() {
        return Some(sample);
    }
    let to = scratch.path().join("restored");
    fs::create_dir(&to).ok()?;
    let list = scratch.path().join("list");
    let paths: Vec<&str> = drawn.drawn.iter().map(|entry| entry.path.as_str()).collect();
    fs::write(&list, tools::restore_list(&paths)).ok()?;
    let command = tools::restore_command(&steps.job.tool, made, &paths, &to, &list)?;
    // Its exit code says less than what it restored.
    let _ended = steps.execute_in(&to, command);
    for entry in &drawn.drawn {
        match look(entry, &to) {
            Found::Same => sample.same += 1,
            Found::ChangedSince => sample.changed_since += 1,
            Found::Different => sample.different += 1,
            Found::NotRestored => sample.not_restored += 1,
        }
    }
    Some(sample)
}

fn count(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Found {
    Same,
    ChangedSince,
    Different,
    NotRestored,
}

/// Compares one file that was restored below `to` with its source.
pub(super) fn look(entry: &Entry, to: &Path) -> Found {
    let (Some(inner), Some(source)) = (tools::inner(&entry.path), tools::source(&entry.path)) else {
        return Found::NotRestored;
    };
    let restored = to.join(inner);
    let Ok(metadata) = fs::symlink_metadata(&restored) else {
        return Found::NotRestored;
    };
    if !metadata.is_file() {
        return Found::NotRestored;
    }
    let Ok(restored_digest) = digest(&restored) else {
        return Found::NotRestored;
    };
    let unchanged = is_as_backed_up(entry, &source);
    match digest(&source) {
        Ok(digest) if digest.as_ref() == restored_digest.as_ref() => Found::Same,
        // What was restored is not even what the backup's own list says.
        _ if metadata.len() != entry.size => Found::Different,
        Ok(_) if unchanged && is_as_backed_up(entry, &source) => Found::Different,
        Ok(_) | Err(_) => Found::ChangedSince,
    }
}

/// Whether the source has the size and time of change that the backup noted; tools keep microseconds at least.
fn is_as_backed_up(entry: &Entry, source: &Path) -> bool {
    let Ok(metadata) = fs::metadata(source) else {
        return false;
    };
    let changed = metadata.modified().map(micros);
    let noted = entry.modified.map(|at| micros(SystemTime::from(at)));
    metadata.len() == entry.size && noted.is_some() && changed.ok() == noted
}

fn micros(at: SystemTime) -> u128 {
    at.duration_since(SystemTime::UNIX_EPOCH)
        .map_or(0, |since| since.as_micros())
}

fn digest(path: &Path) -> io::Result<Digest> {
    let mut file = File::open(path)?;
    let mut context = Context::new(&SHA256);
    let mut chunk = vec![0; 64 * 1024];
    loop {
        match file.read(&mut chunk)? {
            0 => return Ok(context.finish()),
            length => context.update(chunk.get(..length).unwrap_or_default()),
        }
    }
}
