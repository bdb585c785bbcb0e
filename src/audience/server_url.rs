//! URLs of database servers. A mistake is described without quoting the URL, because any part of it may be a password.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use url::{Host, Url};

use crate::catalogue::database;
use crate::model::secret::Secret;

/// What the URLs of one kind of server may contain.
pub(super) struct UrlRules {
    /// The name in messages: "PostgreSQL".
    pub(super) server: &'static str,
    /// The accepted schemes. Messages show the first.
    pub(super) schemes: &'static [&'static str],
    /// The known parameters.
    pub(super) parameters: &'static [(&'static str, Parameter)],
}

/// What a parameter of a URL means to this program.
#[derive(Clone, Copy)]
pub(super) enum Parameter {
    /// The library reads any value.
    Any,
    /// The library reads a file of this name.
    File,
    /// The library reads a port number.
    Port,
    /// The library reads an IP address.
    Address,
    /// The library reads one of these values, in any case.
    OneOf(&'static [&'static str]),
    /// This program reads one of these values.
    Ours(&'static [&'static str]),
    /// This program reads a number of seconds.
    Seconds,
    /// It changes nothing here.
    Ignored,
    /// Only these values change nothing here; any other is a mistake, with what to do about it.
    IgnoredIf(&'static [&'static str], ParameterHelp),
    /// It is not supported, with what to do about it.
    Unsupported(ParameterHelp),
}

/// What to do about a parameter that is not supported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is a text of the catalogue")]
pub enum ParameterHelp {
    PlainKey,
    Remove,
    UseTls,
    UseVerifyFull,
    WriteHost,
    WritePassword,
    WriteSslmode,
}

impl fmt::Display for ParameterHelp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PlainKey => database::HelpPlainKey.fmt(f),
            Self::Remove => database::HelpRemove.fmt(f),
            Self::UseTls => database::HelpUseTls.fmt(f),
            Self::UseVerifyFull => database::HelpUseVerifyFull.fmt(f),
            Self::WriteHost => database::HelpWriteHost.fmt(f),
            Self::WritePassword => database::HelpWritePassword.fmt(f),
            Self::WriteSslmode => database::HelpWriteSslmode.fmt(f),
        }
    }
}

/// A server's URL without mistakes.
pub(super) struct ServerUrl {
    /// The URL with the parameters that the library reads.
    pub(super) url: Url,
    /// The parameters that this program reads.
    ours: Vec<(String, String)>,
    /// The parameters that name files, with the files.
    files: Vec<(String, String)>,
    /// An IPv6 address with its zone, if any, and without brackets. The library would resolve the brackets as part of a name.
    pub(super) ipv6: Option<String>,
}

/// A mistake in a URL. It quotes no value of the URL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UrlMistake {
    /// It is not a URL, as the parser says.
    NotUrl(url::ParseError),
    /// It does not begin with this scheme.
    Scheme(&'static str),
    /// It has more than one host.
    SeveralHosts,
    /// A parameter has a value of another kind.
    Value(String, ValueKind),
    /// A parameter is not supported with its value.
    UnsupportedValue(String, ParameterHelp),
    /// A parameter is not supported.
    Unsupported(String, ParameterHelp),
    /// A parameter is not one of this server.
    Foreign {
        /// The parameter.
        name: String,
        /// The server.
        server: &'static str,
    },
    /// A parameter is not known, and this one is nearly like it.
    Near {
        /// The parameter, unless it may be a part of the password.
        name: Option<String>,
        /// The parameter that was probably meant.
        near: &'static str,
    },
    /// The parameter with this number, from 1, is not known, and may be a part of the password.
    Hidden(usize),
    /// It has a `#`.
    NumberSign,
    /// These characters of the user name or the password have to be percent-encoded.
    Unencoded(Vec<(char, &'static str)>),
    /// The file of a parameter cannot be read.
    File {
        /// The parameter.
        name: String,
        /// The system's error.
        error: String,
    },
    /// The file of the environment variable for certificate authorities cannot be read.
    Authorities {
        /// The file.
        path: PathBuf,
        /// The system's error.
        error: String,
    },
    /// The password is too short to be hidden in messages.
    ShortPassword,
}

/// The kind of value that a parameter has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ValueKind {
    /// A port number.
    Port,
    /// An IP address.
    Address,
    /// A number of seconds.
    Seconds,
    /// One of these.
    OneOf(&'static [&'static str]),
}

