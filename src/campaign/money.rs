//! Parses amounts of money: `10 CNY`, `0.50 CNY`.

use schemars::{Schema, SchemaGenerator, json_schema};
use serde_json::Value as Json;

use super::diagnostic::Code;
use super::diagnostics::Diagnostics;
use super::keys::KeyType;
use super::value::{Value, as_written};
use crate::catalogue::money;
use crate::model::money::Money;

/// The largest amount, 100 billion yuan: a larger one is a typing mistake.
const MOST: Money = Money::from_fen(10_000_000_000_000);

/// The currency of the platform's coupons.
const CURRENCY: &str = "CNY";

/// An amount of money.
pub(super) struct Amount;

impl KeyType<Money> for Amount {
    fn read(&self, value: &Value<'_>, diagnostics: &mut Diagnostics) -> Option<Money> {
        let example = value.example();
        let scalar = value.scalar(&self.describe(), diagnostics)?;
        let mistake = match parse(&scalar.text) {
            Ok(money) if money == Money::default() => Mistake::TooSmall,
            Ok(money) if money > MOST => Mistake::TooLarge,
            Ok(money) => return Some(money),
            Err(mistake) => mistake,
        };
        let path = &value.path;
        let message = match &mistake {
            Mistake::NoMoney => money::NoMoney {
                path,
                written: &as_written(scalar),
            }
            .to_string(),
            Mistake::OtherCurrency(currency) => money::OtherCurrency { path, currency }.to_string(),
            Mistake::TooSmall => money::TooSmall { path }.to_string(),
            Mistake::TooLarge => money::TooLarge { path }.to_string(),
            Mistake::TooPrecise => money::TooPrecise { path }.to_string(),
            Mistake::Negative => money::Negative { path }.to_string(),
        };
        let meant = near(&scalar.text).filter(|_| matches!(mistake, Mistake::NoMoney | Mistake::TooPrecise));
        let example = meant.map_or(example, Money::written);
        let help = money::Write { example: &example }.to_string();
        value.refuse(Code::Money, message, help, diagnostics)
    }

    fn describe(&self) -> String {
        money::Money {
            example: &Money::from_fen(1_000).written(),
        }
        .to_string()
    }

    fn schema(&self, _: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "pattern": "^(0|[1-9][0-9]*)(\\.[0-9]{1,2})? CNY$"})
    }

    fn write(&self, value: &Money) -> Option<Json> {
        Some(value.written().into())
    }
}

/// What is wrong with an amount.
#[derive(Debug, PartialEq, Eq)]
enum Mistake {
    NoMoney,
    OtherCurrency(String),
    TooSmall,
    TooLarge,
    TooPrecise,
    Negative,
}

fn parse(text: &str) -> Result<Money, Mistake> {
    let (number, currency) = text.split_once(' ').ok_or(Mistake::NoMoney)?;
    if currency != CURRENCY {
        let is_code = currency.len() == 3 && currency.bytes().all(|byte| byte.is_ascii_uppercase());
        return Err(if is_code {
            Mistake::OtherCurrency(currency.to_owned())
        } else {
            Mistake::NoMoney
        });
    }
    amount(number)
}

/// Parses a number of yuan with at most two digits after the point.
fn amount(number: &str) -> Result<Money, Mistake> {
    if let Some(rest) = number.strip_prefix('-') {
        return Err(amount(rest).map_or(Mistake::NoMoney, |_| Mistake::Negative));
    }
    let (yuan, part) = number
        .split_once('.')
        .map_or((number, None), |(yuan, part)| (yuan, Some(part)));
    let is_number = |digits: &str| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    let has_leading_zero = yuan.len() > 1 && yuan.starts_with('0');
    if !is_number(yuan) || has_leading_zero || !part.is_none_or(is_number) {
        return Err(Mistake::NoMoney);
    }
    let fen = match part {
        None => 0,
        Some(part) => match *part.trim_end_matches('0').as_bytes() {
            [] => 0,
            [tenth] => u64::from(tenth - b'0') * 10,
            [tenth, hundredth] => u64::from(tenth - b'0') * 10 + u64::from(hundredth - b'0'),
            _ => return Err(Mistake::TooPrecise),
        },
    };
    let yuan: u64 = yuan.parse().map_err(|_| Mistake::TooLarge)?;
    let fen = yuan.checked_mul(100).and_then(|yuan| yuan.checked_add(fen));
    fen.map(Money::from_fen).ok_or(Mistake::TooLarge)
}

/// Returns the amount that was probably meant; `None` if none can be read.
fn near(text: &str) -> Option<Money> {
    const SIGNS: [&str; 8] = ["CNY", "RMB", "YUAN", "人民币", "¥", "￥", "元", "块"];
    if text.len() > 60 {
        return None;
    }
    let mut text = text.trim().to_uppercase();
    for sign in SIGNS {
        text = text.replace(sign, "");
    }
    let mut scale = 1;
    if let Some(rest) = text.trim().strip_suffix('万') {
        text = rest.to_owned();
        scale = 10_000;
    }
    let number: String = text.chars().filter(|c| !matches!(c, ',' | '，' | '_' | ' ')).collect();
    let rounded = match number.split_once('.') {
        Some((yuan, part)) if part.len() > 2 => format!("{yuan}.{}", part.get(..2)?),
        _ => number,
    };
    let money = amount(&rounded).ok()?.times(scale);
    (money > Money::default() && money <= MOST).then_some(money)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn an_amount_is_read_as_it_is_written(fen in 0..=MOST.fen()) {
            let money = Money::from_fen(fen);
            prop_assert_eq!(parse(&money.written()), Ok(money));
        }
    }

    #[test]
    fn only_the_exact_form_is_an_amount() {
        for (text, fen) in [
            ("10 CNY", 1_000),
            ("0.5 CNY", 50),
            ("0.05 CNY", 5),
            ("3.10 CNY", 310),
            ("3.100 CNY", 310),
        ] {
            assert_eq!(parse(text), Ok(Money::from_fen(fen)), "{text}");
        }
        for text in [
            "10",
            "CNY 10",
            "10CNY",
            "10  CNY",
            "10 cny",
            "1,000 CNY",
            "1e3 CNY",
            ".5 CNY",
            "5. CNY",
            "010 CNY",
            "10 元",
            "",
        ] {
            assert_eq!(parse(text), Err(Mistake::NoMoney), "{text}");
        }
        assert_eq!(parse("10 USD"), Err(Mistake::OtherCurrency("USD".into())));
        assert_eq!(parse("1.005 CNY"), Err(Mistake::TooPrecise));
        assert_eq!(parse("-1 CNY"), Err(Mistake::Negative));
        assert_eq!(parse("99999999999999999999 CNY"), Err(Mistake::TooLarge));
        assert_eq!(parse("199999999999999999 CNY"), Err(Mistake::TooLarge));
    }

    #[test]
    fn the_amount_that_was_meant_is_found() {
        for (text, meant) in [
            ("10", Some("10 CNY")),
            ("10元", Some("10 CNY")),
            ("¥12.5", Some("12.50 CNY")),
            ("RMB 1,000", Some("1000 CNY")),
            ("3万元", Some("30000 CNY")),
            ("1.005 CNY", Some("1 CNY")),
            ("0", None),
            ("ten", None),
        ] {
            assert_eq!(near(text).map(Money::written).as_deref(), meant, "{text}");
        }
    }
}
