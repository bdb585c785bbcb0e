//! The sandbox's own records: the count of an activity, the coupons of a user, and the bill of a day. No document shows a bill,
//! so the sandbox writes it in several forms.

use std::collections::HashMap;
use std::time::Duration;

use encoding_rs::GB18030;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::Offset;
use serde_json::{Value, json};

use super::{COUPON_NAME, draw, fraction};
use crate::model::outcome::UNUSED_COUPON;

/// No bill: nothing of the app was received on that day.
pub const NO_BILL: i64 = 29_005_077;
/// The state of a used coupon. No document has its number, so this one is the sandbox's own.
const USED: i64 = 20;
/// The life of a coupon, in seconds.
const LIFE: i64 = 7 * 86_400;

/// How the sandbox answers about its records. Shares are from 0 to 1.
#[derive(Clone, Debug, PartialEq)]
pub struct RecordSettings {
    /// How long after it was received a coupon is counted.
    pub count_delay: Duration,
    /// How long after the start of the sandbox no bill is ready.
    pub bill_after: Duration,
    /// How bills are written.
    pub bill_form: BillForm,
    /// What is wrong with bills.
    pub bill_lie: BillLie,
    /// The share of users who use their coupons at once, so that these are no more among their coupons.
    pub used: f64,
    /// The share of users who get a streamer's coupon of the same template beside each coupon.
    pub streamer_coupons: f64,
    /// The share of users who get a coupon of another template beside each coupon.
    pub other_coupons: f64,
    /// How many hours the clock of bills is ahead of UTC.
    pub bill_offset: i8,
}

impl Default for RecordSettings {
    /// Honest and prompt records, by the clock of China.
    fn default() -> Self {
        Self {
            count_delay: Duration::ZERO,
            bill_after: Duration::ZERO,
            bill_form: BillForm::Plain,
            bill_lie: BillLie::None,
            used: 0.0,
            streamer_coupons: 0.0,
            other_coupons: 0.0,
            bill_offset: 8,
        }
    }
}

/// How a bill is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum BillForm {
    /// UTF-8 with English titles.
    #[default]
    Plain,
    /// UTF-8 with a byte order mark, Chinese titles and another order.
    Chinese,
    /// Without titles, separated by tabs.
    Untitled,
    /// GB18030 with Chinese titles.
    Gb18030,
    /// Ids guarded against spreadsheets, some by an apostrophe and some by a formula.
    Guarded,
    /// Ids as a spreadsheet would round them.
    Rounded,
}

impl BillForm {
    /// Every form.
    pub const ALL: [Self; 6] = [
        Self::Plain,
        Self::Chinese,
        Self::Untitled,
        Self::Gb18030,
        Self::Guarded,
        Self::Rounded,
    ];

    /// The form's word on the command line.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Chinese => "chinese",
            Self::Untitled => "untitled",
            Self::Gb18030 => "gb18030",
            Self::Guarded => "guarded",
            Self::Rounded => "rounded",
        }
    }
}

/// What is wrong with a bill.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum BillLie {
    /// Nothing.
    #[default]
    None,
    /// It ends after half of its rows.
    Truncated,
    /// It has no row.
    Empty,
    /// It is another app's.
    OtherApp,
    /// Every third row is missing.
    Gaps,
}

impl BillLie {
    /// Every kind.
    pub const ALL: [Self; 5] = [Self::None, Self::Truncated, Self::Empty, Self::OtherApp, Self::Gaps];

    /// The lie's word on the command line.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Truncated => "truncated",
            Self::Empty => "empty",
            Self::OtherApp => "other-app",
            Self::Gaps => "gaps",
        }
    }
}

/// What gave a coupon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Giver {
    /// A direct send.
    Direct,
    /// A streamer.
    Streamer,
    /// Another template of the app.
    Other,
}

/// A coupon that was received.
#[derive(Clone, Debug)]
pub(super) struct Receipt {
    pub(super) app_id: String,
    pub(super) activity_id: String,
    pub(super) open_id: String,
    pub(super) coupon_id: String,
    pub(super) merchant_meta_no: String,
    /// In Unix seconds.
    pub(super) receive_time: i64,
}

/// A coupon in the records.
#[derive(Clone, Debug)]
struct Entry {
    receipt: Receipt,
    giver: Giver,
}

/// The records.
#[derive(Debug)]
pub(super) struct Records {
    seed: u64,
    settings: RecordSettings,
    /// `None` where nothing asks for them.
    entries: Option<Vec<Entry>>,
    /// The template that was named last for each activity.
    templates: HashMap<String, String>,
}

