//! The question before anything is sent, on the terminal.

use std::fmt::{Display, Write as _};
use std::io;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

use crate::app::apply::confirmation::{Answer, Question};
use crate::catalogue::cli;
use crate::engine::audience_diff::owed_again;
use crate::report::console::Console;
use crate::report::text::{columns, left, visible, visible_path};
use crate::report::times::grouped;

use super::terminal;

/// How often the wait for an answer checks whether the run was stopped.
const LOOK: Timespec = Timespec {
    tv_sec: 0,
    tv_nsec: 100_000_000,
};

/// Asks the person at the terminal until there is an answer or `stopped` returns true. Nothing else is written to the
/// terminal before that.
pub fn ask_person(console: &Console, question: &str, stopped: impl Fn() -> bool) -> io::Result<Answer> {
    let question = match terminal::other_than_stderr()? {
        Some(terminal) => console.ask_at(terminal, question)?,
        None => console.ask(question)?,
    };
    let stdin = io::stdin();
    let mut said = Vec::new();
    loop {
        if stopped() {
            question.end_line();
            return Ok(Answer::Stopped);
        }
        let mut waiting = [PollFd::new(&stdin, PollFlags::IN)];
        match poll(&mut waiting, Some(&LOOK)) {
            Ok(0) | Err(Errno::INTR) => {}
            // This reads only what is there: a terminal in raw mode delivers a line in pieces.
            Ok(_) => {
                let mut piece = [0; 256];
                let read = rustix::io::read(&stdin, &mut piece)?;
                said.extend_from_slice(&piece[..read]);
                let is_line = said.ends_with(b"\n");
                if read == 0 || is_line {
                    if !is_line {
                        question.end_line();
                    }
                    return Ok(meaning(&String::from_utf8_lossy(&said)));
                }
            }
            Err(error) => return Err(error.into()),
        }
    }
}

/// Returns the question: what is about to happen, and whether to go on. Several campaigns share one question.
#[must_use]
pub fn to_send(about: &[&Question]) -> String {
    match about {
        [about] => to_send_one(about),
        all => to_send_all(all),
    }
}

fn to_send_one(about: &Question) -> String {
    let path = &visible_path(&about.ledger);
    let rows = [
        (cli::AskCoupons.to_string(), coupons(about)),
        (cli::AskCampaign.to_string(), campaign(about)),
        (cli::AskApp.to_string(), app(about)),
        (cli::AskPlatform.to_string(), about.base_url.clone()),
        (
            cli::AskLedger.to_string(),
            if about.new_ledger {
                cli::AskNewLedgerAt { path }.to_string()
            } else {
                cli::AskExistingLedgerIn { path }.to_string()
            },
        ),
    ];
    let mut text = format!("{}\n", cli::AskAboutToSend);
    let earlier = about.earlier.iter().map(|earlier| (String::new(), earlier.clone()));
    text.push_str(&labelled(rows.into_iter().chain(earlier)));
    if let Some(held) = owed_again(about.owed_again) {
        let _ = writeln!(text, "{}", cli::AskOtherActivity { held: &held });
    }
    text + &cli::AskGoOn.to_string()
}

/// Returns lines of a label and a value each, with the values below each other.
pub fn labelled(rows: impl IntoIterator<Item = (String, String)>) -> String {
    let rows: Vec<_> = rows.into_iter().collect();
    let width = rows.iter().map(|(label, _)| columns(label)).max().unwrap_or_default();
    let mut text = String::new();
    for (label, value) in rows {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "  {}  {value}", left(&label, width));
    }
    text
}

/// How many coupons may be sent, and what they are worth.
fn coupons(about: &Question) -> String {
    match about.worth {
        Some(worth) => cli::AskCouponsWorth {
            coupons: about.to_send,
            worth: &worth,
        }
        .to_string(),
        None => grouped(about.to_send),
    }
}

fn campaign(about: &Question) -> String {
    match &about.title {
        Some(title) => cli::AskCampaignTitle {
            campaign: &about.campaign,
            title: &visible(title),
        }
        .to_string(),
        None => about.campaign.to_string(),
    }
}

fn app(about: &Question) -> String {
    cli::AskAppActivity {
        app_id: &about.app_id,
        activity_id: &about.activity_id.shown(),
    }
    .to_string()
}

fn to_send_all(all: &[&Question]) -> String {
    let mut text = format!("{}\n", cli::AskAboutToSend);
    let sum: u64 = all.iter().map(|about| about.to_send).sum();
    let width = grouped(sum).len();
    let one_platform = all
        .first()
        .filter(|first| all.iter().all(|about| about.base_url == first.base_url))
        .map(|first| &first.base_url);
    for about in all {
        let to_send = grouped(about.to_send);
        let _ = writeln!(text, "  {to_send:>width$}  {}", campaign(about));
        let ledger = ledger_of_several(about, one_platform.is_none());
        let _ = writeln!(text, "  {:width$}  {ledger}", "");
        if let Some(worth) = about.worth {
            let worth = cli::AskWorth { worth: &worth };
            let _ = writeln!(text, "  {:width$}  {worth}", "");
        }
        if let Some(earlier) = &about.earlier {
            let _ = writeln!(text, "  {:width$}  {earlier}", "");
        }
        if let Some(held) = owed_again(about.owed_again) {
            let _ = writeln!(text, "  {:width$}  {}", "", cli::AskOtherActivity { held: &held });
        }
    }
    let n = sum;
    let campaigns: &dyn Display = &all.len();
    let sum = match one_platform {
        Some(platform) => cli::AskSumAtPlatform { n, campaigns, platform }.to_string(),
        None => cli::AskSum { n, campaigns }.to_string(),
    };
    let _ = writeln!(text, "  {sum}");
    text + &cli::AskGoOnWithAll.to_string()
}

