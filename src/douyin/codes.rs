//! The meaning of the platform's codes: the built-in table, the classes in a campaign file, which take precedence, and the
//! pure function from the end of an attempt to what it proved.
//!
//! The table is data. A code that no document lists is held for a person, who then classifies it in the campaign file.

mod ending;
mod envelope;
mod replay;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;

use crate::catalogue::codes as texts;
use crate::model::outcome::{Class, Classifier};

pub use ending::{HttpResult, Reply, Timing, outcome, retry_after};
pub(super) use ending::{failure, http_date};
pub use envelope::{Envelope, MOST_KEPT, excerpt};
pub(super) use envelope::{coupon, integer};
pub use replay::clocks_agree;

/// Where a code of the table is documented.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// The page of `send_coupon_to_designated_user`: its table of codes or its sample.
    Send,
    /// Pages of other coupon endpoints.
    CouponFamily,
    /// Pages on codes that all of the platform's endpoints share.
    PlatformWide,
}

/// Writes where a code is documented.
impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let source = match self {
            Self::Send => "send",
            Self::CouponFamily => "coupon-family",
            Self::PlatformWide => "platform-wide",
        };
        write!(f, "{}", texts::Source { source: &source })
    }
}

/// One row of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    /// The code, as in `err_no`.
    pub code: i64,
    /// Its class.
    pub class: Class,
    /// Where it is documented.
    pub source: Source,
}

impl Row {
    /// Returns what the platform means by the code.
    #[must_use]
    pub fn meaning(&self) -> String {
        texts::Meaning {
            code: self.code.unsigned_abs(),
        }
        .to_string()
    }
}

const fn row(code: i64, class: Class, source: Source) -> Row {
    Row { code, class, source }
}

/// The built-in table, by code.
static TABLE: [Row; 32] = {
    use Class::{Halt, Hold, Issued, Refuse, Retry, Throttle, Token};
    use Source::{CouponFamily, PlatformWide, Send};
    [
        row(0, Issued, Send),
        row(40_006, Halt, PlatformWide),
        row(2_100_004, Retry, PlatformWide),
        row(2_100_007, Halt, PlatformWide),
        row(2_190_001, Halt, PlatformWide),
        row(2_190_002, Token, PlatformWide),
        row(2_190_004, Halt, PlatformWide),
        row(2_190_008, Token, PlatformWide),
        row(28_001_003, Token, Send),
        row(28_001_005, Retry, Send),
        row(28_001_006, Retry, Send),
        row(28_001_007, Hold, Send),
        row(28_001_008, Token, Send),
        row(28_001_014, Halt, PlatformWide),
        row(28_001_015, Hold, PlatformWide),
        row(28_001_016, Halt, PlatformWide),
        row(28_001_017, Halt, PlatformWide),
        row(28_001_018, Halt, PlatformWide),
        row(28_001_019, Halt, PlatformWide),
        row(28_001_020, Hold, PlatformWide),
        row(28_001_021, Halt, PlatformWide),
        row(28_001_042, Halt, PlatformWide),
        row(28_001_045, Refuse, PlatformWide),
        row(28_001_046, Refuse, PlatformWide),
        row(28_001_047, Refuse, PlatformWide),
        row(28_001_052, Throttle, PlatformWide),
        row(28_001_056, Halt, PlatformWide),
        row(28_003_017, Halt, PlatformWide),
        row(28_003_018, Throttle, PlatformWide),
        row(29_005_012, Throttle, Send),
        row(29_005_013, Halt, CouponFamily),
        row(29_005_086, Halt, CouponFamily),
    ]
};

/// The classes of codes of one campaign.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Codes {
    overrides: BTreeMap<i64, Class>,
}

impl Codes {
    /// Puts the campaign file's classes before the built-in table. A class for code 0 is ignored: only the coupon's id
    /// proves that a coupon was issued.
    #[must_use]
    pub fn new(mut overrides: BTreeMap<i64, Class>) -> Self {
        overrides.remove(&0);
        Self { overrides }
    }

    /// Returns the class of `code`, and where that class comes from. A code without a class is held.
    #[must_use]
    pub fn classify(&self, code: i64) -> (Class, Classifier) {
        if let Some(class) = self.overrides.get(&code) {
            return (*class, Classifier::File);
        }
        match Self::find(code) {
            Some(row) => (row.class, Classifier::Table),
            None => (Class::Hold, Classifier::Nobody),
        }
    }

    /// The built-in table, in ascending order of codes.
    #[must_use]
    pub fn table() -> &'static [Row] {
        &TABLE
    }

    /// The built-in table's row for `code`. `None` when it has none.
    #[must_use]
    pub fn find(code: i64) -> Option<&'static Row> {
        TABLE.iter().find(|row| row.code == code)
    }
}
