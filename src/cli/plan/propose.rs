//! One campaign's plan: the ledger and the audience as a run would read them, and what that run would do. The facts that a
//! run would append are only supposed in memory; the ledger is not changed.

use std::fmt::Write as _;
use std::path::Path;

use jiff::Timestamp;

use crate::campaign::Parsed;
use crate::cli::apply::NO_CREDENTIALS;
use crate::cli::audience_reader::{AudienceReader, as_reviewed, reasons};
use crate::cli::elsewhere::{self, Other};
use crate::cli::failure::Failure;
use crate::cli::locked_ledger::{self, again};
use crate::cli::witness::{self, OlderLedger, Testimony};
use crate::cli::{Context, readonly_ledger};
use crate::douyin::client::RequestBuilder;
use crate::douyin::wire::SendRequest;
use crate::engine::audience_diff::{Acceptance, Admission, Diff, Found};
use crate::engine::preview::{Due, Preview, foresee};
use crate::ledger::coupon_value::CouponValue;
use crate::ledger::memory::MemoryStore;
use crate::ledger::{Generation, Ledger, Store};
use crate::model::delivery::{Away, DeliveryKey, StateName, Transition};
use crate::model::problem::Problem;
use crate::plan::forecast::expiry::Comparison;
use crate::plan::forecast::{Load, forecast};
use crate::plan::{Bounds, Fingerprint, Plan};
use crate::report::feasibility::{self, Reason};
use crate::report::plan_view::{
    ChangeNote, EarlierLedger, LedgerNote, Money, PaceNote, PlanHeader, PlanView, PlannedDeliveries, RequestNote,
};
use crate::report::times::{counted, grouped};

use super::Wanted;
use super::progress::Progress;

/// Returns the plan of a campaign and the requested number of first requests. Drop the future to cancel it.
pub(super) async fn propose(
    wanted: Wanted<'_>,
    context: &Context,
    (file, parsed): (&Path, &Parsed),
) -> Result<(PlanView, Vec<RequestNote>), Failure> {
    let plan = readonly_ledger::plan_of(parsed, wanted.rehearsal)?;
    let plan = Plan {
        run: Bounds {
            at_most: wanted.at_most.unwrap_or(u64::MAX),
            ..plan.run
        },
        ..plan
    };
    let job = Job {
        wanted,
        context,
        file,
        parsed,
        plan: &plan,
        other: elsewhere::find_for(context, file, &plan, parsed)?,
        progress: Progress::begin(context, parsed),
    };
    let view = if wanted.fresh {
        None
    } else {
        readonly_ledger::open(context, file, &plan).await?
    };
    let testimony = Testimony::new(context, file, &plan);
    let no_witness = testimony.is_impossible();
    if let Some(mut view) = view {
        let note = LedgerNote {
            dir: view.dir.clone(),
            begun: Some(view.manifest.created),
            applied: view.ledger.state().generation().map(|last| last.at),
            earlier: None,
            no_witness,
        };
        return job.foretell(&mut view.ledger, note, view.older.as_ref()).await;
    }
    // If the ledger was found in another place, it is not lost.
    let lost = testimony.of_lost().filter(|_| job.other.is_none());
    let earlier = lost.clone().or_else(|| testimony.of_another_file());
    let note = LedgerNote {
        dir: locked_ledger::ledger_dir(context, file, &plan).dir().to_owned(),
        begun: None,
        applied: None,
        earlier: earlier.map(|witness| EarlierLedger {
            dir: witness.directory,
            batch: witness.sequence,
            at: witness.written,
        }),
        no_witness,
    };
    let mut ledger = Ledger::open(MemoryStore::default(), plan.identity.clone()).await?;
    let older = lost.map(OlderLedger::lost);
    job.foretell(&mut ledger, note, older.as_ref()).await
}

struct Job<'a> {
    wanted: Wanted<'a>,
    context: &'a Context,
    file: &'a Path,
    parsed: &'a Parsed,
    plan: &'a Plan,
    /// Another ledger of the campaign, which prevents an apply.
    other: Option<Other>,
    progress: Progress,
}

