//! Real file systems in image files, mounted by the loop device.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

/// A mounted file system; unmounted at the end.
pub struct Mounted {
    folder: TempDir,
}

impl Mounted {
    /// A new ext4 of so many megabytes.
    pub fn ext4(megabytes: u64) -> Self {
        let mounted = Self::unmade(megabytes);
        run(&["mkfs.ext4", "-q", "-F", "-m", "0", "-I", "256", plain(&mounted.image())]);
        mounted.mount("rw");
        mounted
    }

    /// A copy of another's image, as it is at this moment.
    pub fn copy_of(image: &Path) -> Self {
        let folder = TempDir::new().expect("a temporary folder");
        let mounted = Self { folder };
        fs::copy(image, mounted.image()).expect("there is room");
        fs::create_dir(mounted.path()).expect("writable");
        mounted.mount("rw");
        mounted
    }

    /// A copy of an ext4 image that is not mounted, as formatting and copying back would leave it: under another UUID.
    pub fn copy_with_new_uuid(image: &Path) -> Self {
        let folder = TempDir::new().expect("a temporary folder");
        let mounted = Self { folder };
        fs::copy(image, mounted.image()).expect("there is room");
        fs::create_dir(mounted.path()).expect("writable");
        run(&["e2fsck", "-fy", plain(&mounted.image())]);
        run(&["tune2fs", "-U", "random", plain(&mounted.image())]);
        mounted.mount("rw");
        mounted
    }

    /// Unmounts it, as somebody does who takes it out.
    pub fn take_out(&self) {
        run(&["umount", plain(&self.path())]);
    }

    /// Mounts it again.
    pub fn put_in(&self) {
        self.mount("rw");
    }

    /// A RAM disk with limits.
    pub fn ram(options: &str) -> Self {
        let folder = TempDir::new().expect("a temporary folder");
        let mounted = Self { folder };
        fs::create_dir(mounted.path()).expect("writable");
        run(&["mount", "-t", "tmpfs", "-o", options, "tmpfs", plain(&mounted.path())]);
        mounted
    }

    fn unmade(megabytes: u64) -> Self {
        let folder = TempDir::new().expect("a temporary folder");
        let mounted = Self { folder };
        let file = fs::File::create(mounted.image()).expect("writable");
        file.set_len(megabytes * 1024 * 1024).expect("there is room");
        fs::create_dir(mounted.path()).expect("writable");
        mounted
    }

    fn mount(&self, options: &str) {
        run(&[
            "mount",
            "-o",
            &format!("loop,{options}"),
            plain(&self.image()),
            plain(&self.path()),
        ]);
    }

    pub fn remount(&self, options: &str) {
        run(&["mount", "-o", &format!("remount,{options}"), plain(&self.path())]);
    }

    pub fn try_remount(&self, options: &str) -> bool {
        let command = Command::new("mount")
            .args(["-o", &format!("remount,{options}")])
            .arg(self.path())
            .output();
        command.expect("mount can be started").status.success()
    }

    pub fn image(&self) -> PathBuf {
        self.folder.path().join("image")
    }

    pub fn path(&self) -> PathBuf {
        self.folder.path().join("mounted")
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        let _gone = Command::new("umount").arg("--lazy").arg(self.path()).status();
    }
}

pub fn run(command: &[&str]) -> String {
    let output = Command::new(command[0])
        .args(&command[1..])
        .output()
        .expect("it can be started");
    assert!(
        output.status.success(),
        "{command:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

fn plain(path: &Path) -> &str {
    // Leaked: a test names a handful of paths.
    Box::leak(path.to_str().expect("plain").to_owned().into_boxed_str())
}
