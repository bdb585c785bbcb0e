//! The credentials of a campaign.

use std::error::Error as _;

use crate::campaign::{BaseUrl, Code, Diagnostic, Parsed};
use crate::catalogue::app;
use crate::douyin::token::Credentials;
use crate::model::identity::AppId;
use crate::model::secret::{Secret, SecretError, SecretRef};

use super::rehearsal::Rehearsal;

/// Reads all secrets of a campaign. A rehearsal needs none.
///
/// # Errors
/// The mistake of the file, if a secret is missing.
pub fn resolve(parsed: &Parsed, rehearsal: &Rehearsal) -> Result<Credentials, Box<Diagnostic>> {
    if rehearsal.is_on() {
        return Ok(rehearsed(&parsed.campaign.names.app_id));
    }
    let Some(written) = &parsed.campaign.credentials else {
        let message = app::NoCredentials.to_string();
        let help = Some(app::NoCredentialsHelp.to_string());
        return Err(Box::new(parsed.mistake("credentials", Code::MissingKey, message, help)));
    };
    let resolved = Credentials::resolve(written).and_then(|credentials| {
        // A program on this machine takes any secret. The platform gives out none that is so short.
        let platform = parsed.campaign.platform.base_url.as_ref();
        if !platform.is_some_and(BaseUrl::is_loopback) {
            credentials.check_length(written)?;
        }
        Ok(credentials)
    });
    resolved.map_err(|error| {
        let mistake = parsed.mistake("credentials", code(&error), error.to_string(), Some(help(&error)));
        Box::new(Diagnostic {
            cause: error.source().map(ToString::to_string),
            ..mistake
        })
    })
}

/// Returns the kind of mistake of a secret that cannot be read.
pub(super) const fn code(error: &SecretError) -> Code {
    match error {
        SecretError::TooShort(_) => Code::ShortSecret,
        _ => Code::Absent,
    }
}

/// Returns what to do about a secret that cannot be read.
pub(super) fn help(error: &SecretError) -> String {
    match error {
        SecretError::Unset(name) => app::SetSecret { name }.to_string(),
        SecretError::NotText(..) => app::StoreSecretAlone.to_string(),
        SecretError::Unreadable { .. } => app::CheckSecretPath.to_string(),
        SecretError::TooShort(SecretRef::Env(name)) => app::SetWholeSecret { name }.to_string(),
        SecretError::TooShort(SecretRef::File(path)) => app::WriteWholeSecret { path: &path.display() }.to_string(),
        SecretError::Empty(path) => app::WriteSecret { path: &path.display() }.to_string(),
    }
}

/// Returns the credentials of a rehearsal. The fake platform accepts any. Each app has its own key, because the number of
/// token calls is limited for each key.
fn rehearsed(app_id: &AppId) -> Credentials {
    Credentials::Client {
        key: Secret::new(&format!("rehearsal of {app_id}")),
        secret: Secret::new("rehearsal"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// With one key for all, a rehearsal of five hundred apps waits minutes for its tokens.
    #[test]
    fn apps_are_rehearsed_by_keys_of_their_own() {
        let key = |app_id| match rehearsed(&AppId::parse(app_id).unwrap()) {
            Credentials::Client { key, .. } => key,
            Credentials::Token { token, .. } => token,
        };
        assert_ne!(key("tt1"), key("tt2"));
    }

    /// Only a program on this machine may have a secret that cannot be removed from messages.
    #[test]
    fn a_short_secret_is_refused_except_on_this_machine() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("token"), "t").unwrap();
        let resolved = |platform: &str| {
            let file = format!(
                "version: 1\ncampaign: c\napp_id: tt1\nactivity_id: \"1\"\ntimezone: Asia/Shanghai\n{platform}\
                 credentials: {{access_token: {{file: token}}}}\naudience: {{source: {{csv: {{path: a.csv, open_id: o}}}}}}\n\
                 schedule: {{start: 2026-06-01T10:00, end: 2026-06-02T10:00}}\n"
            );
            let parsed = crate::campaign::parse(&dir.path().join("c.yaml"), file.as_bytes()).unwrap();
            resolve(&parsed, &Rehearsal::No)
                .map(|_| ())
                .map_err(|mistake| mistake.code)
        };
        assert_eq!(resolved(""), Err(Code::ShortSecret));
        assert_eq!(
            resolved("platform: {base_url: \"https://10.0.0.7\"}\n"),
            Err(Code::ShortSecret)
        );
        assert_eq!(resolved("platform: {base_url: \"http://127.0.0.1:8080\"}\n"), Ok(()));
    }
}
