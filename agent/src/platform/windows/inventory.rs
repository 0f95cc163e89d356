//! What there is on this machine that may make backups: scheduled tasks, services, sources of the event log, processes, databases
//! at their usual places. Read, never run.

#![expect(unsafe_code, reason = "Windows' own interface")]

use std::fs;
use std::path::{Path, PathBuf};
use std::ptr;

use windows_sys::Win32::Foundation::{CloseHandle, ERROR_SUCCESS, INVALID_HANDLE_VALUE};
use windows_sys::Win32::System::Diagnostics::ToolHelp::{
    CreateToolhelp32Snapshot, PROCESSENTRY32W, Process32FirstW, Process32NextW, TH32CS_SNAPPROCESS,
};
use windows_sys::Win32::System::Registry::{
    HKEY, HKEY_LOCAL_MACHINE, KEY_READ, RegCloseKey, RegEnumKeyExW, RegOpenKeyExW,
};

use super::text::{up_to_zero, wide};
use crate::discover::material::{Database, Material, TaskFile};

/// Larger is no task and no script that somebody wrote.
const LARGEST: u64 = 1024 * 1024;

/// More tasks, keys or processes are not looked at.
const MOST: u32 = 5_000;

/// How deep tasks' folders stand in one another.
const DEEPEST: usize = 8;

/// Everything that is looked at. With a `root`, files alone: the registry and the processes are those of this machine.
pub(crate) fn inventory(root: Option<&Path>) -> Material {
    let mut material = Material {
        are_windows_services: true,
        ..Material::default()
    };
    let drive = root.unwrap_or(Path::new(r"C:\"));
    let tasks = drive.join(r"Windows\System32\Tasks");
    if fs::read_dir(&tasks).is_err() {
        material.unreadable.insert("the scheduled tasks");
    }
    collect_tasks(&tasks, DEEPEST, &mut material);
    if root.is_none() {
        material.services = subkeys(r"SYSTEM\CurrentControlSet\Services");
        material.event_sources = subkeys(r"SYSTEM\CurrentControlSet\Services\EventLog\Application");
        material.processes = processes();
    }
    for folder in entries(&drive.join(r"Program Files\PostgreSQL")) {
        let version = fs::read_to_string(folder.join(r"data\PG_VERSION")).ok();
        if let Some(version) = version {
            let version = Some(version.trim().chars().take(16).collect());
            material.database_folders.push((Database::Postgres, version));
        }
    }
    material
}

/// The text of a script, if it is one of a size that somebody wrote. Paths with variables are not followed.
pub(crate) fn script(root: Option<&Path>, path: &str) -> Option<String> {
    let is_script = [".bat", ".cmd", ".ps1"]
        .iter()
        .any(|end| path.to_ascii_lowercase().ends_with(end));
    if !is_script {
        return None;
    }
    let path = match (root, path.get(..3)) {
        (Some(root), Some(r"C:\" | r"c:\")) => root.join(path.get(3..)?),
        _ => PathBuf::from(path),
    };
    let status = fs::metadata(&path).ok()?;
    if !status.is_file() || status.len() > LARGEST {
        return None;
    }
    let bytes = fs::read(path).ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else {
        return Vec::new();
    };
    let most = usize::try_from(MOST).unwrap_or(usize::MAX);
    let mut paths: Vec<PathBuf> = entries
        .take(most)
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .collect();
    paths.sort_unstable();
    paths
}

fn collect_tasks(folder: &Path, depth: usize, material: &mut Material) {
    for path in entries(folder) {
        if path.is_dir() {
            if depth > 0 {
                collect_tasks(&path, depth - 1, material);
            }
            continue;
        }
        let is_small = fs::metadata(&path).is_ok_and(|status| status.len() <= LARGEST);
        let name = path.file_name().and_then(|name| name.to_str()).map(str::to_owned);
        match (name, fs::read(&path)) {
            (Some(name), Ok(bytes)) if is_small => material.tasks.push(TaskFile { name, bytes }),
            (_, Ok(_)) => {}
            (_, Err(_)) => {
                material.unreadable.insert("some scheduled tasks");
            }
        }
    }
}

/// The names of the keys below one of the machine's.
fn subkeys(path: &str) -> Vec<String> {
    let mut key: HKEY = ptr::null_mut();
    let path = wide(path);
    // SAFETY: the path ends in a zero, and `key` is written to.
    let opened = unsafe { RegOpenKeyExW(HKEY_LOCAL_MACHINE, path.as_ptr(), 0, KEY_READ, &raw mut key) };
    if opened != ERROR_SUCCESS {
        return Vec::new();
    }
    let mut names = Vec::new();
    for index in 0..MOST {
        let mut name = [0_u16; 256];
        let mut length = 256;
        // SAFETY: the key is open, and the buffer has as many characters as `length` says.
        let found = unsafe {
            RegEnumKeyExW(
                key,
                index,
                name.as_mut_ptr(),
                &raw mut length,
                ptr::null(),
                ptr::null_mut(),
                ptr::null_mut(),
                ptr::null_mut(),
            )
        };
        if found != ERROR_SUCCESS {
            break;
        }
        names.push(up_to_zero(&name));
    }
    // SAFETY: the key was opened here and is closed once.
    unsafe { RegCloseKey(key) };
    names
}

fn processes() -> Vec<(String, Option<String>)> {
    // SAFETY: it takes numbers alone.
    let snapshot = unsafe { CreateToolhelp32Snapshot(TH32CS_SNAPPROCESS, 0) };
    if snapshot == INVALID_HANDLE_VALUE {
        return Vec::new();
    }
    let mut entry = PROCESSENTRY32W {
        dwSize: u32::try_from(size_of::<PROCESSENTRY32W>()).unwrap_or(u32::MAX),
        ..PROCESSENTRY32W::default()
    };
    let mut names = Vec::new();
    // SAFETY: the handle is open, and the entry says how large it is.
    let mut more = unsafe { Process32FirstW(snapshot, &raw mut entry) };
    for _ in 0..MOST {
        if more == 0 {
            break;
        }
        names.push((up_to_zero(&entry.szExeFile), None));
        // SAFETY: as above.
        more = unsafe { Process32NextW(snapshot, &raw mut entry) };
    }
    // SAFETY: the handle was opened here and is closed once.
    unsafe { CloseHandle(snapshot) };
    names
}
