//! Several applies with edits, sends and crashes between them, against sets and vectors.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::super::*;
use super::memory::{Apply, CODE, Memory};
use crate::clock::from_ms;
use crate::delivery::Verdict;
use crate::ledger::Fact;

/// What happens between two applies, and what the next one finds.
#[derive(Clone, Debug)]
struct Turn {
    named: Vec<u8>,
    limit: u64,
    coupons: u8,
    class: Class,
    sends: Vec<(usize, u8)>,
    /// After so many batches of a draft the process ends once.
    crash: Option<usize>,
}

fn turn() -> impl Strategy<Value = Turn> {
    (
        prop::collection::vec(0_u8..12, 0..20),
        prop_oneof![Just(u64::MAX), 0_u64..12],
        1_u8..=3,
        prop::sample::select(Class::ALL.to_vec()),
        prop::collection::vec((0_usize..40, 0_u8..5), 0..12),
        prop::option::weighted(0.3, 0_usize..4),
    )
        .prop_map(|(named, limit, coupons, class, sends, crash)| Turn {
            named,
            limit,
            coupons,
            class,
            sends,
            crash,
        })
}

/// What the promises say of one apply, thought anew from sets each time: who is gone, and which deliveries are owed or
/// skipped. Nothing here looks at what convergence decided.
struct Naive {
    order: Vec<String>,
    present: BTreeSet<String>,
}

impl Naive {
    fn apply(&mut self, turn: &Turn) {
        let most = usize::try_from(turn.limit).unwrap_or(usize::MAX);
        let named: Vec<_> = turn.named.iter().map(u8::to_string).collect();
        for open_id in &named {
            if !self.order.contains(open_id) && self.order.len() < most {
                self.order.push(open_id.clone());
            }
        }
        let within = self.order.iter().take(most);
        self.present = within.filter(|open_id| named.contains(open_id)).cloned().collect();
    }

    /// Whether a delivery that is neither settled nor in doubt is owed.
    fn owes(&self, book: &Memory, key: DeliveryKey, coupons: u8) -> bool {
        let refused = |ordinal| {
            matches!(
                book.book().standing(DeliveryKey { ordinal, ..key }).state,
                State::Refused { .. }
            )
        };
        self.present.contains(&self.order[key.recipient as usize])
            && key.ordinal <= coupons
            && !(1..key.ordinal).any(refused)
    }
}

fn verdict(kind: u8) -> Verdict {
    match kind {
        0 => Verdict::Issued,
        1 => Verdict::Refused { code: CODE },
        2 => Verdict::Held { code: CODE },
        3 => Verdict::NotIssued {
            due: from_ms(1),
            code: None,
        },
        _ => Verdict::Unknown {
            due: from_ms(1),
            code: Some(CODE),
        },
    }
}

proptest! {
    /// Several applies with edits, sends and crashes between them end where sets and vectors say.
    #[test]
    fn applies_converge_to_what_the_source_names(turns in prop::collection::vec(turn(), 1..6)) {
        let mut book = Memory::new();
        let mut naive = Naive { order: Vec::new(), present: BTreeSet::new() };
        for turn in turns {
            let mut apply = Apply::of(&turn.named).accepting(&Accept::ALL).with(|plan| plan.coupons_per_user = turn.coupons);
            (apply.plan.audience.limit, apply.plan.audience.allow_empty, apply.class) = (turn.limit, true, turn.class);
            if let Some(durable) = turn.crash {
                // The process ends before the last batch: the ledger that is opened again is as it was.
                let before = book.image();
                let batches: Vec<_> = apply.decide(&book).expect("the audience is let in").changes.batches_of(1).collect();
                for batch in batches.into_iter().rev().skip(1).rev().take(durable) {
                    book.append(batch);
                }
                book.reopen();
                prop_assert_eq!(book.image(), before);
            }
            let converged = apply.to(&mut book);
            prop_assert_eq!(converged.reading.listed, turn.named.iter().collect::<BTreeSet<_>>().len() as u64);
            naive.apply(&turn);
            prop_assert_eq!(&book.open_ids(), &naive.order);
            for key in book.all() {
                let open_id = &naive.order[key.recipient as usize];
                prop_assert_eq!(book.book().is_gone(key.recipient), !naive.present.contains(open_id));
                match book.book().standing(key).state {
                    State::Pending | State::Deferred { .. } | State::Held { .. } => prop_assert!(naive.owes(&book, key, turn.coupons)),
                    State::Skipped(_) => prop_assert!(!naive.owes(&book, key, turn.coupons)),
                    State::Attempting { .. } | State::InDoubt | State::Issued | State::Refused { .. } => {}
                }
            }
            let again = apply.to(&mut book);
            let facts: Vec<_> = again.changes.into_batches().flatten().collect();
            prop_assert!(matches!(facts.as_slice(), [Fact::Closed(_)]));
            let keys: Vec<_> = book.all().collect();
            for (place, kind) in turn.sends {
                if let Some(key) = keys.get(place) {
                    book.send(*key, verdict(kind));
                }
            }
        }
    }
}
