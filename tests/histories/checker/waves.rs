//! Waves: who has a turn before whom, and the waits between them.

use std::collections::BTreeMap;

use runner::model::delivery::StateName;

use crate::trace::{Nanos, Request};

use super::CampaignApply;
use super::recipients::bucket;
use super::reference_state::{Recipient, ReferenceState, Wrong};

/// The ends of waves, by their shares in percent: in which batch, and when by the wall.
#[derive(Debug, Default)]
pub struct Waves {
    ends: BTreeMap<u8, (u64, i64)>,
    /// When the first request was seen behind which so many batches were durable.
    durable: BTreeMap<u64, Nanos>,
}

/// A user's wave, by number from 0; the last one is that of everybody else.
fn wave_of(context: CampaignApply<'_>, user: u8) -> usize {
    let fraction = bucket("runner/wave/v1", context.campaign.number, user);
    let mut waves = context.rules.waves.iter();
    let found = waves.position(|(share, ..)| fraction < f64::from(*share) / 100.0);
    found.unwrap_or(context.rules.waves.len())
}

impl Waves {
    /// Forgets everything behind a batch but when that was, so that the facts before it can be told again.
    pub fn put_back(&mut self, left: u64) {
        self.ends.clear();
        self.durable.retain(|batch, _| *batch <= left);
    }

    /// The ledger says that a wave has ended: nobody of it has yet to have a turn.
    pub fn ended(
        &mut self,
        reference: &ReferenceState,
        campaign: usize,
        (share, batch, at): (f64, u64, i64),
    ) -> Result<(), Wrong> {
        for person in &reference.people {
            let first = person
                .deliveries
                .first()
                .map(|delivery| (delivery.state, delivery.attempts));
            if bucket("runner/wave/v1", campaign, person.user) < share && first == Some((StateName::Pending, 0)) {
                let how = format!("u{} of the wave of {share} was never attempted", person.user);
                return Err(("a wave ends when all of it were attempted", how));
            }
        }
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a share in percent"
        )]
        self.ends.insert((share * 100.0).round() as u8, (batch, at));
        Ok(())
    }

    /// Judges whose first attempts were made.
    pub fn starts(
        &mut self,
        reference: &ReferenceState,
        context: CampaignApply<'_>,
        new: &[Request],
    ) -> Result<(), Wrong> {
        if context.rules.waves.is_empty() {
            return Ok(());
        }
        for request in new {
            self.durable.entry(request.durable).or_insert(request.start);
            let wave = wave_of(context, request.user);
            let first = request.attempt == 1 && request.key.ordinal == 1;
            let owed = |person: &&Recipient| person.deliveries.iter().any(|one| one.state != StateName::Skipped);
            let somebody = |before: usize| {
                let mut people = reference.people.iter().filter(owed);
                people.any(|person| wave_of(context, person.user) == before)
            };
            let Some(before) = (0..wave).rev().find(|before| somebody(*before)).filter(|_| first) else {
                continue;
            };
            // Whoever comes late to a wave that has ended goes at once.
            let own = context.rules.waves.get(wave).map_or(u8::MAX, |(share, ..)| *share);
            if self.ends.range(own..).any(|(_, (batch, _))| *batch <= request.durable) {
                continue;
            }
            let (share, wait, _) = context.rules.waves[before];
            let wrong = |how: String| Err(("waves come one after the other", how));
            // One that has ended later says so too.
            let ends = self.ends.range(share..).map(|(_, end)| *end);
            let Some((batch, at)) = ends.filter(|(batch, _)| *batch <= request.durable).min() else {
                return wrong(format!(
                    "u{} of wave {wave} came before wave {before} had ended",
                    request.user
                ));
            };
            let since = self.durable.range(batch..).next().map_or(request.start, |(_, at)| *at);
            let by_wall = request.wall - at >= i64::try_from(wait).unwrap_or(i64::MAX);
            let waited = request.start - since >= wait * 1_000_000;
            if !by_wall && !waited && !context.scenario.steps_clock() {
                return wrong(format!(
                    "u{} came {} ms behind the end",
                    request.user,
                    request.wall - at
                ));
            }
        }
        Ok(())
    }
}
