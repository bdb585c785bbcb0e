//! The hash of the settings that say whom an audience has. A ledger keeps it, so that another machine can tell whether the campaign file
//! still names the lists that were read.

use std::path::Path;

use sha2::{Digest as _, Sha256};

use crate::model::secret::SecretRef;

use super::audience::Audience;
use super::audience_source::{Csv, Encoding, Format, Jsonl, Parquet, Server, Source, Sqlite, Stdin};
use super::exclude::Exclude;
use super::root::Campaign;
use super::testers::Testers;

/// Returns the hash of the settings of a campaign that say whom its audience has: its lists, its testers and its limit. Paths count from
/// `folder`, the folder of the campaign file. The hash is in ledgers, so it never changes.
#[must_use]
pub fn lists_hash(campaign: &Campaign, folder: &Path) -> [u8; 32] {
    // Destructured, so that a new key is not forgotten here. The keys that are left out are compared with the ledger, or decide only
    // about what is read now.
    let Audience {
        source,
        testers,
        exclude,
        active_within: _,
        order: _,
        control_group: _,
        limit,
        allow_empty: _,
        max_unusable: _,
    } = &campaign.audience;
    let mut hash = ListsHash {
        hash: Sha256::new(),
        folder,
    };
    hash.text("runner/audience_lists/v1");
    hash.text(campaign.timezone.iana_name().unwrap_or_default());
    hash.source(source);
    match testers {
        None => hash.text("no testers"),
        Some(Testers::OpenIds(open_ids)) => {
            hash.text("testers");
            hash.number(open_ids.len() as u64);
            for open_id in open_ids {
                hash.text(open_id.as_str());
            }
        }
        Some(Testers::Source(source)) => hash.source(source),
    }
    let lists = exclude.as_deref().unwrap_or_default();
    hash.number(lists.len() as u64);
    for list in lists {
        match list {
            Exclude::Source(source) => hash.source(source),
            Exclude::Campaign(path) => {
                hash.text("campaign");
                hash.path(path);
            }
        }
    }
    hash.number(limit.unwrap_or(u64::MAX));
    hash.hash.finalize().into()
}

const fn encoding_word(encoding: Option<Encoding>) -> &'static str {
    match encoding {
        None | Some(Encoding::Utf8) => "utf-8",
        Some(Encoding::Gb18030) => "gb18030",
    }
}

/// Hashes each field after its length, so that different settings never hash the same bytes.
struct ListsHash<'f> {
    hash: Sha256,
    /// The folder of the campaign file, which may be another one on each machine.
    folder: &'f Path,
}

impl ListsHash<'_> {
    fn text(&mut self, text: &str) {
        self.number(text.len() as u64);
        self.hash.update(text);
    }

    fn number(&mut self, number: u64) {
        self.hash.update(number.to_be_bytes());
    }

    fn optional(&mut self, text: Option<&String>) {
        self.number(u64::from(text.is_some()));
        if let Some(text) = text {
            self.text(text);
        }
    }

    fn path(&mut self, path: &Path) {
        let path = path.strip_prefix(self.folder).unwrap_or(path);
        self.text(&path.to_string_lossy());
    }

    fn server(&mut self, kind: &str, server: &Server) {
        let Server {
            url,
            query,
            open_id,
            last_active,
        } = server;
        self.text(kind);
        match url {
            SecretRef::Env(name) => {
                self.text("env");
                self.text(name);
            }
            SecretRef::File(path) => {
                self.text("file");
                self.path(path);
            }
        }
        self.text(query);
        self.optional(open_id.as_ref());
        self.optional(last_active.as_ref());
    }

    fn source(&mut self, source: &Source) {
        match source {
            Source::Csv(Csv {
                path,
                open_id,
                last_active,
                encoding,
                delimiter,
            }) => {
                self.text("csv");
                self.text(&path.path);
                self.text(open_id);
                self.optional(last_active.as_ref());
                self.text(encoding_word(*encoding));
                self.number(delimiter.map_or(0, |delimiter| delimiter.byte().into()));
            }
            Source::Jsonl(Jsonl {
                path,
                open_id,
                last_active,
            }) => {
                self.text("jsonl");
                self.text(&path.path);
                self.text(open_id);
                self.optional(last_active.as_ref());
            }
            Source::Parquet(Parquet {
                path,
                open_id,
                last_active,
            }) => {
                self.text("parquet");
                self.text(&path.path);
                self.text(open_id);
                self.optional(last_active.as_ref());
            }
            Source::Postgres(server) => self.server("postgres", server),
            Source::Mysql(server) => self.server("mysql", server),
            Source::Sqlite(Sqlite {
                path,
                query,
                open_id,
                last_active,
            }) => {
                self.text("sqlite");
                self.path(path);
                self.text(query);
                self.optional(open_id.as_ref());
                self.optional(last_active.as_ref());
            }
            Source::Stdin(Stdin {
                format,
                open_id,
                last_active,
                encoding,
                delimiter,
            }) => {
                self.text("stdin");
                self.text(match format {
                    Format::Csv => "csv",
                    Format::Jsonl => "jsonl",
                });
                self.text(open_id);
                self.optional(last_active.as_ref());
                self.text(encoding_word(*encoding));
                self.number(delimiter.map_or(0, |delimiter| delimiter.byte().into()));
            }
        }
    }
}
