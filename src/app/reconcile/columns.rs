//! What the columns of a bill hold. A person says so, in the campaign file or on the command line. Without that, the columns are
//! proposed: a column in which almost every coupon is one that the ledger knows has the coupon_ids, whatever its title.

use jiff::tz::TimeZone;

use crate::campaign::BillColumns;

use super::bill::{BillRow, Flaw, MOST_COLUMNS, time};
use super::known::Known;

/// Of a hundred rows with a known coupon, how many must agree with the ledger for a column to be proposed.
const AGREE_OF_100: u64 = 99;
/// How far a time may be from the one that the ledger knows, in seconds.
const SAME_TIME: i64 = 2;

/// The positions of the columns of one bill, from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Columns {
    /// The coupon's id.
    pub coupon_id: usize,
    /// The user.
    pub open_id: usize,
    /// The time of receipt.
    pub receive_time: Option<usize>,
    /// The merchant's number of the template.
    pub merchant_meta_no: Option<usize>,
    /// The template's id.
    pub coupon_meta_id: Option<usize>,
    /// The activity.
    pub activity_id: Option<usize>,
}

impl Columns {
    /// Finds the columns that a person has named in a bill with these titles.
    ///
    /// # Errors
    /// When the bill lacks a column, or has it twice.
    pub fn find(named: &BillColumns, titles: Option<&BillRow<'_>>, width: usize) -> Result<Self, Flaw> {
        let position = |name: &str| position(name, titles, width);
        let optional = |name: &Option<String>| name.as_deref().map(position).transpose();
        Ok(Self {
            coupon_id: position(&named.coupon_id)?,
            open_id: position(&named.open_id)?,
            receive_time: optional(&named.receive_time)?,
            merchant_meta_no: optional(&named.merchant_meta_no)?,
            coupon_meta_id: optional(&named.coupon_meta_id)?,
            activity_id: optional(&named.activity_id)?,
        })
    }
}

fn position(name: &str, titles: Option<&BillRow<'_>>, width: usize) -> Result<usize, Flaw> {
    let is_named = |column: &usize| titles.is_some_and(|titles| titles.cell(*column) == name.trim());
    let mut found = (0..width).filter(is_named);
    match (found.next(), found.next()) {
        (Some(column), None) => Ok(column),
        (Some(_), Some(_)) => Err(Flaw::TwoColumns(name.to_owned())),
        (None, _) => {
            let number = name.trim().parse::<usize>().ok();
            let column = number.and_then(|number| number.checked_sub(1));
            column
                .filter(|column| *column < width)
                .ok_or_else(|| Flaw::NoColumn(name.to_owned()))
        }
    }
}

/// Learns what the columns of bills hold, from the rows with a coupon that the ledger knows.
#[derive(Debug)]
pub struct ColumnSearch<'k> {
    known: Known<'k>,
    zone: &'k TimeZone,
    coupon_meta_id: Option<&'k str>,
    titles: Vec<String>,
    width: usize,
    rows: u64,
    /// How many coupons of the days of these bills the ledger knows.
    expected: u64,
    by_coupon_column: Vec<Agreement>,
}

/// How far the other columns agree with the ledger, if one column has the coupon_ids.
#[derive(Clone, Debug, Default)]
struct Agreement {
    /// Rows with a coupon in this column that the ledger knows.
    known: u64,
    open_id: Vec<u64>,
    receive_time: Vec<u64>,
    merchant_meta_no: Vec<u64>,
    coupon_meta_id: Vec<u64>,
    activity_id: Vec<u64>,
}

impl<'k> ColumnSearch<'k> {
    /// A search in bills with rows that `known` is about.
    pub fn new(known: Known<'k>, zone: &'k TimeZone, coupon_meta_id: Option<&'k str>, expected: u64) -> Self {
        Self {
            known,
            zone,
            coupon_meta_id,
            titles: Vec::new(),
            width: 0,
            rows: 0,
            expected,
            by_coupon_column: Vec::new(),
        }
    }

