//! Checks what a run needs of this machine, of the network, of the platform and of the audience. It sends no coupon.

mod check;
mod database;

use std::fmt;
use std::fs;
use std::net::IpAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::SignedDuration;
use rustix::fs::{Access, access, statvfs};
use rustix::process::{Resource, getrlimit};
use tokio::task::spawn_blocking;
use tokio::time::timeout;
use url::Url;

use crate::audience::{AudienceError, Next, Reading, Source};
use crate::campaign::{self, Diagnostic, Exclude};
use crate::catalogue::{doctor as text, wording};
use crate::douyin::client::{Config, HttpPlatform};
use crate::douyin::codes::{Codes, clocks_agree};
use crate::douyin::token::{Credentials, ProbeResult, Tokens};
use crate::douyin::{ClientError, Platform as _};
use crate::ledger::ledger_dir::LedgerDirError;
use crate::model::error_chain::error_chain;
use crate::model::event::Event;
use crate::model::outcome::{NotIssued, Proof};
use crate::model::problem::Ends;
use crate::model::secret::{Secret, SecretRef};
use crate::plan::Plan;
use crate::report::attempt_detail::attempt_detail;

use super::campaign::LoadedCampaign;

pub use self::check::{Check, Subject, Verdict};

/// How long the system may take for a file or a directory.
const DISK: Duration = Duration::from_secs(5);
/// How long a name may take to be looked up.
const LOOK_UP: Duration = Duration::from_secs(5);
/// How long a connection or a call for a token may take.
const NETWORK: Duration = Duration::from_secs(15);
/// How long the first rows of a source may take.
const ROWS: Duration = Duration::from_secs(30);
/// A clock that differs by this much is right: the platform states whole seconds, and an answer takes a moment.
const SAME_TIME: SignedDuration = SignedDuration::from_secs(5);
/// With less room the ledger of a small campaign may not fit.
const LEAST_ROOM: u64 = 100 << 20;
/// With less room the ledger of a large campaign may not fit.
const AMPLE_ROOM: u64 = 1 << 30;
/// How many files a run has open beside its connections.
const FILES: u64 = 64;
/// The part of a file's mode that lets other users write to it, or read it.
const OTHERS_WRITE: u32 = 0o022;
const OTHERS_READ: u32 = 0o044;

/// Checks everything that a run of the campaign needs, and calls `show` with each result. Every check ends within a limited
/// time.
pub async fn examine(
    campaign: &LoadedCampaign,
    credentials: Result<Credentials, Box<Diagnostic>>,
    mut show: impl FnMut(Check),
) {
    show(match campaign.at.file.pushed() {
        Some(pushed) => Check::good(
            Subject::File,
            &text::FilePushed {
                name: &pushed.name,
                host: &pushed.host,
            },
        ),
        None => file(campaign.at.file.path()).await,
    });
    show(secrets(campaign, &credentials).await);
    for check in directories(campaign).await {
        show(check);
    }
    show(open_files(&campaign.plan));
    if let Some(url) = campaign.database() {
        let checks = database::database(url, &campaign.environment.clock).await;
        checks.into_iter().for_each(&mut show);
    }
    let settings = &campaign.parsed.campaign.audience;
    show(rows(Subject::Audience, &settings.source, campaign).await);
    for list in settings.exclude.iter().flatten() {
        if let Exclude::Source(source) = list {
            show(rows(Subject::Exclude, source, campaign).await);
        }
    }
    network(campaign, credentials.ok(), &mut show).await;
}

/// Runs a check that waits for a disk. `None` if it does not answer.
async fn of_disk<T: Send + 'static>(check: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    timeout(DISK, spawn_blocking(check)).await.ok()?.ok()
}

fn no_answer(subject: Subject, path: &Path) -> Check {
    Check::failed(
        subject,
        Ends::Error,
        &text::DiskSilent {
            path: &path.display(),
            seconds: DISK.as_secs(),
        },
    )
    .help(&text::DiskSilentHelp)
}

