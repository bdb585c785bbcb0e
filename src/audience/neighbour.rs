//! Files that systems and programs keep beside data. A pattern such as `data/*` matches them, and they are no data.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// What a file beside the data is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Neighbour {
    /// A marker of the program that wrote the files.
    Marker,
    /// A checksum of another file.
    Checksum,
    /// A file that a program is still writing.
    Unfinished,
    /// An older copy of another file.
    Copy,
    /// A file of the Windows file manager.
    Windows,
    /// A file of the macOS file manager.
    MacOs,
    /// The lock of a spreadsheet that is open.
    Lock,
}

impl Neighbour {
    /// The word that selects a text of the catalogue.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Marker => "marker",
            Self::Checksum => "checksum",
            Self::Unfinished => "unfinished",
            Self::Copy => "copy",
            Self::Windows => "windows",
            Self::MacOs => "macos",
            Self::Lock => "lock",
        }
    }
}

/// Returns the first file that is no data by its name, with what it is. `None` if there is none.
pub(super) fn find<'p>(pattern: &str, paths: &'p [PathBuf]) -> Option<(&'p Path, Neighbour)> {
    paths.iter().find_map(|path| {
        let by_ending = of_ending(path).filter(|(ending, _)| !pattern.ends_with(ending));
        let what = of_name(path).or_else(|| by_ending.map(|(_, what)| what))?;
        Some((path.as_path(), what))
    })
}

/// Returns a pattern for the data alone: the folder of `pattern`, and the most frequent ending of the files.
pub(super) fn narrower(pattern: &str, paths: &[PathBuf]) -> String {
    let mut endings = BTreeMap::<_, usize>::new();
    for path in paths
        .iter()
        .filter(|path| of_name(path).is_none() && of_ending(path).is_none())
    {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        // `.csv.gz` is one ending.
        if let Some((_, ending)) = name.split_once('.') {
            *endings.entry(ending.to_owned()).or_default() += 1;
        }
    }
    let most = endings.into_iter().max_by_key(|(_, count)| *count);
    let ending = most.map_or_else(|| "csv".to_owned(), |(ending, _)| ending);
    let folder = pattern.rsplit_once('/').map_or("", |(folder, _)| folder);
    let slash = if folder.is_empty() { "" } else { "/" };
    format!("{folder}{slash}*.{ending}")
}

/// Returns what a file is by its name; `None` if it may be data.
fn of_name(path: &Path) -> Option<Neighbour> {
    let name = path.file_name()?.to_string_lossy().to_ascii_lowercase();
    match name.as_str() {
        "_success" | "_metadata" | "_common_metadata" | "_temporary" | "_delta_log" | "_spark_metadata" => {
            Some(Neighbour::Marker)
        }
        "thumbs.db" | "ehthumbs.db" | "desktop.ini" => Some(Neighbour::Windows),
        ".ds_store" | "__macosx" | "icon\r" => Some(Neighbour::MacOs),
        name if name.starts_with("._") => Some(Neighbour::MacOs),
        name if name.starts_with("~$") || name.starts_with(".~") => Some(Neighbour::Lock),
        name if name.starts_with("_committed_") || name.starts_with("_started_") => Some(Neighbour::Marker),
        _ => None,
    }
}

/// Returns the ending of a name that is hardly data's, with what such a file is; `None` if it may be data.
fn of_ending(path: &Path) -> Option<(&'static str, Neighbour)> {
    let name = path.file_name()?.to_string_lossy().to_ascii_lowercase();
    let endings = [
        (".crc", Neighbour::Checksum),
        (".md5", Neighbour::Checksum),
        (".sha1", Neighbour::Checksum),
        (".sha256", Neighbour::Checksum),
        (".tmp", Neighbour::Unfinished),
        (".crdownload", Neighbour::Unfinished),
        (".swp", Neighbour::Unfinished),
        (".bak", Neighbour::Copy),
        ("~", Neighbour::Copy),
    ];
    endings.into_iter().find(|(ending, _)| name.ends_with(ending))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(names: &[&str]) -> Vec<PathBuf> {
        names.iter().map(|name| Path::new("data").join(name)).collect()
    }

    #[test]
    fn a_file_beside_the_data_is_known_by_its_name() {
        for name in [
            "_SUCCESS",
            "Thumbs.db",
            "desktop.ini",
            "~$members.xlsx",
            ".~lock.members.csv#",
            "members.csv.crc",
            "members.csv~",
            "members.csv.bak",
            "members.csv.tmp",
            "__MACOSX",
        ] {
            let found = paths(&["members.csv", name, "vip.csv.gz", "old.csv"]);
            let (path, _) = find("data/*", &found).expect(name);
            assert!(path.ends_with(name), "{name}");
            assert_eq!(narrower("data/*", &found), "data/*.csv");
        }
    }

    #[test]
    fn any_other_name_may_be_data() {
        let all = paths(&["members.csv", "_vip.csv", "part-00000", "success", "members.csv.gz"]);
        assert_eq!(find("data/*", &all), None);
        assert_eq!(
            find("data/*.bak", &paths(&["members.bak"])),
            None,
            "the pattern asks for it"
        );
        assert_eq!(narrower("*", &paths(&["_SUCCESS"])), "*.csv");
    }
}
