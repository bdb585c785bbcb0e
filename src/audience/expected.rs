//! Estimates the number of rows of a source from file sizes and a sample, for a forecast while it is read. No count
//! uses it.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use memchr::memchr_iter;

use super::input::{Input, list};

/// How many bytes of a file are sampled to estimate the length of its rows.
const SAMPLE: u64 = 256 << 10;
/// The first bytes of compressed files, whose size says little about their rows.
const COMPRESSED: [&[u8]; 2] = [&[0x1f, 0x8b], &[0x28, 0xb5, 0x2f, 0xfd]];

/// Estimates the number of rows. `None` if the whole input has to be read to know it.
pub(super) fn expected_rows(input: &Input) -> Option<u64> {
    let Input::Files(files) = input else { return None };
    let files = list(files).ok()?;
    files.iter().map(|file| of_file(&file.path)).sum()
}

fn of_file(path: &Path) -> Option<u64> {
    let about = path.metadata().ok().filter(std::fs::Metadata::is_file)?;
    let mut sample = Vec::new();
    File::open(path).ok()?.take(SAMPLE).read_to_end(&mut sample).ok()?;
    if COMPRESSED.iter().any(|magic| sample.starts_with(magic)) {
        return None;
    }
    let length = sample.len() as u64;
    let lines = memchr_iter(b'\n', &sample).count() as u64;
    (length > 0 && lines > 0).then(|| about.len().saturating_mul(lines) / length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_has_about_as_many_rows_as_its_size_says_and_a_compressed_one_does_not_say() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("audience.csv");
        std::fs::write(&path, "user-123456\n".repeat(100_000)).unwrap();
        let expected = of_file(&path).unwrap();
        assert!(expected.abs_diff(100_000) < 10, "{expected}");
        std::fs::write(&path, [0x1f, 0x8b, b'\n']).unwrap();
        assert_eq!(of_file(&path), None);
        assert_eq!(of_file(dir.path()), None);
    }
}
