//! The fake platform of a history: it follows the scenario, records every request, and continues after the client is
//! killed.

use std::sync::Arc;
use std::time::Duration;

use runner::douyin::{NotReady, Platform, Sent};
use runner::ledger::Permit;
use runner::model::outcome::{Answer, Class, Classifier, Coupon as IssuedCoupon, NotIssued, Outcome, Proof, Unknown};
use tokio::time::Instant;

use crate::env::{Env, State};
use crate::scenario::{AnswerKind, FixedSettings, RepeatAnswer, Response, Settings, code};
use crate::trace::{AnswerIds, Coupon, Nanos, ReceivedAnswer, Request, SecondCoupon, Trace};

/// An answer with the numbers of its log_id and coupon_id.
struct Answered {
    kind: AnswerKind,
    log_id: usize,
    coupon_id: Option<usize>,
}

/// A success is a replay if its coupon is older than this when the request starts.
const REPLAY: Nanos = 120_000_000_000;

/// How long a request that was made in time may take to arrive, in milliseconds.
const SLACK: u64 = 60_000;

/// The platform as one campaign's run sees it.
pub struct ScriptedPlatform {
    pub env: Arc<Env>,
    pub campaign: usize,
    pub settings: Settings,
}

impl ScriptedPlatform {
    /// Records a request. Returns its number and the response.
    fn record_request(&self, permit: &Permit) -> (usize, Response) {
        let env = &self.env;
        let now = env.now();
        let wall = env.wall();
        env.issue_due_coupons();
        let mut state = env.state();
        let id = permit.merchant_coupon_id();
        let before = state.trace.requests.iter().filter(|request| request.id == id).count();
        let nth = u32::try_from(before + 1).unwrap_or(u32::MAX);
        let user = permit.open_id().as_str()[1..].parse().unwrap_or(u8::MAX);
        let response = self.respond(&state, user, nth, now);
        let number = state.trace.requests.len();
        let request = Request {
            run: state.run,
            campaign: self.campaign,
            start: now,
            wall,
            durable: state.disks[self.campaign].records.len() as u64,
            key: permit.key(),
            attempt: permit.attempt(),
            user,
            id,
            activity: permit.activity_id().as_str().parse().unwrap_or(u8::MAX),
            coupon_at: response.issues_after.map(|after| now + after * 1_000_000),
            is_issued: false,
            answer: None,
            ids: AnswerIds::default(),
            lost: false,
        };
        state.trace.requests.push(request);
        drop(state);
        env.log(|| {
            let key = permit.key();
            let attempt = permit.attempt();
            let activity = permit.activity_id();
            let ordinal = key.ordinal;
            let wall = crate::print::time(wall);
            let of = env.campaign_prefix(self.campaign);
            format!("{of}u{user} coupon {ordinal} attempt {attempt} activity {activity} starts at {wall}: {response}")
        });
        env.issue_due_coupons();
        (number, response)
    }

    fn rules(&self) -> &FixedSettings {
        &self.env.scenario.campaigns[self.campaign]
    }

    fn respond(&self, state: &State, user: u8, nth: u32, now: Nanos) -> Response {
        let usual = Response {
            issues_after: Some(10),
            answer: AnswerKind::Issued,
            after: 40,
        };
        if now < state.faults.outage_until {
            let is_refused = nth.is_multiple_of(2);
            return Response {
                issues_after: None,
                answer: if is_refused {
                    AnswerKind::NotSent
                } else {
                    AnswerKind::NoAnswer
                },
                after: if is_refused { 1 } else { self.rules().timeout },
            };
        }
        if now < state.faults.wrong_address_until {
            return Response {
                issues_after: (user.is_multiple_of(2)).then_some(10),
                answer: AnswerKind::Status(state.faults.wrong_address_status),
                after: 20,
            };
        }
        let faultless = state.faultless.then_some(&self.settings);
        self.env.scenario.response(user, nth, faultless).unwrap_or(usual)
    }

