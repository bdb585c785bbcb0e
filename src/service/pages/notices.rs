//! Small pages: a link that was used, an act that was refused, the page of a problem.

use maud::{Markup, html};

use crate::campaign::Code;
use crate::catalogue::{Language, service as texts};
use crate::model::problem::Problem;
use crate::report::render::html::page::{theirs, with_code};

use crate::service::act::Denied;
use crate::service::error::ActError;
use crate::service::fault::Fault;

use super::frame::{language_switch, whole, whole_with};
use super::inbox::{fault_text, problem_link};
use super::{Live, Page};

/// A page without navigation, for a person who is not signed in.
#[must_use]
pub fn plain_page(title: &str, text: &str) -> String {
    let body = html! {
        header.top { span.brand { "runner" } (language_switch("/")) }
        main id="main" { h1 { (title) } p { (with_code(&text)) } }
    };
    whole(title, &body)
}

/// What a service shows that waits for another one. `url` is the address of that one, if it is known, and `why` the reason for which
/// the request was not forwarded.
#[must_use]
pub fn waiting_page(text: &str, url: Option<&str>, why: Option<&str>) -> String {
    let title = texts::ServiceWaits.to_string();
    let body = html! {
        header.top { span.brand { "runner" } (language_switch("/")) }
        main id="main" {
            h1 { (title) }
            p { (theirs(text)) }
            @if let Some(url) = url {
                p { a href=(url) rel="noreferrer" { (theirs(url)) } }
            }
            @if let Some(why) = why {
                p { (with_code(&why)) }
            }
            p { (texts::ServiceWaitsText) }
        }
    };
    whole(&title, &body)
}

/// What is shown without a session. `command` prints a new link.
#[must_use]
pub fn link_page(command: &str, is_bad_link: bool) -> String {
    let title = if is_bad_link {
        texts::LinkUsed.to_string()
    } else {
        texts::SignInTitle.to_string()
    };
    let body = html! {
        header.top { span.brand { "runner" } (language_switch("/")) }
        main id="main" {
            h1 { (title) }
            p { (texts::SignInText) }
            pre tabindex="0" { (theirs(command)) }
        }
    };
    whole(&title, &body)
}

/// What a form for a password says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoginNote {
    /// Nothing was tried.
    None,
    /// The name or the password is wrong. Which one is not said.
    Wrong,
    /// There were too many attempts.
    TooMany {
        /// The seconds until the next one.
        seconds: u64,
    },
}

/// The form for a name and a password.
#[must_use]
pub fn login_page(note: LoginNote) -> String {
    let title = texts::LoginTitle.to_string();
    let body = html! {
        header.top { span.brand { "runner" } (language_switch("/login")) }
        main id="main" {
            h1 { (title) }
            @match note {
                LoginNote::None => {}
                LoginNote::Wrong => p.note.bad role="alert" { (texts::LoginWrong) },
                LoginNote::TooMany { seconds } => p.note.bad role="alert" { (texts::LoginTooMany { seconds }) },
            }
            form.login method="post" action="/login" {
                label for="name" { (texts::LoginName) }
                input id="name" type="text" name="name" required autocomplete="username" autocapitalize="none" spellcheck="false";
                label for="password" { (texts::LoginPassword) }
                input id="password" type="password" name="password" required autocomplete="current-password";
                button.primary id="act-login" type="submit" { (texts::LoginButton) }
            }
        }
    };
    whole(&title, &body)
}

/// The page after a link, which opens the first page: a cookie with `SameSite=Strict` is not sent with a redirect that another site
/// began.
#[must_use]
pub fn continue_page() -> String {
    let body = html! { main id="main" { p { a href="/" { (texts::Continue) } } } };
    whole_with(&texts::Continue.to_string(), Some("/"), &body)
}

/// Why an act did not happen, with the way back.
#[must_use]
pub fn act_failed_page(error: &ActError, back: &str) -> Page {
    let content = match error {
        ActError::Denied(denied) => denied_text(denied),
        ActError::Failed(fault) => failed_text(fault),
    };
    Page {
        title: texts::ActFailed.to_string(),
        live: Live {
            id: "page",
            content: html! {
                h1 { (texts::ActFailed) }
                (content)
                p { a.button href=(back) { (texts::Back) } }
            },
        },
        rest: html! {},
    }
}

fn denied_text(denied: &Denied) -> Markup {
    html! { p.note.bad { (theirs(&denied.to_string())) } p { (texts::NothingHappened) } }
}

fn failed_text(fault: &Fault) -> Markup {
    html! { p.note.bad { (theirs(&fault_text(fault))) (problem_link(fault)) } }
}

/// The page of a problem. `None` if there is no such problem.
#[must_use]
pub fn problem_page(code: &str) -> Option<Page> {
    let language = Language::current();
    let problem = Problem::ALL.iter().find(|problem| problem.code() == code);
    let mistake = Code::ALL.iter().find(|mistake| mistake.as_str() == code);
    let text = match (problem, mistake) {
        (Some(problem), _) => problem.page(language),
        (None, Some(mistake)) => mistake.page(language),
        (None, None) => return None,
    };
    // The first line is the title.
    let (title, text) = text.split_once('\n').unwrap_or((text, ""));
    let title = title.trim_start_matches("# ");
    Some(Page {
        title: code.to_owned(),
        live: Live {
            id: "page",
            content: html! { h1 { (title) } pre.prose tabindex="0" { (text.trim_start()) } },
        },
        rest: html! {},
    })
}