impl fmt::Display for UrlMistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotUrl(error) => error.fmt(f),
            Self::Scheme(scheme) => database::BeginsWith { scheme }.fmt(f),
            Self::SeveralHosts => database::SeveralHosts.fmt(f),
            Self::Value(name, ValueKind::Port) => database::NotPort { name }.fmt(f),
            Self::Value(name, ValueKind::Address) => database::NotAddress { name }.fmt(f),
            Self::Value(name, ValueKind::Seconds) => database::NotSeconds { name }.fmt(f),
            Self::Value(name, ValueKind::OneOf(values)) => {
                let values = &values.join(&database::Separator.to_string());
                database::NotOneOf { name, values }.fmt(f)
            }
            Self::UnsupportedValue(name, _) => database::UnsupportedValue { name }.fmt(f),
            Self::Unsupported(name, _) => database::Unsupported { name }.fmt(f),
            Self::Foreign { name, server } => database::ForeignParameter { name, server }.fmt(f),
            Self::Near { name: Some(name), near } => database::NearParameter { name, near }.fmt(f),
            Self::Near { name: None, near } => database::NearHiddenParameter { near }.fmt(f),
            Self::Hidden(number) => database::HiddenParameter { number }.fmt(f),
            Self::NumberSign => database::NumberSign.fmt(f),
            Self::Unencoded(codes) => {
                let characters: Vec<_> = codes.iter().map(|(character, _)| format!("`{character}`")).collect();
                let characters = &characters.join(&database::Separator.to_string());
                database::Unencoded { characters }.fmt(f)
            }
            Self::File { name, error } => database::UnreadableFile { name, error }.fmt(f),
            Self::Authorities { path, error } => {
                let path = &path.display();
                database::UnreadableAuthorities { path, error }.fmt(f)
            }
            Self::ShortPassword => database::ShortPassword {
                least: Secret::SHORTEST as u64,
            }
            .fmt(f),
        }
    }
}

impl UrlMistake {
    /// Returns what to do; `None` when the form of a URL says it.
    pub(super) fn help(&self) -> Option<String> {
        let about = |name: &String, help: ParameterHelp| database::ParameterHelp { name, help: &help }.to_string();
        match self {
            Self::SeveralHosts => Some(database::SeveralHostsHelp.to_string()),
            Self::UnsupportedValue(name, help) | Self::Unsupported(name, help) => Some(about(name, *help)),
            Self::Foreign { name, .. } => Some(about(name, ParameterHelp::Remove)),
            Self::Hidden(_) => Some(database::HiddenParameterHelp.to_string()),
            Self::NumberSign => Some(database::NumberSignHelp.to_string()),
            Self::Unencoded(codes) => {
                let codes: Vec<_> = codes
                    .iter()
                    .map(|(character, code)| database::WriteAs { character, code }.to_string())
                    .collect();
                let codes = &codes.join(&database::Separator.to_string());
                Some(database::UnencodedHelp { codes }.to_string())
            }
            Self::File { .. } | Self::Authorities { .. } => Some(database::UnreadableFileHelp.to_string()),
            Self::NotUrl(_) | Self::Scheme(_) | Self::Value(..) | Self::Near { .. } | Self::ShortPassword => None,
        }
    }
}

/// Joins texts about several mistakes; `None` for no text.
pub(super) fn join_all(texts: impl IntoIterator<Item = String>) -> Option<String> {
    texts.into_iter().reduce(|first, second| {
        let both = database::Both {
            first: &first,
            second: &second,
        };
        both.to_string()
    })
}

