//! A backup's whole process tree, so that a time limit leaves nothing running behind. Each tree is a job object: what a
//! member starts is a member, and none can leave.

#![expect(unsafe_code, reason = "Windows' own interface")]

use std::collections::BTreeMap;
use std::io;
use std::os::windows::io::{AsRawHandle as _, FromRawHandle as _, OwnedHandle};
use std::os::windows::process::CommandExt as _;
use std::process::Command;
use std::ptr;
use std::sync::{Mutex, PoisonError};

use process_wrap::std::ChildWrapper;
use windows_sys::Win32::Foundation::{HANDLE, INVALID_HANDLE_VALUE, WAIT_OBJECT_0};
use windows_sys::Win32::System::Console::{
    AttachConsole, CTRL_BREAK_EVENT, FreeConsole, GenerateConsoleCtrlEvent, GetConsoleProcessList,
};
use windows_sys::Win32::System::Diagnostics::ToolHelp::{
    CreateToolhelp32Snapshot, TH32CS_SNAPTHREAD, THREADENTRY32, Thread32First, Thread32Next,
};
use windows_sys::Win32::System::JobObjects::{
    AssignProcessToJobObject, CreateJobObjectW, JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE,
    JOBOBJECT_BASIC_ACCOUNTING_INFORMATION, JOBOBJECT_EXTENDED_LIMIT_INFORMATION,
    JobObjectBasicAccountingInformation, JobObjectExtendedLimitInformation, QueryInformationJobObject,
    SetInformationJobObject, TerminateJobObject,
};
use windows_sys::Win32::System::Threading::{
    CREATE_NEW_PROCESS_GROUP, CREATE_NO_WINDOW, CREATE_SUSPENDED, INFINITE, OpenProcess, OpenThread,
    PROCESS_SYNCHRONIZE, ResumeThread, THREAD_SUSPEND_RESUME, WaitForSingleObject,
};

use super::text::check;

/// The trees that were started here and not released, by their leaders' numbers.
static TREES: Mutex<BTreeMap<u32, OwnedHandle>> = Mutex::new(BTreeMap::new());

/// The exit code of what is ended by force.
const ENDED_BY_FORCE: u32 = 1;

/// Starts a process and puts it, before its first instruction, into a job object. With a group of its own its tree ends
/// with the agent, and a `Ctrl+C` for the agent does not reach it.
pub(crate) fn start(mut command: Command, own_group: bool) -> io::Result<Box<dyn ChildWrapper>> {
    let job = new_job()?;
    limit(&job, own_group)?;
    let mut flags = CREATE_SUSPENDED;
    if own_group {
        flags |= CREATE_NEW_PROCESS_GROUP;
        // A service has no console to lend; without this, each backup of it would get a window that nobody sees.
        if !has_console() {
            flags |= CREATE_NO_WINDOW;
        }
    }
    let mut child = command.creation_flags(flags).spawn()?;
    // SAFETY: both handles are open.
    let assigned = check(unsafe { AssignProcessToJobObject(raw(&job), child.as_raw_handle()) });
    if let Err(error) = assigned.and_then(|()| resume(child.id())) {
        // It never ran; the error that counts is the one at hand.
        let _ended = child.kill().and_then(|()| child.wait());
        return Err(error);
    }
    trees().insert(child.id(), job);
    Ok(Box::new(child))
}

/// Lets go of a tree whose leader ended and was waited for; what it left behind may go on.
pub(crate) fn release_tree(leader: u32) {
    if let Some(job) = trees().remove(&leader)
        && let Err(error) = limit(&job, false)
    {
        tracing::warn!(%error, "what a backup left running ends with it");
    }
}

