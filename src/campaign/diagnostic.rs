//! One thing to say about a campaign file: what is wrong, where, why, and what to write instead.

use std::fmt;
use std::ops::Range;

use serde::{Serialize, Serializer};

/// One remark on a campaign file. In JSON it is the object `diagnostic` of the command line's output.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "type", rename = "diagnostic")]
pub struct Diagnostic {
    /// Whether the file can be used all the same.
    pub severity: Severity,
    /// Which kind of mistake it is.
    pub code: Code,
    /// What is wrong, in lower case.
    pub message: String,
    /// The file, as it was named on the command line.
    pub file: String,
    /// Where in the file; none when it concerns the file as a whole.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub place: Option<Place>,
    /// What the system said, when it was the system that refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
    /// What to write instead.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
    /// What stands there, for showing the place. No secret is ever in it.
    #[serde(skip)]
    pub excerpt: Option<Excerpt>,
}

/// A place in a file. Lines and columns count from 1; a column is a character, whatever its width or its bytes. The end
/// is exclusive: it names the first character behind the place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Place {
    /// The line of the first character.
    pub line: u32,
    /// The column of the first character.
    pub column: u32,
    /// The line of the first character behind it.
    pub end_line: u32,
    /// The column of the first character behind it.
    pub end_column: u32,
}

/// A line of the file with a mark in it. What may be a secret is covered, and a long line is cut around the mark.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Excerpt {
    /// The line, or what is shown of it.
    pub text: String,
    /// The bytes of `text` under which the caret stands.
    pub mark: Range<usize>,
    /// A few words beside the caret; may be empty.
    pub label: String,
}

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// The file cannot be used.
    Error,
    /// The file can be used; somebody should look.
    Warning,
}

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $code:literal,)*) => {
        /// The kinds of mistakes, each with a code that never changes its meaning.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Code { $($(#[$doc])* $name,)* }

        impl Code {
            /// Every kind, in the order of the codes.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// The code, such as `E0112`.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $code,)* }
            }

            /// Its page, in Markdown.
            #[must_use]
            pub const fn page(self) -> &'static str {
                match self { $(Self::$name => include_str!(concat!("../../docs/problems/", $code, ".md")),)* }
            }
        }
    };
}

codes! {
    /// The file is not there, is no file, or cannot be read.
    Unreadable = "E0101",
    /// The file is larger than a campaign file may be.
    TooLarge = "E0102",
    /// The file is not UTF-8 text.
    NotText = "E0103",
    /// The file says nothing.
    Empty = "E0104",
    /// The file is not YAML.
    Syntax = "E0105",
    /// A tab stands where YAML allows spaces only.
    Tab = "E0106",
    /// The file is nested too deeply.
    TooDeep = "E0107",
    /// The file has too many values, or its aliases stand for too many.
    TooMany = "E0108",
    /// A part of YAML that campaign files do without: tags, merge keys, several documents.
    Exotic = "E0109",
    /// A key that means nothing here.
    UnknownKey = "E0111",
    /// A key that has to be there is not.
    MissingKey = "E0112",
    /// A key that stands there twice.
    RepeatedKey = "E0113",
    /// A list, a mapping or a single value in place of another of these.
    WrongType = "E0115",
    /// A key with nothing behind it.
    NoValue = "E0116",
    /// Not one of several keys that exclude each other, or more than one.
    Choice = "E0117",
    /// A name that breaks the rule of names.
    Name = "E0121",
    /// What is no number, or a number out of bounds.
    Number = "E0122",
    /// What is no duration, or a duration out of bounds.
    Duration = "E0123",
    /// What is no share.
    Share = "E0124",
    /// What is no time zone.
    Zone = "E0125",
    /// What is no time, or a time that the clocks of the zone never show.
    Time = "E0126",
    /// A word that is not one of those that may stand there.
    Word = "E0127",
    /// A URL that requests cannot be sent to.
    Url = "E0128",
    /// A secret in place of a reference to one.
    SecretInClear = "E0129",
    /// What is no window of hours, or one without a length.
    Hours = "E0130",
    /// Values that are right one by one, but not together.
    Contradiction = "E0131",
    /// Campaigns that are applied together have other credentials for one app.
    OtherCredentials = "E0132",
    /// A time that the clocks of the zone show twice.
    TimeTwice = "E0141",
    /// A rate over the platform's documented limit.
    OverLimit = "E0142",
    /// What the file names cannot be had: an audience, a column in it, a secret.
    Absent = "E0151",
    /// More mistakes than are listed.
    More = "E0199",
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for Code {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}
