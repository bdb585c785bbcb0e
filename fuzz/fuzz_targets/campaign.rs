//! Any bytes as a campaign file: read or refused, never a panic, and what is said of them is sorted and within the file.

#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use runner::campaign::{parse, render_human};
use runner::plan::{RunOptions, build};

fuzz_target!(|bytes: &[u8]| {
    let found = match parse(Path::new("c.yaml"), bytes) {
        Ok(parsed) => {
            build(&parsed.campaign, RunOptions::default()).expect("without a sandbox every campaign has a plan");
            parsed.warnings
        }
        Err(found) => {
            assert!(!found.is_empty(), "refused without a word");
            found
        }
    };
    let places: Vec<_> = found.iter().filter_map(|one| one.place).collect();
    assert!(places.is_sorted_by_key(|place| (place.line, place.column)));
    let lines = bytes.split(|byte| matches!(byte, b'\n' | b'\r')).count();
    assert!(places.iter().all(|place| place.end_line as usize <= lines));
    for excerpt in found.iter().filter_map(|one| one.excerpt.as_ref()) {
        assert!(excerpt.text.get(excerpt.mark.clone()).is_some());
    }
    assert_eq!(render_human(&found, true).is_empty(), found.is_empty());
});
