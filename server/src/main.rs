//! The `lastgood` command.

fn main() {}