/// Waits until a child of this process ended, and leaves it to be waited for: its number stays its own until then.
pub(crate) fn await_exit(pid: u32) -> io::Result<()> {
    // SAFETY: it takes numbers alone.
    let process = owned(unsafe { OpenProcess(PROCESS_SYNCHRONIZE, 0, pid) })?;
    // SAFETY: the handle is open.
    match unsafe { WaitForSingleObject(raw(&process), INFINITE) } {
        WAIT_OBJECT_0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Asks the tree below `leader` to end, or ends it when `force`. Answers how many of its processes lived.
pub(crate) fn end_tree(leader: u32, _mark: &str, force: bool) -> io::Result<usize> {
    let trees = trees();
    let Some(job) = trees.get(&leader) else {
        return Ok(0);
    };
    let living = living(job)?;
    if force {
        // SAFETY: the handle is open.
        check(unsafe { TerminateJobObject(raw(job), ENDED_BY_FORCE) })?;
    } else if living > 0 {
        ask_to_end(leader);
    }
    Ok(living)
}

/// Sends `Ctrl+Break`, which a console program takes as Unix programs take SIGTERM. One without a console, or one that
/// shares it with others, cannot be asked, and is ended by force when its time is up.
fn ask_to_end(leader: u32) {
    // A process has at most one console; the caller holds the lock on the trees meanwhile.
    if has_console() {
        // SAFETY: it takes numbers alone. A process that leads no group of this console is not found.
        unsafe { GenerateConsoleCtrlEvent(CTRL_BREAK_EVENT, leader) };
        return;
    }
    // SAFETY: they take numbers alone; the console is borrowed and given back.
    unsafe {
        if AttachConsole(leader) != 0 {
            GenerateConsoleCtrlEvent(CTRL_BREAK_EVENT, leader);
            FreeConsole();
        }
    }
}

fn has_console() -> bool {
    let mut first = 0;
    // SAFETY: there is room for the one number that is announced.
    unsafe { GetConsoleProcessList(&raw mut first, 1) != 0 }
}

fn trees() -> std::sync::MutexGuard<'static, BTreeMap<u32, OwnedHandle>> {
    TREES.lock().unwrap_or_else(PoisonError::into_inner)
}

fn new_job() -> io::Result<OwnedHandle> {
    // SAFETY: without attributes and name it is private to this process.
    owned(unsafe { CreateJobObjectW(ptr::null(), ptr::null()) })
}

/// Whether the tree ends when the job's last handle is closed, which is ours.
fn limit(job: &OwnedHandle, ends_with_us: bool) -> io::Result<()> {
    let mut limits = JOBOBJECT_EXTENDED_LIMIT_INFORMATION::default();
    if ends_with_us {
        limits.BasicLimitInformation.LimitFlags = JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE;
    }
    // SAFETY: the handle is open, and kind, place and size describe `limits`.
    check(unsafe {
        SetInformationJobObject(
            raw(job),
            JobObjectExtendedLimitInformation,
            ptr::from_ref(&limits).cast(),
            size_of_u32::<JOBOBJECT_EXTENDED_LIMIT_INFORMATION>(),
        )
    })
}

fn living(job: &OwnedHandle) -> io::Result<usize> {
    let mut account = JOBOBJECT_BASIC_ACCOUNTING_INFORMATION::default();
    // SAFETY: the handle is open, and kind, place and size describe `account`.
    check(unsafe {
        QueryInformationJobObject(
            raw(job),
            JobObjectBasicAccountingInformation,
            ptr::from_mut(&mut account).cast(),
            size_of_u32::<JOBOBJECT_BASIC_ACCOUNTING_INFORMATION>(),
            ptr::null_mut(),
        )
    })?;
    Ok(usize::try_from(account.ActiveProcesses).unwrap_or(usize::MAX))
}

/// Lets a process begin that was started suspended: it has one thread.
fn resume(pid: u32) -> io::Result<()> {
    // SAFETY: it takes numbers alone.
    let snapshot = owned(unsafe { CreateToolhelp32Snapshot(TH32CS_SNAPTHREAD, 0) })?;
    let mut entry = THREADENTRY32 {
        dwSize: size_of_u32::<THREADENTRY32>(),
        ..THREADENTRY32::default()
    };
    // SAFETY: the handle is open, and the entry says how large it is.
    let mut more = unsafe { Thread32First(raw(&snapshot), &raw mut entry) };
    while more != 0 {
        if entry.th32OwnerProcessID == pid {
            // SAFETY: it takes numbers alone.
            let thread = owned(unsafe { OpenThread(THREAD_SUSPEND_RESUME, 0, entry.th32ThreadID) })?;
            // SAFETY: the handle is open. It answers how often the thread was suspended.
            return match unsafe { ResumeThread(raw(&thread)) } {
                u32::MAX => Err(io::Error::last_os_error()),
                _ => Ok(()),
            };
        }
        // SAFETY: as above.
        more = unsafe { Thread32Next(raw(&snapshot), &raw mut entry) };
    }
    Err(io::Error::new(io::ErrorKind::NotFound, "the process that was started has no thread"))
}

fn owned(handle: HANDLE) -> io::Result<OwnedHandle> {
    if handle.is_null() || handle == INVALID_HANDLE_VALUE {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the handle was just opened, and nobody else closes it.
    Ok(unsafe { OwnedHandle::from_raw_handle(handle) })
}

fn raw(handle: &OwnedHandle) -> HANDLE {
    handle.as_raw_handle()
}

fn size_of_u32<T>() -> u32 {
    u32::try_from(size_of::<T>()).unwrap_or_default()
}
