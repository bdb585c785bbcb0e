//! Campaign files, and the file of a service: parsed into types, with the place of every value, and all mistakes reported at once.
//!
//! Parsing has two steps. First the text becomes a tree of values with places, limited in size and depth. Then each
//! section takes the keys that it declares from the tree and reports mistakes in the rest. No key is ignored: it is
//! read, or refused by name.
//!
//! A key is declared once, with `keys!`: name, type, bounds, default and text. The parser, the JSON Schema and the
//! defaults follow from it, and a test compares `docs/campaign-file.md` with it. [`crate::plan`] decides what a value
//! means for a run.

mod activity;
mod approval;
mod audience;
mod audience_source;
mod bill;
mod codes;
mod coupons;
mod credentials;
mod diagnostic;
mod diagnostics;
mod duration;
mod exclude;
mod file_kind;
mod full_width;
mod halt;
mod hours;
mod key;
mod keys;
mod line_index;
mod lists_hash;
mod load;
mod look_alike;
mod money;
mod names;
mod notify;
mod number;
mod pace;
mod platform;
mod redact;
mod render;
mod repeat;
mod retry;
mod root;
mod schedule;
mod schema_texts;
mod server_file;
mod share;
mod syntax;
mod testers;
mod text;
mod time;
mod tree;
mod value;
mod version;
mod waves;
mod word;
mod zone;

pub use activity::{Activity, ReleaseWord};
pub use approval::Approval;
pub use audience::{Audience, Order};
pub use audience_source::{Csv, Delimiter, Encoding, Format, Jsonl, Parquet, Server, Source, Sqlite, Stdin};
pub use bill::{Bill, BillColumns};
pub use coupons::Coupons;
pub use credentials::Credentials;
pub use diagnostic::{Code, Diagnostic, Excerpt, Place, Severity};
pub(crate) use duration::{parse as parse_duration, written as written_duration};
pub use exclude::Exclude;
pub use halt::{Guard, Halt};
pub use lists_hash::lists_hash;
pub use load::{MOST_BYTES, Parsed, ParsedFile, load, parse, parse_in, read};
pub use look_alike::find as find_look_alike;
pub use names::Names;
pub use notify::{Channel, ChannelKind, Topic};
pub use pace::Pace;
pub use platform::{BaseUrl, BaseUrlError, Platform};
pub use render::render_human;
pub use repeat::{Every, Missed, Repeat, RepeatDay};
pub use retry::{InDoubt, LONGEST_TIMEOUT, Retry};
pub use root::{Campaign, KeyRow, key_table, schema};
pub use schedule::Schedule;
pub use server_file::{
    BaseNeed, Budget, Freeze, ListenMistake, Need, Origin, Period, Policy, ProxyAuth, Rule, ServerFile, Store, Tls,
    Token, TokenHash, User, When, is_server_file, key_table as server_key_table, load as load_server,
    parse as parse_server, read as read_server, schema as server_schema,
};
pub use share::written as share_written;
pub use testers::{MOST_TESTERS, Testers};
pub use text::Files;
pub use waves::Wave;
