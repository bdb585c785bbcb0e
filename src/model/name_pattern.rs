//! Patterns of names: `double11-*`.

use std::fmt;

/// A pattern of names: `*` matches any characters, everything else itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamePattern(Box<str>);

impl NamePattern {
    /// The pattern that is written as `text`. `None` for an empty text.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        (!text.is_empty()).then(|| Self(text.into()))
    }

    /// Whether the whole name fits.
    #[must_use]
    pub fn is_match(&self, name: &str) -> bool {
        let Some((first, rest)) = self.0.split_once('*') else {
            return *self.0 == *name;
        };
        let Some(mut name) = name.strip_prefix(first) else {
            return false;
        };
        let (between, last) = rest.rsplit_once('*').unwrap_or(("", rest));
        for part in between.split('*') {
            // The first place leaves the most for what follows.
            let Some(at) = name.find(part) else { return false };
            name = name.get(at + part.len()..).unwrap_or_default();
        }
        name.ends_with(last)
    }
}

impl fmt::Display for NamePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn is_match(pattern: &str, name: &str) -> bool {
        NamePattern::parse(pattern).is_some_and(|pattern| pattern.is_match(name))
    }

    #[test]
    fn a_star_matches_any_characters() {
        for (pattern, name) in [
            ("double11-*", "double11-tea"),
            ("double11-*", "double11-"),
            ("*", ""),
            ("*", "奶茶"),
            ("*奶*", "奶茶"),
            ("a*a", "aa"),
            ("a*b*b", "abb"),
            ("tea", "tea"),
        ] {
            assert!(is_match(pattern, name), "{pattern} {name}");
        }
        for (pattern, name) in [
            ("double11-*", "double12-tea"),
            ("a*a", "a"),
            ("a*b*b", "ab"),
            ("tea", "tea-2"),
            ("*茶", "奶茶2"),
        ] {
            assert!(!is_match(pattern, name), "{pattern} {name}");
        }
    }

    /// The rule as one would define it.
    fn fits(pattern: &[char], name: &[char]) -> bool {
        match (pattern, name) {
            ([], name) => name.is_empty(),
            (['*', rest @ ..], name) => (0..=name.len()).any(|skipped| fits(rest, &name[skipped..])),
            ([first, rest @ ..], [found, name @ ..]) => first == found && fits(rest, name),
            (_, []) => false,
        }
    }

    proptest! {
        #[test]
        fn it_fits_what_the_definition_fits(pattern in "[ab*]{1,6}", name in "[ab]{0,8}") {
            let chars = |text: &str| text.chars().collect::<Vec<_>>();
            prop_assert_eq!(is_match(&pattern, &name), fits(&chars(&pattern), &chars(&name)));
        }
    }
}
