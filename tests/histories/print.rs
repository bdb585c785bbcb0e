//! Prints a scenario.

use std::fmt::{self, Display, Formatter, Write as _};

use crate::env::describe_counts;
use crate::history::ApplyEnd;
use crate::scenario::{
    AnswerKind, Apply, Campaign, Incident, IncidentKind, MONDAY, Response, Scenario, Settings, Window,
};

/// Formats a wall time as days since [`MONDAY`] and a time of day.
pub fn time(wall: i64) -> String {
    let day = (wall - MONDAY).div_euclid(86_400_000);
    let ms = (wall - MONDAY).rem_euclid(86_400_000);
    let minute = ms / 60_000;
    let ms = ms % 60_000;
    let hour = minute / 60;
    let minute = minute % 60;
    let second = ms / 1_000;
    format!("day {day} {hour:02}:{minute:02}:{second:02}.{:03}", ms % 1_000)
}

pub fn apply_end(end: &ApplyEnd) -> String {
    match end {
        ApplyEnd::RunOutcome(ended) => format!(
            "{:?}, {:?}, {}",
            ended.ending,
            ended.why,
            describe_counts(&ended.counts)
        ),
        ApplyEnd::Killed => "killed".to_owned(),
        ApplyEnd::NotAdmitted(why) => format!("the audience is not admitted: {why}"),
        ApplyEnd::Failed(why) => format!("failed: {why}"),
        ApplyEnd::TimedOut => "it did not end in time".to_owned(),
    }
}

impl Display for Response {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self {
            issues_after,
            answer,
            after,
        } = self;
        match issues_after {
            Some(ms) => write!(f, "issues the coupon after {ms} ms and ")?,
            None => f.write_str("issues nothing and ")?,
        }
        match answer {
            AnswerKind::Issued => write!(f, "answers with success after {after} ms"),
            AnswerKind::Code(code) => write!(f, "answers code {code} after {after} ms"),
            AnswerKind::SlowDown(rest) => write!(f, "asks to wait {rest} ms after {after} ms"),
            AnswerKind::NoAnswer => f.write_str("gives no answer"),
            AnswerKind::Cut => write!(f, "cuts the connection after {after} ms"),
            AnswerKind::Unreadable => write!(f, "answers with an unreadable body after {after} ms"),
            AnswerKind::Status(status) => write!(f, "answers {status} without a code after {after} ms"),
            AnswerKind::CodeWithStatus { code, status } => {
                write!(f, "answers {status} with code {code} after {after} ms")
            }
            AnswerKind::OtherDelivery => write!(f, "answers with the last answer to another delivery after {after} ms"),
            AnswerKind::SameCoupon => write!(f, "names an earlier coupon after {after} ms"),
            AnswerKind::NotSent => f.write_str("refuses the connection"),
        }
    }
}

impl Display for IncidentKind {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pause => f.write_str("a person pauses it"),
            Self::Resume => f.write_str("a person resumes it"),
            Self::Stop => f.write_str("a person stops it"),
            Self::Approve => f.write_str("a person approves it"),
            Self::Resolve { state, to } => write!(f, "a person calls all that is {state} {}", to.word()),
            Self::ClockStep(ms) => write!(f, "the wall clock steps by {ms} ms"),
            Self::DiskStall { ms: 0, .. } => f.write_str("the disk is fast again"),
            Self::DiskStall { ms, after_write } => {
                let which = if *after_write { "after" } else { "before" };
                write!(f, "the disk takes {ms} ms, {which} the batch is durable")
            }
            Self::DiskFailure { durable } => write!(f, "the next append fails, durable all the same: {durable}"),
            Self::LedgerRemoved { durable } => {
                write!(
                    f,
                    "the ledger is moved away, and what is appended goes with it: {durable}"
                )
            }
            Self::TokenOutage(ms) => write!(f, "no token for {ms} ms"),
            Self::TokenRefused => f.write_str("the next token is refused"),
            Self::StalledConnects(ms) => write!(f, "no connect completes for {ms} ms"),
            Self::SlowToken(ms) => write!(f, "a token takes {ms} ms"),
            Self::PlatformOutage(ms) => write!(f, "the platform is out of reach for {ms} ms"),
            Self::WrongAddress { ms, status } => write!(f, "a gateway answers {status} for {ms} ms"),
            Self::OtherProcess(ms) => write!(f, "another process holds the app lock for {ms} ms"),
            Self::LeaseEnds => f.write_str("the lease ends"),
            Self::LeaseRenewed => f.write_str("the lease is renewed"),
            Self::Fenced { is_cut_off } => {
                write!(f, "another worker fences this one, which is cut off: {is_cut_off}")
            }
            Self::HandOver => f.write_str("the app id is to be handed over"),
        }
    }
}

