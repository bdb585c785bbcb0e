//! Cutting a story down to what breaks a promise: whatever can be left out, is.

use crate::story::{Rules, Said, Story};

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
    for number in 0..story.campaigns.len() {
        with(&mut all, story, |story| without_campaign(story, number));
        for at in 0..story.applies.len() {
            with(&mut all, story, |story| {
                let campaigns = &mut story.applies[at].campaigns;
                campaigns.retain(|campaign| campaign.number != number);
            });
        }
    }
    let campaigns = story.applies.iter().flat_map(|apply| &apply.campaigns);
    let users = campaigns.flat_map(|campaign| &campaign.listed).map(|(user, _)| *user);
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
        for number in 0..apply.campaigns.len() {
            with(&mut all, story, |story| {
                story.applies[at].campaigns[number].excluded.clear();
            });
            with(&mut all, story, |story| {
                story.applies[at].campaigns[number].put_back = None;
            });
        }
        with(&mut all, story, |story| {
            (story.applies[at].gap, story.applies[at].jump) = (0, 0);
        });
        with(&mut all, story, |story| {
            (story.applies[at].at_most, story.applies[at].no_wait) = (None, false);
        });
        with(&mut all, story, |story| story.applies[at].accepts.changes = true);
        if at > 0 {
            for number in 0..apply.campaigns.len() {
                with(&mut all, story, |story| {
                    let before = story.applies[at - 1].campaigns.get(number).cloned();
                    let campaign = &mut story.applies[at].campaigns[number];
                    if let Some(before) = before.filter(|before| before.number == campaign.number) {
                        campaign.said = before.said;
                    }
                });
            }
        }
    }
    file(&mut all, story);
    all.retain(|shorter| {
        let mut campaigns = shorter.applies.iter().flat_map(|apply| &apply.campaigns);
        let each_has_some = shorter.applies.iter().all(|apply| !apply.campaigns.is_empty());
        each_has_some && campaigns.any(|campaign| !campaign.listed.is_empty())
    });
    all
}

/// Plainer campaign files.
fn file(all: &mut Vec<Story>, story: &Story) {
    let plain: [fn(&mut Rules); 5] = [
        |rules| rules.waves.clear(),
        |rules| rules.active_within = None,
        |rules| rules.guards = false,
        |rules| rules.in_flight = 64,
        |rules| rules.attempts = 6,
    ];
    for plain in plain {
        with(all, story, |story| story.campaigns.iter_mut().for_each(plain));
    }
    let plain: [fn(&mut Said); 9] = [
        |said| said.hours.clear(),
        |said| said.closed.clear(),
        |said| said.between = (None, None),
        |said| said.per_day = None,
        |said| said.most = None,
        |said| said.control = 0,
        |said| said.coupons = 1,
        |said| said.unlisted = None,
        |said| said.unsure = None,
    ];
    for plain in plain {
        with(all, story, |story| {
            let campaigns = story.applies.iter_mut().flat_map(|apply| &mut apply.campaigns);
            campaigns.for_each(|campaign| plain(&mut campaign.said));
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
    for campaign in story.applies.iter_mut().flat_map(|apply| &mut apply.campaigns) {
        campaign.listed.retain(|(user, _)| !left_out(*user));
        campaign.excluded.retain(|user| !left_out(*user));
    }
}

/// Leaves a campaign out, if there is another one.
fn without_campaign(story: &mut Story, number: usize) {
    if story.campaigns.len() == 1 {
        return;
    }
    story.campaigns.remove(number);
    for apply in &mut story.applies {
        apply.campaigns.retain(|campaign| campaign.number != number);
        apply.happens.retain(|happening| happening.campaign != number);
        let campaigns = apply.campaigns.iter_mut().map(|campaign| &mut campaign.number);
        let happens = apply.happens.iter_mut().map(|happening| &mut happening.campaign);
        for later in campaigns.chain(happens).filter(|later| **later > number) {
            *later -= 1;
        }
    }
    story.applies.retain(|apply| !apply.campaigns.is_empty());
}