async fn file(path: &Path) -> Check {
    let subject = Subject::File;
    let shown = path.display();
    let found = path.to_owned();
    match of_disk(move || fs::metadata(found)).await {
        None => no_answer(subject, path),
        Some(Err(error)) => Check::failed(
            subject,
            Ends::Input,
            &text::CannotRead {
                path: &shown,
                why: &error,
            },
        ),
        Some(Ok(found)) if found.permissions().mode() & OTHERS_WRITE != 0 => Check::warning(
            subject,
            &text::FileWritable {
                path: &shown,
                mode: &format!("{:o}", found.permissions().mode() & 0o7777),
            },
        )
        .help(&text::FileWritableHelp { path: &shown }),
        Some(Ok(_)) => Check::good(subject, &text::FileGood { path: &shown }),
    }
}

async fn secrets(campaign: &LoadedCampaign, credentials: &Result<Credentials, Box<Diagnostic>>) -> Check {
    let subject = Subject::Secrets;
    if campaign.at.rehearsal.is_on() {
        return Check::good(subject, &text::NoSecretsNeeded);
    }
    if let Err(mistake) = credentials {
        let finding = match &mistake.cause {
            Some(cause) => text::WithCause {
                finding: &mistake.message,
                cause,
            }
            .to_string(),
            None => mistake.message.clone(),
        };
        let check = Check::failed(subject, Ends::Input, &finding);
        return match &mistake.help {
            Some(help) => check.help(help),
            None => check,
        };
    }
    let files = secret_files(campaign.parsed.campaign.credentials.as_ref());
    let open = of_disk(move || {
        let is_open = |path: &PathBuf| {
            let found = fs::metadata(path);
            found.is_ok_and(|found| found.permissions().mode() & (OTHERS_READ | OTHERS_WRITE) != 0)
        };
        files.into_iter().find(is_open)
    });
    match open.await.flatten() {
        Some(path) => Check::warning(subject, &text::SecretReadable { path: &path.display() })
            .help(&text::SecretReadableHelp { path: &path.display() }),
        None => Check::good(subject, &text::SecretsGood),
    }
}

fn secret_files(credentials: Option<&campaign::Credentials>) -> Vec<PathBuf> {
    let references = match credentials {
        None => Vec::new(),
        Some(campaign::Credentials::Client {
            client_key,
            client_secret,
        }) => vec![client_key, client_secret],
        Some(campaign::Credentials::Token(from)) => vec![from],
    };
    let files = references.into_iter().filter_map(|from| match from {
        SecretRef::File(path) => Some(path.clone()),
        SecretRef::Env(_) => None,
    });
    files.collect()
}

/// Checks the state directory, its file system and the free space there.
async fn directories(campaign: &LoadedCampaign) -> Vec<Check> {
    let place = campaign.ledger_dir();
    let directory = place.dir().to_owned();
    let found = of_disk(move || {
        let existing = existing(place.dir());
        Directories {
            own: place.check_own(),
            is_writable: access(&existing, Access::WRITE_OK | Access::EXEC_OK).is_ok(),
            file_system: place.check_file_system(),
            free: statvfs(&existing)
                .map(|found| found.f_bavail.saturating_mul(found.f_frsize))
                .map_err(std::io::Error::from),
            existing,
        }
    });
    let Some(found) = found.await else {
        return vec![no_answer(Subject::State, &directory)];
    };
    vec![found.state(&directory), found.file_system(), found.disk()]
}

/// What the system says of the directory of a ledger.
struct Directories {
    own: Result<(), LedgerDirError>,
    is_writable: bool,
    file_system: Result<(), LedgerDirError>,
    free: std::io::Result<u64>,
    /// The directory, or the nearest one above it that exists.
    existing: PathBuf,
}

