//! Every page in both languages, on a screen and on a phone, by day and by night: see [`Browser::check_page`].

use std::fs;

use crate::browser::Browser;
use crate::client::Directory;

const EVERYTHING: &str = "support, author, operator, approver, admin";

/// The pages, with the names of their pictures.
const PAGES: [(&str, &str); 14] = [
    ("inbox", "/"),
    ("campaigns", "/campaigns"),
    ("campaign-held", "/campaigns/tea.yaml"),
    ("plan-held", "/campaigns/tea.yaml/plan"),
    ("decide", "/campaigns/tea.yaml/decide"),
    ("campaign-new", "/campaigns/milk.yaml"),
    ("plan-new", "/campaigns/milk.yaml/plan"),
    ("campaign-broken", "/campaigns/broken.yaml"),
    ("campaign-recurring", "/campaigns/weekly.yaml"),
    ("apps", "/apps"),
    ("person", "/person"),
    ("audit", "/audit"),
    ("problem", "/problems/E0713"),
    ("missing", "/nowhere"),
];

#[test]
fn every_page_is_accessible_and_fits_its_screen() {
    let Some(browser) = Browser::start("en-US", 1280) else {
        return;
    };
    let directory = Directory::new(150);
    directory.write_users(&[("li", EVERYTHING)]);
    directory.write_file("tea", "奶茶 <b>券</b>", "codes:\n  28001045: hold\n");
    let title = "Milk tea for everybody who came back in the summer of 2026";
    let keys = "  control_group: 5%\ncoupon_value: 10 CNY\n\
                schedule:\n  waves: [{share: 1%, wait: approval}, {share: 20%, wait: 2h}]\n";
    directory.write("milk", title, 1200);
    directory.write_file("milk", title, keys);
    directory.write("weekly", "每周一券", 30);
    directory.write_file(
        "weekly",
        "每周一券",
        "repeat: {every: week, on: [mon], at: \"10:00\"}\n",
    );
    fs::write(directory.campaigns().join("broken.yaml"), "version: 1\ncampain: x\n").unwrap();
    let mut service = directory.start(&["--sandbox"], &[]);
    service.sign_in("li");
    service.approve("tea");
    service.wait_for("/", "a code that nobody has classified");
    service.wait_for("/campaigns/milk.yaml/plan", "name=\"fingerprint\"");
    let url = |path: &str| format!("http://{}{path}", service.host);
    for language in ["en", "zh"] {
        browser.open(&url("/login"));
        if browser.script("return document.documentElement.lang.slice(0, 2)") != language {
            browser.follow("form.language button");
            browser.wait(&format!(
                "return document.documentElement.lang.startsWith('{language}')"
            ));
        }
        for (width, colors) in [(1280, "light"), (390, "light"), (390, "dark")] {
            browser.look_at(width, colors);
            let shot = |page: &str| format!("{page}-{language}-{width}-{colors}");
            browser.open(&url("/login"));
            browser.check_page(&shot("login"));
            // More attempts would have to wait.
            if (width, colors) == (390, "light") {
                browser.type_into("#name", "li");
                browser.type_into("#password", "wrong");
                browser.follow("#act-login");
                browser.wait("return !!document.querySelector('.note.bad')");
                browser.check_page(&shot("login-wrong"));
            }
            browser.sign_in(&service.host, "li");
            for (name, path) in PAGES {
                browser.open(&url(path));
                browser.check_page(&shot(name));
            }
            browser.open(&url("/campaigns/tea.yaml/decide"));
            browser.click("section.group summary");
            browser.follow("form.inline button");
            browser.wait("return !!document.querySelector('.history')");
            browser.check_page(&shot("person-found"));
            browser.open(&url("/"));
            browser.follow("form.logout button");
            browser.wait("return !!document.querySelector('#act-login')");
        }
    }
}
