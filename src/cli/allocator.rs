//! Settings of the allocator of the system's C library: where large blocks of memory come from.
//!
//! The store of each ledger has two tables of some mebibytes of zeros, most of which nothing ever writes to. A block that comes from the
//! kernel takes memory only where it is written to. But glibc takes ever larger blocks from its own heap once it has freed one, and
//! writes zeros over the whole of it: four mebibytes for each campaign of a process (`benches/campaign_memory.py`).

/// The size in bytes from which a block comes from the kernel, and goes back to it.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
const FROM_KERNEL: libc::c_int = 2 << 20;
/// How many free bytes glibc keeps at the end of each heap. With threads it has several heaps, so they must not be many.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
const KEPT: libc::c_int = 1 << 20;

/// Keeps the size from which blocks come from the kernel as it is. Another C library is left as it is.
pub(super) fn keep_large_blocks_apart() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    {
        #[expect(unsafe_code, reason = "the C library has no other way, and no crate wraps it")]
        // SAFETY: `mallopt` takes two numbers and no pointer. glibc locks its heap meanwhile, so it may be called at any time.
        // Without the settings the process only takes more memory.
        unsafe {
            libc::mallopt(libc::M_MMAP_THRESHOLD, FROM_KERNEL);
            libc::mallopt(libc::M_TRIM_THRESHOLD, KEPT);
        }
    }
}
