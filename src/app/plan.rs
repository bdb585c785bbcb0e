//! One campaign's plan: the ledger and the audience as a run would read them, and what that run would do. The facts that a
//! run would append are only supposed in memory; the ledger is not changed. Nothing is sent, and no secret is needed.

mod changes;

use std::fmt;

use jiff::Timestamp;

use crate::catalogue::plan as texts;
use crate::catalogue::{Language, app};
use crate::douyin::client::RequestBuilder;
use crate::douyin::wire::SendRequest;
use crate::engine::audience_diff::{Accept, Admission, Diff};
use crate::engine::preview::{Due, Preview, foresee};
use crate::ledger::memory::MemoryStore;
use crate::ledger::{Generation, Ledger, LedgerState, Store};
use crate::model::envelope::Usage;
use crate::model::identity::{ActivityId, CouponMetaId};
use crate::model::money::Valuation;
use crate::plan::forecast::expiry::Comparison;
use crate::plan::forecast::{Forecast, Load, forecast};
use crate::plan::{Fingerprint, Plan};
use crate::report::feasibility::{self, Reason};
use crate::report::plan_view::{
    ChangeNote, EarlierLedger, LedgerNote, PaceNote, PlanHeader, PlanView, PlannedDeliveries, RequestNote, StockNote,
};

use super::audience_reader::{AudienceReader, check_reviewed, reasons};
use super::campaign::LoadedCampaign;
use super::environment::Notice;
use super::erased::check_has_open_ids;
use super::error::AppError;
use super::older_ledger::{self, OlderLedger};
use super::other_ledger::OtherLedger;
use super::template::{self, TemplateAnswer, TemplateNeeds};
use super::witness::CampaignWitnesses;
use super::{activity, applied_settings, find_other_ledger, readonly_ledger};

use self::changes::Plans;

/// What is planned. The limit of attempts is in the plan of the campaign.
#[derive(Clone, Debug, Default)]
pub struct PlanRequest {
    /// The changes that count as accepted.
    pub accept: Vec<Accept>,
    /// The limit of attempts in the run.
    pub at_most: Option<u64>,
    /// Whether a rehearsal would start with a new ledger.
    pub fresh: bool,
    /// The fingerprint of the plan that was reviewed.
    pub expect: Option<Fingerprint>,
    /// How many requests are drawn up.
    pub requests: usize,
    /// How many of the users who came or went in each way are named.
    pub users: usize,
    /// Whether the platform is asked for the coupon template.
    pub is_online: bool,
    /// Whether the plan is shown in every language, and not only in that of the process.
    pub every_language: bool,
}

/// What an apply would do.
pub struct PlanPreview {
    /// The plan with everything that is shown of it, but without the command that applies it.
    pub view: PlanView,
    /// The same in each language. Empty unless the request asks for that.
    pub translations: Vec<(Language, PlanView)>,
    /// The first requests.
    pub requests: Vec<RequestNote>,
    /// The fingerprint of the plan.
    pub fingerprint: Fingerprint,
    /// What an apply would wait for before its next send. `None` if it would not wait.
    pub waits: Option<FirstWait>,
    /// What the campaign has used up, with the audience that the apply would admit.
    pub usage: Usage,
    /// The deliveries that are owed then.
    pub owed: u64,
    /// The users of the source at the last apply. `None` before the first one.
    pub listed_before: Option<u64>,
}

/// What an apply would wait for before its next send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FirstWait {
    /// The start of the schedule.
    Start,
    /// A send window.
    Window,
    /// The next day, because of the daily limit.
    Day,
    /// The next wave.
    Wave,
    /// An approval.
    Approval,
}

impl fmt::Display for FirstWait {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Start => texts::LeaveStart.fmt(f),
            Self::Window => texts::LeaveHours.fmt(f),
            Self::Day => texts::LeaveDay.fmt(f),
            Self::Wave => texts::LeaveWave.fmt(f),
            Self::Approval => texts::LeaveApproval.fmt(f),
        }
    }
}

