//! One user: a form that asks for an open_id, and everything that the campaigns of an app know of it.

use std::collections::BTreeSet;

use maud::{Markup, html};

use crate::app::trace::{TimedWords, Trace};
use crate::catalogue::{page as report_texts, service as texts, trace as trace_texts};
use crate::report::render::html::page::{theirs, with_code};

use crate::service::person::{Person, Searched, pseudonym};

use super::inbox::{fault_text, problem_link};
use super::{Live, Page, View, links};

/// The path of the page.
pub const PATH: &str = "/person";

/// The longest open_id that is asked for, in characters.
const LONGEST: usize = 200;

/// The page: the form alone, or with what was found.
#[must_use]
pub fn page(view: &View<'_>, person: Option<&Person>) -> Page {
    Page {
        title: texts::Person.to_string(),
        live: Live {
            id: "page",
            content: html! { h1 { (texts::Person) } },
        },
        rest: html! {
            p { (texts::PersonText) }
            (form(view, person))
            @if let Some(person) = person { (answer(person)) }
        },
    }
}

fn form(view: &View<'_>, person: Option<&Person>) -> Markup {
    let entries = view.state.entries.values();
    let apps: BTreeSet<_> = entries
        .filter_map(|entry| Some(entry.loaded.as_ref()?.plan.identity.app_id.to_string()))
        .collect();
    let asked = person.map(|person| person.app_id.as_str());
    html! {
        @if apps.is_empty() { p.quiet { (texts::NoCampaigns) } } @else {
            form.person method="post" action=(PATH) {
                @if apps.len() == 1 {
                    @for app in &apps { input type="hidden" name="app" value=(app); }
                } @else {
                    label for="app" { (report_texts::App) }
                    select id="app" name="app" {
                        @for app in &apps { option value=(app) selected[asked == Some(app)] { (app) } }
                    }
                }
                label for="open-id" { (texts::OpenIdLabel) }
                input id="open-id" type="text" name="open_id" required maxlength=(LONGEST) autocomplete="off" autocapitalize="none"
                    spellcheck="false" value=[person.map(|person| &person.open_id)];
                button.primary id="act-person" type="submit" { (texts::PersonButton) }
            }
        }
    }
}

/// A form that looks like a link: an open_id in an address would stay in the history of the browser and in logs of proxies.
#[must_use]
pub fn link(app_id: &str, open_id: &str) -> Markup {
    html! {
        form.inline method="post" action=(PATH) {
            input type="hidden" name="app" value=(app_id);
            input type="hidden" name="open_id" value=(open_id);
            button.link type="submit" { code { (theirs(open_id)) } }
        }
    }
}

fn answer(person: &Person) -> Markup {
    let found = person
        .found
        .iter()
        .filter(|(_, found)| matches!(found, Ok(Some(_))))
        .count();
    let unknown: Vec<_> = person
        .found
        .iter()
        .filter_map(|(searched, found)| matches!(found, Ok(None)).then_some(searched))
        .collect();
    html! {
        h2 { code { (theirs(&person.open_id)) } }
        p.quiet { (with_code(&texts::PersonRecorded { name: &pseudonym(&person.app_id, &person.open_id) })) }
        @if found == 0 { p.note id="not-found" { (texts::PersonUnknown) } }
        @for (searched, found) in &person.found {
            @match found {
                Ok(Some(trace)) => (campaign(searched, trace)),
                Ok(None) => {},
                Err(fault) => section {
                    h3 { (campaign_link(searched)) }
                    p.note.bad { (theirs(&fault_text(fault))) (problem_link(fault)) }
                },
            }
        }
        @if !unknown.is_empty() {
            p.quiet {
                (texts::PersonNotIn) " "
                @for (at, searched) in unknown.iter().enumerate() {
                    @if at > 0 { " · " }
                    (campaign_link(searched))
                }
            }
        }
    }
}

fn campaign_link(searched: &Searched) -> Markup {
    html! { a href=(links::campaign(&searched.file)) { (theirs(&searched.heading)) } }
}

fn campaign(searched: &Searched, trace: &Trace) -> Markup {
    let words = trace.words(&searched.loaded);
    let list = |history: &[TimedWords]| {
        html! {
            ol.history {
                @for entry in history {
                    li {
                        time { (entry.at) }
                        div { @for line in &entry.lines { p { (theirs(line)) } } }
                    }
                }
            }
        }
    };
    html! {
        section.group {
            h3 { (campaign_link(searched)) }
            p { (theirs(&words.headline)) }
            (list(&words.history))
            @for coupon in &words.coupons {
                h4 { (theirs(&coupon.headline)) }
                (list(&coupon.history))
                p.next { b { (trace_texts::Next) } (with_code(&coupon.next)) }
            }
        }
    }
}
