//! Being asked to end: by a person at the console, by the console's window being closed, or by the service manager.

#![expect(unsafe_code, reason = "Windows' own interface")]

use std::io;
use std::sync::{Mutex, PoisonError};

use windows_sys::Win32::System::Console::{
    CTRL_BREAK_EVENT, CTRL_C_EVENT, CTRL_CLOSE_EVENT, SetConsoleCtrlHandler,
};
use windows_sys::core::BOOL;

use super::text::check;

struct Requests {
    asked: bool,
    listeners: Vec<Box<dyn Fn() + Send>>,
}

static REQUESTS: Mutex<Requests> = Mutex::new(Requests {
    asked: false,
    listeners: Vec::new(),
});

/// Calls `stop` each time the agent is asked to end, and at once if it was asked before anybody listened.
pub(crate) fn stop_requests(_hang_up: bool, stop: impl Fn() + Send + 'static) -> io::Result<()> {
    let first = {
        let mut requests = REQUESTS.lock().unwrap_or_else(PoisonError::into_inner);
        if requests.asked {
            stop();
        }
        requests.listeners.push(Box::new(stop));
        requests.listeners.len() == 1
    };
    if first {
        // SAFETY: the function below lives as long as the process.
        check(unsafe { SetConsoleCtrlHandler(Some(on_console_event), 1) })?;
    }
    Ok(())
}

/// Passes a request to end on to whoever listens.
pub(super) fn ask_to_stop() {
    let mut requests = REQUESTS.lock().unwrap_or_else(PoisonError::into_inner);
    requests.asked = true;
    requests.listeners.iter().for_each(|stop| stop());
}

/// Windows calls it from a thread of its own.
unsafe extern "system" fn on_console_event(event: u32) -> BOOL {
    match event {
        CTRL_C_EVENT | CTRL_BREAK_EVENT => {
            ask_to_stop();
            1
        }
        CTRL_CLOSE_EVENT => {
            ask_to_stop();
            // Windows ends the process as soon as this returns; the agent ends by itself, or Windows loses patience.
            loop {
                std::thread::park();
            }
        }
        // A service is told when a user logs off or the machine goes down; its manager tells it what matters of that.
        _ => 0,
    }
}
