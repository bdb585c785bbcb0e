//! What is said over the socket: one line of JSON each way, and behind the answer to a view the batches, each with its
//! length before it.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncReadExt};

use crate::order::{Asker, Order};

/// The version of what is said. A program that knows less than this must not guess.
pub(super) const VERSION: u64 = 1;
/// No line is longer.
const LONGEST_LINE: u64 = 64 * 1024;

/// What is asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "ask")]
pub(super) enum Ask {
    /// The ledger's batches.
    View {
        /// Up to which one; none is all that are durable at present.
        #[serde(skip_serializing_if = "Option::is_none")]
        batches: Option<u64>,
    },
    /// That nothing more starts until further notice.
    Pause {
        /// By whom.
        by: Asker,
    },
    /// That a pause ends.
    Resume,
    /// That the run ends.
    Stop {
        /// By whom.
        by: Asker,
    },
}

/// What is answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "answer")]
pub(super) enum Answer {
    /// So many batches follow; none means that there is no ledger yet.
    View {
        /// How many.
        #[serde(skip_serializing_if = "Option::is_none")]
        batches: Option<u64>,
    },
    /// The order was taken. This is what the run was told before.
    Taken {
        /// What.
        before: Order,
    },
    /// It cannot be done.
    Error {
        /// Why not.
        message: String,
    },
}

#[derive(Debug, Serialize, Deserialize)]
struct Line<T> {
    version: u64,
    #[serde(flatten)]
    said: T,
}

/// Why a line was not understood.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unclear {
    /// It did not come.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// It ended in the middle.
    #[error("nothing came, or not a whole line")]
    CutShort,
    /// It is something else.
    #[error("it is not what a runner says: {0}")]
    Garbage(serde_json::Error),
    /// A newer program said it.
    #[error("it speaks version {0}, and this program knows versions up to {VERSION}")]
    Newer(u64),
}

pub(super) fn line(said: &impl Serialize) -> serde_json::Result<Vec<u8>> {
    let mut bytes = serde_json::to_vec(&Line { version: VERSION, said })?;
    bytes.push(b'\n');
    Ok(bytes)
}

/// Reads one line, and no more of a stream without lines than the longest line has.
pub(super) async fn hear<T: DeserializeOwned>(from: &mut (impl AsyncBufRead + Unpin)) -> Result<T, Unclear> {
    let mut bytes = Vec::new();
    from.take(LONGEST_LINE).read_until(b'\n', &mut bytes).await?;
    if bytes.last() != Some(&b'\n') && (bytes.len() as u64) < LONGEST_LINE {
        return Err(Unclear::CutShort);
    }
    let value: serde_json::Value = serde_json::from_slice(&bytes).map_err(Unclear::Garbage)?;
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

    fn heard(bytes: &[u8]) -> Result<Ask, Unclear> {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(hear(&mut &*bytes))
    }

    #[test]
    fn what_is_said_is_what_is_heard() {
        let by = Asker {
            pid: 4711,
            user: "安".to_owned(),
            host: "till-3".to_owned(),
        };
        for ask in [
            Ask::View { batches: None },
            Ask::View { batches: Some(7) },
            Ask::Pause { by: by.clone() },
            Ask::Resume,
            Ask::Stop { by },
        ] {
            assert_eq!(heard(&line(&ask).unwrap()).unwrap(), ask);
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
        .chain([&*vec![b'['; 70_000]])
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
