//! Which campaign files a service takes into account: a file counts once two scans in a row found it unchanged. Pure: the caller
//! reads the directory.

use std::collections::BTreeMap;
use std::time::SystemTime;

/// What a scan sees of a file without reading it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// Its size.
    pub size: u64,
    /// When it was written.
    pub modified: Option<SystemTime>,
    /// Its inode, which another file in its place does not have.
    pub inode: u64,
}

/// One file of a scan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeenFile {
    /// Its name in the directory.
    pub name: String,
    /// What is seen of it.
    pub stamp: Stamp,
}

/// What follows from a scan.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ScanResult {
    /// The files to read: they are unchanged since the scan before, and were not read since.
    pub settled: Vec<SeenFile>,
    /// The files that are gone, in two scans in a row.
    pub vanished: Vec<String>,
    /// Whether every file is gone. That changes nothing: the directory may be replaced, or not mounted, at this moment.
    pub is_empty: bool,
}

#[derive(Clone, Copy, Debug)]
struct Known {
    stamp: Stamp,
    /// The stamp as of which the file was read.
    read: Option<Stamp>,
    is_missing: bool,
}

/// The files of the scans so far.
#[derive(Clone, Debug, Default)]
pub struct Scanner {
    known: BTreeMap<String, Known>,
}

impl Scanner {
    /// Adds a scan.
    pub fn observe(&mut self, seen: &[SeenFile]) -> ScanResult {
        let mut result = ScanResult::default();
        if seen.is_empty() && !self.known.is_empty() {
            result.is_empty = true;
            return result;
        }
        for SeenFile { name, stamp } in seen {
            let Some(known) = self.known.get_mut(name) else {
                let known = Known {
                    stamp: *stamp,
                    read: None,
                    is_missing: false,
                };
                self.known.insert(name.clone(), known);
                continue;
            };
            let is_settled = known.stamp == *stamp && !known.is_missing;
            known.stamp = *stamp;
            known.is_missing = false;
            if is_settled && known.read != Some(*stamp) {
                result.settled.push(SeenFile {
                    name: name.clone(),
                    stamp: *stamp,
                });
            }
        }
        self.known.retain(|name, known| {
            if seen.iter().any(|file| file.name == *name) {
                return true;
            }
            if known.is_missing {
                result.vanished.push(name.clone());
                return false;
            }
            known.is_missing = true;
            true
        });
        result
    }

    /// Notes that a file was read as of its stamp.
    pub fn note_read(&mut self, file: &SeenFile) {
        if let Some(known) = self.known.get_mut(&file.name) {
            known.read = Some(file.stamp);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(name: &str, size: u64) -> SeenFile {
        SeenFile {
            name: name.to_owned(),
            stamp: Stamp {
                size,
                modified: None,
                inode: 1,
            },
        }
    }

    fn scan(scanner: &mut Scanner, seen: &[SeenFile]) -> ScanResult {
        let result = scanner.observe(seen);
        for file in &result.settled {
            scanner.note_read(file);
        }
        result
    }

    #[test]
    fn a_file_counts_once_it_was_the_same_in_two_scans() {
        let mut scanner = Scanner::default();
        assert_eq!(scan(&mut scanner, &[file("a.yaml", 1)]), ScanResult::default());
        assert_eq!(
            scan(&mut scanner, &[file("a.yaml", 2)]),
            ScanResult::default(),
            "it is being written"
        );
        assert_eq!(scan(&mut scanner, &[file("a.yaml", 2)]).settled, [file("a.yaml", 2)]);
        assert_eq!(
            scan(&mut scanner, &[file("a.yaml", 2)]),
            ScanResult::default(),
            "it was read"
        );
        scan(&mut scanner, &[file("a.yaml", 3)]);
        assert_eq!(scan(&mut scanner, &[file("a.yaml", 3)]).settled, [file("a.yaml", 3)]);
    }

    #[test]
    fn a_file_that_is_replaced_for_a_moment_does_not_vanish() {
        let mut scanner = Scanner::default();
        let both = [file("a.yaml", 1), file("b.yaml", 1)];
        scan(&mut scanner, &both);
        scan(&mut scanner, &both);
        assert_eq!(scan(&mut scanner, &[file("b.yaml", 1)]), ScanResult::default());
        assert_eq!(scan(&mut scanner, &both), ScanResult::default());
        scan(&mut scanner, &[file("b.yaml", 1)]);
        assert_eq!(scan(&mut scanner, &[file("b.yaml", 1)]).vanished, ["a.yaml"]);
        scan(&mut scanner, &both);
        assert_eq!(scan(&mut scanner, &both).settled, [file("a.yaml", 1)], "it came back");
    }

    #[test]
    fn an_empty_directory_changes_nothing() {
        let mut scanner = Scanner::default();
        scan(&mut scanner, &[file("a.yaml", 1)]);
        scan(&mut scanner, &[file("a.yaml", 1)]);
        for _ in 0..3 {
            let empty = scan(&mut scanner, &[]);
            assert!(empty.is_empty && empty.vanished.is_empty());
        }
        assert_eq!(scan(&mut scanner, &[file("a.yaml", 1)]), ScanResult::default());
    }
}
