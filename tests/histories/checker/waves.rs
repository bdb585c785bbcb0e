//! Checks waves: their order and the waits between them.

use std::collections::BTreeMap;

use runner::model::delivery::StateName;

use crate::env::Violation;
use crate::scenario::WaveSettings;
use crate::trace::{Nanos, Request};

use super::CampaignApply;
use super::recipients::bucket;
use super::reference_state::{Recipient, ReferenceState};

/// The end of each wave, by its share in percent: the batch, and the wall time.
#[derive(Debug, Default)]
pub struct Waves {
    ends: BTreeMap<u8, (u64, i64)>,
    /// The batch of the approval of each wave, by its share in percent.
    approvals: BTreeMap<u8, u64>,
    /// When the first request was seen after a number of batches was durable.
    durable: BTreeMap<u64, Nanos>,
}

/// The index of a user's wave, the testers included. The last one is the rest of the audience.
fn wave_of(context: CampaignApply<'_>, waves: &[WaveSettings], user: u8) -> usize {
    if context.rules.testers.contains(&user) {
        return 0;
    }
    let fraction = bucket("runner/wave/v1", context.campaign.number, user);
    let found = waves.iter().position(|wave| fraction < f64::from(wave.share) / 100.0);
    found.unwrap_or(waves.len())
}

impl Waves {
    /// Forgets the ends of waves, to be read again from the facts that are left, but keeps when those batches were
    /// durable.
    pub fn restore(&mut self, left: u64) {
        self.ends.clear();
        self.approvals.clear();
        self.durable.retain(|batch, _| *batch <= left);
    }

    /// Checks a fact that a wave has ended: each of its users was attempted.
    pub fn ended(
        &mut self,
        reference: &ReferenceState,
        context: CampaignApply<'_>,
        share: f64,
        batch: u64,
        at: i64,
    ) -> Result<(), Violation> {
        for person in &reference.recipients {
            let first = person
                .deliveries
                .first()
                .map(|delivery| (delivery.state, delivery.attempts));
            let is_in_wave = if share > 0.0 {
                bucket("runner/wave/v1", context.campaign.number, person.user) < share
            } else {
                context.rules.testers.contains(&person.user)
            };
            if is_in_wave && first == Some((StateName::Pending, 0)) {
                let details = format!("u{} of the wave of {share} was never attempted", person.user);
                return Err(Violation::new("a wave ends when all of it were attempted", details));
            }
        }
        self.ends.insert(percent(share), (batch, at));
        Ok(())
    }

    /// Checks an approval: it is of a wave that has ended, and is recorded once.
    pub fn approved(&mut self, share: f64, batch: u64) -> Result<(), Violation> {
        let share = percent(share);
        let is_first = self.approvals.insert(share, batch).is_none();
        if is_first && self.ends.get(&share).is_some_and(|(end, _)| *end <= batch) {
            return Ok(());
        }
        Err(Violation::new(
            "an approval is of a wave that has ended",
            format!("the wave of {share} % is approved, first: {is_first}"),
        ))
    }

    /// Checks that an approval that was emitted was durable then.
    pub fn check_emitted(&self, context: CampaignApply<'_>, wave: u32, durable: u64) -> Result<(), Violation> {
        let waves = context.rules.all_waves();
        let first = u32::from(context.rules.testers.is_empty());
        let wave = waves.get((wave - first) as usize);
        let batch = wave.and_then(|wave| self.approvals.get(&wave.share));
        if batch.is_some_and(|batch| *batch <= durable) {
            return Ok(());
        }
        Err(Violation::new(
            "only durable approvals are emitted",
            format!("{wave:?} in {batch:?}, emitted after {durable}"),
        ))
    }

    /// Checks that first attempts follow the order of waves.
    pub fn check_starts(
        &mut self,
        reference: &ReferenceState,
        context: CampaignApply<'_>,
        new: &[Request],
    ) -> Result<(), Violation> {
        let waves = context.rules.all_waves();
        if waves.is_empty() {
            return Ok(());
        }
        for request in new {
            self.durable.entry(request.durable).or_insert(request.start);
            let wave = wave_of(context, &waves, request.user);
            let first = request.attempt == 1 && request.key.ordinal == 1;
            let owed = |person: &&Recipient| person.deliveries.iter().any(|one| one.state != StateName::Skipped);
            let somebody = |before: usize| {
                let mut people = reference.recipients.iter().filter(owed);
                people.any(|person| wave_of(context, &waves, person.user) == before)
            };
            let Some(before) = (0..wave).rev().find(|before| somebody(*before)).filter(|_| first) else {
                continue;
            };
            // A user who is added to a wave that has ended is sent to at once.
            let own = waves.get(wave).map_or(u8::MAX, |wave| wave.share);
            if self.ends.range(own..).any(|(_, (batch, _))| *batch <= request.durable) {
                continue;
            }
            let WaveSettings {
                share, wait, approval, ..
            } = waves[before];
            let wrong = |details: String| Err(Violation::new("waves come one after the other", details));
            // The end of a later wave implies the end of this one.
            let ends = self.ends.range(share..).map(|(_, end)| *end);
            let Some((batch, at)) = ends.filter(|(batch, _)| *batch <= request.durable).min() else {
                return wrong(format!(
                    "u{} of wave {wave} came before wave {before} had ended",
                    request.user
                ));
            };
            // An approval of a later wave implies that of this one.
            let mut approvals = self.approvals.range(share..);
            let approved = approvals.any(|(_, batch)| *batch <= request.durable);
            if approval && !approved {
                return Err(Violation::new(
                    "nothing beyond a wave starts before its approval",
                    format!("u{} of wave {wave} after wave {before}", request.user),
                ));
            }
            if approval || approved {
                continue;
            }
            let since = self.durable.range(batch..).next().map_or(request.start, |(_, at)| *at);
            let by_wall = request.wall - at >= i64::try_from(wait).unwrap_or(i64::MAX);
            let waited = request.start - since >= wait * 1_000_000;
            if !by_wall && !waited && !context.scenario.steps_clock() {
                return wrong(format!("u{} came {} ms after the end", request.user, request.wall - at));
            }
        }
        Ok(())
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a share in percent"
)]
fn percent(share: f64) -> u8 {
    (share * 100.0).round() as u8
}
