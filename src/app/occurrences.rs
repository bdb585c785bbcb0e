//! Recurring campaigns: which occurrence of a campaign file a use case is about. Every command finds it here, and a service that
//! schedules asks here what is due.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use jiff::civil::Date;

use crate::campaign::{Campaign, Parsed};
use crate::fleet::AppKey;
use crate::model::identity::Identity;
use crate::model::recurrence::{Agenda, Occurrence, Recurrence};
use crate::report::occurrences::{OccurrenceRow, OccurrenceState, SeriesView};

use super::campaign::LoadedCampaign;
use super::campaign_ref::CampaignRef;
use super::environment::Environment;
use super::error::{AppError, NotDue};

/// How many occurrences that are over are shown, and how many that are to come.
const PAST_SHOWN: usize = 3;
const COMING_SHOWN: usize = 5;

/// Which occurrence is meant if none is named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choice {
    /// The one that is due. For a rehearsal, as [`Choice::DueOrNext`].
    Due,
    /// The one that is due, else the next one, else the last one.
    DueOrNext,
    /// The latest one with a ledger, else as [`Choice::DueOrNext`].
    Latest,
    /// The only one with a ledger, else as [`Choice::DueOrNext`]. If several have one, a person has to name it.
    Only,
}

/// A campaign that takes place once, or one occurrence of a recurring one.
#[derive(Clone)]
pub struct SingleCampaign {
    /// Which campaign it is.
    pub at: CampaignRef,
    /// Its file, at this occurrence.
    pub parsed: Parsed,
}

impl SingleCampaign {
    /// Plans the campaign for a use case that sends nothing.
    pub fn load(self, environment: &Environment) -> Result<LoadedCampaign, AppError> {
        Ok(LoadedCampaign::new(self.at, self.parsed, environment.clone())?)
    }
}

/// The occurrences of a recurring campaign at one moment.
#[derive(Clone)]
pub struct Series {
    at: CampaignRef,
    parsed: Parsed,
    recurrence: Recurrence,
    begun: BTreeSet<Date>,
    now: Timestamp,
}

/// Finds the one campaign that is meant by a file and, if it recurs, by the occurrence that `at` names or that `choice` finds.
pub async fn resolve(
    at: CampaignRef,
    parsed: Parsed,
    environment: &Environment,
    choice: Choice,
) -> Result<(SingleCampaign, Option<Series>), AppError> {
    let Some(series) = Series::read(&at, &parsed, environment).await? else {
        return match at.occurrence {
            None => Ok((SingleCampaign { at, parsed }, None)),
            Some(_) => Err(AppError::NotRecurring {
                name: parsed.campaign.names.campaign,
            }),
        };
    };
    let occurrence = match at.occurrence {
        Some(date) => series.named(date)?,
        None => series.chosen(choice)?,
    };
    Ok((series.single(&occurrence), Some(series)))
}

/// Finds every occurrence with a ledger, newest first, or the one that `at` names. A campaign that takes place once, and one
/// without a ledger, is found as by [`Choice::DueOrNext`].
pub async fn resolve_all(
    at: CampaignRef,
    parsed: Parsed,
    environment: &Environment,
) -> Result<Vec<SingleCampaign>, AppError> {
    let is_named = at.occurrence.is_some();
    let (single, series) = resolve(at, parsed, environment, Choice::DueOrNext).await?;
    let begun = series.filter(|_| !is_named).map(|series| series.with_ledger());
    Ok(begun.filter(|begun| !begun.is_empty()).unwrap_or_else(|| vec![single]))
}

/// Like [`resolve_all`], with every occurrence that a process applies or has applied: also one without a ledger yet.
pub async fn resolve_locked(
    at: CampaignRef,
    parsed: Parsed,
    environment: &Environment,
) -> Result<Vec<SingleCampaign>, AppError> {
    let is_named = at.occurrence.is_some();
    let (single, series) = resolve(at, parsed, environment, Choice::DueOrNext).await?;
    let locked = series.filter(|_| !is_named).map(|series| series.with_lock(environment));
    let locked = locked.transpose()?;
    Ok(locked
        .filter(|locked| !locked.is_empty())
        .unwrap_or_else(|| vec![single]))
}