/// Plans a campaign. Drop the future to cancel it.
pub async fn plan(campaign: &LoadedCampaign, request: &PlanRequest) -> Result<PlanPreview, AppError> {
    let planner = Planner {
        campaign,
        request,
        other: find_other_ledger::find_before_apply(campaign)?,
        now: campaign.environment.clock.now(),
    };
    campaign.environment.notify(Notice::ReadsLedger);
    let view = if request.fresh {
        None
    } else {
        readonly_ledger::open(campaign).await?
    };
    let witnesses = CampaignWitnesses::new(campaign);
    let no_witness = witnesses.is_impossible();
    if let Some(mut view) = view {
        // The audience may take long, or never come, and an apply waits for the ledger.
        view.release().await;
        check_has_open_ids(&campaign.plan.identity, view.ledger.state())?;
        let note = LedgerNote {
            dir: view.dir.clone(),
            begun: Some(view.manifest.created),
            applied: view.ledger.state().generation().map(|last| last.at),
            earlier: None,
            no_witness,
        };
        return planner.plan(&mut view.ledger, note, view.older.as_ref()).await;
    }
    // If the ledger was found in another place, it is not lost.
    let lost = witnesses.of_lost().filter(|_| planner.other.is_none());
    let earlier = lost.clone().or_else(|| witnesses.of_another_file());
    let note = LedgerNote {
        dir: campaign.ledger_location(),
        begun: None,
        applied: None,
        earlier: earlier.map(|witness| EarlierLedger {
            dir: witness.directory,
            batch: witness.sequence,
            at: witness.written,
        }),
        no_witness,
    };
    let mut ledger = Ledger::open(MemoryStore::default(), campaign.plan.identity.clone()).await?;
    let older = lost.map(OlderLedger::lost);
    planner.plan(&mut ledger, note, older.as_ref()).await
}

/// What a plan says of the audience, in one language.
struct DiffTexts {
    reasons: Vec<Reason>,
    changes: Vec<ChangeNote>,
}

/// What a plan says of the audience, in the language of the process and in each one that the request asks for.
struct TranslatedTexts {
    of_process: DiffTexts,
    by_language: Vec<(Language, DiffTexts)>,
}

/// What is shown of a plan, in no language.
struct ViewParts {
    activity_id: ActivityId,
    ledger: LedgerNote,
    needs: TemplateNeeds,
    template: Option<(CouponMetaId, TemplateAnswer)>,
    stock: Option<StockNote>,
    load: Load,
    forecast: Forecast,
    lapse: Option<Comparison>,
    valuation: Valuation,
    deliveries: PlannedDeliveries,
    fingerprint: String,
}

/// When the coupons that are left would be used up. `None` if they suffice.
fn used_up_at(plan: &Plan, load: &Load, left: u64, now: Timestamp) -> Option<Timestamp> {
    match left {
        _ if left >= load.to_send.min(plan.run.at_most) => None,
        0 => Some(now),
        left => forecast(plan, &load.first(left), now).ends_at,
    }
}

struct Planner<'a> {
    campaign: &'a LoadedCampaign,
    request: &'a PlanRequest,
    /// Another ledger of the campaign, which prevents an apply.
    other: Option<OtherLedger>,
    now: Timestamp,
}

