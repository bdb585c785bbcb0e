//! The messages on the socket: one line of JSON in each direction. After the answer to a view follow the batches, each
//! preceded by its length.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncReadExt};

use crate::catalogue::{Language, control};
use crate::model::approval::{ApprovalAnswer, ApprovalRequest};
use crate::model::resolve::{ResolveAnswer, ResolveRequest};
use crate::model::run_command::{Requester, RunCommand};

/// The version of the protocol. An older program must not guess the meaning of a newer one.
pub(super) const VERSION: u64 = 1;
/// The longest line, in bytes: a decision names its users, and its answer describes them.
const LONGEST_LINE: u64 = 16 * 1024 * 1024;

/// A request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "ask")]
pub(super) enum Request {
    /// Send the ledger's batches.
    View {
        /// The number of the last one. `None` for all that are durable now.
        #[serde(skip_serializing_if = "Option::is_none")]
        batches: Option<u64>,
    },
    /// A command to the run.
    #[serde(untagged)]
    Command(Command),
}

/// A command to the run. It needs no ledger, so it can come another way than over the socket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "ask")]
pub enum Command {
    /// Start nothing more until further notice.
    Pause {
        /// The requester.
        by: Requester,
    },
    /// End a pause.
    Resume {
        /// The requester. `None` if a version sends it that does not name itself.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by: Option<Requester>,
    },
    /// End the run.
    Stop {
        /// The requester.
        by: Requester,
    },
    /// End the wait after a wave.
    Approve(ApprovalRequest),
    /// Record a decision about deliveries.
    Resolve(ResolveRequest),
}

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "answer")]
pub(super) enum Response {
    /// This many batches follow. `None` when there is no ledger yet.
    View {
        /// How many.
        #[serde(skip_serializing_if = "Option::is_none")]
        batches: Option<u64>,
    },
    /// The command was taken.
    Taken {
        /// The command that was in effect before.
        before: RunCommand,
    },
    /// What became of an approval.
    Approval {
        /// The answer.
        result: ApprovalAnswer,
    },
    /// What became of a decision.
    Resolve {
        /// The answer.
        result: ResolveAnswer,
    },
    /// The request failed.
    Error {
        /// Why, in English.
        message: String,
        /// Why, for the client's language. `None` if a version sends it that gives only the text.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        why: Option<Failure>,
        /// Whether the same request may succeed a little later.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        again: bool,
    },
}

/// Why a request failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub(super) enum Failure {
    /// This many other commands read the ledger.
    Readers {
        /// How many.
        n: u64,
    },
    /// The run ended before it took the request of a person.
    RunEnded,
    /// The ledger has fewer batches than were asked for.
    FewerBatches {
        /// How many it has.
        durable: u64,
        /// How many were asked for.
        asked: u64,
    },
    /// The service has frozen all sends.
    Frozen,
    /// A reason of a newer version.
    #[serde(other)]
    Other,
}

impl Failure {
    /// The reason for people. `None` for a reason of a newer version.
    pub(super) fn text(self) -> Option<String> {
        Some(match self {
            Self::Readers { n } => control::Readers { n }.to_string(),
            Self::RunEnded => control::RunEnded.to_string(),
            Self::FewerBatches { durable, asked } => control::FewerBatches {
                durable: &durable,
                asked: &asked,
            }
            .to_string(),
            Self::Frozen => control::Frozen.to_string(),
            Self::Other => return None,
        })
    }

    /// The answer to a request that failed for this reason.
    pub(super) fn response(self, again: bool) -> Response {
        Response::Error {
            message: Language::English.scope(|| self.text().unwrap_or_default()),
            why: Some(self),
            again,
        }
    }
}

#[derive(Debug, Serialize, Deserialize)]
struct Line<T> {
    version: u64,
    #[serde(flatten)]
    said: T,
}

/// Why a line could not be parsed.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unclear {
    /// It could not be read.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// It ended early.
    #[error("{}", control::CutShort)]
    CutShort,
    /// It is not a message of this protocol.
    #[error("{}", garbage(.0))]
    Garbage(serde_json::Error),
    /// It came from a newer program.
    #[error("{}", newer(*.0))]
    Newer(u64),
}

fn garbage(why: &serde_json::Error) -> String {
    control::Garbage { why }.to_string()
}

fn newer(found: u64) -> String {
    control::NewerVersion {
        found: &found,
        known: &VERSION,
    }
    .to_string()
}

pub(super) fn line(said: &impl Serialize) -> serde_json::Result<Vec<u8>> {
    let mut bytes = serde_json::to_vec(&Line { version: VERSION, said })?;
    bytes.push(b'\n');
    Ok(bytes)
}

/// Reads one line, but never more bytes than the longest line has.
pub(super) async fn read<T: DeserializeOwned>(from: &mut (impl AsyncBufRead + Unpin)) -> Result<T, Unclear> {
    let mut bytes = Vec::new();
    from.take(LONGEST_LINE).read_until(b'\n', &mut bytes).await?;
    if bytes.last() != Some(&b'\n') && (bytes.len() as u64) < LONGEST_LINE {
        return Err(Unclear::CutShort);
    }
    parse(&bytes)
}

