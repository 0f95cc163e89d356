mod bad_input;
mod enrolling;
pub(crate) mod machine;
mod pages;
mod projecting;
mod reading;
mod storing;