impl Planner<'_> {
    async fn plan<S: Store>(
        self,
        ledger: &mut Ledger<S>,
        note: LedgerNote,
        older: Option<&OlderLedger>,
    ) -> Result<PlanPreview, AppError> {
        let plan = &*self.campaign.plan;
        let last = ledger.state().generation().cloned();
        let activity_id = ledger.state().resolve_activity(&plan.activity_id);
        let needs = TemplateNeeds::new(plan, ledger.state(), self.now);
        let (diff, fingerprint) = self.read_diff(ledger, older).await?;
        check_reviewed(self.campaign, self.request.expect.as_ref(), &fingerprint)?;
        let texts_of_diff = self.texts_of_diff(&diff, &fingerprint, last.as_ref(), ledger.state());
        let admission = diff.supposed();
        for remark in admission.remarks() {
            self.campaign.environment.notify(Notice::Remark(&remark.to_string()));
        }
        let listed = admission.changes.generation.listed;
        let (deliveries, preview) = self.preview(ledger, admission)?;
        let template = self.template().await;
        let valuation = ledger.state().valuation(&plan.activity_id, plan.coupon_value);
        let usage = Usage::new(&deliveries.counts, &valuation, plan.coupons_per_user, listed);
        let to_send = deliveries.to_send();
        let load = preview.load(to_send);
        let stock = activity::stock(plan, ledger.state()).map(|note| StockNote {
            used_up_at: used_up_at(plan, &load, note.left, self.now),
            ..note
        });
        let waits = self.waits(&preview).filter(|_| to_send > 0);
        let parts = ViewParts {
            forecast: forecast(plan, &load, self.now),
            activity_id,
            ledger: note,
            needs,
            template,
            stock,
            load,
            lapse: preview.lapse.clone(),
            valuation,
            deliveries,
            fingerprint: fingerprint.to_string(),
        };
        let translations = texts_of_diff
            .by_language
            .into_iter()
            .map(|(language, texts)| (language, language.scope(|| self.view(&parts, texts))));
        Ok(PlanPreview {
            usage,
            listed_before: last.as_ref().map(|last| last.listed),
            owed: parts.deliveries.counts.owed(),
            requests: self.requests(&preview.first)?,
            waits,
            translations: translations.collect(),
            view: self.view(&parts, texts_of_diff.of_process),
            fingerprint,
        })
    }

    /// Reads the audience and compares it with the ledger, which supposes the facts that a run begins with from here on.
    async fn read_diff<S: Store>(
        &self,
        ledger: &mut Ledger<S>,
        older: Option<&OlderLedger>,
    ) -> Result<(Diff, Fingerprint), AppError> {
        let environment = &self.campaign.environment;
        let accepted = older_ledger::with_accepted(&self.request.accept, older);
        let older_ledger = older.map(OlderLedger::change);
        let reader = AudienceReader {
            campaign: self.campaign,
            accepted: &accepted,
            older_ledger: older_ledger.as_ref(),
            by: None,
            approval: None,
            takes_over: false,
            now: self.now,
        };
        let mut beginning = reader.beginning(ledger.state());
        beginning.extend(activity::supposed(&self.campaign.plan, ledger.state(), self.now));
        ledger.suppose(&beginning)?;
        environment.notify(Notice::ReadsAudience);
        let progress = |rows| environment.notify(Notice::Rows(rows));
        let read = reader.read_diff(ledger.state(), progress).await?;
        environment.notify(Notice::AudienceRead);
        Ok(read)
    }

    /// Returns what the plan says of the audience. `last` is the generation of the last apply.
    fn texts_of_diff(
        &self,
        diff: &Diff,
        fingerprint: &Fingerprint,
        last: Option<&Generation>,
        ledger_state: &LedgerState,
    ) -> TranslatedTexts {
        let path = self.campaign.ledger_dir().settings();
        let plans = Plans {
            last,
            last_settings: last.and_then(|last| applied_settings::read(&path, &last.fingerprint)),
            now: fingerprint,
            plan: &self.campaign.plan,
        };
        let texts = || DiffTexts {
            reasons: self.reasons(diff),
            changes: changes::changes(diff, &plans, ledger_state, self.request.users),
        };
        let languages = Language::ALL.into_iter().filter(|_| self.request.every_language);
        TranslatedTexts {
            of_process: texts(),
            by_language: languages.map(|language| (language, language.scope(texts))).collect(),
        }
    }

    /// Returns the plan as it is shown in the language of the moment, in which `texts` are too.
    fn view(&self, parts: &ViewParts, texts: DiffTexts) -> PlanView {
        let plan = &*self.campaign.plan;
        let zone = &self.campaign.parsed.campaign.timezone;
        let mut reasons = texts.reasons;
        if let Some((coupon_meta_id, answer)) = &parts.template {
            reasons.extend(template::reasons(answer, parts.needs, coupon_meta_id, zone));
        }
        reasons.extend(feasibility::of_time(
            &parts.forecast,
            parts.load.to_send.min(plan.run.at_most),
            plan.pace.per_second,
            (self.now, zone),
        ));
        PlanView {
            header: self.header(parts.activity_id.clone()),
            stock: parts.stock,
            template: parts
                .template
                .as_ref()
                .map(|(coupon_meta_id, answer)| template::note(answer, parts.needs, coupon_meta_id, zone)),
            ledger: parts.ledger.clone(),
            deliveries: parts.deliveries.clone(),
            changes: texts.changes,
            pace: self.pace(parts.load.begun_today),
            forecast: parts.forecast.clone(),
            lapse: parts.lapse.clone(),
            valuation: parts.valuation,
            max_worth: plan.max_worth,
            reasons,
            fingerprint: parts.fingerprint.clone(),
            apply: String::new(),
        }
    }

    /// Asks for the template. `None` if the request does not want that, or the file names none.
    async fn template(&self) -> Option<(CouponMetaId, TemplateAnswer)> {
        let named = self.campaign.parsed.campaign.names.coupon_meta_id.as_ref();
        let coupon_meta_id = named.filter(|_| self.request.is_online)?.clone();
        let answer = template::ask_online(self.campaign, &coupon_meta_id).await;
        Some((coupon_meta_id, answer))
    }

    /// Returns what an apply would wait for before its next send. `None` if it would not wait.
    fn waits(&self, preview: &Preview) -> Option<FirstWait> {
        let plan = &self.campaign.plan;
        let schedule = &plan.schedule;
        let now = self.now;
        let mut waves = preview.waves.iter().filter(|wave| wave.to_send > 0);
        let is_unapproved = preview
            .waves
            .iter()
            .take_while(|wave| wave.to_send == 0)
            .any(|wave| wave.wait.is_approval());
        match schedule.opens(now) {
            Some(opens) if opens > now && opens == schedule.start => Some(FirstWait::Start),
            Some(opens) if opens > now => Some(FirstWait::Window),
            _ if schedule.waits && preview.begun_today >= plan.pace.per_day => Some(FirstWait::Day),
            _ if is_unapproved => Some(FirstWait::Approval),
            _ => waves
                .next()
                .filter(|wave| wave.not_before > now)
                .map(|_| FirstWait::Wave),
        }
    }

    /// Returns the status of all deliveries and what a run would do.
    fn preview<S: Store>(
        &self,
        ledger: &mut Ledger<S>,
        admission: Admission,
    ) -> Result<(PlannedDeliveries, Preview), AppError> {
        let Admission {
            changes,
            reading,
            counts,
            skipped,
            send_order,
            ..
        } = admission;
        let preview = foresee(
            &self.campaign.plan,
            ledger,
            (changes, send_order),
            self.now,
            self.request.requests,
        )?;
        let deliveries = PlannedDeliveries {
            counts,
            skipped,
            reading,
            resent: preview.resent,
            behind: preview.behind,
            lapsing: preview.lapse.as_ref().map_or(0, |lapse| lapse.planned().lapsed),
            at_most: self.request.at_most,
        };
        Ok((deliveries, preview))
    }

    fn header(&self, activity_id: ActivityId) -> PlanHeader {
        let settings = &self.campaign.parsed.campaign;
        let names = &settings.names;
        PlanHeader {
            campaign: names.campaign.clone(),
            title: names.title.clone(),
            app_id: names.app_id.clone(),
            activity_id,
            platform: if self.campaign.at.rehearsal.is_inside() {
                texts::BuiltInSandbox.to_string()
            } else {
                self.campaign.plan.base_url.clone()
            },
            zone: settings.timezone.clone(),
            now: self.now,
        }
    }

    fn pace(&self, begun_today: u64) -> PaceNote {
        let pace = &self.campaign.plan.pace;
        let schedule = &self.campaign.plan.schedule;
        PaceNote {
            per_second: pace.per_second,
            max_in_flight: pace.max_in_flight,
            per_day: Some(pace.per_day).filter(|most| *most < u64::MAX),
            begun_today,
            start: Some(schedule.start).filter(|start| *start > Timestamp::MIN),
            end: Some(schedule.end).filter(|end| *end < Timestamp::MAX),
            calendar: schedule.hours.clone(),
        }
    }

    /// Returns why an apply would stop before it sends.
    fn reasons(&self, diff: &Diff) -> Vec<Reason> {
        let mut reasons = reasons(diff);
        reasons.extend(self.other.as_ref().map(OtherLedger::reason));
        if self.campaign.parsed.campaign.credentials.is_none() && !self.campaign.at.rehearsal.is_on() {
            reasons.push(Reason {
                text: app::NoCredentials.to_string(),
                help: Some(app::NoCredentialsHelp.to_string()),
            });
        }
        reasons
    }

    fn requests(&self, first: &[Due]) -> Result<Vec<RequestNote>, AppError> {
        if first.is_empty() {
            return Ok(Vec::new());
        }
        let plan = &self.campaign.plan;
        let builder = RequestBuilder::new(plan)?;
        let request = |due: &Due| {
            let app_id = &plan.identity.app_id;
            let request = SendRequest::new(app_id, &due.open_id, &due.activity_id, due.merchant_coupon_id);
            let preview = builder.draw(&request).map_err(|why| AppError::Request(why.clone()))?;
            Ok(RequestNote {
                open_id: request.open_id,
                ordinal: due.key.ordinal,
                merchant_coupon_id: request.merchant_coupon_id,
                method: preview.method,
                url: preview.url,
                headers: preview.headers,
                body: preview.body,
            })
        };
        first.iter().map(request).collect()
    }
}
