//! Delivery, against a real SMTP server on a real socket.

mod delivery;
mod faults;
mod hostile;
mod model;
mod sink;
mod support;
