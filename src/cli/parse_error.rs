//! Errors of the command line in Chinese. clap writes them in English.

use std::error::Error as _;
use std::fmt::Write as _;

use clap::error::{ContextKind, ContextValue, ErrorKind};

use crate::catalogue::{Language, command_line as text, failure, help};
use crate::model::problem::Problem;

use super::failure::{ERROR, HELP};

/// Returns an error as people read it in the language of the moment. `None` for clap's own text: in English, and for a kind that has
/// no text here.
#[must_use]
pub fn translated(error: &clap::Error) -> Option<String> {
    if Language::current() == Language::English {
        return None;
    }
    let message = message(error)?;
    let label = failure::LabelError;
    let mut translated = format!("{ERROR}{label}[{}]{ERROR:#}: {message}\n", Problem::CommandLine);
    let tips = tips(error);
    if !tips.is_empty() {
        translated.push('\n');
    }
    for tip in tips {
        // Writing to a string cannot fail.
        let _ = writeln!(translated, "  {HELP}{}{HELP:#}: {tip}", text::LabelTip);
    }
    if let Some(ContextValue::StyledStr(usage)) = error.get(ContextKind::Usage) {
        let usage = usage.to_string();
        let usage = usage.strip_prefix("Usage:").unwrap_or(&usage);
        let _ = writeln!(translated, "\n{} {}", help::Usage, usage.trim_start());
    }
    let _ = writeln!(translated, "\n{}", text::MoreByHelp);
    Some(translated)
}

/// Returns what is wrong. `None` for a kind without a text, or one that clap describes in another way.
fn message(error: &clap::Error) -> Option<String> {
    let one = |kind| match error.get(kind)? {
        ContextValue::String(value) => Some(value.clone()),
        _ => None,
    };
    let several = |kind| match error.get(kind) {
        Some(ContextValue::Strings(values)) => values.clone(),
        Some(ContextValue::String(value)) => vec![value.clone()],
        _ => Vec::new(),
    };
    let argument = one(ContextKind::InvalidArg);
    let value = one(ContextKind::InvalidValue);
    let number = |kind| match error.get(kind)? {
        ContextValue::Number(number) => Some(*number),
        _ => None,
    };
    let message = match error.kind() {
        ErrorKind::UnknownArgument => text::UnknownArgument { argument: &argument? }.to_string(),
        ErrorKind::InvalidSubcommand => text::UnknownCommand {
            command: &one(ContextKind::InvalidSubcommand)?,
        }
        .to_string(),
        ErrorKind::MissingSubcommand => text::MissingCommand.to_string(),
        ErrorKind::InvalidValue if value.as_ref()?.is_empty() => {
            text::MissingValue { argument: &argument? }.to_string()
        }
        ErrorKind::InvalidValue => with_list(
            &text::InvalidValue {
                value: &value?,
                argument: &argument?,
            }
            .to_string(),
            &several(ContextKind::ValidValue),
        ),
        ErrorKind::ValueValidation => {
            let value = &value?;
            let argument = &argument?;
            match error.source() {
                Some(why) => text::RefusedValue {
                    value,
                    argument,
                    why: &why,
                }
                .to_string(),
                None => text::InvalidValue { value, argument }.to_string(),
            }
        }
        ErrorKind::NoEquals => text::NeedsEquals { argument: &argument? }.to_string(),
        ErrorKind::TooManyValues => text::TooManyValues {
            value: &value?,
            argument: &argument?,
        }
        .to_string(),
        ErrorKind::TooFewValues => text::TooFewValues {
            argument: &argument?,
            least: &number(ContextKind::MinValues)?,
            given: &number(ContextKind::ActualNumValues)?,
        }
        .to_string(),
        ErrorKind::WrongNumberOfValues => text::WrongNumberOfValues {
            argument: &argument?,
            needed: &number(ContextKind::ExpectedNumValues)?,
            given: &number(ContextKind::ActualNumValues)?,
        }
        .to_string(),
        ErrorKind::ArgumentConflict => {
            let argument = &argument?;
            let others = several(ContextKind::PriorArg);
            match others.as_slice() {
                [] => text::ConflictsWithOthers { argument }.to_string(),
                [other] if other == argument => text::GivenTwice { argument }.to_string(),
                [other] => text::Conflicts { argument, other }.to_string(),
                others => with_list(&text::ConflictsWith { argument }.to_string(), others),
            }
        }
        ErrorKind::MissingRequiredArgument => {
            with_list(&text::MissingArguments.to_string(), &several(ContextKind::InvalidArg))
        }
        ErrorKind::InvalidUtf8 => text::NotUtf8.to_string(),
        _ => return None,
    };
    Some(message)
}

/// Adds lines with one item each.
fn with_list(message: &str, items: &[String]) -> String {
    items.iter().fold(message.to_owned(), |list, item| list + "\n  " + item)
}

/// Returns what may have been meant.
fn tips(error: &clap::Error) -> Vec<String> {
    let mut tips = Vec::new();
    for kind in [
        ContextKind::SuggestedSubcommand,
        ContextKind::SuggestedArg,
        ContextKind::SuggestedValue,
    ] {
        match error.get(kind) {
            Some(ContextValue::String(name)) => tips.push(failure::DidYouMean { name }.to_string()),
            Some(ContextValue::Strings(names)) if !names.is_empty() => tips.push(
                failure::DidYouMean {
                    name: &names.join(&text::Or.to_string()),
                }
                .to_string(),
            ),
            _ => {}
        }
    }
    let unknown = match error.get(ContextKind::InvalidArg) {
        Some(ContextValue::String(unknown)) => unknown.as_str(),
        _ => "",
    };
    if let Some(ContextValue::StyledStrs(own)) = error.get(ContextKind::Suggested) {
        tips.extend(own.iter().map(|tip| {
            let tip = tip.to_string();
            // clap's only tip of its own.
            if tip.starts_with("to pass '") {
                text::PassAsValue { argument: &unknown }.to_string()
            } else {
                tip
            }
        }));
    }
    tips
}
