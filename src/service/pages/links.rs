//! The addresses of pages.

use url::form_urlencoded::byte_serialize;

/// Returns a name as a part of a path.
fn part(name: &str) -> String {
    // A form writes a space as `+`, which a path does not know.
    byte_serialize(name.as_bytes()).collect::<String>().replace('+', "%20")
}

/// The page of a campaign.
#[must_use]
pub fn campaign(file: &str) -> String {
    format!("/campaigns/{}", part(file))
}

/// Something below the page of a campaign.
#[must_use]
pub fn below(file: &str, what: &str) -> String {
    format!("/campaigns/{}/{what}", part(file))
}

/// The records of the log with a text, as a file.
#[must_use]
pub fn audit_export(text: &str) -> String {
    format!("/audit.jsonl?text={}", part(text))
}

/// The page of a problem.
#[must_use]
pub fn problem(code: &str) -> String {
    format!("/problems/{}", part(code))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_name_is_one_part_of_the_path() {
        assert_eq!(
            campaign("夏 日/../x.yaml"),
            "/campaigns/%E5%A4%8F%20%E6%97%A5%2F..%2Fx.yaml"
        );
        assert_eq!(below("a+b.yaml", "plan"), "/campaigns/a%2Bb.yaml/plan");
    }
}