impl Records {
    pub(super) fn new(seed: u64, settings: RecordSettings, are_kept: bool) -> Self {
        Self {
            seed,
            settings,
            entries: are_kept.then(Vec::new),
            templates: HashMap::new(),
        }
    }

    /// Records a coupon of a direct send, and those that come beside it.
    pub(super) fn add(&mut self, receipt: Receipt) {
        let seed = self.seed;
        let RecordSettings {
            streamer_coupons,
            other_coupons,
            ..
        } = self.settings;
        let Some(entries) = &mut self.entries else { return };
        let falls_in = |what: &str, share: f64| share > 0.0 && fraction(seed, what, &[&receipt.open_id]) < share;
        let beside = |what: &str| Receipt {
            coupon_id: (7_400_000_000_000_000_000 + draw(seed, what, &[&receipt.coupon_id]) % 99_999_999_999_999_999)
                .to_string(),
            ..receipt.clone()
        };
        if falls_in("streamer's coupon", streamer_coupons) {
            // A streamer's coupon is of the template, and of no activity of the developer.
            let receipt = Receipt {
                activity_id: String::new(),
                ..beside("streamer")
            };
            let giver = Giver::Streamer;
            entries.push(Entry { receipt, giver });
        }
        if falls_in("other coupon", other_coupons) {
            let receipt = Receipt {
                activity_id: "7111111111111111111".to_owned(),
                merchant_meta_no: "other".to_owned(),
                ..beside("other")
            };
            let giver = Giver::Other;
            entries.push(Entry { receipt, giver });
        }
        let giver = Giver::Direct;
        entries.push(Entry { receipt, giver });
    }

    fn of_app<'r>(&'r self, app_id: &'r str) -> impl Iterator<Item = &'r Entry> {
        let entries = self.entries.iter().flatten();
        entries.filter(move |entry| entry.receipt.app_id == app_id)
    }

    /// The data of the answer about an activity.
    pub(super) fn count(&mut self, body: &Value, wall: Timestamp) -> Value {
        let text = |name| body.get(name).and_then(Value::as_str).unwrap_or_default();
        let activity_id = text("activity_id");
        self.templates
            .insert(activity_id.to_owned(), text("coupon_meta_id").to_owned());
        let delay = i64::try_from(self.settings.count_delay.as_secs()).unwrap_or(i64::MAX);
        let is_counted = |entry: &&Entry| {
            entry.giver == Giver::Direct
                && entry.receipt.activity_id == activity_id
                && entry.receipt.receive_time.saturating_add(delay) <= wall.as_second()
        };
        let received = self.of_app(text("app_id")).filter(is_counted).count();
        json!({"activity_stats": [{"activity_id": activity_id, "received_num": received, "consumed_num": 0}]})
    }

    /// The data of the answer about a user.
    pub(super) fn coupons(&self, body: &Value) -> Value {
        let text = |name| body.get(name).and_then(Value::as_str).unwrap_or_default();
        let open_id = text("open_id");
        let asked_for = text("coupon_id");
        let is_used = |entry: &Entry| {
            let of = [entry.receipt.open_id.as_str()];
            self.settings.used > 0.0 && fraction(self.seed, "used", &of) < self.settings.used
        };
        let of_user = self
            .of_app(text("app_id"))
            .filter(|entry| entry.receipt.open_id == open_id)
            // A coupon that is asked for by its id is shown in any state.
            .filter(|entry| match asked_for {
                "" => !is_used(entry),
                id => entry.receipt.coupon_id == id,
            });
        let coupons: Vec<Value> = of_user
            .map(|entry| coupon(entry, if is_used(entry) { USED } else { UNUSED_COUPON }))
            .collect();
        json!({"coupon_receive_list": coupons})
    }

    /// Whether bills are ready.
    pub(super) fn are_bills_ready(&self, since_start: Duration) -> bool {
        since_start >= self.settings.bill_after
    }

    /// The bill of a day. `None` if nothing of the app was received on it.
    pub(super) fn bill(&self, app_id: &str, day: Date) -> Option<Vec<u8>> {
        let of_day: Vec<&Entry> = self
            .of_app(app_id)
            .filter(|entry| self.date(entry) == Some(day))
            .collect();
        if of_day.is_empty() {
            return None;
        }
        let half = of_day.len() / 2;
        let kept: Vec<Entry> = of_day
            .into_iter()
            .enumerate()
            .filter(|(at, _)| match self.settings.bill_lie {
                BillLie::None | BillLie::OtherApp => true,
                BillLie::Truncated => *at < half,
                BillLie::Empty => false,
                BillLie::Gaps => at % 3 != 2,
            })
            .map(|(_, entry)| self.told(entry))
            .collect();
        Some(self.written(&kept))
    }

