//! The service manager's side: systemd's notification socket and the signals that ask the agent to stop.

use std::io;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::Duration;

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::config::ServiceEnvironment;
use crate::platform::Notice;

/// Tells systemd about the agent (`sd_notify(3)`); does nothing when systemd did not start it.
pub(crate) fn notify(environment: &ServiceEnvironment, notice: Notice) -> io::Result<()> {
    let Some(name) = &environment.notify_socket else {
        return Ok(());
    };
    let address = match name.strip_prefix('@') {
        Some(abstract_name) => SocketAddr::from_abstract_name(abstract_name)?,
        None => SocketAddr::from_pathname(name)?,
    };
    let text: &[u8] = match notice {
        Notice::Ready => b"READY=1\nSTATUS=Watching the backups of this machine",
        Notice::Watchdog => b"WATCHDOG=1",
        Notice::Stopping => b"STOPPING=1",
    };
    UnixDatagram::unbound()?.send_to_addr(text, &address)?;
    Ok(())
}

/// How often systemd wants to hear that the agent is alive: half of `WATCHDOG_USEC`, as its manual advises.
pub(crate) fn watchdog_period(environment: &ServiceEnvironment) -> Option<Duration> {
    let microseconds: u64 = environment.watchdog_usec.as_deref()?.parse().ok()?;
    Some(Duration::from_micros(microseconds / 2)).filter(|period| !period.is_zero())
}

/// Calls `stop` each time the agent is asked to end, from a thread of its own. A hang-up counts for the daemon; a
/// wrapped command must keep what `nohup` set up for it.
pub(crate) fn stop_requests(hang_up: bool, stop: impl Fn() + Send + 'static) -> io::Result<()> {
    let mut signals = Signals::new([SIGTERM, SIGINT])?;
    if hang_up {
        signals.add_signal(SIGHUP)?;
    }
    std::thread::Builder::new()
        .name("signals".to_owned())
        .spawn(move || {
            for _ in signals.forever() {
                stop();
            }
        })?;
    Ok(())
}