    /// Begins a bill.
    pub fn begin(&mut self, titles: Option<&BillRow<'_>>, width: usize) {
        if width == 0 {
            return;
        }
        self.width = width.min(MOST_COLUMNS);
        self.by_coupon_column.resize_with(self.width, || Agreement {
            open_id: vec![0; MOST_COLUMNS],
            receive_time: vec![0; MOST_COLUMNS],
            merchant_meta_no: vec![0; MOST_COLUMNS],
            coupon_meta_id: vec![0; MOST_COLUMNS],
            activity_id: vec![0; MOST_COLUMNS],
            ..Agreement::default()
        });
        if let Some(titles) = titles {
            self.titles = (0..width).map(|column| titles.cell(column).into_owned()).collect();
        }
    }

    /// Takes a row.
    pub fn take(&mut self, row: &BillRow<'_>) {
        self.rows += 1;
        for column in 0..row.width().min(self.width) {
            let Some(coupon) = self.known.find(&row.cell(column)) else {
                continue;
            };
            let Some(agreement) = self.by_coupon_column.get_mut(column) else {
                continue;
            };
            agreement.known += 1;
            let open_id = self.known.open_id(coupon);
            let activity = self.known.activity(coupon);
            for other in (0..row.width().min(self.width)).filter(|other| *other != column) {
                let cell = row.cell(other);
                let agree = |counts: &mut Vec<u64>, agrees: bool| {
                    if let Some(count) = counts.get_mut(other) {
                        *count += u64::from(agrees);
                    }
                };
                agree(&mut agreement.open_id, open_id == cell);
                let is_near = |received: i64| {
                    time(&cell, self.zone).is_some_and(|at| (at.as_second() - received).abs() <= SAME_TIME)
                };
                agree(&mut agreement.receive_time, coupon.received.is_some_and(is_near));
                agree(
                    &mut agreement.merchant_meta_no,
                    self.known.is_template(coupon.activity, &cell),
                );
                agree(&mut agreement.coupon_meta_id, self.coupon_meta_id == Some(&*cell));
                agree(&mut agreement.activity_id, activity == Some(&*cell));
            }
        }
    }

    /// The columns, as a campaign file names them. `None` if no column has the coupon_ids, or two may have them.
    pub fn proposal(&self) -> Option<BillColumns> {
        let enough = |count: u64, of: u64| of > 0 && count * 100 >= of * AGREE_OF_100;
        // A bill has the coupons of other campaigns, too. So it is the known coupons of these days that must be there.
        let is_ids = |it: &Agreement| enough(it.known, self.rows) || enough(it.known, self.expected);
        let mut ids = (0..).zip(&self.by_coupon_column).filter(|(_, it)| is_ids(it));
        let ((coupon_id, agreement), None) = (ids.next()?, ids.next()) else {
            return None;
        };
        let column = |counts: &[u64], title: &str| {
            let agreeing: Vec<usize> = (0..self.width)
                .filter(|at| enough(counts.get(*at).copied().unwrap_or_default(), agreement.known))
                .collect();
            // Two times may be the same in every row, such as those of receipt and of validity.
            let titled = agreeing.iter().find(|at| self.is_titled(**at, title));
            titled.or(agreeing.first()).copied()
        };
        let open_id = column(&agreement.open_id, "open")?;
        let name = |at: usize| self.name(at);
        Some(BillColumns {
            coupon_id: name(coupon_id),
            open_id: name(open_id),
            receive_time: column(&agreement.receive_time, "receive").map(name),
            merchant_meta_no: column(&agreement.merchant_meta_no, "merchant").map(name),
            coupon_meta_id: column(&agreement.coupon_meta_id, "meta").map(name),
            activity_id: column(&agreement.activity_id, "activity").map(name),
        })
    }

    fn is_titled(&self, column: usize, word: &str) -> bool {
        let title = self.titles.get(column).map(|title| title.to_lowercase());
        title.is_some_and(|title| title.contains(word) || (word == "receive" && title.contains('领')))
    }

    /// The title of a column if it is the only one of that title, else its number.
    fn name(&self, column: usize) -> String {
        let title = self.titles.get(column).filter(|title| !title.is_empty());
        let alone = title.filter(|title| self.titles.iter().filter(|other| other == title).count() == 1);
        alone.cloned().unwrap_or_else(|| (column + 1).to_string())
    }
}
