//! A file system of the tests' own, which can be full.

use std::path::Path;
use std::process::{Command, Stdio};

/// A small file system, gone with this value.
pub struct Mounted<'a>(&'a Path);

impl<'a> Mounted<'a> {
    /// Mounts one where the system lets us.
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
