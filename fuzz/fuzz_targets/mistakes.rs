//! What must be true of the mistakes that were found in any file.

use runner::campaign::{Diagnostic, render_human};

/// Checks that they are sorted and within the file, and that there is something to show if and only if there is a mistake.
pub fn check(bytes: &[u8], found: &[Diagnostic]) {
    let places: Vec<_> = found.iter().filter_map(|one| one.place).collect();
    assert!(places.is_sorted_by_key(|place| (place.line, place.column)));
    let lines = bytes.split(|byte| matches!(byte, b'\n' | b'\r')).count();
    assert!(places.iter().all(|place| place.end_line as usize <= lines));
    for excerpt in found.iter().filter_map(|one| one.excerpt.as_ref()) {
        assert!(excerpt.text.get(excerpt.mark.clone()).is_some());
    }
    assert_eq!(render_human(found, true).is_empty(), found.is_empty());
}
