//! The agent as a service of Windows: what its manager is told while it lives, and how it is installed and removed.

use std::ffi::{OsStr, OsString};
use std::io;
use std::path::Path;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use windows_service::define_windows_service;
use windows_service::service::{
    Service, ServiceAccess, ServiceAction, ServiceActionType, ServiceControl, ServiceControlAccept,
    ServiceErrorControl, ServiceExitCode, ServiceFailureActions, ServiceFailureResetPeriod, ServiceInfo,
    ServiceStartType, ServiceState, ServiceStatus, ServiceType,
};
use windows_service::service_control_handler::{self, ServiceControlHandlerResult, ServiceStatusHandle};
use windows_service::service_dispatcher;
use windows_service::service_manager::{ServiceManager, ServiceManagerAccess};
use windows_sys::Win32::Foundation::{ERROR_INVALID_LEVEL, ERROR_SERVICE_DOES_NOT_EXIST, ERROR_SERVICE_EXISTS};

use super::text::is_code;
use super::{access, stop};
use crate::config::ServiceEnvironment;
use crate::platform::{EventLog, Notice};

/// The service's name for its manager and for `sc`.
pub(crate) const NAME: &str = "LastgoodAgent";

const SHOWN_NAME: &str = "Lastgood agent";

const DESCRIPTION: &str = "Runs and reports this machine's backups.";

/// How long a start may take before the manager takes the service for dead.
const START_HINT: Duration = Duration::from_secs(30);

/// How often a service that is ending says that it still is, and how long it may be silent.
const STOP_STEP: Duration = Duration::from_secs(2);
const STOP_HINT: Duration = Duration::from_secs(10);

/// Longer than the agent's own wait for a backup that runs (20 s), ending its tree (10 s) and the last delivery (5 s).
const PRESHUTDOWN: Duration = Duration::from_secs(90);

/// How long a service that is removed may take to end.
const REMOVE_PATIENCE: Duration = Duration::from_secs(90);

/// What the service does, until the manager's thread fetches it; its answer is the exit code.
static WORK: Mutex<Option<Box<dyn FnOnce() -> u32 + Send>>> = Mutex::new(None);

static STATUS: OnceLock<ServiceStatusHandle> = OnceLock::new();

/// Ends the thread that reports the steps of stopping.
static STOPPING: Mutex<Option<Sender<()>>> = Mutex::new(None);

define_windows_service!(begin, service_main);

/// Connects this process with the service manager, which then lets `work` run; answers when it is done. Fails when a
/// person started this.
pub(crate) fn run(work: impl FnOnce() -> u32 + Send + 'static) -> io::Result<()> {
    *WORK.lock().unwrap_or_else(PoisonError::into_inner) = Some(Box::new(work));
    service_dispatcher::start(NAME, begin).map_err(plain)
}

fn service_main(_arguments: Vec<OsString>) {
    let Ok(handle) = service_control_handler::register(NAME, on_control) else {
        // Without a handle nobody can be told; the manager sees that no status comes.
        return;
    };
    let handle = *STATUS.get_or_init(|| handle);
    report(handle, ServiceState::StartPending, 1, START_HINT, 0);
    let work = WORK.lock().unwrap_or_else(PoisonError::into_inner).take();
    let code = work.map_or(1, |work| work());
    // Whoever reports the steps must be silent before the last word.
    drop(STOPPING.lock().unwrap_or_else(PoisonError::into_inner).take());
    report(handle, ServiceState::Stopped, 0, Duration::ZERO, code);
}

fn on_control(control: ServiceControl) -> ServiceControlHandlerResult {
    if matches!(
        control,
        ServiceControl::Stop | ServiceControl::Preshutdown | ServiceControl::Shutdown
    ) {
        begin_stopping();
        stop::ask_to_stop();
        ServiceControlHandlerResult::NoError
    } else if control == ServiceControl::Interrogate {
        ServiceControlHandlerResult::NoError
    } else {
        ServiceControlHandlerResult::NotImplemented
    }
}

/// Tells the service manager about the agent; does nothing when it did not start it.
#[expect(clippy::unnecessary_wraps, reason = "the same function list as linux")]
pub(crate) fn notify(_environment: &ServiceEnvironment, notice: Notice) -> io::Result<()> {
    if let Some(handle) = STATUS.get() {
        match notice {
            Notice::Ready => report(*handle, ServiceState::Running, 0, Duration::ZERO, 0),
            Notice::Watchdog => {}
            Notice::Stopping => begin_stopping(),
        }
    }
    Ok(())
}

/// Says at once, and then every other second with a higher number, that the service is ending.
fn begin_stopping() {
    let Some(handle) = STATUS.get().copied() else { return };
    let mut stopping = STOPPING.lock().unwrap_or_else(PoisonError::into_inner);
    if stopping.is_some() {
        return;
    }
    let (sender, ended) = channel();
    *stopping = Some(sender);
    report(handle, ServiceState::StopPending, 1, STOP_HINT, 0);
    let steps = move || {
        let mut step = 1;
        while ended.recv_timeout(STOP_STEP) == Err(RecvTimeoutError::Timeout) {
            step += 1;
            // Held, so that this cannot come after the last word.
            let stopping = STOPPING.lock().unwrap_or_else(PoisonError::into_inner);
            if stopping.is_some() {
                report(handle, ServiceState::StopPending, step, STOP_HINT, 0);
            }
        }
    };
    if let Err(error) = std::thread::Builder::new().name("stop-steps".to_owned()).spawn(steps) {
        tracing::warn!(%error, "the steps of stopping are not reported");
    }
}

