//! Any bytes as the file of a service: read or refused, never a panic, and what is said of them is sorted and within the file.

#![no_main]

mod mistakes;

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use runner::campaign::{is_server_file, parse_server};

fuzz_target!(|bytes: &[u8]| {
    let path = Path::new("s.yaml");
    // Whether it is one is decided before it is parsed.
    let _ = is_server_file(path, bytes);
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
    mistakes::check(bytes, &found);
});
