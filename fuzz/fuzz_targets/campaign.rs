//! Any bytes as a campaign file: read or refused, never a panic, and what is said of them is sorted and within the file.

#![no_main]

mod mistakes;

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use runner::campaign::parse;
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
    mistakes::check(bytes, &found);
});
