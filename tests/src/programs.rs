//! Where the programs under test are: beside this one, of the same build.

use std::path::PathBuf;

/// The `lastgood` program.
pub fn lastgood() -> PathBuf {
    beside("lastgood")
}

/// The `lastgood-agent` program.
pub fn agent() -> PathBuf {
    beside("lastgood-agent")
}

/// The repository's root.
pub fn root() -> PathBuf {
    let tests = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    tests.parent().expect("the member lies in the workspace").to_path_buf()
}

fn beside(name: &str) -> PathBuf {
    let this = std::env::current_exe().expect("a process knows its own program");
    let found = this
        .ancestors()
        .skip(1)
        .take(2)
        .map(|folder| folder.join(name))
        .find(|path| path.exists());
    found.unwrap_or_else(|| panic!("{name} is not built: cargo build --workspace --all-targets"))
}