impl Display for Settings {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let coupons = self.coupons_per_user;
        let pace = self.per_second();
        write!(
            f,
            "activity {}, coupons_per_user {coupons}, {pace} a second",
            self.activity
        )?;
        if let Some(most) = self.per_day {
            write!(f, ", {most} a day")?;
        }
        for Window { from, until } in &self.hours {
            let clock = |minute: &u16| format!("{:02}:{:02}", minute / 60, minute % 60);
            write!(f, ", {}-{}", clock(from), clock(until))?;
        }
        for day in &self.closed {
            write!(f, ", not on day {day}")?;
        }
        if let Some(start) = self.start {
            write!(f, ", from {}", time(MONDAY + start))?;
        }
        if let Some(end) = self.end {
            write!(f, ", until {}", time(MONDAY + end))?;
        }
        if let Some(most) = self.max_coupons {
            write!(f, ", max_coupons {most}")?;
        }
        if let Some(worth) = self.worth {
            write!(f, ", max_worth {} fen, {} each", worth.most, worth.each)?;
            f.write_str(if worth.is_in_file { " by the file" } else { "" })?;
            f.write_str(if worth.is_stated { " by the platform" } else { "" })?;
        }
        if let Some(bounds) = self.envelope {
            write!(f, ", approved: {} coupons", bounds.coupons)?;
            if let Some(most) = bounds.most.filter(|_| self.worth.is_some()) {
                write!(f, ", {most} fen")?;
            }
            if let Some(until) = bounds.until {
                write!(f, ", until {}", time(MONDAY + until))?;
            }
            if let Some(audience) = bounds.audience {
                write!(f, ", {audience} users")?;
            }
        }
        if self.control_percent > 0 {
            write!(f, ", control_group {} %", self.control_percent)?;
        }
        if let Some(class) = self.unlisted {
            write!(f, ", code 9 means {}", class.word())?;
        }
        if let Some(class) = self.unsure {
            write!(f, ", code 10 means {}", class.word())?;
        }
        Ok(())
    }
}

impl Display for Incident {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.kind)?;
        let of_one = matches!(
            self.kind,
            IncidentKind::Pause
                | IncidentKind::Resume
                | IncidentKind::Stop
                | IncidentKind::Approve
                | IncidentKind::Resolve { .. }
                | IncidentKind::DiskStall { .. }
                | IncidentKind::DiskFailure { .. }
                | IncidentKind::LedgerRemoved { .. }
        );
        match self.campaign {
            campaign if of_one && campaign > 0 => write!(f, " (campaign {})", campaign + 1),
            _ => Ok(()),
        }
    }
}

impl Display for Campaign {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let listed: Vec<_> = self.listed.iter().map(|listed| format!("u{}", listed.user)).collect();
        write!(f, "to {}", listed.join(" "))?;
        for user in &self.excluded {
            write!(f, ", not to u{user}")?;
        }
        write!(f, "; {}", self.settings)?;
        match self.restored_without {
            Some(batches) => write!(
                f,
                "; its ledger restored from a copy without the last {batches} batches"
            ),
            None => Ok(()),
        }
    }
}

impl Display for Apply {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "after {} ms", self.gap)?;
        if self.clock_step != 0 {
            write!(f, ", the wall clock stepped by {} ms", self.clock_step)?;
        }
        match &self.campaigns[..] {
            [only] if only.number == 0 => write!(f, "; {only}")?,
            several => {
                for campaign in several {
                    write!(f, "\n      campaign {}: {campaign}", campaign.number + 1)?;
                }
                f.write_str("\n      ")?;
            }
        }
        if !self.accepts.changes {
            f.write_str("; nobody accepts a change")?;
        }
        if self.accepts.older_ledger {
            f.write_str("; --accept older_ledger")?;
        }
        if self.accepts.replays {
            f.write_str("; --accept replays")?;
        }
        if let Some(most) = self.at_most {
            write!(f, "; --at-most {most}")?;
        }
        if self.no_wait {
            f.write_str("; --no-wait")?;
        }
        match self.kill_at_step {
            Some(step) => write!(f, "; killed at step {step}")?,
            None if self.closes_ledger => f.write_str("; its ledger is closed in order")?,
            None => {}
        }
        for incident in &self.incidents {
            write!(f, "\n      after {} ms {incident}", incident.after)?;
        }
        Ok(())
    }
}

impl Display for Scenario {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "it begins at {}", time(MONDAY + self.start_ms))?;
        if self.is_fleet {
            writeln!(f, "each apply is that of another worker of a fleet")?;
        }
        for (number, rules) in (1..).zip(&self.campaigns) {
            if self.campaigns.len() > 1 {
                write!(f, "campaign {number}: ")?;
            }
            writeln!(f, "{rules:?}")?;
        }
        for fate in &self.responses {
            let mut of = format!("u{}", fate.user);
            let _ = match fate.nth {
                0 => write!(of, ", always"),
                nth => write!(of, ", request {nth}"),
            };
            writeln!(f, "{of}: the platform {}", fate.response)?;
        }
        for (number, apply) in (1..).zip(&self.applies) {
            writeln!(f, "apply {number}: {apply}")?;
        }
        Ok(())
    }
}