    /// Records and returns the outcome of a request.
    fn finish_request(&self, number: usize, response: Response, latency: Duration) -> Outcome {
        let env = &self.env;
        env.issue_due_coupons();
        let now = env.now();
        let rules = self.rules();
        let mut state = env.state();
        let trace = &state.trace;
        let request = &trace.requests[number];
        let before = {
            let mut had = trace.coupons.iter().filter(|coupon| coupon.id == request.id);
            had.any(|coupon| coupon.activity == request.activity && coupon.at < request.start)
        };
        let late = latency >= Duration::from_millis(rules.timeout);
        let own = |kind| Answered {
            kind,
            log_id: number,
            coupon_id: (kind == AnswerKind::Issued).then(|| coupon_of(trace, number, rules)),
        };
        let answered = match (response.answer, rules.on_repeat) {
            (AnswerKind::NotSent, _) => own(AnswerKind::NotSent),
            _ if late => own(AnswerKind::NoAnswer),
            (AnswerKind::Issued, RepeatAnswer::Duplicate) if before => own(AnswerKind::Code(code::USED)),
            (AnswerKind::Issued, RepeatAnswer::Unlisted) if before => own(AnswerKind::Code(code::USED_UNLISTED)),
            (AnswerKind::OtherDelivery, _) => {
                other_answer(trace, number, rules).unwrap_or_else(|| own(AnswerKind::Unreadable))
            }
            (AnswerKind::SameCoupon, _) => other_coupon(trace, number).unwrap_or_else(|| own(AnswerKind::Unreadable)),
            (kind, _) => own(kind),
        };
        let mixed = answered.log_id != number
            || (response.answer == AnswerKind::SameCoupon && answered.kind == AnswerKind::Issued);
        let coupon_at = answered
            .coupon_id
            .and_then(|id| trace.coupons.get(id))
            .map(|coupon| coupon.at);
        let replay = !mixed && coupon_at.is_some_and(|at| request.start.saturating_sub(at) > REPLAY);
        let outcome = self.outcome(&answered, replay, latency);
        let request = &mut state.trace.requests[number];
        request.answer = Some(ReceivedAnswer {
            at: now,
            kind: if mixed { response.answer } else { answered.kind },
        });
        request.ids = AnswerIds {
            log: outcome.answer.as_ref().map(|answer| answer.log_id.clone()),
            coupon: match &outcome.proof {
                Proof::Issued { coupon, .. } => Some(coupon.coupon_id.clone()),
                _ => None,
            },
        };
        outcome
    }

    fn outcome(&self, answered: &Answered, replay: bool, latency: Duration) -> Outcome {
        let (proof, code, retry_after) = self.proof(answered, replay);
        Outcome {
            proof,
            answer: code.map(|code| self.answer(code, answered.log_id)),
            status: match answered.kind {
                AnswerKind::NoAnswer | AnswerKind::Cut | AnswerKind::NotSent => None,
                AnswerKind::Status(status) | AnswerKind::CodeWithStatus { status, .. } => Some(status),
                _ => Some(200),
            },
            detail: None,
            retry_after,
            latency,
            at: self.env.clock.now(),
        }
    }

    fn answer(&self, code: i64, log_id: usize) -> Answer {
        let by_file = self.settings.names(code);
        let unlisted = matches!(code, code::UNLISTED | code::UNSURE | code::USED_UNLISTED);
        Answer {
            code,
            message: format!("code {code}"),
            log_id: format!("log-{log_id}"),
            class: if code == 0 {
                Class::Issued
            } else {
                self.settings.class(code)
            },
            classifier: match (by_file, unlisted) {
                (true, _) => Classifier::File,
                (_, true) => Classifier::Nobody,
                _ => Classifier::Table,
            },
        }
    }

    /// What an answer proves, its code, and its `Retry-After`.
    fn proof(&self, answered: &Answered, replay: bool) -> (Proof, Option<i64>, Option<Duration>) {
        let unknown = |why| (Proof::Unknown(why), None, None);
        let worth = self.settings.worth;
        match answered.kind {
            AnswerKind::Issued => {
                let coupon = Box::new(IssuedCoupon {
                    coupon_id: format!("coupon-{}", answered.coupon_id.unwrap_or_default()),
                    coupon_status: Some(10),
                    discount_amount: worth
                        .filter(|worth| worth.is_stated)
                        .and_then(|worth| worth.each.try_into().ok()),
                    ..IssuedCoupon::default()
                });
                (Proof::Issued { coupon, replay }, Some(0), None)
            }
            AnswerKind::Code(code) | AnswerKind::CodeWithStatus { code, .. } => {
                (proof_of(self.settings.class(code)), Some(code), None)
            }
            AnswerKind::SlowDown(ms) => {
                let rest = Some(Duration::from_millis(ms));
                (Proof::NotIssued(NotIssued::Throttled), Some(code::TOO_FAST), rest)
            }
            AnswerKind::NoAnswer => unknown(Unknown::TimedOut),
            AnswerKind::Cut => unknown(Unknown::Cut),
            AnswerKind::Unreadable | AnswerKind::Status(_) | AnswerKind::OtherDelivery | AnswerKind::SameCoupon => {
                unknown(Unknown::Unreadable)
            }
            AnswerKind::NotSent => (Proof::NotIssued(NotIssued::NotSent), None, None),
        }
    }
}

/// The number of the coupon in a success: the one issued for this request, or the earlier one of its id.
fn coupon_of(trace: &Trace, number: usize, rules: &FixedSettings) -> usize {
    let request = &trace.requests[number];
    let of_request = |coupon: &Coupon| coupon.id == request.id && coupon.activity == request.activity;
    let found = if rules.asks_person {
        trace.coupons.iter().rposition(of_request)
    } else {
        trace.coupons.iter().position(of_request)
    };
    // If the coupon was not issued, the number must differ from all others.
    found.unwrap_or(usize::MAX - number)
}