impl Series {
    /// Looks at the ledgers of a recurring campaign. `None` if it takes place once.
    pub async fn read(at: &CampaignRef, parsed: &Parsed, environment: &Environment) -> Result<Option<Self>, AppError> {
        let Some(recurrence) = parsed.campaign.recurrence() else {
            return Ok(None);
        };
        let now = environment.clock.now();
        let any = Occurrence {
            date: recurrence.zone.to_datetime(now).date(),
            start: Timestamp::MIN,
            end: Timestamp::MAX,
        };
        let any = LoadedCampaign::new(at.clone(), parsed.at_occurrence(&any), environment.clone())?;
        let begun = match any.database() {
            Some(url) => {
                let ledgers = environment.connect(url).await?.ledgers().await?;
                let identities = ledgers.iter().filter_map(|ledger| ledger.manifest.identity());
                let own = identities.filter(|identity| is_same_series(identity, &any.plan.identity));
                own.filter_map(|identity| identity.campaign.date()).collect()
            }
            None => any.ledger_dir().occurrences()?,
        };
        Ok(Some(Self {
            at: at.clone(),
            parsed: parsed.clone(),
            recurrence,
            begun,
            now,
        }))
    }

    /// Returns the rule.
    #[must_use]
    pub const fn recurrence(&self) -> &Recurrence {
        &self.recurrence
    }

    /// Returns the dates of the occurrences with a ledger.
    #[must_use]
    pub const fn begun(&self) -> &BTreeSet<Date> {
        &self.begun
    }

    /// Decides what is due. Occurrences before the first one with a ledger are not missed; without a ledger, only the latest
    /// occurrence is.
    #[must_use]
    pub fn agenda(&self) -> Agenda {
        let first = self.begun.first().and_then(|date| self.recurrence.occurrence(*date));
        let first = first.or_else(|| self.recurrence.begun_by(self.now).next());
        let since = first.map_or(self.now, |first| first.start);
        self.recurrence.agenda(self.now, since, &self.begun)
    }

    /// Returns the campaign of an occurrence.
    #[must_use]
    pub fn single(&self, occurrence: &Occurrence) -> SingleCampaign {
        SingleCampaign {
            at: CampaignRef {
                occurrence: Some(occurrence.date),
                ..self.at.clone()
            },
            parsed: self.parsed.at_occurrence(occurrence),
        }
    }

    /// Returns the occurrences with a ledger, newest first.
    #[must_use]
    pub fn with_ledger(&self) -> Vec<SingleCampaign> {
        let begun = self.begun.iter().rev();
        let occurrences = begun.filter_map(|date| self.recurrence.occurrence(*date));
        occurrences.map(|occurrence| self.single(&occurrence)).collect()
    }

    /// Returns the occurrences that processes apply or have applied, newest first: also those without a ledger yet.
    pub fn with_lock(&self, environment: &Environment) -> Result<Vec<SingleCampaign>, AppError> {
        let mut dates = self.begun.clone();
        if let Ok(any) = self.chosen(Choice::DueOrNext) {
            let any = self.single(&any).load(environment)?;
            dates.extend(any.ledger_dir().locked_occurrences()?);
        }
        let occurrences = dates.iter().rev().filter_map(|date| self.recurrence.occurrence(*date));
        Ok(occurrences.map(|occurrence| self.single(&occurrence)).collect())
    }

    /// Returns the latest and the next occurrences, for people. `planned` is the one that is planned.
    #[must_use]
    pub fn view(&self, planned: Option<Date>) -> SeriesView {
        let agenda = self.agenda();
        let due = agenda.due.map(|due| due.date);
        let missed = agenda
            .missed
            .iter()
            .map(|missed| (missed.date, OccurrenceState::Missed));
        let begun = self.begun.iter().filter(|date| Some(**date) != due);
        let past = missed.chain(begun.map(|date| (*date, OccurrenceState::Past)));
        let past: BTreeMap<_, _> = past.filter(|(date, _)| Some(*date) != planned).collect();
        let older = past.len().saturating_sub(PAST_SHOWN);
        let mut states: BTreeMap<_, _> = past.into_iter().skip(older).collect();
        let coming = self.recurrence.after(self.now).take(COMING_SHOWN);
        states.extend(coming.map(|coming| (coming.date, OccurrenceState::Coming)));
        states.extend(due.map(|due| (due, OccurrenceState::Due)));
        if let Some(planned) = planned {
            let is_coming = |occurrence: Occurrence| occurrence.start > self.now;
            let is_missed = agenda.missed.iter().any(|missed| missed.date == planned);
            let state = match self.recurrence.occurrence(planned) {
                Some(occurrence) if is_coming(occurrence) => OccurrenceState::Coming,
                _ if is_missed => OccurrenceState::Missed,
                _ => OccurrenceState::Past,
            };
            states.entry(planned).or_insert(state);
        }
        let row = |(date, state)| {
            Some(OccurrenceRow {
                occurrence: self.recurrence.occurrence(date)?,
                state,
                has_ledger: Some(self.begun.contains(&date)),
                is_planned: Some(date) == planned,
            })
        };
        view(
            &self.parsed.campaign,
            states.into_iter().filter_map(row).collect(),
            older,
        )
    }

