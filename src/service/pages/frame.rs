//! The frame of all pages: navigation, the switch of the language, and what concerns the whole service.

use maud::{DOCTYPE, Markup, html};

use crate::campaign::{Diagnostic, render_human};
use crate::catalogue::{Language, service as texts};
use crate::report::render::html::page::theirs;

use crate::service::act::ActKind;
use crate::service::freeze::{self, Frozen};
use crate::service::state::frozen_text;

use super::{Page, View, person};

/// The frame around a page.
pub struct Frame<'a> {
    /// What the page is rendered from.
    pub view: &'a View<'a>,
    /// The path of the page, to which the switch of the language returns.
    pub path: &'a str,
    /// What the live part is about, as the script asks for it. Empty if nothing is live.
    pub topic: &'a str,
    /// Changes when the parts outside of the live one are out of date.
    pub version: &'a str,
    /// The number of the last update: the script ignores it and those before.
    pub sequence: u64,
    /// How many items wait for a person.
    pub waiting: usize,
}

/// The icon, as SVG.
#[must_use]
pub const fn icon() -> &'static str {
    concat!(
        r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" rx="7" fill="#2456b8"/>"##,
        r##"<path d="M9 8h14v5a3 3 0 0 0 0 6v5H9v-5a3 3 0 0 0 0-6z" fill="#fff"/></svg>"##
    )
}

impl Frame<'_> {
    /// Renders the whole page.
    #[must_use]
    pub fn render(&self, page: &Page) -> String {
        let title = self.title(&page.title);
        let body = html! {
            a.skip href="#main" { (texts::SkipToContent) }
            header.top {
                a.brand href="/" { "runner" }
                nav aria-label=(texts::Navigation) {
                    (self.link("/", &texts::Inbox.to_string(), Some(self.waiting)))
                    (self.link("/campaigns", &texts::Campaigns.to_string(), None))
                    (self.link("/apps", &texts::Apps.to_string(), None))
                    @if self.view.may(ActKind::SeePerson) { (self.link(person::PATH, &texts::Person.to_string(), None)) }
                    (self.link("/audit", &texts::Audit.to_string(), None))
                }
                @if let Some(user) = self.view.user {
                    form.logout method="post" action="/logout" {
                        span.who { (theirs(user)) } " "
                        button.link type="submit" { (texts::SignOut) }
                    }
                }
                (language_switch(self.path))
            }
            (self.banners())
            main id="main" {
                p.banner.warn id="stale" role="status" hidden { (texts::Stale) }
                div id=(page.live.id) data-live=(self.topic) data-version=(self.version) data-sequence=(self.sequence) { (page.live.content) }
                (page.rest)
            }
            footer { (texts::Footer { version: &env!("CARGO_PKG_VERSION") }) }
        };
        whole(&title, &body)
    }

    /// The title with the number of what waits.
    #[must_use]
    pub fn title(&self, title: &str) -> String {
        if self.waiting > 0 {
            format!("({}) {title} · runner", self.waiting)
        } else {
            format!("{title} · runner")
        }
    }

    /// What concerns every page. Empty, and no landmark, if nothing does.
    fn banners(&self) -> Markup {
        let banners = html! {
            @if let Some(mistakes) = self.view.broken_config { (broken_config(mistakes)) }
            @if self.view.is_rehearsal {
                p.banner.sandbox role="note" { b { (texts::SandboxBanner) } " " (texts::SandboxBannerText) }
            }
            @if let Some(why) = &self.view.state.store_away {
                p.banner.bad role="alert" { b { (texts::StoreAwayBanner) } " " (theirs(&why.to_string())) }
            }
            @if let Some(why) = &self.view.state.read_only {
                p.banner.bad role="alert" { b { (texts::ReadOnlyBanner) } " " (theirs(&why.to_string())) }
            }
            @if let Some(why) = &self.view.state.scan_failure {
                p.banner.bad role="alert" { b { (texts::ScanFailureBanner) } " " (theirs(&why.to_string())) }
            }
            @if let Some((first, known)) = self.view.state.lost_records {
                p.banner.bad role="alert" { (texts::LostRecordsBanner { first: &first, known: &known }) }
            }
            (frozen(self.view))
            @if self.view.state.is_directory_empty {
                p.banner.warn role="note" { (texts::EmptyDirectoryBanner) }
            }
        };
        let is_empty = banners.0.is_empty();
        html! { @if !is_empty { section aria-label=(texts::Notices) { (banners) } } }
    }

    fn link(&self, to: &str, name: &str, count: Option<usize>) -> Markup {
        let is_here = if to == "/" {
            self.path == "/"
        } else {
            self.path.starts_with(to)
        };
        html! {
            a href=(to) aria-current=[is_here.then_some("page")] {
                (name)
                @if let Some(count) = count {
                    " " span.badge id="waiting" hidden[count == 0] { (count) }
                }
            }
        }
    }
}

