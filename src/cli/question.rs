//! The question before anything is sent, on the terminal.

use std::fmt::Write as _;
use std::io;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

use crate::app::apply::confirmation::{Answer, Question};
use crate::engine::audience_diff::owed_again;
use crate::report::console::Console;
use crate::report::text::{visible, visible_path};
use crate::report::times::grouped;

/// How often the wait for an answer checks whether the run was stopped.
const LOOK: Timespec = Timespec {
    tv_sec: 0,
    tv_nsec: 100_000_000,
};

/// Asks the person at the terminal until there is an answer or `stopped` returns true. Nothing else is written to the
/// terminal before that.
pub fn ask_person(console: &Console, question: &str, stopped: impl Fn() -> bool) -> io::Result<Answer> {
    let question = console.ask(question)?;
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
    let mut text = "about to send\n".to_owned();
    let title = about.title.as_deref().map(|title| format!(" ({})", visible(title)));
    let lines = [
        ("coupons", grouped(about.to_send)),
        ("campaign", format!("{}{}", about.campaign, title.unwrap_or_default())),
        ("app", format!("{}, activity {}", about.app_id, about.activity_id)),
        ("platform", about.base_url.clone()),
        (
            "ledger",
            format!(
                "{}, {} {}",
                if about.new_ledger { "new" } else { "existing" },
                if about.new_ledger { "at" } else { "in" },
                visible_path(&about.ledger)
            ),
        ),
    ];
    for (name, value) in lines {
        let _ = writeln!(text, "  {name:<9} {value}");
    }
    if let Some(earlier) = &about.earlier {
        let _ = writeln!(text, "  {:<9} {earlier}", "");
    }
    if let Some(held) = owed_again(about.owed_again) {
        let _ = writeln!(text, "the activity is another one than at the last apply; {held}");
    }
    text + "an issued coupon cannot be taken back. go on? [y/N] "
}

fn to_send_all(all: &[&Question]) -> String {
    let mut text = "about to send\n".to_owned();
    let sum: u64 = all.iter().map(|about| about.to_send).sum();
    let width = grouped(sum).len();
    let one_platform = all
        .iter()
        .all(|about| Some(&about.base_url) == all.first().map(|first| &first.base_url));
    for about in all {
        let title = about.title.as_deref().map(|title| format!(" ({})", visible(title)));
        let to_send = grouped(about.to_send);
        let campaign = &about.campaign;
        let _ = writeln!(text, "  {to_send:>width$}  {campaign}{}", title.unwrap_or_default());
        let ledger = if about.new_ledger { "new" } else { "existing" };
        let platform = if one_platform {
            String::new()
        } else {
            format!(", {}", about.base_url)
        };
        let app_id = &about.app_id;
        let activity_id = &about.activity_id;
        let _ = writeln!(
            text,
            "  {:width$}  {app_id}, activity {activity_id}, {ledger} ledger{platform}",
            ""
        );
        if let Some(earlier) = &about.earlier {
            let _ = writeln!(text, "  {:width$}  {earlier}", "");
        }
        if let Some(held) = owed_again(about.owed_again) {
            let _ = writeln!(text, "  {:width$}  the activity is another one; {held}", "");
        }
    }
    let coupons = if sum == 1 { "coupon" } else { "coupons" };
    let platform = all.first().filter(|_| one_platform);
    let platform = platform.map_or_else(String::new, |about| format!(", at {}", about.base_url));
    let _ = writeln!(
        text,
        "  {}  {coupons} in {} campaigns{platform}",
        grouped(sum),
        all.len()
    );
    text + "an issued coupon cannot be taken back. go on with all of them? [y/N] "
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
    use crate::model::identity::{ActivityId, AppId, CampaignName};

    #[test]
    fn only_a_clear_yes_goes_on() {
        let about = Question {
            campaign: CampaignName::parse("summer-2026").unwrap(),
            title: Some("夏日立减券".into()),
            app_id: AppId::parse("ttec789ac573xxxxxx01").unwrap(),
            activity_id: ActivityId::parse("7218071234565644204").unwrap(),
            base_url: "https://open.douyin.com".into(),
            to_send: 1200,
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
            owed_again: 20,
            ledger: "campaigns/.runner".into(),
            new_ledger: false,
            earlier: None,
        };
        let one = Question {
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
    }
}