    /// Returns the occurrence on a date that a person names: one of the rule, or one with a ledger of an earlier rule.
    fn named(&self, date: Date) -> Result<Occurrence, AppError> {
        let is_known = self.recurrence.has(date) || self.begun.contains(&date);
        let occurrence = self.recurrence.occurrence(date);
        occurrence.filter(|_| is_known).ok_or_else(|| {
            let midnight = date.at(0, 0, 0, 0);
            let midnight = self.recurrence.zone.to_ambiguous_timestamp(midnight).compatible();
            let midnight = midnight.unwrap_or(self.now);
            AppError::NoOccurrence {
                name: self.parsed.campaign.names.campaign.clone(),
                date,
                before: self.recurrence.begun_by(midnight).next().map(|before| before.date),
                after: self.recurrence.after(midnight).next().map(|after| after.date),
            }
        })
    }

    fn chosen(&self, choice: Choice) -> Result<Occurrence, AppError> {
        let agenda = self.agenda();
        let latest = || self.recurrence.occurrence(*self.begun.last()?);
        let found = match choice {
            Choice::Due if !self.at.rehearsal.is_on() => return agenda.due.ok_or_else(|| self.not_due(&agenda)),
            Choice::Only if self.begun.len() > 1 => {
                return Err(AppError::WhichOccurrence {
                    at: Box::new(self.at.clone()),
                    name: self.parsed.campaign.names.campaign.clone(),
                    begun: self.begun.iter().rev().copied().collect(),
                });
            }
            Choice::Latest | Choice::Only => latest().or(agenda.due).or(agenda.next),
            Choice::Due | Choice::DueOrNext => agenda.due.or(agenda.next).or_else(latest),
        };
        let last = || self.recurrence.begun_by(self.now).next();
        found.or_else(last).ok_or_else(|| self.not_due(&agenda))
    }

    /// Whether an occurrence may still send, now or in a later window.
    fn may_send(&self, occurrence: &Occurrence) -> bool {
        let campaign = &self.parsed.campaign;
        let opens = campaign.schedule.calendar(&campaign.timezone).opens(self.now);
        opens.is_some_and(|opens| opens < occurrence.end)
    }

    fn not_due(&self, agenda: &Agenda) -> AppError {
        AppError::NotDue(Box::new(NotDue {
            at: self.at.clone(),
            name: self.parsed.campaign.names.campaign.clone(),
            zone: self.recurrence.zone.clone(),
            missed: agenda.missed.last().copied().filter(|missed| self.may_send(missed)),
            next: agenda.next,
        }))
    }
}

/// Returns the next occurrences of a recurring campaign by its file alone. `None` if it takes place once.
#[must_use]
pub fn coming(campaign: &Campaign, now: Timestamp) -> Option<SeriesView> {
    let row = |occurrence| OccurrenceRow {
        occurrence,
        state: OccurrenceState::Coming,
        has_ledger: None,
        is_planned: false,
    };
    let rows = campaign.recurrence()?.after(now).take(COMING_SHOWN).map(row).collect();
    Some(view(campaign, rows, 0))
}

fn view(campaign: &Campaign, rows: Vec<OccurrenceRow>, older: usize) -> SeriesView {
    SeriesView {
        campaign: campaign.names.campaign.clone(),
        app_id: campaign.names.app_id.clone(),
        zone: campaign.timezone.clone(),
        rows,
        older,
    }
}

/// Whether two ledgers are of occurrences of one campaign.
fn is_same_series(one: &Identity, other: &Identity) -> bool {
    AppKey::of_ledger(one) == AppKey::of_ledger(other) && one.campaign.series() == other.campaign.series()
}