fn existing(directory: &Path) -> PathBuf {
    let found = directory.ancestors().find(|path| path.exists());
    match found {
        Some(path) if !path.as_os_str().is_empty() => path.to_owned(),
        _ => PathBuf::from("."),
    }
}

impl Directories {
    fn state(&self, directory: &Path) -> Check {
        let subject = Subject::State;
        match &self.own {
            Err(error) => Check::failed(subject, Ends::Error, &with_causes(error)).help(&text::StateHelp),
            Ok(()) if !self.is_writable => Check::failed(
                subject,
                Ends::Error,
                &text::StateReadOnly {
                    path: &self.existing.display(),
                },
            )
            .help(&text::StateHelp),
            Ok(()) if self.existing == directory => Check::good(
                subject,
                &text::StateGood {
                    path: &directory.display(),
                },
            ),
            Ok(()) => Check::good(
                subject,
                &text::StateNew {
                    path: &directory.display(),
                },
            ),
        }
    }

    fn file_system(&self) -> Check {
        let subject = Subject::FileSystem;
        match &self.file_system {
            Err(error) => Check::failed(subject, Ends::Error, &with_causes(error)).help(&text::FileSystemHelp),
            Ok(()) => Check::good(
                subject,
                &text::FileSystemGood {
                    path: &self.existing.display(),
                },
            ),
        }
    }

    fn disk(&self) -> Check {
        let subject = Subject::Disk;
        let path = self.existing.display();
        let free = match &self.free {
            Err(error) => {
                return Check::warning(
                    subject,
                    &text::CannotRead {
                        path: &path,
                        why: error,
                    },
                );
            }
            Ok(free) => *free,
        };
        let finding = text::Free {
            path: &path,
            free: &size(free),
        };
        if free < LEAST_ROOM {
            Check::failed(subject, Ends::Error, &finding).help(&text::FreeHelp)
        } else if free < AMPLE_ROOM {
            Check::warning(subject, &finding).help(&text::FreeHelp)
        } else {
            Check::good(subject, &finding)
        }
    }
}

/// A number of bytes, as people say it.
fn size(bytes: u64) -> String {
    let mib = bytes >> 20;
    if mib < 1024 {
        return format!("{mib} MiB");
    }
    let tenths = mib * 10 / 1024;
    format!("{}.{} GiB", tenths / 10, tenths % 10)
}

/// An error and its causes in one line.
pub(super) fn with_causes(error: &(dyn std::error::Error + 'static)) -> String {
    let mut causes: Vec<String> = error_chain(error).map(ToString::to_string).collect();
    causes.dedup();
    let line = causes.into_iter().reduce(|finding, cause| {
        text::WithCause {
            finding: &finding,
            cause: &cause,
        }
        .to_string()
    });
    line.unwrap_or_default()
}

fn open_files(plan: &Plan) -> Check {
    let subject = Subject::OpenFiles;
    let Some(most) = getrlimit(Resource::Nofile).current else {
        return Check::good(subject, &text::FilesUnlimited);
    };
    let needed = files_needed(plan.pace.per_second, plan.retry.timeout);
    if most < FILES {
        Check::failed(subject, Ends::Error, &text::FilesFew { most, needed }).help(&text::FilesHelp { needed: &needed })
    } else if most < needed {
        Check::warning(subject, &text::FilesFew { most, needed }).help(&text::FilesHelp { needed: &needed })
    } else {
        Check::good(subject, &text::FilesGood { most })
    }
}

/// How many files a run has open if every answer takes as long as it may.
fn files_needed(per_second: f64, answer: Duration) -> u64 {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a pace is positive and small, and a timeout has minutes at most"
    )]
    let connections = (per_second * answer.as_secs_f64()).ceil() as u64;
    connections + FILES
}

