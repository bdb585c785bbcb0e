//! The meaning of the platform's codes: the built-in table, the classes in a campaign file, which take precedence, and the
//! pure function from the end of an attempt to what it proved.
//!
//! The table is data. A code that no document lists is held for a person, who then classifies it in the campaign file.

mod ending;
mod envelope;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use crate::model::outcome::{Class, Classifier};

pub use ending::{HttpResult, Reply, Timing, outcome, retry_after};
pub(super) use envelope::integer;
pub use envelope::{Envelope, MOST_KEPT, excerpt};

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

impl Source {
    /// The source as text for people.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Send => "the endpoint's own page",
            Self::CouponFamily => "pages of the coupon endpoints",
            Self::PlatformWide => "the platform's common codes",
        }
    }
}

/// One row of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    /// The code, as in `err_no`.
    pub code: i64,
    /// Its class.
    pub class: Class,
    /// The platform's meaning of the code.
    pub meaning: &'static str,
    /// Where it is documented.
    pub source: Source,
}

const fn row(code: i64, class: Class, meaning: &'static str, source: Source) -> Row {
    Row {
        code,
        class,
        meaning,
        source,
    }
}

/// The built-in table, by code.
static TABLE: [Row; 32] = {
    use Class::{Halt, Hold, Issued, Refuse, Retry, Throttle, Token};
    use Source::{CouponFamily, PlatformWide, Send};
    [
        row(0, Issued, "the coupon was issued", Send),
        row(
            40_006,
            Halt,
            "this machine's IP address is not on the app's whitelist",
            PlatformWide,
        ),
        row(2_100_004, Retry, "the system is busy (older code)", PlatformWide),
        row(2_100_007, Halt, "the app lacks a permission (older code)", PlatformWide),
        row(2_190_001, Halt, "the app's quota is used up (older code)", PlatformWide),
        row(
            2_190_002,
            Token,
            "the access token is not valid (older code)",
            PlatformWide,
        ),
        row(
            2_190_004,
            Halt,
            "the app lacks this capability (older code)",
            PlatformWide,
        ),
        row(
            2_190_008,
            Token,
            "the access token has expired (older code)",
            PlatformWide,
        ),
        row(28_001_003, Token, "the access token is not valid", Send),
        row(28_001_005, Retry, "the platform had an error of its own", Send),
        row(28_001_006, Retry, "a call within the platform failed", Send),
        row(
            28_001_007,
            Hold,
            "a parameter is not valid; more often the campaign's mistake than the user's",
            Send,
        ),
        row(28_001_008, Token, "the access token has expired", Send),
        row(28_001_014, Halt, "no capability was granted to the app", PlatformWide),
        row(
            28_001_015,
            Hold,
            "the access token and the open_id do not belong together",
            PlatformWide,
        ),
        row(28_001_016, Halt, "the app is banned or offline", PlatformWide),
        row(
            28_001_017,
            Halt,
            "the platform does not know this address",
            PlatformWide,
        ),
        row(28_001_018, Halt, "the app lacks this capability (scope)", PlatformWide),
        row(28_001_019, Halt, "this capability is banned or offline", PlatformWide),
        row(28_001_020, Hold, "the user is not bound to this test app", PlatformWide),
        row(28_001_021, Halt, "the test app has expired", PlatformWide),
        row(
            28_001_042,
            Halt,
            "the service provider's token lacks this scope",
            PlatformWide,
        ),
        row(28_001_045, Refuse, "the user has closed the account", PlatformWide),
        row(28_001_046, Refuse, "the user is banned", PlatformWide),
        row(28_001_047, Refuse, "the user's account is private", PlatformWide),
        row(
            28_001_052,
            Throttle,
            "the app's access is at risk and has to slow down",
            PlatformWide,
        ),
        row(28_001_056, Halt, "the endpoint is retired", PlatformWide),
        row(28_003_017, Halt, "the app's quota is used up", PlatformWide),
        row(28_003_018, Throttle, "requests come at too high a rate", PlatformWide),
        row(29_005_012, Throttle, "attempts come too often", Send),
        row(29_005_013, Halt, "the coupon's template does not exist", CouponFamily),
        row(29_005_086, Halt, "the coupon's template is not in effect", CouponFamily),
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
