//! The process that has a part of the lock, as the kernel describes it.

use crate::model::event::Owner;

/// A process, as the kernel describes it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Process {
    /// The process id. `None` if it is not known here, as that of a process in another container.
    pub pid: Option<u32>,
    /// The user. `None` if it is not known.
    pub uid: Option<u32>,
}

impl Process {
    /// Whether the process belongs to the user of this one.
    #[must_use]
    pub fn is_of_this_user(self) -> bool {
        self.uid == Some(rustix::process::geteuid().as_raw())
    }
}

/// What is known of the process that listens.
pub(super) enum Asked {
    /// Nobody listens any more.
    Nobody,
    /// Its queue of connections is full, so even the kernel does not name it.
    Unreachable,
    /// A process listens.
    Process {
        process: Process,
        /// How it describes itself. `None` if it does not in time, or belongs to another user.
        answer: Option<Box<Owner>>,
    },
}
