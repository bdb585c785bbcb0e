//! Any bytes as the file of a service: read or refused, never a panic, and what is said of them is sorted and within the file.

#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use runner::campaign::{is_server_file, parse_server, render_human};

fuzz_target!(|bytes: &[u8]| {
    let path = Path::new("s.yaml");
    // Whether it is one is decided before it is parsed.
    is_server_file(path, bytes);
    let found = match parse_server(path, bytes) {
        Ok(parsed) => {
            let server = parsed.content;
            server.check_listen(server.listen()).expect("the address was checked");
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