/// Reads the first rows of a source.
async fn rows(subject: Subject, source: &campaign::Source, campaign: &LoadedCampaign) -> Check {
    if matches!(source, campaign::Source::Stdin(_)) {
        return Check::warning(subject, &text::Piped);
    }
    let settings = &campaign.parsed.campaign;
    let source = Source::new(source, &settings.timezone, campaign.environment.clock.now());
    match timeout(ROWS, first_rows(&source)).await {
        Err(_) => Check::failed(
            subject,
            Ends::Error,
            &text::RowsSlow {
                seconds: ROWS.as_secs(),
            },
        )
        .help(&text::RowsSlowHelp),
        Ok(Err(error)) => {
            let ends = if error.is_input() { Ends::Input } else { Ends::Error };
            let check = Check::failed(subject, ends, &with_causes(&error));
            match error.help() {
                Some(help) => check.help(&help),
                None => check,
            }
        }
        Ok(Ok(FirstRows { read: 0, .. }))
            if subject == Subject::Audience && settings.audience.allow_empty != Some(true) =>
        {
            Check::failed(subject, Ends::Person, &text::RowsNone).help(&text::RowsNoneHelp)
        }
        Ok(Ok(FirstRows { read, unusable: 0 })) => Check::good(subject, &text::RowsGood { rows: read }),
        Ok(Ok(FirstRows { read, unusable })) => {
            Check::warning(subject, &text::RowsUnusable { rows: read, unusable }).help(&text::RowsUnusableHelp)
        }
    }
}

/// The first rows of a source.
struct FirstRows {
    read: u64,
    unusable: u64,
}

async fn first_rows(source: &Source) -> Result<FirstRows, AudienceError> {
    let mut reading = Reading::begin(source)?;
    match reading.next().await? {
        Next::End(_) => Ok(FirstRows { read: 0, unusable: 0 }),
        Next::Rows(batch) => Ok(FirstRows {
            read: batch.len() as u64,
            unusable: batch.rows().filter(|row| row.open_id.is_err()).count() as u64,
        }),
    }
}

/// Checks the way to the platform, one call for a token, and the clock.
async fn network(campaign: &LoadedCampaign, credentials: Option<Credentials>, show: &mut impl FnMut(Check)) {
    let plan = &campaign.plan;
    let clock = campaign.environment.clock.clone();
    let has_credentials = credentials.is_some();
    // The check of the way needs a client, and calls nothing that needs credentials.
    let placeholder = || Credentials::Client {
        key: Secret::new("placeholder"),
        secret: Secret::new("placeholder"),
    };
    let config = Config {
        base_url: plan.base_url.clone(),
        app_id: plan.identity.app_id.clone(),
        tokens: Tokens::new(credentials.unwrap_or_else(placeholder), clock.clone()),
        codes: Codes::new(plan.codes.clone()),
        timeout: plan.retry.timeout.min(NETWORK),
        clock,
        emit: std::sync::Arc::new(|_: Event| {}),
    };
    let client = match HttpPlatform::new(config) {
        Ok(client) => client,
        Err(error) => {
            let (subject, help) = match &error {
                ClientError::Proxy(_) => (Subject::Proxy, Some(text::ProxyHelp.to_string())),
                ClientError::BaseUrl { .. } => (Subject::Tls, None),
                ClientError::Authorities { .. } | ClientError::Setup(_) => {
                    (Subject::Tls, Some(text::AuthoritiesHelp.to_string()))
                }
            };
            let check = Check::failed(subject, Ends::Input, &with_causes(&error));
            show(match help {
                Some(help) => check.help(&help),
                None => check,
            });
            return;
        }
    };
    let proxy = client.proxy();
    show(match &proxy {
        Some(proxy) => Check::good(Subject::Proxy, &text::ProxyUsed { proxy }),
        None => Check::good(Subject::Proxy, &text::ProxyNone),
    });
    let dns = match &proxy {
        Some(proxy) => look_up(proxy, &text::ProxyNameHelp).await,
        None => look_up(&plan.base_url, &text::NameHelp).await,
    };
    let is_known = matches!(dns.verdict, Verdict::Good);
    show(dns);
    if !is_known {
        return;
    }
    let tls = connect(&client, plan, proxy.as_ref()).await;
    let is_connected = matches!(tls.verdict, Verdict::Good);
    show(tls);
    if !is_connected {
        return;
    }
    if !has_credentials {
        show(Check::warning(Subject::Token, &text::TokenUnchecked));
        show(Check::warning(Subject::Clock, &text::ClockUnchecked));
        return;
    }
    for check in call_for_token(&client).await {
        show(check);
    }
}