/// The last answer of this run with ids of its own that belongs to another delivery.
fn other_answer(trace: &Trace, number: usize, rules: &FixedSettings) -> Option<Answered> {
    let asked = &trace.requests[number];
    let others = trace.requests.iter().enumerate().rev();
    others
        .filter(|(_, other)| other.run == asked.run && other.campaign == asked.campaign && other.key != asked.key)
        .find_map(|(log_id, other)| match other.answer.map(|answer| answer.kind) {
            Some(kind @ (AnswerKind::Issued | AnswerKind::Code(_) | AnswerKind::SlowDown(_))) => Some(Answered {
                kind,
                log_id,
                coupon_id: (kind == AnswerKind::Issued).then(|| coupon_of(trace, log_id, rules)),
            }),
            _ => None,
        })
}

/// A success with an earlier coupon: the user's last one, else the last one of this run.
fn other_coupon(trace: &Trace, number: usize) -> Option<Answered> {
    let asked = &trace.requests[number];
    let others = trace.requests.iter().rev();
    let others =
        others.filter(|other| other.campaign == asked.campaign && other.key != asked.key && other.is_answered());
    let coupon = |other: &Request| other.ids.coupon.as_ref()?.strip_prefix("coupon-")?.parse().ok();
    let of_user = others.clone().filter(|other| other.user == asked.user).find_map(coupon);
    let of_run = || others.clone().filter(|other| other.run == asked.run).find_map(coupon);
    Some(Answered {
        kind: AnswerKind::Issued,
        log_id: number,
        coupon_id: Some(of_user.or_else(of_run)?),
    })
}

fn proof_of(class: Class) -> Proof {
    match class {
        Class::Issued => Proof::Duplicate,
        Class::Retry => Proof::Unknown(Unknown::SystemError),
        Class::Throttle => Proof::NotIssued(NotIssued::Throttled),
        Class::Token => Proof::NotIssued(NotIssued::Token),
        Class::Refuse => Proof::Refused,
        Class::Hold => Proof::Held,
        Class::Wait => Proof::NotIssued(NotIssued::Wait),
        Class::Halt => Proof::NotIssued(NotIssued::Halt),
    }
}

impl Env {
    /// Issues every coupon that is due. If the platform honours merchant_coupon_ids, an id gets one coupon per
    /// activity. The platform remembers an id little longer than `resend_within`, or for ever if the wall clock is
    /// stepped.
    pub fn issue_due_coupons(&self) {
        let now = self.now();
        let jumps = self.scenario.steps_clock();
        let remembers = |rules: &FixedSettings| {
            if jumps {
                Nanos::MAX
            } else {
                (rules.resend_within + SLACK) * 1_000_000
            }
        };
        let mut state = self.state();
        let State { trace, .. } = &mut *state;
        let mut due: Vec<_> = trace
            .requests
            .iter_mut()
            .filter_map(|request| {
                let at = request.coupon_at.filter(|at| *at <= now && !request.is_issued)?;
                request.is_issued = true;
                let id = request.id;
                let activity = request.activity;
                let second = SecondCoupon {
                    campaign: request.campaign,
                    key: request.key,
                    user: request.user,
                };
                Some((Coupon { at, id, activity }, second))
            })
            .collect();
        due.sort_by_key(|(coupon, _)| coupon.at);
        for (coupon, second) in due {
            let rules = &self.scenario.campaigns[second.campaign];
            let mut had = trace.coupons.iter().filter(|had| had.id == coupon.id);
            let same = |had: &Coupon| had.activity == coupon.activity && coupon.at - had.at <= remembers(rules);
            if !rules.asks_person && had.clone().any(same) {
                continue;
            }
            if had.next().is_some() {
                trace.second_coupons.push(second);
            }
            trace.coupons.push(coupon);
        }
    }
}

impl Platform for ScriptedPlatform {
    type Access = ();
    type Connection = ();

    async fn ready(&self) -> Result<(), NotReady> {
        self.env.checkpoint().await;
        let takes = self.env.state().faults.token_delay_ms;
        if takes > 0 {
            tokio::time::sleep(Duration::from_millis(takes)).await;
        }
        let now = self.env.now();
        let faults = &mut self.env.state().faults;
        let why = "the scenario says so".to_owned();
        if std::mem::take(&mut faults.token_refused) {
            return Err(NotReady::Refused { why: why.into() });
        }
        if now < faults.token_outage_until {
            let again = Instant::now() + Duration::from_secs(5);
            return Err(NotReady::OutOfReach { why: why.into(), again });
        }
        Ok(())
    }

    async fn connect(&self) -> Result<(), Box<Outcome>> {
        let until = self.env.state().faults.connects_stall_until;
        let now = self.env.now();
        if now < until {
            tokio::time::sleep(Duration::from_nanos(until - now)).await;
        }
        Ok(())
    }

    async fn send(&self, (): (), (): (), permit: Permit) -> Sent<()> {
        self.env.checkpoint().await;
        let began = Instant::now();
        let (number, response) = self.record_request(&permit);
        self.env.checkpoint().await;
        let timeout = self.rules().timeout;
        let after = match response.answer {
            AnswerKind::NoAnswer => timeout,
            _ => response.after.min(timeout),
        };
        tokio::time::sleep(Duration::from_millis(after)).await;
        self.env.checkpoint().await;
        Sent {
            outcome: self.finish_request(number, response, began.elapsed()),
            connection: Some(()),
        }
    }
}
