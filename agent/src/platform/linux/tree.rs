//! A backup's whole process tree, so that a time limit leaves nothing running behind.
//!
//! Three ways find its members, because each alone can be left: the process group, the parents up to the leader, and a
//! mark in the environment that a daemonised grandchild (its own session, its parent gone) still carries.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::process::Command;

use process_wrap::std::{ChildWrapper, CommandWrap, ProcessGroup};
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process, waitid};

/// Starts a process, in a process group of its own or in the agent's.
pub(crate) fn start(command: Command, own_group: bool) -> io::Result<Box<dyn ChildWrapper>> {
    let mut wrap = CommandWrap::from(command);
    if own_group {
        wrap.wrap(ProcessGroup::leader());
    }
    wrap.spawn()
}

/// Lets go of a tree whose leader ended and was waited for; nothing is held for it here.
pub(crate) fn release_tree(_leader: u32) {}

/// Waits until a child of this process ended, and leaves it to be waited for: its number stays its own until then.
pub(crate) fn await_exit(pid: u32) -> io::Result<()> {
    let pid = to_pid(pid).ok_or(io::ErrorKind::InvalidInput)?;
    loop {
        match waitid(WaitId::Pid(pid), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT) {
            Ok(_) => return Ok(()),
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// Signals every living member of the tree below `leader`, which must not have been waited for yet: asks it to end, or
/// kills it when `force`. `mark` is `NAME=value` as set in the tree's environment. Answers how many were signalled.
pub(crate) fn end_tree(leader: u32, mark: &str, force: bool) -> io::Result<usize> {
    let signal = if force { Signal::KILL } else { Signal::TERM };
    let mut signalled = 0;
    for member in members(leader, mark)? {
        // A member that ended meanwhile is what was wanted.
        if let Some(pid) = to_pid(member)
            && kill_process(pid, signal).is_ok()
        {
            signalled += 1;
        }
    }
    Ok(signalled)
}

struct Process {
    parent: u32,
    group: u32,
    ended: bool,
}

fn members(leader: u32, mark: &str) -> io::Result<Vec<u32>> {
    let processes = processes()?;
    let own = std::process::id();
    let mut found: BTreeSet<u32> = BTreeSet::from([leader]);
    for (&pid, process) in &processes {
        if process.group == leader || carries(pid, mark) {
            found.insert(pid);
        }
    }
    loop {
        let before = found.len();
        for (&pid, process) in &processes {
            if found.contains(&process.parent) {
                found.insert(pid);
            }
        }
        if found.len() == before {
            break;
        }
    }
    found.remove(&own);
    Ok(found
        .into_iter()
        .filter(|pid| processes.get(pid).is_some_and(|process| !process.ended))
        .collect())
}

fn processes() -> io::Result<BTreeMap<u32, Process>> {
    let mut found = BTreeMap::new();
    for entry in std::fs::read_dir("/proc")? {
        let Some(pid) = entry?.file_name().to_str().and_then(|name| name.parse().ok()) else {
            continue;
        };
        // A process that ended while we look is no error.
        if let Ok(text) = std::fs::read_to_string(format!("/proc/{pid}/stat"))
            && let Some(process) = parse_stat(&text)
        {
            found.insert(pid, process);
        }
    }
    Ok(found)
}

/// proc(5): `pid (comm) state ppid pgrp …`; the name may itself hold brackets and blanks, so its last bracket counts.
fn parse_stat(text: &str) -> Option<Process> {
    let mut fields = text.get(text.rfind(')')? + 1..)?.split_ascii_whitespace();
    let state = fields.next()?;
    Some(Process {
        parent: fields.next()?.parse().ok()?,
        group: fields.next()?.parse().ok()?,
        ended: state == "Z" || state == "X",
    })
}

fn carries(pid: u32, mark: &str) -> bool {
    std::fs::read(format!("/proc/{pid}/environ"))
        .is_ok_and(|environment| environment.split(|&byte| byte == 0).any(|pair| pair == mark.as_bytes()))
}

fn to_pid(pid: u32) -> Option<Pid> {
    i32::try_from(pid).ok().and_then(Pid::from_raw)
}

#[cfg(test)]
mod tests {
    use super::parse_stat;

    #[test]
    fn a_process_name_with_brackets_does_not_confuse() {
        let process = parse_stat("12 (a) b) (c)) S 7 9 9 0 -1").expect("readable");
        assert_eq!((process.parent, process.group, process.ended), (7, 9, false));
        assert!(parse_stat("12 (gone) Z 1 9 9").is_some_and(|process| process.ended));
        assert!(parse_stat("").is_none());
    }
}