/// Looks up the host of a URL. `help` says what to do if it has no address.
async fn look_up(url: &str, help: &impl fmt::Display) -> Check {
    let subject = Subject::Dns;
    let parsed = Url::parse(url).ok();
    let host = parsed.as_ref().and_then(Url::host_str).unwrap_or(url).to_owned();
    if host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok() {
        return Check::good(subject, &text::NoName { host: &host });
    }
    let port = parsed.as_ref().and_then(Url::port_or_known_default).unwrap_or(443);
    match timeout(LOOK_UP, tokio::net::lookup_host((host.as_str(), port))).await {
        Err(_) => Check::failed(
            subject,
            Ends::Error,
            &text::NameSlow {
                host: &host,
                seconds: LOOK_UP.as_secs(),
            },
        )
        .help(help),
        Ok(Err(error)) => Check::failed(
            subject,
            Ends::Error,
            &text::NameUnknown {
                host: &host,
                why: &error,
            },
        )
        .help(help),
        Ok(Ok(addresses)) => {
            let mut addresses: Vec<_> = addresses.map(|address| address.ip().to_string()).collect();
            addresses.dedup();
            Check::good(
                subject,
                &text::NameKnown {
                    host: &host,
                    addresses: &addresses.join(", "),
                },
            )
        }
    }
}

async fn connect(client: &HttpPlatform, plan: &Plan, proxy: Option<&String>) -> Check {
    let subject = Subject::Tls;
    let url = &plan.base_url;
    let help = match proxy {
        Some(proxy) => text::NoTunnelHelp { proxy }.to_string(),
        None => text::NoConnectionHelp.to_string(),
    };
    match timeout(NETWORK, client.connect()).await {
        Ok(Ok(_)) if url.starts_with("https:") => Check::good(subject, &text::TlsGood { url }),
        Ok(Ok(_)) => Check::good(subject, &text::ConnectionGood { url }),
        Ok(Err(outcome)) => {
            let detail = outcome.detail.unwrap_or_default();
            let why = &attempt_detail(&detail);
            let finding = text::NoConnection { url, why };
            // A run halts when a certificate does not verify.
            if outcome.proof == Proof::NotIssued(NotIssued::Halt) {
                Check::failed(subject, Ends::Person, &finding).help(&wording::RemedyCertificate)
            } else {
                Check::failed(subject, Ends::Error, &finding).help(&help)
            }
        }
        Err(_) => Check::failed(
            subject,
            Ends::Error,
            &text::ConnectionSlow {
                url,
                seconds: NETWORK.as_secs(),
            },
        )
        .help(&help),
    }
}