impl ServerUrl {
    /// Parses the URL of a server, or returns its mistakes.
    pub(super) fn parse(text: &str, rules: &UrlRules) -> Result<Self, Vec<UrlMistake>> {
        let Some((scheme, rest)) = text.split_once("://") else {
            let error = Url::parse(text).err();
            return Err(vec![error.map_or_else(|| wrong_scheme(rules), UrlMistake::NotUrl)]);
        };
        if !rules.schemes.contains(&scheme.to_ascii_lowercase().as_str()) {
            return Err(vec![wrong_scheme(rules)]);
        }
        if let Some(mistake) = unencoded(rest, rules) {
            return Err(vec![mistake]);
        }
        let authority = rest.split(['/', '?']).next().unwrap_or_default();
        let host = authority.rsplit('@').next().unwrap_or_default();
        if host.contains(',') {
            return Err(vec![UrlMistake::SeveralHosts]);
        }
        let (zone, without_zone) = take_zone(text, host);
        let url = Url::parse(without_zone.as_deref().unwrap_or(text));
        let mut url = url.map_err(|error| vec![UrlMistake::NotUrl(error)])?;
        let ipv6 = match url.host() {
            Some(Host::Ipv6(address)) => Some(match zone {
                Some(zone) => format!("{address}%{zone}"),
                None => address.to_string(),
            }),
            _ => None,
        };
        let all: Vec<(String, String)> = url.query_pairs().into_owned().collect();
        let named = named_parameters(&url);
        let mut mistakes = Vec::new();
        let mut ours = Vec::new();
        let mut files = Vec::new();
        let mut passed = Vec::new();
        for (at, (name, value)) in all.iter().enumerate() {
            let Some(parameter) = rules.find(name) else {
                let hidden = !named.get(at).is_some_and(|named| *named)
                    || all.iter().take(at).any(|(name, _)| name.contains("password"));
                mistakes.push(unknown(rules, name, at, hidden));
                continue;
            };
            if matches!(parameter, Parameter::File) {
                files.push((name.clone(), value.clone()));
            }
            match parameter.mistake(name, value) {
                Some(mistake) => mistakes.push(mistake),
                None => match parameter {
                    Parameter::Ours(_) | Parameter::Seconds => {
                        ours.push((name.clone(), value.to_ascii_lowercase()));
                    }
                    Parameter::Any | Parameter::File | Parameter::Port | Parameter::Address | Parameter::OneOf(_) => {
                        passed.push((name.clone(), value.clone()));
                    }
                    Parameter::Ignored | Parameter::IgnoredIf(..) | Parameter::Unsupported(_) => {}
                },
            }
        }
        if !mistakes.is_empty() {
            return Err(mistakes);
        }
        url.set_query(None);
        if !passed.is_empty() {
            url.query_pairs_mut().extend_pairs(passed);
        }
        Ok(Self { url, ours, files, ipv6 })
    }

    /// The value of a parameter that this program reads. Of several the last counts, as in libpq.
    pub(super) fn parameter(&self, name: &str) -> Option<&str> {
        let found = self.ours.iter().rfind(|(found, _)| found == name);
        found.map(|(_, value)| value.as_str())
    }

    /// How long to wait for a connection. `None` when the URL does not limit it.
    pub(super) fn connect_timeout(&self) -> Option<Duration> {
        let seconds: i64 = self
            .parameter("connect_timeout")
            .or_else(|| self.parameter("connect-timeout"))?
            .trim()
            .parse()
            .ok()?;
        let seconds = u64::try_from(seconds).ok().filter(|seconds| *seconds > 0)?;
        Some(Duration::from_secs(seconds))
    }
}

/// The file of certificate authorities that the environment names for every program.
pub(super) fn authorities() -> Option<PathBuf> {
    std::env::var_os("SSL_CERT_FILE")
        .filter(|file| !file.is_empty())
        .map(PathBuf::from)
}

/// Checks that the files of a URL, and those of the environment, can be read.
pub(super) fn check_files(url: &ServerUrl) -> Result<(), Vec<UrlMistake>> {
    // A parameter may also hold the certificate itself, or name those of this machine.
    let is_file = |text: &str| text != "system" && !text.starts_with("-----BEGIN");
    let open = |path: &std::path::Path| std::fs::File::open(path).err().map(|error| error.to_string());
    for (name, file) in url.files.iter().filter(|(_, file)| is_file(file)) {
        if let Some(error) = open(file.as_ref()) {
            let name = name.clone();
            return Err(vec![UrlMistake::File { name, error }]);
        }
    }
    let path = authorities();
    match path.and_then(|path| Some((open(&path)?, path))) {
        Some((error, path)) => Err(vec![UrlMistake::Authorities { path, error }]),
        None => Ok(()),
    }
}

impl UrlRules {
    fn find(&self, name: &str) -> Option<Parameter> {
        let found = self.parameters.iter().find(|(known, _)| *known == name);
        found.map(|(_, parameter)| *parameter)
    }
}

impl Parameter {
    /// The mistake in a parameter's value, if any. The value is not shown.
    fn mistake(self, name: &str, value: &str) -> Option<UrlMistake> {
        let is_one = |values: &[&str]| values.iter().any(|known| known.eq_ignore_ascii_case(value));
        let wrong = |kind| Some(UrlMistake::Value(name.to_owned(), kind));
        match self {
            Self::Port if value.parse::<u16>().is_err() => wrong(ValueKind::Port),
            Self::Address if value.parse::<std::net::IpAddr>().is_err() => wrong(ValueKind::Address),
            Self::OneOf(values) | Self::Ours(values) if !is_one(values) => wrong(ValueKind::OneOf(values)),
            Self::Seconds if value.trim().parse::<i64>().is_err() => wrong(ValueKind::Seconds),
            Self::IgnoredIf(values, help) if !is_one(values) => {
                Some(UrlMistake::UnsupportedValue(name.to_owned(), help))
            }
            Self::Unsupported(help) => Some(UrlMistake::Unsupported(name.to_owned(), help)),
            _ => None,
        }
    }
}

