//! The packages as a practice's machine gets them: installed, enrolled at a real server, at work, brought up to date and
//! removed. `make packages` builds them, and `make test` does that first.

mod debian;
mod windows;

use std::path::PathBuf;

use lastgood_tests::programs::root;

/// A package that was built.
fn package(name: &str) -> PathBuf {
    let path = root().join("target/packages").join(name);
    assert!(path.exists(), "{name} is not built: make packages");
    path
}
