//! The places of rows, in little memory: most rows follow each other.

use crate::audience::Place;
use crate::model::event::{PlaceUnit, RowPlace};

/// The places of rows, which are numbered from 0.
#[derive(Debug, Default)]
pub(super) struct Places {
    files: Vec<(String, PlaceUnit)>,
    /// The runs that have ended, as bytes: there may be as many as rows. Each is the number of its rows and the [`Gap`] after it.
    runs: Vec<u8>,
    /// The rows of the present run.
    rows: u64,
    /// The place after the last row.
    next: u64,
}

/// What is between two runs. Rows of a run are in one file, and their places follow each other.
#[derive(Clone, Copy, Debug)]
enum Gap {
    /// This many places without a usable row.
    Skipped(u64),
    /// The next file begins, or an earlier place follows.
    Begins { file: u64, number: u64 },
}

impl Places {
    /// Adds the place of the next row.
    pub(super) fn add(&mut self, place: Place<'_>) {
        let is_same_file = |(name, unit): &(String, PlaceUnit)| *name == place.within && *unit == place.unit;
        let gap = if self.files.last().is_some_and(is_same_file) {
            place.number.checked_sub(self.next).map(Gap::Skipped)
        } else {
            self.files.push((place.within.to_owned(), place.unit));
            None
        };
        if !matches!(gap, Some(Gap::Skipped(0))) {
            self.end_run(gap.unwrap_or(Gap::Begins {
                file: self.files.len() as u64 - 1,
                number: place.number,
            }));
        }
        self.rows += 1;
        self.next = place.number + 1;
    }

    fn end_run(&mut self, gap: Gap) {
        write(&mut self.runs, std::mem::take(&mut self.rows));
        match gap {
            Gap::Skipped(places) => write(&mut self.runs, places),
            Gap::Begins { file, number } => {
                write(&mut self.runs, 0);
                write(&mut self.runs, file);
                write(&mut self.runs, number);
            }
        }
    }

    /// The places of some rows, which are ascending.
    pub(super) fn find(&self, rows: &[u64]) -> Vec<RowPlace> {
        let mut runs = &self.runs[..];
        let mut file = 0;
        let mut number = 0;
        let mut first_row = 0;
        let mut places = Vec::new();
        for row in rows {
            let mut after = runs;
            while let Some((many, gap)) = read_run(&mut after).filter(|(many, _)| first_row + many <= *row) {
                runs = after;
                first_row += many;
                number += many;
                match gap {
                    Gap::Skipped(skipped) => number += skipped,
                    Gap::Begins { file: next, number: at } => {
                        file = next;
                        number = at;
                    }
                }
            }
            let within = usize::try_from(file).ok().and_then(|file| self.files.get(file));
            places.extend(within.map(|(name, unit)| RowPlace {
                within: name.clone(),
                unit: *unit,
                number: number + (row - first_row),
                value: None,
            }));
        }
        places
    }
}

/// The next run, which has this many rows, and what follows it. `None` after the last that has ended.
fn read_run(bytes: &mut &[u8]) -> Option<(u64, Gap)> {
    let rows = read(bytes)?;
    let gap = match read(bytes)? {
        0 => Gap::Begins {
            file: read(bytes)?,
            number: read(bytes)?,
        },
        skipped => Gap::Skipped(skipped),
    };
    Some((rows, gap))
}

/// Seven bits a byte, least significant first.
fn write(to: &mut Vec<u8>, mut number: u64) {
    while number > 0x7f {
        to.push(number.to_le_bytes()[0] | 0x80);
        number >>= 7;
    }
    to.push(number.to_le_bytes()[0]);
}

fn read(from: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = from.split_first()?;
        *from = rest;
        number |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_row_has_its_place(rows in prop::collection::vec((0..3_usize, prop_oneof![Just(1), 0..400_u64], any::<bool>()), 0..60)) {
            let names = ["a.csv", "b.csv", "c.csv"];
            let mut places = Places::default();
            let mut expected = Vec::new();
            let mut number = 0;
            for (file, step, goes_back) in rows {
                number = if goes_back && step == 7 { 1 } else { number + step };
                let place = Place { within: names[file], unit: PlaceUnit::Line, number };
                places.add(place);
                expected.push(RowPlace::from(place));
            }
            let all: Vec<_> = (0..expected.len() as u64).collect();
            prop_assert_eq!(places.find(&all), expected);
        }
    }
}
