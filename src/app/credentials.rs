//! What is said of a campaign file without credentials.

/// A mistake and what to write instead.
#[derive(Clone, Copy, Debug)]
pub struct MissingCredentials {
    /// The mistake.
    pub message: &'static str,
    /// What to write instead.
    pub help: &'static str,
}

/// The mistake of a file without credentials.
pub const NO_CREDENTIALS: MissingCredentials = MissingCredentials {
    message: "`credentials` is missing; only a rehearsal (`--sandbox`) goes without",
    help: "write `credentials: {client_key: {env: DOUYIN_CLIENT_KEY}, client_secret: {env: DOUYIN_CLIENT_SECRET}}`",
};
