//! The users of a service, and what they may do.

use std::fmt;

use serde::{Deserialize, Serialize};
use unicode_normalization::is_nfc;

use crate::catalogue::model;

use super::identity::{NameError, is_ignorable};

/// What a user may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Sees campaigns, and no ids of users.
    Viewer,
    /// Also pauses and stops campaigns, and sees what is known of a user.
    Support,
    /// Plans campaigns, and pauses and stops them.
    Author,
    /// Applies, resumes and decides.
    Operator,
    /// Approves what others have asked for.
    Approver,
    /// Does everything.
    Admin,
}

impl Role {
    /// Every role.
    pub const ALL: [Self; 6] = [
        Self::Viewer,
        Self::Support,
        Self::Author,
        Self::Operator,
        Self::Approver,
        Self::Admin,
    ];

    /// The word in the file of a service, and in the service log.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Support => "support",
            Self::Author => "author",
            Self::Operator => "operator",
            Self::Approver => "approver",
            Self::Admin => "admin",
        }
    }
}

/// The role in words.
impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let role = &self.word();
        model::Role { role }.fmt(f)
    }
}

/// The longest name of a user, in bytes.
const LONGEST: usize = 64;

/// The name of a user, a group or a token: letters and digits of any script in NFC, `.`, `_`, `-` and `@`, 1 to 64 bytes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UserName(Box<str>);

impl UserName {
    /// Parses a name.
    ///
    /// # Errors
    /// If the text breaks the rule of [`UserName`].
    pub fn parse(text: &str) -> Result<Self, NameError> {
        if text.is_empty() {
            return Err(NameError::Empty);
        }
        if text.len() > LONGEST {
            return Err(NameError::TooLong {
                actual: text.len(),
                most: LONGEST,
                unit: "bytes",
            });
        }
        if !is_nfc(text) {
            return Err(NameError::NotComposed);
        }
        let is_allowed = |c: char| !is_ignorable(c) && (c.is_alphanumeric() || matches!(c, '.' | '_' | '-' | '@'));
        match text.chars().find(|c| !is_allowed(*c)) {
            Some(found) => Err(NameError::Character { found, name: "user" }),
            None => Ok(Self(text.into())),
        }
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for UserName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
