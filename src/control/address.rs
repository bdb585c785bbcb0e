//! The address of the socket. A Unix socket's address holds about a hundred bytes, and the path of a campaign may be
//! longer.

use std::fs::{self, File, Permissions};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use tokio::net::{UnixListener, UnixStream};

/// Longer paths are shortened. Linux accepts 107 bytes, other systems 103.
const LONGEST: usize = 100;

/// Listens at `path`, whose directory exists, for this user only. Replaces the socket of a process that was killed: the
/// caller has the campaign's lock, so no process listens there.
pub fn bind(path: &Path) -> io::Result<UnixListener> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let way = Way::to(path)?;
    let listener = UnixListener::bind(&way.path)?;
    fs::set_permissions(path, Permissions::from_mode(0o600))?;
    Ok(listener)
}

/// Connects to the process that listens at `path`.
pub async fn connect(path: &Path) -> io::Result<UnixStream> {
    let way = Way::to(path)?;
    UnixStream::connect(&way.path).await
}

/// A path that fits in an address while this value lives.
struct Way {
    path: PathBuf,
    _directory: Option<File>,
}

impl Way {
    fn to(path: &Path) -> io::Result<Self> {
        if path.as_os_str().len() <= LONGEST {
            return Ok(Self {
                path: path.to_owned(),
                _directory: None,
            });
        }
        let (Some(above), Some(name)) = (path.parent(), path.file_name()) else {
            return Err(io::ErrorKind::InvalidFilename.into());
        };
        // The kernel follows this link to the directory, however long its path is.
        let directory = File::open(above)?;
        let within = Path::new("/proc/self/fd").join(directory.as_raw_fd().to_string());
        Ok(Self {
            path: within.join(name),
            _directory: Some(directory),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_deep_directory_is_no_obstacle() {
        let dir = tempfile::tempdir().unwrap();
        for depth in [0, 1, 3] {
            let above = (0..depth).fold(dir.path().to_owned(), |path, _| path.join("夏".repeat(40)));
            fs::create_dir_all(&above).unwrap();
            let path = above.join("a-name-of-sixty-four-bytes-which-is-the-most-that-a-campaign-has.sock");
            for _ in 0..2 {
                let listener = bind(&path).unwrap();
                let (asks, answers) = tokio::join!(connect(&path), listener.accept());
                asks.unwrap();
                answers.unwrap();
                let mode = fs::metadata(&path).unwrap().permissions().mode();
                assert_eq!(mode & 0o777, 0o600);
            }
            let stale = connect(&path).await.unwrap_err();
            assert_eq!(stale.kind(), io::ErrorKind::ConnectionRefused);
        }
    }
}
