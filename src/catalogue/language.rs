//! The language of texts for people.

use std::cell::Cell;
use std::sync::atomic::{AtomicU8, Ordering};

/// A language of the catalogue.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Language {
    /// English, for every locale that is not Chinese.
    #[default]
    English,
    /// Simplified Chinese.
    Chinese,
}

/// The variables that name a language, the strongest first.
const VARIABLES: [&str; 4] = ["RUNNER_LANG", "LC_ALL", "LC_MESSAGES", "LANG"];

/// The language of the process.
static OF_PROCESS: AtomicU8 = AtomicU8::new(Language::English as u8);

thread_local! {
    /// The language of a scope on this thread.
    static OF_SCOPE: Cell<Option<Language>> = const { Cell::new(None) };
}

impl Language {
    /// Every language.
    pub const ALL: [Self; 2] = [Self::English, Self::Chinese];

    /// Returns the language of a locale such as `zh_CN.UTF-8`, `zh` or `C`.
    #[must_use]
    pub fn of_locale(locale: &str) -> Self {
        let language = locale.split(['_', '-', '.', '@']).next().unwrap_or_default();
        if language.eq_ignore_ascii_case("zh") {
            Self::Chinese
        } else {
            Self::English
        }
    }

    /// Returns the language as the attribute `lang` of HTML has it.
    #[must_use]
    pub const fn html(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::Chinese => "zh-CN",
        }
    }

    /// Returns the language of the first variable of `RUNNER_LANG`, `LC_ALL`, `LC_MESSAGES` and `LANG` that is set and not empty.
    pub fn of_environment(variable: impl Fn(&str) -> Option<String>) -> Self {
        VARIABLES
            .iter()
            .filter_map(|name| variable(name))
            .find(|value| !value.is_empty())
            .map_or(Self::English, |value| Self::of_locale(&value))
    }

    /// Sets the language of the process.
    pub fn set(self) {
        OF_PROCESS.store(self as u8, Ordering::Relaxed);
    }

    /// Returns the language in which texts are written at present on this thread.
    #[must_use]
    pub fn current() -> Self {
        OF_SCOPE.get().unwrap_or_else(|| {
            if OF_PROCESS.load(Ordering::Relaxed) == Self::Chinese as u8 {
                Self::Chinese
            } else {
                Self::English
            }
        })
    }

    /// Calls `write` with this language on this thread.
    pub fn scope<T>(self, write: impl FnOnce() -> T) -> T {
        /// Restores the language also after a panic.
        struct Restore(Option<Language>);
        impl Drop for Restore {
            fn drop(&mut self) {
                OF_SCOPE.set(self.0);
            }
        }
        let _restore = Restore(OF_SCOPE.replace(Some(self)));
        write()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_variable_that_is_set_decides() {
        let of = |set: &[(&str, &str)]| {
            Language::of_environment(|name| {
                set.iter()
                    .find(|(variable, _)| *variable == name)
                    .map(|(_, value)| (*value).to_owned())
            })
        };
        assert_eq!(of(&[]), Language::English);
        assert_eq!(of(&[("LANG", "zh_CN.UTF-8")]), Language::Chinese);
        assert_eq!(of(&[("LANG", "zh_CN.UTF-8"), ("LC_ALL", "C")]), Language::English);
        assert_eq!(of(&[("LANG", "zh_CN.UTF-8"), ("LC_ALL", "")]), Language::Chinese);
        assert_eq!(
            of(&[("LANG", "en_US.UTF-8"), ("LC_MESSAGES", "zh_TW")]),
            Language::Chinese
        );
        assert_eq!(of(&[("LC_ALL", "zh_CN"), ("RUNNER_LANG", "en")]), Language::English);
        assert_eq!(of(&[("LANG", "zho")]), Language::English);
    }

    #[test]
    fn a_scope_ends_with_its_call_and_stays_on_its_thread() {
        let outside = Language::current();
        Language::Chinese.scope(|| {
            assert_eq!(Language::current(), Language::Chinese);
            let other = std::thread::spawn(Language::current).join();
            assert_eq!(other.ok(), Some(outside));
            Language::English.scope(|| assert_eq!(Language::current(), Language::English));
            assert_eq!(Language::current(), Language::Chinese);
        });
        assert_eq!(Language::current(), outside);
    }
}