fn wrong_scheme(rules: &UrlRules) -> UrlMistake {
    UrlMistake::Scheme(rules.schemes[0])
}

/// Describes a parameter that is not known. Its name is hidden where it may be the rest of a password with an `&`.
fn unknown(rules: &UrlRules, name: &str, at: usize, hidden: bool) -> UrlMistake {
    let near = rules.parameters.iter().map(|(known, _)| *known);
    let near = near.filter(|known| known.len() > 3 && strsim::osa_distance(known, name) <= 2);
    let near = near.min_by_key(|known| strsim::osa_distance(known, name));
    let name = (!hidden).then(|| name.to_owned());
    if let Some(near) = near {
        return UrlMistake::Near { name, near };
    }
    match name {
        None => UrlMistake::Hidden(at + 1),
        Some(name) => UrlMistake::Foreign {
            name,
            server: rules.server,
        },
    }
}

/// Whether each parameter is written as a name and a value, as `name=value`.
fn named_parameters(url: &Url) -> Vec<bool> {
    let query = url.query().unwrap_or_default();
    let parameters = query.split('&').filter(|parameter| !parameter.is_empty());
    let is_name = |text: &str| {
        let name = text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte));
        name && text.len() <= 40 && text.starts_with(|first: char| first.is_ascii_alphabetic())
    };
    parameters
        .map(|parameter| parameter.split_once('=').is_some_and(|(name, _)| is_name(name)))
        .collect()
}

/// Removes the zone of an IPv6 address, which the parser does not accept: `[fe80::1%25eth0]`, or `%eth0` as people write it.
/// Returns the zone and the URL without it, or `None` twice.
fn take_zone(text: &str, host: &str) -> (Option<String>, Option<String>) {
    let inside = host.strip_prefix('[').and_then(|host| host.split_once(']'));
    let Some((address, zone)) = inside.and_then(|(inside, _)| inside.split_once('%')) else {
        return (None, None);
    };
    let bare = zone.strip_prefix("25").filter(|bare| !bare.is_empty()).unwrap_or(zone);
    let without = text.replacen(&format!("[{address}%{zone}]"), &format!("[{address}]"), 1);
    (Some(bare.to_owned()), Some(without))
}

/// Looks for characters that have to be percent-encoded in a user name and a password. The parser would take such a
/// character for the end of the password, and a part of the password for the host.
fn unencoded(rest: &str, rules: &UrlRules) -> Option<UrlMistake> {
    let mut ends = rest.rmatch_indices('@').map(|(at, _)| at);
    let end = ends.find(|at| !is_in_value(rest, *at, rules)).unwrap_or(0);
    let credentials = rest.get(..end)?;
    let must_encode = |character: char| match character {
        // An `@` alone is clear, and common in user names: the last one ends the password.
        '@' => false,
        '%' => !credentials.match_indices('%').all(|(at, _)| {
            let code = credentials.as_bytes().get(at + 1..at + 3);
            code.is_some_and(|code| code.iter().all(u8::is_ascii_hexdigit))
        }),
        _ => credentials.contains(character),
    };
    let codes = [('@', "%40"), ('/', "%2F"), ('#', "%23"), ('?', "%3F"), ('%', "%25")];
    if !codes.iter().any(|(character, _)| must_encode(*character)) {
        return rest.contains('#').then_some(UrlMistake::NumberSign);
    }
    let found = codes
        .into_iter()
        .filter(|(character, _)| must_encode(*character) || (*character == '@' && credentials.contains('@')));
    Some(UrlMistake::Unencoded(found.collect()))
}

/// Whether position `at` is in the value of a parameter whose values may have an `@`.
fn is_in_value(rest: &str, at: usize, rules: &UrlRules) -> bool {
    let Some(mark) = rest.find('?') else {
        return false;
    };
    let before = rest.get(mark + 1..at);
    before.is_some_and(|before| {
        let mut names = before.split('&').map(|parameter| parameter.split_once('='));
        let last = before.rsplit('&').next().unwrap_or_default();
        let free = last.split_once('=').and_then(|(name, _)| rules.find(name));
        matches!(free, Some(Parameter::Any | Parameter::File))
            && names.all(|name| name.is_some_and(|(name, _)| rules.find(name).is_some()))
    })
}
