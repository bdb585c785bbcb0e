//! The changes since the last apply, as a plan shows them.

use crate::catalogue::plan as texts;
use crate::engine::audience_diff::{Acceptance, Admission, Diff, Found};
use crate::ledger::{Generation, LedgerState};
use crate::model::delivery::{Away, DeliveryKey, Transition};
use crate::plan::settings::{Settings, differences, settings};
use crate::plan::{Fingerprint, Plan};
use crate::report::lists::joined;
use crate::report::plan_view::{ChangeNote, MovedUsers, SettingChange};

/// The two plans that are compared.
pub(super) struct Plans<'a> {
    /// The last apply. `None` before the first.
    pub last: Option<&'a Generation>,
    /// The settings of that apply, if they are known.
    pub last_settings: Option<Settings>,
    /// The fingerprint of the plan.
    pub now: &'a Fingerprint,
    /// The plan.
    pub plan: &'a Plan,
}

/// Returns the changes since the last apply, each with at most `users` of the users who came or went. Without an earlier apply,
/// returns those that need a person's approval.
pub(super) fn changes(diff: &Diff, plans: &Plans<'_>, ledger_state: &LedgerState, users: usize) -> Vec<ChangeNote> {
    let Plans {
        last,
        last_settings,
        now,
        plan,
    } = plans;
    let mut changes: Vec<_> = diff.found().iter().map(found).collect();
    let Some(last) = last else {
        return changes;
    };
    if last.coupons_per_user > plan.coupons_per_user {
        changes.push(ChangeNote {
            from: Some(last.coupons_per_user.to_string()),
            to: Some(plan.coupons_per_user.to_string()),
            note: Some(texts::NothingIsTakenBack.to_string()),
            ..change("coupons_per_user")
        });
    }
    changes.extend(audience(diff.foreseen(), last, ledger_state, users));
    let file = last.fingerprint.split('-').next().unwrap_or_default();
    if file != now.file() {
        changes.push(ChangeNote {
            from: Some(file.to_owned()),
            to: Some(now.file().to_owned()),
            note: Some(texts::FileMeansSomethingElse.to_string()),
            settings: last_settings
                .as_ref()
                .and_then(|before| changed_settings(before, plan, &changes)),
            ..change("file")
        });
    }
    changes
}

/// Returns the settings that changed, without those that are changes of their own. `None` if no setting is known to have changed.
fn changed_settings(before: &Settings, plan: &Plan, changes: &[ChangeNote]) -> Option<Vec<SettingChange>> {
    let is_shown = |key: &str| {
        let word = key.rsplit('.').next();
        changes.iter().any(|change| Some(change.what) == word)
    };
    let differences = differences(before, &settings(plan));
    (!differences.is_empty()).then(|| {
        differences
            .into_iter()
            .filter(|(key, ..)| !is_shown(key))
            .map(|(key, from, to)| SettingChange { key, from, to })
            .collect()
    })
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
        settings: None,
        users: Vec::new(),
    }
}

fn found(found: &Found) -> ChangeNote {
    let what = found.change.what.word();
    let held = Some(found.change.owed_again).filter(|held| *held > 0);
    ChangeNote {
        note: held.map(|held| texts::HeldOwedAgain { held }.to_string()),
        held,
        from: Some(found.change.from.to_string()),
        to: Some(found.change.to.to_string()),
        accept: (found.acceptance != Acceptance::NotNeeded).then_some(what),
        accepted: found.acceptance == Acceptance::Given,
        ..change(what)
    }
}

/// Returns how many users joined, left and returned, and how many results are read again under other codes.
fn audience(foreseen: &Admission, last: &Generation, ledger_state: &LedgerState, users: usize) -> Vec<ChangeNote> {
    let changes = &foreseen.changes;
    let known = ledger_state.recipients();
    let open_id = |number: u32| match number.checked_sub(known) {
        None => Some(ledger_state.open_id(number)),
        Some(place) => changes.admitted.nth(usize::try_from(place).ok()?),
    };
    let group = |how, numbers: &[u32]| MovedUsers {
        how,
        count: numbers.len() as u64,
        first: numbers
            .iter()
            .take(users)
            .filter_map(|number| open_id(*number))
            .collect(),
    };
    let away = |how, why| group(how, changes.away.get(&why).map_or(&[][..], Vec::as_slice));
    let moved = [
        MovedUsers {
            how: "new",
            count: changes.admitted.len() as u64,
            first: (0..users).map_while(|place| changes.admitted.nth(place)).collect(),
        },
        away("gone", Away::Gone),
        away("excluded", Away::Excluded),
        away("control_group", Away::ControlGroup),
        away("lapsed", Away::Lapsed),
        away("limit", Away::Limit),
        group("back", &changes.returned),
    ];
    let moved: Vec<_> = moved.into_iter().filter(|moved| moved.count > 0).collect();
    let mut notes = Vec::new();
    if !moved.is_empty() {
        let counts = moved
            .iter()
            .map(|MovedUsers { how, count, .. }| texts::Moved { n: *count, how }.to_string());
        notes.push(ChangeNote {
            from: Some(last.listed.to_string()),
            to: Some(foreseen.reading.listed.to_string()),
            note: Some(joined(counts)),
            users: moved,
            ..change("audience")
        });
    }
    // Deliveries that are owed again under another activity are counted in that change.
    let by_code = |(_, step): &&(DeliveryKey, Transition)| *step != Transition::OweUnderNewActivity;
    let reread = changes.reread.iter().chain(&changes.reread_returned).filter(by_code);
    let reread = reread.count() as u64;
    if reread > 0 {
        notes.push(ChangeNote {
            to: Some(texts::ReadAgain { deliveries: reread }.to_string()),
            ..change("codes")
        });
    }
    notes
}
