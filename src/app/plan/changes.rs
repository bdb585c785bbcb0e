//! The changes since the last apply, as a plan shows them.

use crate::engine::audience_diff::{Acceptance, Admission, Diff, Found};
use crate::ledger::Generation;
use crate::model::delivery::{Away, DeliveryKey, Transition};
use crate::plan::{Fingerprint, Plan};
use crate::report::plan_view::ChangeNote;
use crate::report::times::{counted, grouped};

/// Returns the changes since the last apply. Without an earlier apply, returns those that need a person's approval.
pub(super) fn changes(diff: &Diff, last: Option<&Generation>, now: &Fingerprint, plan: &Plan) -> Vec<ChangeNote> {
    let mut changes: Vec<_> = diff.found().iter().map(found).collect();
    let Some(last) = last else {
        return changes;
    };
    if last.coupons_per_user > plan.coupons_per_user {
        changes.push(ChangeNote {
            from: Some(last.coupons_per_user.to_string()),
            to: Some(plan.coupons_per_user.to_string()),
            note: Some("nothing is taken back".to_owned()),
            ..change("coupons_per_user")
        });
    }
    changes.extend(audience(diff.foreseen(), last));
    let file = last.fingerprint.split('-').next().unwrap_or_default();
    if file != now.file() {
        changes.push(ChangeNote {
            from: Some(file.to_owned()),
            to: Some(now.file().to_owned()),
            note: Some("the file's settings mean something else".to_owned()),
            ..change("file")
        });
    }
    changes
}

const fn change(what: &'static str) -> ChangeNote {
    ChangeNote {
        what,
        from: None,
        to: None,
        note: None,
        held: None,
        accept: None,
        accepted: false,
    }
}

fn found(found: &Found) -> ChangeNote {
    let what = found.change.what.word();
    let held = Some(found.change.owed_again).filter(|held| *held > 0);
    ChangeNote {
        note: held.map(|held| format!("{} held owed again, counted in max_coupons as if issued", grouped(held))),
        held,
        from: Some(found.change.from.to_string()),
        to: Some(found.change.to.to_string()),
        accept: (found.acceptance != Acceptance::NotNeeded).then_some(what),
        accepted: found.acceptance == Acceptance::Given,
        ..change(what)
    }
}

/// Returns how many users joined, left and returned, and how many results are read again under other codes.
fn audience(foreseen: &Admission, last: &Generation) -> Vec<ChangeNote> {
    let changes = &foreseen.changes;
    let went = |why| changes.away.get(&why).map_or(0, Vec::len);
    let moves = [
        (changes.admitted.len(), "new"),
        (went(Away::Gone), "gone"),
        (went(Away::Excluded), "excluded"),
        (went(Away::ControlGroup), "in the control group"),
        (went(Away::Lapsed), "last active too long ago"),
        (went(Away::Limit), "beyond the limit"),
        (changes.returned.len(), "back"),
    ];
    let moves: Vec<_> = moves
        .iter()
        .filter(|(n, _)| *n > 0)
        .map(|(n, what)| format!("{} {what}", grouped(*n as u64)))
        .collect();
    let mut notes = Vec::new();
    if !moves.is_empty() {
        notes.push(ChangeNote {
            from: Some(last.listed.to_string()),
            to: Some(foreseen.reading.listed.to_string()),
            note: Some(moves.join(", ")),
            ..change("audience")
        });
    }
    // Deliveries that are owed again under another activity are counted in that change.
    let by_code = |(_, step): &&(DeliveryKey, Transition)| *step != Transition::OweUnderNewActivity;
    let reread = changes.reread.iter().chain(&changes.reread_returned).filter(by_code);
    let reread = reread.count() as u64;
    if reread > 0 {
        let read = counted(reread, "delivery is", "deliveries are");
        notes.push(ChangeNote {
            to: Some(format!("{read} read again")),
            ..change("codes")
        });
    }
    notes
}
