//! A story in words.

use std::fmt::{self, Display, Formatter, Write as _};

use crate::env::describe_counts;
use crate::history::ApplyEnd;
use crate::scenario::{AnswerKind, Apply, Campaign, Incident, IncidentKind, MONDAY, Response, Scenario, Settings};

/// A time by the wall, as a day after the first Monday and a time by the clocks of the campaign's zone.
pub fn time(wall: i64) -> String {
    let (day, ms) = (
        (wall - MONDAY).div_euclid(86_400_000),
        (wall - MONDAY).rem_euclid(86_400_000),
    );
    let (minute, ms) = (ms / 60_000, ms % 60_000);
    let (hour, minute, second) = (minute / 60, minute % 60, ms / 1_000);
    format!("day {day} {hour:02}:{minute:02}:{second:02}.{:03}", ms % 1_000)
}

/// How an apply ended.
pub fn end(end: &ApplyEnd) -> String {
    match end {
        ApplyEnd::RunOutcome(ended) => format!(
            "{:?}, {:?}, {}",
            ended.ending,
            ended.why,
            describe_counts(&ended.counts)
        ),
        ApplyEnd::Killed => "killed".to_owned(),
        ApplyEnd::NotAdmitted(why) => format!("the audience is not let in: {why}"),
        ApplyEnd::Failed(why) => format!("failed: {why}"),
        ApplyEnd::TimedOut => "it went on when it had to end".to_owned(),
    }
}

impl Display for Response {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self { gives, says, after } = self;
        match gives {
            Some(ms) => write!(f, "gives the coupon after {ms} ms and ")?,
            None => f.write_str("gives nothing and ")?,
        }
        match says {
            AnswerKind::Issued => write!(f, "says so after {after} ms"),
            AnswerKind::Code(code) => write!(f, "says code {code} after {after} ms"),
            AnswerKind::SlowDown(rest) => write!(f, "asks to be left alone for {rest} ms after {after} ms"),
            AnswerKind::NoAnswer => f.write_str("says nothing that arrives"),
            AnswerKind::Cut => write!(f, "breaks off after {after} ms"),
            AnswerKind::Unreadable => write!(f, "says what nobody can read after {after} ms"),
            AnswerKind::Status(status) => write!(f, "answers {status} without a code after {after} ms"),
            AnswerKind::CodeWithStatus { code, status } => {
                write!(f, "answers {status} with code {code} after {after} ms")
            }
            AnswerKind::OtherDelivery => write!(f, "says after {after} ms what it said last of another coupon"),
            AnswerKind::SameCoupon => write!(f, "tells of an earlier coupon after {after} ms"),
            AnswerKind::NotSent => f.write_str("refuses the connection"),
        }
    }
}

impl Display for IncidentKind {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pause => f.write_str("somebody pauses it"),
            Self::Resume => f.write_str("somebody lets it go on"),
            Self::Stop => f.write_str("somebody stops it"),
            Self::ClockStep(ms) => write!(f, "the wall is put forward by {ms} ms"),
            Self::DiskStall { ms: 0, .. } => f.write_str("the disk is fast again"),
            Self::DiskStall { ms, after_write } => {
                let which = if *after_write { "behind" } else { "before" };
                write!(f, "the disk takes {ms} ms, {which} the batch is durable")
            }
            Self::DiskFailure { durable } => write!(f, "the next append fails, durable all the same: {durable}"),
            Self::LedgerRemoved { durable } => {
                write!(
                    f,
                    "the ledger is moved away, and what is appended goes with it: {durable}"
                )
            }
            Self::TokenOutage(ms) => write!(f, "no token can be had for {ms} ms"),
            Self::TokenRefused => f.write_str("the next token is refused"),
            Self::SlowToken(ms) => write!(f, "a token takes {ms} ms"),
            Self::PlatformOutage(ms) => write!(f, "the platform is out of reach for {ms} ms"),
            Self::WrongAddress { ms, status } => write!(f, "a gateway answers {status} for {ms} ms"),
            Self::OtherProcess(ms) => write!(f, "another process takes the app id for {ms} ms"),
        }
    }
}

impl Display for Settings {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let (coupons, pace) = (self.coupons, self.per_second());
        write!(
            f,
            "activity {}, coupons_per_user {coupons}, {pace} a second",
            self.activity
        )?;
        if let Some(most) = self.per_day {
            write!(f, ", {most} a day")?;
        }
        for (from, until) in &self.hours {
            let clock = |minute: &u16| format!("{:02}:{:02}", minute / 60, minute % 60);
            write!(f, ", {}-{}", clock(from), clock(until))?;
        }
        for day in &self.closed {
            write!(f, ", not on day {day}")?;
        }
        let (start, end) = self.between;
        if let Some(start) = start {
            write!(f, ", from {}", time(MONDAY + start))?;
        }
        if let Some(end) = end {
            write!(f, ", until {}", time(MONDAY + end))?;
        }
        if let Some(most) = self.most {
            write!(f, ", max_coupons {most}")?;
        }
        if self.control > 0 {
            write!(f, ", control_group {} %", self.control)?;
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
        let listed: Vec<_> = self.listed.iter().map(|(user, _)| format!("u{user}")).collect();
        write!(f, "to {}", listed.join(" "))?;
        for user in &self.excluded {
            write!(f, ", not to u{user}")?;
        }
        write!(f, "; {}", self.settings)?;
        match self.restored_without {
            Some(batches) => write!(
                f,
                "; its ledger put back from a copy without the last {batches} batches"
            ),
            None => Ok(()),
        }
    }
}

impl Display for Apply {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "after {} ms", self.gap)?;
        if self.jump != 0 {
            write!(f, ", the wall put forward by {} ms meanwhile", self.jump)?;
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
        match self.kill {
            Some(step) => write!(f, "; killed at step {step}")?,
            None if self.closes_ledger => f.write_str("; its ledger is closed in order")?,
            None => {}
        }
        for happening in &self.incidents {
            write!(f, "\n      after {} ms {happening}", happening.after)?;
        }
        Ok(())
    }
}

impl Display for Scenario {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "it begins at {}", time(MONDAY + self.begins))?;
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
            writeln!(f, "{of}: the platform {}", fate.act)?;
        }
        for (number, apply) in (1..).zip(&self.applies) {
            writeln!(f, "apply {number}: {apply}")?;
        }
        Ok(())
    }
}
