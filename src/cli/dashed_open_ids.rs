//! Open_ids that begin with a dash, as base64 may. To a parser of options they look like options.

use std::ffi::{OsStr, OsString};

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, Command};

use crate::app::other_ledger::quoted;
use crate::catalogue::command_line;
use crate::report::text::visible;

/// The name of the argument that takes open_ids.
const OPEN_ID: &str = "OPEN_ID";
/// A shorter text is more likely an option that was mistyped.
const SHORTEST: usize = 8;
const SEPARATOR: &str = "--";

/// Moves the open_ids that begin with a dash after a `--`, so that they are not taken for options. It changes no other
/// argument, and no other command than those that take open_ids.
pub fn after_separator(args: Vec<OsString>, cli: impl Fn() -> Command) -> Vec<OsString> {
    if !args.iter().any(|arg| looks_like_open_id(arg)) {
        return args;
    }
    let Some(command) = command_of(&args, cli()) else {
        return args;
    };
    let is_open_id = |at: usize, arg: &OsStr| looks_like_open_id(arg) && !is_value(&args, at, &command);
    moved(&args, is_open_id)
}

/// Replaces clap's tip about an unexpected argument, which quotes only its first letter, with the whole command.
pub fn with_tip(mut error: clap::Error, args: &[OsString], cli: Command) -> clap::Error {
    if error.kind() != ErrorKind::UnknownArgument || command_of(args, cli).is_none() {
        return error;
    }
    let Some(ContextValue::String(unexpected)) = error.get(ContextKind::InvalidArg).cloned() else {
        return error;
    };
    let is_long = unexpected.starts_with(SEPARATOR);
    let letter = unexpected.trim_start_matches('-');
    let is_unexpected = |arg: &OsStr| {
        let arg = arg.to_string_lossy();
        let is_short = arg.len() > 2 && arg.starts_with('-') && !arg.starts_with(SEPARATOR) && arg.contains(letter);
        if is_long { arg == unexpected } else { is_short }
    };
    if is_long && error.get(ContextKind::SuggestedArg).is_some() || !args.iter().any(|arg| is_unexpected(arg)) {
        return error;
    }
    let command = moved(args, |_, arg| is_unexpected(arg));
    let typed = command
        .iter()
        .skip(1)
        .map(|arg| quoted(&visible(&arg.to_string_lossy())));
    let typed = typed.fold("runner".to_owned(), |typed, arg| typed + " " + &arg);
    let tip = command_line::OpenIdAtEnd { command: &typed }.to_string();
    error.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![tip.into()]));
    error
}

/// Whether a text begins with a dash and can hardly be a mistyped option: options have neither digits nor capitals.
fn looks_like_open_id(arg: &OsStr) -> bool {
    let Some(text) = arg.to_str() else { return false };
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    text.len() >= SHORTEST
        && text.starts_with('-')
        && text.bytes().all(is_word)
        && text
            .bytes()
            .any(|byte| byte.is_ascii_digit() || byte.is_ascii_uppercase())
}

/// Returns the command that the arguments name. `None` if it takes no open_ids.
fn command_of(args: &[OsString], mut cli: Command) -> Option<Command> {
    cli.build();
    let command = args.iter().skip(1).find_map(|arg| cli.find_subcommand(arg))?;
    let takes = |arg: &Arg| {
        let names = arg.get_value_names().unwrap_or_default();
        names.iter().any(|name| name.as_str() == OPEN_ID)
    };
    command.get_positionals().any(takes).then(|| command.clone())
}

/// Whether the argument at `at` is the value of the option before it.
fn is_value(args: &[OsString], at: usize, command: &Command) -> bool {
    let before = at.checked_sub(1).and_then(|before| args.get(before)?.to_str());
    let Some(name) = before.and_then(|before| before.strip_prefix(SEPARATOR)) else {
        return false;
    };
    let takes_value = |arg: &&Arg| arg.get_action().takes_values() && !arg.is_require_equals_set();
    let mut options = command.get_arguments().filter(takes_value);
    options.any(|option| option.get_long() == Some(name))
}

/// Moves the arguments that `is_open_id` selects after `--`, before those that are there already.
fn moved(args: &[OsString], is_open_id: impl Fn(usize, &OsStr) -> bool) -> Vec<OsString> {
    let separator = args.iter().position(|arg| arg == SEPARATOR).unwrap_or(args.len());
    let (before, behind) = args.split_at(separator);
    let mut all = Vec::new();
    let mut open_ids = Vec::new();
    for (at, arg) in before.iter().enumerate() {
        let moves = at > 0 && is_open_id(at, arg);
        if moves { &mut open_ids } else { &mut all }.push(arg.clone());
    }
    if !open_ids.is_empty() {
        all.push(SEPARATOR.into());
    }
    all.append(&mut open_ids);
    let rest = if all.iter().any(|arg| arg == SEPARATOR) {
        behind.get(1..)
    } else {
        Some(behind)
    };
    all.extend_from_slice(rest.unwrap_or_default());
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cli() -> Command {
        let option = |name: &'static str| Arg::new(name).long(name);
        let command = |name: &'static str, argument: &'static str| {
            let sandbox = option("sandbox").num_args(0..=1).require_equals(true);
            Command::new(name).args([Arg::new("file"), sandbox, Arg::new("more").value_name(argument)])
        };
        Command::new("runner")
            .arg(option("output").global(true))
            .arg(option("state-dir").global(true))
            .subcommand(command("trace", OPEN_ID))
            .subcommand(command("resolve", OPEN_ID).args([option("as"), option("note")]))
            .subcommand(command("apply", "FILE"))
    }

    fn args(line: &str) -> Vec<OsString> {
        line.split_whitespace().map(Into::into).collect()
    }

    #[test]
    fn an_open_id_with_a_dash_moves_after_the_separator() {
        for (typed, parsed) in [
            (
                "runner trace c.yaml -000AbCdEf11 --sandbox",
                "runner trace c.yaml --sandbox -- -000AbCdEf11",
            ),
            (
                "runner --output json trace -hAbCdEf12345 c.yaml",
                "runner --output json trace c.yaml -- -hAbCdEf12345",
            ),
            (
                "runner resolve c.yaml -000AbCdEf11 --as refused --note x --00AbCdEf11 -- -y0AbCdEf11",
                "runner resolve c.yaml --as refused --note x -- -000AbCdEf11 --00AbCdEf11 -y0AbCdEf11",
            ),
        ] {
            assert_eq!(after_separator(args(typed), cli), args(parsed), "{typed}");
        }
    }

    #[test]
    fn no_other_argument_moves() {
        for typed in [
            "runner trace c.yaml user-1 --sandbox",
            "runner trace c.yaml -- -000AbCdEf11",
            "runner trace c.yaml u1 --state-dir -000AbCdEf11",
            "runner trace c.yaml u1 --sandbox=http://127.0.0.1:8080",
            "runner trace c.yaml u1 -vvvvvvvv",
            "runner trace c.yaml u1 -sandbox",
            "runner trace c.yaml u1 -0",
            "runner apply -000AbCdEf11 --sandbox",
            "runner",
        ] {
            assert_eq!(after_separator(args(typed), cli), args(typed), "{typed}");
        }
    }
}
