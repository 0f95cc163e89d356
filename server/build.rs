//! Files that are compiled in without cargo knowing: migrations and static files.

fn main() {
    println!("cargo:rerun-if-changed=../migrations");
    println!("cargo:rerun-if-changed=../static");
    println!("cargo:rerun-if-changed=../templates");
}
