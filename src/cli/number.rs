//! Whole numbers on the command line. clap's own parsers explain a mistake in English only.

use std::fmt::Display;
use std::num::{IntErrorKind, ParseIntError};
use std::ops::RangeInclusive;
use std::str::FromStr;

use crate::catalogue::command_line as text;

/// Returns a parser of whole numbers in `range`.
pub fn whole<T>(range: RangeInclusive<T>) -> impl Fn(&str) -> Result<T, String> + Clone
where
    T: FromStr<Err = ParseIntError> + PartialOrd + Display + Clone,
{
    move |typed| {
        let too_small = || text::NumberTooSmall { least: range.start() }.to_string();
        let too_large = || text::NumberTooLarge { most: range.end() }.to_string();
        match typed.parse::<T>() {
            Ok(number) if number < *range.start() => Err(too_small()),
            Ok(number) if number > *range.end() => Err(too_large()),
            Ok(number) => Ok(number),
            Err(error) => Err(match error.kind() {
                IntErrorKind::PosOverflow => too_large(),
                IntErrorKind::NegOverflow | IntErrorKind::Zero => too_small(),
                // A number without a sign does not parse `-1`.
                _ if is_negative(typed) => too_small(),
                _ => text::NoNumber.to_string(),
            }),
        }
    }
}

fn is_negative(typed: &str) -> bool {
    let digits = typed.strip_prefix('-').unwrap_or_default();
    !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU8;

    use super::*;
    use crate::catalogue::Language;

    #[test]
    fn a_number_in_the_range_is_read_and_any_other_text_is_refused_with_why() {
        let read = whole(1..=200_u8);
        assert_eq!(read("200"), Ok(200));
        assert_eq!(whole(i64::MIN..=i64::MAX)("-7"), Ok(-7));
        let refused = || {
            let whys = ["0", "-1", "201", "256", "-300", "", "-", "1.5", "ten"].map(|typed| read(typed).unwrap_err());
            let zero = whole(NonZeroU8::MIN..=NonZeroU8::MAX)("0").unwrap_err();
            format!("{}\n{zero}", whys.join("\n"))
        };
        insta::assert_snapshot!(Language::English.scope(refused), @r"
        the least is 1
        the least is 1
        the most is 200
        the most is 200
        the least is 1
        it is not a whole number
        it is not a whole number
        it is not a whole number
        it is not a whole number
        the least is 1
        ");
        insta::assert_snapshot!(Language::Chinese.scope(refused), @r"
        最小是 1
        最小是 1
        最大是 200
        最大是 200
        最小是 1
        不是整数
        不是整数
        不是整数
        不是整数
        最小是 1
        ");
    }
}
