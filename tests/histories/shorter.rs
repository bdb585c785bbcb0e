//! Cutting a story down to what breaks a promise: whatever can be left out, is.

use crate::story::{Said, Story};

/// So many tries at most.
const TRIES: usize = 3_000;

/// The shortest story found that breaks the same promise, and in how many tries.
pub fn shortest(story: &Story, promise: &str) -> (Story, usize) {
    let (mut shortest, mut tries) = (story.clone(), 0);
    'again: loop {
        for shorter in shorter(&shortest) {
            tries += 1;
            if tries > TRIES {
                return (shortest, tries);
            }
            if crate::broken(&shorter)
                .0
                .is_some_and(|broken| broken.promise == promise)
            {
                shortest = shorter;
                continue 'again;
            }
        }
        return (shortest, tries);
    }
}

/// Every story that is a little shorter or plainer, the ones that lack most first.
fn shorter(story: &Story) -> Vec<Story> {
    let mut all = Vec::new();
    for at in 0..story.applies.len().max(1) {
        with(&mut all, story, |story| {
            if story.applies.len() > 1 {
                story.applies.remove(at);
            }
        });
    }
    let users = story
        .applies
        .iter()
        .flat_map(|apply| &apply.listed)
        .map(|(user, _)| *user);
    let users: std::collections::BTreeSet<_> = users.collect();
    let (half, half_of) = (
        users.iter().nth(users.len() / 2).copied().unwrap_or_default(),
        users.len() > 3,
    );
    with(&mut all, story, |story| without(story, |user| half_of && user >= half));
    with(&mut all, story, |story| without(story, |user| half_of && user < half));
    for user in &users {
        with(&mut all, story, |story| without(story, |of| of == *user));
    }
    for at in 0..story.fates.len() {
        with(&mut all, story, |story| {
            story.fates.remove(at);
        });
    }
    for (at, apply) in story.applies.iter().enumerate() {
        for happening in 0..apply.happens.len() {
            with(&mut all, story, |story| {
                story.applies[at].happens.remove(happening);
            });
        }
        with(&mut all, story, |story| story.applies[at].kill = None);
        with(&mut all, story, |story| story.applies[at].closes = false);
        with(&mut all, story, |story| story.applies[at].excluded.clear());
        with(&mut all, story, |story| {
            (story.applies[at].gap, story.applies[at].jump) = (0, 0);
        });
        with(&mut all, story, |story| {
            (story.applies[at].at_most, story.applies[at].no_wait) = (None, false);
        });
        with(&mut all, story, |story| story.applies[at].accepts = true);
        if at > 0 {
            let said = story.applies[at - 1].said.clone();
            with(&mut all, story, |story| story.applies[at].said = said);
        }
    }
    file(&mut all, story);
    all.retain(|shorter| shorter.applies.iter().any(|apply| !apply.listed.is_empty()));
    all
}

/// Plainer campaign files.
fn file(all: &mut Vec<Story>, story: &Story) {
    with(all, story, |story| story.rules.waves.clear());
    with(all, story, |story| story.rules.active_within = None);
    with(all, story, |story| story.rules.guards = false);
    with(all, story, |story| story.rules.in_flight = 64);
    with(all, story, |story| story.rules.attempts = 6);
    let plain: [fn(&mut Said); 8] = [
        |said| said.hours.clear(),
        |said| said.closed.clear(),
        |said| said.between = (None, None),
        |said| said.per_day = None,
        |said| said.most = None,
        |said| said.control = 0,
        |said| said.coupons = 1,
        |said| said.unlisted = None,
    ];
    for plain in plain {
        with(all, story, |story| {
            story.applies.iter_mut().for_each(|apply| plain(&mut apply.said));
        });
    }
}

/// Adds what a cut makes of a story, if that is another one.
fn with(all: &mut Vec<Story>, story: &Story, cut: impl FnOnce(&mut Story)) {
    let mut shorter = story.clone();
    cut(&mut shorter);
    if shorter != *story {
        all.push(shorter);
    }
}

fn without(story: &mut Story, left_out: impl Fn(u8) -> bool) {
    story.fates.retain(|fate| !left_out(fate.user));
    for apply in &mut story.applies {
        apply.listed.retain(|(user, _)| !left_out(*user));
        apply.excluded.retain(|user| !left_out(*user));
    }
}
