//! A small file system for tests, which can become full.

use std::path::Path;
use std::process::{Command, Stdio};

/// A small file system that is unmounted on drop.
pub struct Mounted<'a>(&'a Path);

impl<'a> Mounted<'a> {
    /// Mounts it. `None` if the system does not allow that.
    pub fn tmpfs(on: &'a Path, size: &str) -> Option<Self> {
        let mounted = Self(on);
        if mounted.mount(&["-t", "tmpfs", "-o", size, "tmpfs"]) {
            return Some(mounted);
        }
        std::mem::forget(mounted);
        None
    }

    pub fn mount(&self, arguments: &[&str]) -> bool {
        let mut mount = Command::new("mount");
        mount.args(arguments).arg(self.0).stderr(Stdio::null());
        mount.status().is_ok_and(|status| status.success())
    }
}

impl Drop for Mounted<'_> {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.0).status();
    }
}
