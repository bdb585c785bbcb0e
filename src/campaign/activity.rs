//! The activity that a campaign declares, in place of the id of one that exists.

use crate::catalogue::campaign as text;
use crate::model::activity::{MOST_NAME, ReleaseRule};

use super::diagnostic::Code;
use super::keys::keys;
use super::number::IntegerRange;
use super::text::Text;
use super::word::{Word, words};

/// A larger number is more than all people could receive, so it is a mistake.
const MOST: u64 = 1_000_000_000_000;

keys! {
    /// The activity that the first apply creates, and that the coupons are of.
    #[derive(Clone, Debug, Default, PartialEq, Eq)]
    pub struct Activity {
        /// How many coupons the activity may give. They are taken from the template's stock at once. Without it, `max_coupons`.
        stock: u64 = IntegerRange(1..=MOST), optional "100000";
        /// The name that the platform's console shows. Without it, the title, or else the campaign's name.
        name: String = Text(&text::WantTitle), optional "夏日立减券";
        /// When what is left of the stock goes back to the template.
        release: ReleaseWord = Word, default ReleaseWord::Never;
    }
    check |map, diagnostics| {
        if let (Some(name), Some(value)) = (&name, map.get("name"))
            && name.chars().count() > MOST_NAME
        {
            let message = text::ActivityNameTooLong { path: &value.path, most: &MOST_NAME };
            diagnostics.error(Code::Name, value.span(), message).help(text::ActivityNameTooLongHelp);
        }
    }
}

words! {
    /// When what is left of the stock goes back to the template.
    pub enum ReleaseWord {
        /// Only when a person asks for it, by `runner activity FILE --release`.
        Never = "never",
        /// By the apply that finds every delivery settled.
        WhenSettled = "when_settled",
    }
}

impl ReleaseWord {
    /// Returns the rule that the word means.
    #[must_use]
    pub const fn rule(self) -> ReleaseRule {
        match self {
            Self::Never => ReleaseRule::Never,
            Self::WhenSettled => ReleaseRule::WhenSettled,
        }
    }
}