/// Parses one line.
pub(super) fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Unclear> {
    let value: serde_json::Value = serde_json::from_slice(bytes).map_err(Unclear::Garbage)?;
    match value.get("version").and_then(serde_json::Value::as_u64) {
        Some(version) if version > VERSION => Err(Unclear::Newer(version)),
        _ => serde_json::from_value::<Line<T>>(value)
            .map(|line| line.said)
            .map_err(Unclear::Garbage),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::actor::Actor;
    use crate::model::delivery::{Resolution, Skipped, StateName};
    use crate::model::resolve::{Expected, ResolveRefusal, Resolved, ResolvedDelivery, Selection, Which};

    fn heard(bytes: &[u8]) -> Result<Request, Unclear> {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(read(&mut &*bytes))
    }

    #[test]
    fn what_is_said_is_what_is_heard() {
        let by = Requester {
            pid: 4711,
            user: "安".to_owned(),
            host: "till-3".to_owned(),
            name: None,
            command: String::new(),
        };
        for ask in [
            Request::View { batches: None },
            Request::View { batches: Some(7) },
            Request::Command(Command::Pause { by: by.clone() }),
            Request::Command(Command::Resume { by: Some(by.clone()) }),
            Request::Command(Command::Resume { by: None }),
            Request::Command(Command::Stop { by }),
            Request::Command(Command::Approve(ApprovalRequest {
                wave: Some(0),
                by: Actor {
                    name: "李".to_owned(),
                    user: "li".to_owned(),
                    host: "till-3".to_owned(),
                    command: "runner approve summer.yaml".to_owned(),
                },
            })),
        ] {
            assert_eq!(heard(&line(&ask).unwrap()).unwrap(), ask);
        }
    }

    #[test]
    fn a_decision_and_its_answer_are_what_was_said() {
        let request = ResolveRequest {
            selection: Selection {
                which: Which::Users {
                    open_ids: vec!["安".to_owned(), "u2".to_owned()],
                    ordinal: None,
                },
                code: Some(-7),
            },
            to: Resolution::Owed { may_double: true },
            note: "ticket 812".to_owned(),
            typed: "2 open_ids --code -7".to_owned(),
            by: "li@till-3".to_owned(),
            expect: Some(Expected::Digest("00ff".to_owned())),
        };
        let sent = line(&Request::Command(Command::Resolve(request.clone()))).unwrap();
        insta::assert_snapshot!(String::from_utf8_lossy(&sent));
        assert_eq!(heard(&sent).unwrap(), Request::Command(Command::Resolve(request)));
        let resolved = ResolvedDelivery {
            open_id: "安".to_owned(),
            ordinal: 2,
            merchant_coupon_id: None,
            from: StateName::InDoubt,
            code: None,
            state: StateName::Skipped,
            skipped: Some(Skipped::Gone),
        };
        let refusal = ResolveRefusal::MayDouble {
            open_id: "安".to_owned(),
            ordinal: 1,
            from: StateName::InDoubt,
        };
        let answers = [
            ResolveAnswer::Resolved(Resolved {
                count: 7,
                deliveries: vec![resolved],
            }),
            ResolveAnswer::Refused {
                refusals: vec![refusal],
            },
            ResolveAnswer::Changed { now: 3 },
            ResolveAnswer::Unknown,
        ];
        let lines = answers.map(|result| {
            let sent = Response::Resolve { result };
            let line = line(&sent).unwrap();
            assert_eq!(parse::<Response>(&line).unwrap(), sent);
            String::from_utf8(line).unwrap()
        });
        insta::assert_snapshot!(lines.concat());
    }

    #[test]
    fn a_failure_has_its_reason_and_that_of_another_version_its_text() {
        let received = |line: &[u8]| {
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            runtime.block_on(read::<Response>(&mut &*line)).unwrap()
        };
        for failure in [
            Failure::Readers { n: 4 },
            Failure::RunEnded,
            Failure::FewerBatches { durable: 7, asked: 9 },
        ] {
            let sent = failure.response(true);
            assert_eq!(received(&line(&sent).unwrap()), sent);
        }
        let older = received(b"{\"version\":1,\"answer\":\"error\",\"message\":\"no\"}\n");
        let newer = received(
            b"{\"version\":1,\"answer\":\"error\",\"message\":\"no\",\"why\":{\"kind\":\"tired\",\"since\":7}}\n",
        );
        for (response, expected) in [(older, None), (newer, Some(Failure::Other))] {
            let message = "no".to_owned();
            assert_eq!(
                response,
                Response::Error {
                    message,
                    why: expected,
                    again: false
                }
            );
        }
    }

    #[test]
    fn what_is_not_understood_is_said() {
        let said = |bytes: &[u8]| heard(bytes).unwrap_err().to_string();
        let told: Vec<_> = [
            &b""[..],
            b"{\"version\":1",
            b"GET / HTTP/1.1\n",
            b"{}\n",
            b"{\"version\":1,\"ask\":\"dance\"}\n",
            b"{\"version\":2,\"ask\":\"dance\"}\n",
        ]
        .into_iter()
        .chain([&*vec![b'['; usize::try_from(LONGEST_LINE).unwrap()]])
        .map(said)
        .collect();
        insta::assert_debug_snapshot!(told);
    }

    proptest! {
        #[test]
        fn garbage_is_never_more_than_an_error(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = heard(&bytes);
        }
    }
}