/// Makes one call for a token. Its answer shows the platform's clock, too.
async fn call_for_token(client: &HttpPlatform) -> [Check; 2] {
    let probe = match timeout(NETWORK, client.probe()).await {
        Ok(Some(probe)) => probe,
        Ok(None) => {
            return [
                Check::warning(Subject::Token, &text::TokenGiven),
                Check::warning(Subject::Clock, &text::ClockUnchecked),
            ];
        }
        Err(_) => {
            let slow = text::TokenSlow {
                seconds: NETWORK.as_secs(),
            };
            return [
                Check::failed(Subject::Token, Ends::Error, &slow).help(&text::TokenLaterHelp),
                Check::warning(Subject::Clock, &text::ClockUnchecked),
            ];
        }
    };
    let token = match &probe.result {
        ProbeResult::Token { life } => Check::good(
            Subject::Token,
            &text::TokenGood {
                minutes: life.as_secs() / 60,
            },
        ),
        ProbeResult::NotForThisApp(why) => {
            Check::warning(Subject::Token, &text::TokenUnstable { why }).help(&text::TokenUnstableHelp)
        }
        ProbeResult::Refused(why) => {
            Check::failed(Subject::Token, Ends::Person, &text::TokenRefused { why }).help(&text::TokenRefusedHelp)
        }
        ProbeResult::Later(why) => {
            Check::failed(Subject::Token, Ends::Error, &text::TokenRefused { why }).help(&text::TokenLaterHelp)
        }
    };
    [token, compare_clocks(probe.ahead)]
}

/// Judges how far the platform's clock is ahead of this machine's.
fn compare_clocks(ahead: Option<SignedDuration>) -> Check {
    let subject = Subject::Clock;
    let Some(ahead) = ahead else {
        return Check::warning(subject, &text::ClockUnchecked);
    };
    let by = ahead.abs();
    if by <= SAME_TIME {
        return Check::good(subject, &text::ClockGood);
    }
    let seconds = by.as_secs().unsigned_abs();
    let finding = if ahead.is_negative() {
        text::ClockAhead { seconds }.to_string()
    } else {
        text::ClockBehind { seconds }.to_string()
    };
    let agrees = jiff::Timestamp::UNIX_EPOCH
        .checked_add(by)
        .is_ok_and(|at| clocks_agree(at, jiff::Timestamp::UNIX_EPOCH));
    if agrees {
        Check::warning(subject, &finding).help(&text::ClockHelp)
    } else {
        Check::failed(subject, Ends::Error, &finding).help(&text::ClockHelp)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::Language;

    #[test]
    fn a_clock_that_is_far_from_the_platforms_fails() {
        let verdict = |seconds| compare_clocks(Some(SignedDuration::from_secs(seconds))).verdict;
        for (seconds, expected) in [
            (0, Verdict::Good),
            (5, Verdict::Good),
            (-5, Verdict::Good),
            (6, Verdict::Warning),
            (-60, Verdict::Warning),
            (61, Verdict::Failed(Ends::Error)),
            (-3_600, Verdict::Failed(Ends::Error)),
        ] {
            assert_eq!(verdict(seconds), expected, "{seconds}");
        }
        assert_eq!(compare_clocks(None).verdict, Verdict::Warning);
    }

    #[test]
    fn little_room_fails_and_less_than_ample_room_is_a_warning() {
        let verdict = |free| {
            let found = Directories {
                own: Ok(()),
                is_writable: true,
                file_system: Ok(()),
                free: Ok(free),
                existing: PathBuf::from("/"),
            };
            found.disk().verdict
        };
        assert_eq!(verdict(LEAST_ROOM - 1), Verdict::Failed(Ends::Error));
        assert_eq!(verdict(LEAST_ROOM), Verdict::Warning);
        assert_eq!(verdict(AMPLE_ROOM), Verdict::Good);
    }

    #[test]
    fn a_network_file_system_fails() {
        let found = Directories {
            own: Ok(()),
            is_writable: true,
            file_system: Err(LedgerDirError::Network {
                path: PathBuf::from("/mnt/share"),
                kind: "NFS",
            }),
            free: Ok(AMPLE_ROOM),
            existing: PathBuf::from("/mnt/share/campaigns"),
        };
        let checks = Language::ALL.map(|language| language.scope(|| found.file_system()));
        insta::assert_debug_snapshot!(checks);
    }

    #[test]
    fn sizes_are_said_as_people_say_them() {
        assert_eq!(size(99 << 20), "99 MiB");
        assert_eq!(size(1536 << 20), "1.5 GiB");
        assert_eq!(size(10 << 30), "10.0 GiB");
    }
}