fn report(handle: ServiceStatusHandle, state: ServiceState, step: u32, hint: Duration, code: u32) {
    let controls_accepted = match state {
        ServiceState::Running => ServiceControlAccept::STOP | ServiceControlAccept::PRESHUTDOWN,
        ServiceState::StartPending => ServiceControlAccept::STOP,
        ServiceState::Stopped
        | ServiceState::StopPending
        | ServiceState::ContinuePending
        | ServiceState::PausePending
        | ServiceState::Paused => ServiceControlAccept::empty(),
    };
    let status = ServiceStatus {
        service_type: ServiceType::OWN_PROCESS,
        current_state: state,
        controls_accepted,
        exit_code: if code == 0 {
            ServiceExitCode::NO_ERROR
        } else {
            ServiceExitCode::ServiceSpecific(code)
        },
        checkpoint: step,
        wait_hint: hint,
        process_id: None,
    };
    if let Err(error) = handle.set_service_status(status) {
        tracing::warn!(error = %plain(error), ?state, "the service manager could not be told");
    }
}

/// Makes the service, for the program at this place, or puts an older one right. It is not started.
pub(crate) fn install(program: &Path) -> io::Result<()> {
    let manager = manager(ServiceManagerAccess::CONNECT | ServiceManagerAccess::CREATE_SERVICE)?;
    let info = ServiceInfo {
        name: OsString::from(NAME),
        display_name: OsString::from(SHOWN_NAME),
        service_type: ServiceType::OWN_PROCESS,
        start_type: ServiceStartType::AutoStart,
        error_control: ServiceErrorControl::Normal,
        executable_path: program.to_path_buf(),
        launch_arguments: vec![OsString::from("service"), OsString::from("run")],
        dependencies: Vec::new(),
        account_name: None,
        account_password: None,
    };
    match manager.create_service(&info, ServiceAccess::QUERY_STATUS).map_err(plain) {
        Ok(_) => Ok(()),
        Err(error) if is_code(&error, ERROR_SERVICE_EXISTS) => {
            open(ServiceAccess::CHANGE_CONFIG)?.change_config(&info).map_err(plain)
        }
        Err(error) => Err(error),
    }
}

/// Sets what the installer cannot: recovery, the time it may take when the machine goes down, the event log's source,
/// and the rights on `folder`. Answers what this Windows does not offer.
pub(crate) fn configure(folder: &Path) -> io::Result<Vec<&'static str>> {
    access::make_private(folder)?;
    EventLog::register()?;
    // The right to start is asked for by whoever sets that a failed service is started again.
    let service = open(ServiceAccess::CHANGE_CONFIG | ServiceAccess::START | ServiceAccess::QUERY_CONFIG)?;
    let again = |seconds| ServiceAction {
        action_type: ServiceActionType::Restart,
        delay: Duration::from_secs(seconds),
    };
    let recovery = ServiceFailureActions {
        reset_period: ServiceFailureResetPeriod::After(Duration::from_hours(24)),
        reboot_msg: None,
        command: None,
        // The last one is for all that follow.
        actions: Some(vec![again(5), again(60), again(300)]),
    };
    let steps = [
        ("a description", service.set_description(DESCRIPTION)),
        ("a start after the machine's own services", service.set_delayed_auto_start(true)),
        ("a start after a failure", service.update_failure_actions(recovery)),
        (
            "a start after an end with an error",
            service.set_failure_actions_on_non_crash_failures(true),
        ),
        ("time to end when the machine does", service.set_preshutdown_timeout(PRESHUTDOWN)),
    ];
    let mut missing = Vec::new();
    for (what, result) in steps {
        match result.map_err(plain) {
            Ok(()) => {}
            Err(error) if is_code(&error, ERROR_INVALID_LEVEL) => missing.push(what),
            Err(error) => return Err(error),
        }
    }
    Ok(missing)
}

/// Starts the service.
pub(crate) fn start() -> io::Result<()> {
    open(ServiceAccess::START)?.start::<&OsStr>(&[]).map_err(plain)
}

/// Ends the service, waits until it ended, and removes it. Answers whether there was one.
pub(crate) fn uninstall() -> io::Result<bool> {
    EventLog::unregister()?;
    let wanted = ServiceAccess::QUERY_STATUS | ServiceAccess::STOP | ServiceAccess::DELETE;
    let service = match open(wanted) {
        Ok(service) => service,
        Err(error) if is_code(&error, ERROR_SERVICE_DOES_NOT_EXIST) => return Ok(false),
        Err(error) => return Err(error),
    };
    let deadline = Instant::now() + REMOVE_PATIENCE;
    let mut asked = false;
    loop {
        let state = service.query_status().map_err(plain)?.current_state;
        if state == ServiceState::Stopped {
            break;
        }
        if Instant::now() > deadline {
            return Err(io::Error::new(io::ErrorKind::TimedOut, "the service does not end"));
        }
        if !asked && matches!(state, ServiceState::Running | ServiceState::Paused) {
            service.stop().map_err(plain)?;
            asked = true;
        } else {
            wait_a_moment();
        }
    }
    service.delete().map_err(plain)?;
    Ok(true)
}

#[expect(clippy::disallowed_methods, reason = "the manager tells of a service's state only when asked")]
fn wait_a_moment() {
    std::thread::sleep(Duration::from_millis(100));
}

fn open(access: ServiceAccess) -> io::Result<Service> {
    manager(ServiceManagerAccess::CONNECT)?
        .open_service(NAME, access)
        .map_err(plain)
}

fn manager(access: ServiceManagerAccess) -> io::Result<ServiceManager> {
    ServiceManager::local_computer(None::<&str>, access).map_err(plain)
}

/// The system's own error, which says what is wrong.
fn plain(error: windows_service::Error) -> io::Error {
    if let windows_service::Error::Winapi(error) = error {
        error
    } else {
        io::Error::other(error)
    }
}
