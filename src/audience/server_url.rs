//! URLs of database servers. A mistake is described without quoting the URL, because any part of it may be a password.

use std::path::PathBuf;
use std::time::Duration;

use url::{Host, Url};

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
    IgnoredIf(&'static [&'static str], &'static str),
    /// It is not supported, with what to do about it.
    Unsupported(&'static str),
}

/// Help for a parameter that a reading of an audience does not need.
pub(super) const LEAVE_OUT: &str = "leave it out";

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

/// A mistake in a URL.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct UrlMistake {
    pub(super) why: String,
    /// What to do. `None` when the form of a URL says it.
    pub(super) help: Option<String>,
}

impl UrlMistake {
    fn new(why: impl Into<String>) -> Self {
        Self {
            why: why.into(),
            help: None,
        }
    }
}

impl ServerUrl {
    /// Parses the URL of a server.
    pub(super) fn parse(text: &str, rules: &UrlRules) -> Result<Self, UrlMistake> {
        let Some((scheme, rest)) = text.split_once("://") else {
            let error = Url::parse(text).err();
            let why = error.map_or_else(|| begins_with(rules), |error| error.to_string());
            return Err(UrlMistake::new(why));
        };
        if !rules.schemes.contains(&scheme.to_ascii_lowercase().as_str()) {
            return Err(UrlMistake::new(begins_with(rules)));
        }
        if let Some(mistake) = unencoded(rest, rules) {
            return Err(mistake);
        }
        let authority = rest.split(['/', '?']).next().unwrap_or_default();
        let host = authority.rsplit('@').next().unwrap_or_default();
        if host.contains(',') {
            return Err(UrlMistake {
                why: "it names several hosts".into(),
                help: Some("name one of them: the server, or the replica, that has the whole audience".into()),
            });
        }
        let (zone, without_zone) = take_zone(text, host);
        let url = Url::parse(without_zone.as_deref().unwrap_or(text));
        let mut url = url.map_err(|error| UrlMistake::new(error.to_string()))?;
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
            return Err(together(mistakes));
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
pub(super) fn check_files(url: &ServerUrl) -> Result<(), UrlMistake> {
    let written = url
        .files
        .iter()
        .map(|(name, file)| (format!("the file of `{name}`"), file.into()));
    // A parameter may also hold the certificate itself, or name those of this machine.
    let written = written.filter(|(_, file): &(_, PathBuf)| {
        let text = file.to_string_lossy();
        text != "system" && !text.starts_with("-----BEGIN")
    });
    let environment = authorities().map(|file| (format!("the file of SSL_CERT_FILE, {},", file.display()), file));
    for (name, file) in written.chain(environment) {
        if let Err(error) = std::fs::File::open(file) {
            return Err(UrlMistake {
                why: format!("{name} cannot be read: {error}"),
                help: Some("name a file of certificates in PEM form that this user may read".into()),
            });
        }
    }
    Ok(())
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
        let wrong = |what: &str| {
            Some(UrlMistake::new(format!(
                "the value of its parameter `{name}` is not {what}"
            )))
        };
        match self {
            Self::Port if value.parse::<u16>().is_err() => wrong("a port number"),
            Self::Address if value.parse::<std::net::IpAddr>().is_err() => wrong("an IP address"),
            Self::OneOf(values) | Self::Ours(values) if !is_one(values) => {
                wrong(&format!("one of {}", values.join(", ")))
            }
            Self::Seconds if value.trim().parse::<i64>().is_err() => wrong("a number of seconds"),
            Self::IgnoredIf(values, help) if !is_one(values) => Some(not_supported(name, "with this value", help)),
            Self::Unsupported(help) => Some(not_supported(name, "", help)),
            _ => None,
        }
    }
}

fn not_supported(name: &str, how: &str, help: &str) -> UrlMistake {
    let space = if how.is_empty() { "" } else { " " };
    UrlMistake {
        why: format!("its parameter `{name}` is not supported{space}{how}"),
        help: Some(format!("`{name}`: {help}")),
    }
}

fn begins_with(rules: &UrlRules) -> String {
    format!("it does not begin with `{}://`", rules.schemes[0])
}

/// One mistake that names them all.
fn together(mistakes: Vec<UrlMistake>) -> UrlMistake {
    let help: Vec<String> = mistakes.iter().filter_map(|mistake| mistake.help.clone()).collect();
    let why: Vec<String> = mistakes.into_iter().map(|mistake| mistake.why).collect();
    UrlMistake {
        why: why.join("; "),
        help: Some(help.join("; ")).filter(|help| !help.is_empty()),
    }
}

/// Describes a parameter that is not known. Its name is hidden where it may be the rest of a password with an `&`.
fn unknown(rules: &UrlRules, name: &str, at: usize, hidden: bool) -> UrlMistake {
    let near = rules.parameters.iter().map(|(known, _)| *known);
    let near = near.filter(|known| known.len() > 3 && strsim::osa_distance(known, name) <= 2);
    if let Some(near) = near.min_by_key(|known| strsim::osa_distance(known, name)) {
        let shown = if hidden { String::new() } else { format!(" `{name}`") };
        return UrlMistake::new(format!(
            "it has a parameter{shown} that is not known; did you mean `{near}`?"
        ));
    }
    if hidden {
        return UrlMistake {
            why: format!("its parameter number {} is not known, and is not shown", at + 1),
            help: Some("leave it out; if it is a part of the password, percent-encode the `&` before it".into()),
        };
    }
    UrlMistake {
        why: format!("it has the parameter `{name}`, which is not {}'s", rules.server),
        help: Some(format!("`{name}`: {LEAVE_OUT}")),
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
        return rest.contains('#').then(|| UrlMistake {
            why: "it has a `#`, which ends the URL of a page and nothing here".into(),
            help: Some("in a user name or password, write # as %23".into()),
        });
    }
    let found = codes
        .iter()
        .filter(|(character, _)| must_encode(*character) || (*character == '@' && credentials.contains('@')));
    let characters: Vec<String> = found.clone().map(|(character, _)| format!("`{character}`")).collect();
    let written: Vec<String> = found
        .map(|(character, code)| format!("{character} as {code}"))
        .collect();
    Some(UrlMistake {
        why: format!(
            "its user name or password is not percent-encoded: it has {}",
            characters.join(", ")
        ),
        help: Some(format!(
            "percent-encode the user name and the password: write {}",
            written.join(", ")
        )),
    })
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
