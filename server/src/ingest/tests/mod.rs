mod bad_input;
mod enrolling;
mod machine;
mod reading;
mod storing;
