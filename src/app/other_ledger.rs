//! A second ledger of a campaign. A campaign must have one ledger: users that only another one contains would receive a
//! second coupon.

use std::fmt;
use std::path::PathBuf;

use crate::catalogue::app;
use crate::model::identity::CampaignName;
use crate::report::feasibility;

/// A ledger of the campaign in another place than this use case would use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OtherLedger {
    pub(super) campaign: CampaignName,
    /// Where that ledger is, as it is shown.
    pub(super) dir: PathBuf,
    pub(super) reason: Reason,
    /// Where the ledger of this use case is or would be.
    pub(super) own: PathBuf,
    pub(super) own_exists: bool,
}

/// Why a ledger is in another place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reason {
    /// It is beside the campaign file, and another state directory was given.
    BesideFile,
    /// It is beside a link to the campaign file, where earlier versions kept it.
    BesideLink,
    /// The witness of the last run of this campaign file names this place.
    LastRun,
    /// It is among the rehearsals, where earlier versions kept the ledgers of loopback addresses.
    AmongRehearsals,
    /// It is in files, and this use case has a database.
    InFiles,
    /// It is in a database, by the witness of the last run of this campaign file.
    InDatabase,
}

impl OtherLedger {
    /// Returns which ledger is in use instead.
    #[must_use]
    pub fn cause(&self) -> String {
        let path = &self.own.display();
        if self.own_exists {
            app::OtherLedgerUses { path }.to_string()
        } else {
            app::OtherLedgerWouldUse { path }.to_string()
        }
    }

    /// Returns this as a reason why a plan cannot be applied.
    #[must_use]
    pub fn reason(&self) -> feasibility::Reason {
        feasibility::Reason {
            text: app::OtherLedgerReason {
                other: self,
                cause: &self.cause(),
            }
            .to_string(),
            help: Some(self.help()),
        }
    }

    /// Returns what to do about it.
    #[must_use]
    pub fn help(&self) -> String {
        let dir = self.dir.display().to_string();
        let own = self.own.display().to_string();
        if self.own_exists {
            return app::OtherLedgerTwo.to_string();
        }
        let above = self.own.parent().unwrap_or(&self.own).display().to_string();
        let command = &format!("  mkdir -p {} && mv {} {}", quoted(&above), quoted(&dir), quoted(&own));
        match self.reason {
            Reason::BesideFile => app::OtherLedgerBesideFile { command }.to_string(),
            Reason::LastRun => {
                let root = self.dir.ancestors().nth(4).unwrap_or(&self.dir).display().to_string();
                let root = &quoted(&root);
                app::OtherLedgerLastRun { root, command }.to_string()
            }
            Reason::InFiles => app::OtherLedgerInFiles.to_string(),
            Reason::InDatabase => app::OtherLedgerInDatabase.to_string(),
            Reason::BesideLink => app::OtherLedgerBesideLink { command }.to_string(),
            Reason::AmongRehearsals => {
                let path = &quoted(&dir);
                app::OtherLedgerAmongRehearsals { command, path }.to_string()
            }
        }
    }
}

impl fmt::Display for OtherLedger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let other = app::OtherLedger {
            campaign: &self.campaign,
            path: &self.dir.display(),
        };
        other.fmt(f)
    }
}

/// Quotes a path for a shell if needed.
#[must_use]
pub fn quoted(path: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "/._-+@%=:,".contains(c);
    if !path.is_empty() && path.chars().all(plain) {
        return path.to_owned();
    }
    format!("'{}'", path.replace('\'', "'\\''"))
}