/// Returns the app and the ledger of one of several campaigns, and its platform if that differs among them.
fn ledger_of_several(about: &Question, with_platform: bool) -> String {
    let app_id: &dyn Display = &about.app_id;
    let activity_id: &dyn Display = &about.activity_id.shown();
    let platform: &dyn Display = &about.base_url;
    match (about.new_ledger, with_platform) {
        (true, false) => cli::AskNewLedger { app_id, activity_id }.to_string(),
        (false, false) => cli::AskExistingLedger { app_id, activity_id }.to_string(),
        (true, true) => cli::AskNewLedgerOfPlatform {
            app_id,
            activity_id,
            platform,
        }
        .to_string(),
        (false, true) => cli::AskExistingLedgerOfPlatform {
            app_id,
            activity_id,
            platform,
        }
        .to_string(),
    }
}

/// The meaning of an answer. Anything but `y` or `yes` is a no, and so is the end of the input.
fn meaning(said: &str) -> Answer {
    match said.trim().to_ascii_lowercase().as_str() {
        "y" | "yes" => Answer::Yes,
        _ => Answer::No,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::Language;
    use crate::model::identity::{ActivityId, AppId, CampaignName};
    use crate::model::money::Money;

    #[test]
    fn only_a_clear_yes_goes_on() {
        let about = Question {
            campaign: CampaignName::parse("summer-2026").unwrap(),
            title: Some("夏日立减券".into()),
            app_id: AppId::parse("ttec789ac573xxxxxx01").unwrap(),
            activity_id: ActivityId::parse("7218071234565644204").unwrap(),
            base_url: "https://open.douyin.com".into(),
            to_send: 1200,
            worth: Some(Money::from_fen(123_400)),
            owed_again: 0,
            ledger: "campaigns/.runner/live/ttec789ac573xxxxxx01/summer-2026".into(),
            new_ledger: true,
            earlier: None,
        };
        for (said, meant) in [
            ("y\n", Answer::Yes),
            ("YES\n", Answer::Yes),
            ("\n", Answer::No),
            ("", Answer::No),
            ("yep\n", Answer::No),
        ] {
            assert_eq!(meaning(said), meant, "{said:?}");
        }
        insta::assert_snapshot!(to_send(&[&about]));
        insta::assert_snapshot!(Language::Chinese.scope(|| to_send(&[&about])));
    }

    #[test]
    fn what_another_activity_owes_again_is_part_of_the_question() {
        let about = Question {
            campaign: CampaignName::parse("summer-2026").unwrap(),
            title: None,
            app_id: AppId::parse("ttec789ac573xxxxxx01").unwrap(),
            activity_id: ActivityId::parse("7218071234565644204").unwrap(),
            base_url: "https://open.douyin.com".into(),
            to_send: 40,
            worth: None,
            owed_again: 20,
            ledger: "campaigns/.runner".into(),
            new_ledger: false,
            earlier: None,
        };
        let one = Question {
            worth: Some(Money::from_fen(50)),
            owed_again: 1,
            ..about.clone()
        };
        let questions = [to_send(&[&about]), to_send(&[&about, &one])];
        insta::assert_snapshot!(questions.join("\n"));
    }

    #[test]
    fn several_campaigns_are_one_question() {
        let about = |campaign: &str, title: Option<&str>, to_send, new_ledger| Question {
            campaign: CampaignName::parse(campaign).unwrap(),
            title: title.map(str::to_owned),
            app_id: AppId::parse("ttec789ac573xxxxxx01").unwrap(),
            activity_id: ActivityId::parse("7218071234565644204").unwrap(),
            base_url: "https://open.douyin.com".into(),
            to_send,
            worth: (to_send > 100).then(|| Money::from_fen(500).times(to_send)),
            owed_again: 0,
            ledger: "campaigns/.runner".into(),
            new_ledger,
            earlier: None,
        };
        let summer = about("summer-2026", Some("夏日立减券"), 1_200, true);
        let autumn = about("autumn", None, 34, false);
        let elsewhere = Question {
            earlier: Some("one of this campaign was last seen Sat 2026-11-28 10:00 with batch 1,400, in /old".into()),
            base_url: "http://127.0.0.1:8080".into(),
            ..about("trial", None, 5, true)
        };
        let two = to_send(&[&summer, &autumn]);
        let three = to_send(&[&summer, &autumn, &elsewhere]);
        insta::assert_snapshot!(format!("{two}\n{three}"));
        let in_chinese = Language::Chinese.scope(|| to_send(&[&summer, &autumn, &elsewhere]));
        insta::assert_snapshot!(in_chinese);
    }
}