impl Job<'_> {
    async fn foretell<S: Store>(
        self,
        ledger: &mut Ledger<S>,
        note: LedgerNote,
        older: Option<&OlderLedger>,
    ) -> Result<(PlanView, Vec<RequestNote>), Failure> {
        let accepted = witness::with_accepted(self.wanted.accept, older);
        let older_ledger = older.map(OlderLedger::change);
        let now = self.context.clock.now();
        let mut worth = CouponValue::default();
        if ledger.state().counts().count(StateName::Issued) > 0 {
            ledger.facts(|_, fact| worth.take(&fact)).await?;
        }
        let last = ledger.state().generation().cloned();
        let reader = AudienceReader {
            context: self.context,
            parsed: self.parsed,
            plan: self.plan,
            accepted: &accepted,
            older_ledger: older_ledger.as_ref(),
            rehearsal: self.wanted.rehearsal,
            now,
        };
        let beginning = reader.beginning(ledger.state());
        ledger.suppose(&beginning)?;
        self.progress.audience();
        let progress = |rows| self.progress.rows(rows);
        let (diff, fingerprint) = reader.read_diff(ledger.state(), progress).await?;
        self.progress.end();
        as_reviewed(self.wanted.expect, &fingerprint, &self.again("plan"))?;
        let reasons = self.reasons(&diff);
        let changes = changes(&diff, last.as_ref(), &fingerprint, self.plan);
        let admission = diff.supposed();
        admission
            .remarks()
            .for_each(|remark| self.context.talk(&format!("{remark}\n")));
        let (deliveries, preview) = self.preview(ledger, admission, now)?;
        if self.wanted.no_wait
            && deliveries.to_send() > 0
            && let Some(why) = self.waits(&preview, now)
        {
            let said = format!("with --no-wait, an apply would leave now: {why}\n");
            self.context.talk(&said);
        }
        let ledger_state = ledger.state();
        let money = Money {
            given: worth.given(),
            told: worth.told(),
            each: ledger_state
                .current_activity()
                .and_then(|activity| worth.amount(activity)),
        };
        let requests = self.draw(&preview.first)?;
        let load = preview.load(deliveries.to_send());
        let proposal = self.proposal(
            now,
            (note, deliveries, changes, money),
            (reasons, &load, preview.lapse),
            &fingerprint,
        );
        Ok((proposal, requests))
    }

    /// Returns what an apply would wait for before its next send. `None` if it would not wait.
    fn waits(&self, preview: &Preview, now: Timestamp) -> Option<&'static str> {
        let schedule = &self.plan.schedule;
        let mut waves = preview.waves.iter().filter(|wave| wave.to_send > 0);
        match schedule.opens(now) {
            Some(opens) if opens > now && opens == schedule.start => Some("schedule.start is ahead"),
            Some(opens) if opens > now => Some("it is outside schedule.hours"),
            _ if schedule.waits && preview.begun_today >= self.plan.pace.per_day => {
                Some("today's pace.per_day is used up")
            }
            _ => waves
                .next()
                .filter(|wave| wave.not_before > now)
                .map(|_| "the next wave has to wait"),
        }
    }

    /// Returns the status of all deliveries and what a run would do.
    fn preview<S: Store>(
        &self,
        ledger: &mut Ledger<S>,
        admission: Admission,
        now: Timestamp,
    ) -> Result<(PlannedDeliveries, Preview), Failure> {
        let Admission {
            changes,
            reading,
            counts,
            skipped,
            send_order,
            ..
        } = admission;
        let preview = foresee(
            self.plan,
            ledger,
            (changes, send_order),
            now,
            self.wanted.show.unwrap_or(0),
        )?;
        let deliveries = PlannedDeliveries {
            counts,
            skipped,
            reading,
            resent: preview.resent,
            behind: preview.behind,
            lapsing: preview.lapse.as_ref().map_or(0, |lapse| lapse.planned().lapsed),
            at_most: self.wanted.at_most,
        };
        Ok((deliveries, preview))
    }

    fn proposal(
        &self,
        now: Timestamp,
        (ledger, deliveries, changes, money): (LedgerNote, PlannedDeliveries, Vec<ChangeNote>, Money),
        (mut reasons, load, lapse): (Vec<Reason>, &Load, Option<Comparison>),
        fingerprint: &Fingerprint,
    ) -> PlanView {
        let plan = self.plan;
        let said = &self.parsed.campaign;
        let forecast = forecast(plan, load, now);
        let zone = &said.timezone;
        reasons.extend(feasibility::of_time(
            &forecast,
            load.to_send.min(plan.run.at_most),
            plan.pace.per_second,
            (now, zone),
        ));
        let schedule = &plan.schedule;
        PlanView {
            header: PlanHeader {
                campaign: said.names.campaign.clone(),
                title: said.names.title.clone(),
                app_id: said.names.app_id.clone(),
                activity_id: said.names.activity_id.clone(),
                platform: self.platform(),
                zone: zone.clone(),
                now,
            },
            ledger,
            deliveries,
            changes,
            pace: PaceNote {
                per_second: plan.pace.per_second,
                max_in_flight: plan.pace.max_in_flight,
                per_day: Some(plan.pace.per_day).filter(|most| *most < u64::MAX),
                begun_today: load.begun_today,
                start: Some(schedule.start).filter(|start| *start > Timestamp::MIN),
                end: Some(schedule.end).filter(|end| *end < Timestamp::MAX),
                calendar: schedule.hours.clone(),
            },
            forecast,
            lapse,
            money,
            reasons,
            fingerprint: fingerprint.to_string(),
            apply: self.apply(fingerprint),
        }
    }

    /// Returns why an apply would stop before it sends.
    fn reasons(&self, diff: &Diff) -> Vec<Reason> {
        let mut reasons = reasons(diff);
        reasons.extend(self.other.as_ref().map(Other::reason));
        if self.parsed.campaign.credentials.is_none() && !self.wanted.rehearsal.on() {
            let (text, help) = NO_CREDENTIALS;
            reasons.push(Reason {
                text: text.to_owned(),
                help: Some(help.to_owned()),
            });
        }
        reasons
    }

    fn platform(&self) -> String {
        if self.wanted.rehearsal.inside() {
            "a stand-in inside the process that applies".to_owned()
        } else {
            self.plan.base_url.clone()
        }
    }

    fn again(&self, verb: &str) -> String {
        again(verb, self.wanted.rehearsal, self.context, self.file)
    }

    fn apply(&self, fingerprint: &Fingerprint) -> String {
        let mut command = self.again("apply");
        if self.wanted.fresh {
            command.push_str(" --fresh");
        }
        for accept in self.wanted.accept {
            let _ = write!(command, " --accept {accept}");
        }
        if let Some(most) = self.wanted.at_most {
            let _ = write!(command, " --at-most {most}");
        }
        format!("{command} --expect {fingerprint}")
    }

    fn draw(&self, first: &[Due]) -> Result<Vec<RequestNote>, Failure> {
        if first.is_empty() {
            return Ok(Vec::new());
        }
        let drawing = RequestBuilder::new(self.plan)?;
        let draw = |due: &Due| {
            let app_id = &self.plan.identity.app_id;
            let request = SendRequest::new(app_id, &due.open_id, &due.activity_id, due.merchant_coupon_id);
            let drawn = drawing
                .draw(&request)
                .map_err(|why| Failure::new(Problem::Defect, format!("cannot draw up a request: {why}")))?;
            Ok(RequestNote {
                open_id: request.open_id,
                ordinal: due.key.ordinal,
                merchant_coupon_id: request.merchant_coupon_id,
                method: drawn.method,
                url: drawn.url,
                headers: drawn.headers,
                body: drawn.body,
            })
        };
        first.iter().map(draw).collect()
    }
}

/// Returns the changes since the last apply. Without an earlier apply, returns those that need a person's approval.
fn changes(diff: &Diff, last: Option<&Generation>, now: &Fingerprint, plan: &Plan) -> Vec<ChangeNote> {
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
        from: Some(found.change.from.clone()),
        to: Some(found.change.to.clone()),
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