    /// A row as the bill has it.
    fn told(&self, entry: &Entry) -> Entry {
        let mut told = entry.clone();
        if self.settings.bill_lie == BillLie::OtherApp {
            let receipt = &mut told.receipt;
            receipt.open_id = format!(
                "other-{}",
                draw(self.seed, "other app", &[&receipt.open_id]) % 1_000_000
            );
            receipt.coupon_id = (7_500_000_000_000_000_000
                + draw(self.seed, "other app", &[&receipt.coupon_id]) % 99_999_999_999_999_999)
                .to_string();
        }
        told
    }

    fn offset(&self) -> Offset {
        Offset::from_hours(self.settings.bill_offset).unwrap_or(Offset::UTC)
    }

    /// The day of a coupon. `None` beyond the days that exist.
    fn date(&self, entry: &Entry) -> Option<Date> {
        let at = Timestamp::from_second(entry.receipt.receive_time).ok()?;
        Some(self.offset().to_datetime(at).date())
    }

    fn written(&self, entries: &[Entry]) -> Vec<u8> {
        let form = self.settings.bill_form;
        let (titles, separator) = match form {
            BillForm::Plain | BillForm::Guarded | BillForm::Rounded => (
                "coupon_id,open_id,receive_time,merchant_meta_no,coupon_meta_id,activity_id,talent_account",
                ",",
            ),
            BillForm::Chinese | BillForm::Gb18030 => ("领取时间,用户,活动ID,券ID,商户券模板号,达人", ","),
            BillForm::Untitled => ("", "\t"),
        };
        let mut text = String::new();
        if form == BillForm::Chinese {
            text.push('\u{feff}');
        }
        if !titles.is_empty() {
            text.push_str(titles);
            text.push_str("\r\n");
        }
        for (at, entry) in entries.iter().enumerate() {
            let Receipt {
                activity_id,
                open_id,
                coupon_id,
                merchant_meta_no,
                receive_time,
                ..
            } = &entry.receipt;
            let streamer = if entry.giver == Giver::Streamer { "talent" } else { "" };
            let time = Timestamp::from_second(*receive_time).unwrap_or_default();
            let written_time = self.offset().to_datetime(time).strftime("%Y-%m-%d %H:%M:%S");
            let cells: Vec<String> = match form {
                BillForm::Chinese | BillForm::Gb18030 => vec![
                    written_time.to_string(),
                    open_id.clone(),
                    activity_id.clone(),
                    coupon_id.clone(),
                    merchant_meta_no.clone(),
                    streamer.to_owned(),
                ],
                BillForm::Plain | BillForm::Untitled | BillForm::Guarded | BillForm::Rounded => vec![
                    match form {
                        BillForm::Guarded if at % 2 == 0 => format!("'{coupon_id}"),
                        BillForm::Guarded => format!("\"=\"\"{coupon_id}\"\"\""),
                        BillForm::Rounded => rounded(coupon_id),
                        _ => coupon_id.clone(),
                    },
                    open_id.clone(),
                    receive_time.to_string(),
                    merchant_meta_no.clone(),
                    self.templates
                        .get(activity_id)
                        .cloned()
                        .unwrap_or_else(|| "7".to_owned()),
                    activity_id.clone(),
                    streamer.to_owned(),
                ],
            };
            text.push_str(&cells.join(separator));
            text.push_str("\r\n");
        }
        match form {
            BillForm::Gb18030 => GB18030.encode(&text).0.into_owned(),
            _ => text.into_bytes(),
        }
    }
}

/// An id as a spreadsheet shows it.
fn rounded(id: &str) -> String {
    let digits: String = id.chars().skip(1).take(5).collect();
    let first: String = id.chars().take(1).collect();
    format!("{first}.{digits}E+{}", id.len().saturating_sub(1))
}

fn coupon(entry: &Entry, status: i64) -> Value {
    let receipt = &entry.receipt;
    let mut coupon = json!({
        "coupon_id": receipt.coupon_id,
        "coupon_name": COUPON_NAME,
        "coupon_status": status,
        "discount_amount": 500,
        "discount_type": 2,
        "merchant_meta_no": receipt.merchant_meta_no,
        "min_pay_amount": 2000,
        "receive_time": receipt.receive_time,
        "valid_begin_time": receipt.receive_time,
        "valid_end_time": receipt.receive_time + LIFE,
        "consume_path": "pages/index",
        "receive_desc": "",
        "consume_desc": "",
    });
    if entry.giver == Giver::Streamer
        && let Some(fields) = coupon.as_object_mut()
    {
        fields.insert("talent_open_id".to_owned(), json!("streamer-1"));
        fields.insert("talent_account".to_owned(), json!("streamer"));
    }
    coupon
}
