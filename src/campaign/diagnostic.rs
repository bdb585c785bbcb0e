//! Diagnostics of a campaign file: what is wrong, where, why, and what to write instead.

use std::fmt;
use std::ops::Range;

use serde::{Serialize, Serializer};

use crate::catalogue::Language;
use crate::model::problem::problem_page;

/// One mistake or warning in a campaign file. In JSON it is the object `diagnostic` of the command line's output.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "type", rename = "diagnostic")]
pub struct Diagnostic {
    /// Whether the file can still be used.
    pub severity: Severity,
    /// The kind of mistake.
    pub code: Code,
    /// The message, in lower case.
    pub message: String,
    /// The file, as named on the command line.
    pub file: String,
    /// The place in the file; `None` if the diagnostic is about the whole file.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub place: Option<Place>,
    /// The system's error, if the system refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
    /// What to write instead.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
    /// The line to show. It never has a secret.
    #[serde(skip)]
    pub excerpt: Option<Excerpt>,
}

/// A place in a file. Lines and columns count from 1; a column is a character, whatever its width or its bytes. The end
/// is exclusive: it is the first character after the place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Place {
    /// The line of the first character.
    pub line: u32,
    /// The column of the first character.
    pub column: u32,
    /// The line of the first character after it.
    pub end_line: u32,
    /// The column of the first character after it.
    pub end_column: u32,
}

/// A line of the file with a mark. Possible secrets are covered, and a long line is cut around the mark.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Excerpt {
    /// The line, or the part of it that is shown.
    pub text: String,
    /// The byte range of `text` above the caret.
    pub mark: Range<usize>,
    /// A few words beside the caret; may be empty.
    pub label: String,
}

/// The severity of a diagnostic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// The file cannot be used.
    Error,
    /// The file can be used, but should be checked.
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

            /// Returns the page, in Markdown.
            #[must_use]
            pub const fn page(self, language: Language) -> &'static str {
                match self { $(Self::$name => problem_page!($code, language),)* }
            }
        }
    };
}

codes! {
    /// The file does not exist, is not a regular file, or cannot be read.
    Unreadable = "E0101",
    /// The file is larger than allowed.
    TooLarge = "E0102",
    /// The file is not UTF-8 text.
    NotText = "E0103",
    /// The file is empty.
    Empty = "E0104",
    /// The file is not YAML.
    Syntax = "E0105",
    /// A tab is used where YAML allows only spaces.
    Tab = "E0106",
    /// The file is nested too deeply.
    TooDeep = "E0107",
    /// The file has too many values, or its aliases expand to too many.
    TooMany = "E0108",
    /// The file uses a YAML feature that campaign files do not allow: tags, merge keys, several documents.
    Exotic = "E0109",
    /// A key is unknown.
    UnknownKey = "E0111",
    /// A required key is missing.
    MissingKey = "E0112",
    /// A key occurs twice.
    RepeatedKey = "E0113",
    /// A value has the wrong kind: list, mapping or single value.
    WrongType = "E0115",
    /// A key has no value.
    NoValue = "E0116",
    /// Not exactly one of several exclusive keys is given.
    Choice = "E0117",
    /// A name breaks the rule of names.
    Name = "E0121",
    /// A value is not a number, or is out of range.
    Number = "E0122",
    /// A value is not a duration, or is out of range.
    Duration = "E0123",
    /// A value is not a share.
    Share = "E0124",
    /// A value is not a time zone.
    Zone = "E0125",
    /// A value is not a time, or is a time that the clocks of the zone skip.
    Time = "E0126",
    /// A value is not one of the allowed words.
    Word = "E0127",
    /// A URL cannot be used for requests.
    Url = "E0128",
    /// A secret is written in place of a reference.
    SecretInClear = "E0129",
    /// A value is not a window of hours, or the window is empty.
    Hours = "E0130",
    /// Values contradict each other.
    Contradiction = "E0131",
    /// Campaigns that are applied together have different credentials for one app.
    OtherCredentials = "E0132",
    /// A secret is too short to be one.
    ShortSecret = "E0133",
    /// An amount of money in another form, or out of range.
    Money = "E0134",
    /// The days on which a campaign takes place do not fit the rule, or it never takes place.
    Repeat = "E0135",
    /// The address of a service, or the one under which it is reached, cannot be used.
    Address = "E0136",
    /// A rule of a policy that no plan or nobody can meet.
    Policy = "E0137",
    /// A time occurs twice on the clocks of the zone.
    TimeTwice = "E0141",
    /// A rate exceeds the platform's documented limit.
    OverLimit = "E0142",
    /// A name looks like another one.
    LookAlike = "E0143",
    /// The certificate of a service cannot be used.
    Certificate = "E0144",
    /// Something that the file names is absent: an audience, a column in it, a secret.
    Absent = "E0151",
    /// There are more mistakes than are listed.
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