/// Says what is frozen, with the button that ends what a person began.
fn frozen(view: &View<'_>) -> Markup {
    let policy = view.config.file.as_ref().and_then(|file| file.policy.as_ref());
    html! {
        @if let Some(manual) = &view.state.frozen {
            div.banner.warn.frozen role="note" {
                b { (texts::FrozenBanner) } " " (theirs(&frozen_text(Frozen::By(manual), view.config).to_string()))
                @if view.may(ActKind::Unfreeze) {
                    form method="post" action="/unfreeze" {
                        button.plain id="act-unfreeze" type="submit" { (texts::Unfreeze) }
                    }
                }
            }
        }
        @for freeze in freeze::all(policy, view.now.wall) {
            p.banner.warn.frozen role="note" {
                b { (texts::FrozenBanner) } " " (theirs(&frozen_text(Frozen::Until(freeze), view.config).to_string()))
                @if !freeze.except.is_empty() {
                    @let except = freeze.except.iter().map(ToString::to_string).collect::<Vec<_>>();
                    " " (theirs(&texts::FrozenExcept { names: &except.join(", ") }.to_string()))
                }
            }
        }
    }
}

/// Says that the file of the service has mistakes, and which.
fn broken_config(mistakes: &[(Language, Vec<Diagnostic>)]) -> Markup {
    let language = Language::current();
    let known = mistakes.iter().find(|(known, _)| *known == language);
    let list = known.or(mistakes.first()).map_or(&[][..], |(_, list)| list);
    html! {
        div.banner.bad role="alert" {
            details {
                summary { b { (texts::BrokenConfigBanner) } " " (texts::BrokenConfigText) }
                pre.mistakes tabindex="0" { (render_human(list, false)) }
            }
        }
    }
}

/// A page around `body`, with nothing else.
pub fn whole(title: &str, body: &Markup) -> String {
    whole_with(title, None, body)
}

/// Like [`whole`], for a page that opens another one at once.
pub fn whole_with(title: &str, opens: Option<&str>, body: &Markup) -> String {
    let page = html! {
        (DOCTYPE)
        html lang=(Language::current().html()) {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                @if let Some(to) = opens { meta http-equiv="refresh" content=(format!("0;url={to}")); }
                link rel="icon" href="/assets/icon.svg" type="image/svg+xml";
                link rel="stylesheet" href="/assets/service.css";
                title { (title) }
                script src="/assets/live.js" defer {}
            }
            body { (body) }
        }
    };
    page.into_string()
}

/// The form that changes the language. It returns to `path`.
pub fn language_switch(path: &str) -> Markup {
    let (word, name) = match Language::current() {
        Language::English => ("zh", "中文"),
        Language::Chinese => ("en", "English"),
    };
    html! {
        form.language method="post" action="/language" {
            input type="hidden" name="back" value=(path);
            button.link type="submit" name="language" value=(word) lang=(if word == "zh" { "zh-CN" } else { "en" }) { (name) }
        }
    }
}
