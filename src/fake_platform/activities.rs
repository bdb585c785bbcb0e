//! Activities in the sandbox: they take their stock from a template, give coupons, and are deleted.

use std::collections::HashMap;

use serde::Serialize;

use super::draw;
use super::template::TemplateSettings;
use crate::douyin::wire::{CreateActivityRequest, DeleteActivityRequest};

/// The longest idempotency key of an activity.
const MOST_KEY: usize = 20;

/// The answer to a key that has already made an activity.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum RepeatedActivity {
    /// The same activity again.
    #[default]
    Replay,
    /// A code for duplicates, without the activity.
    Duplicate,
}

/// An activity that was made here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FakeActivity {
    /// The mini-app.
    pub app_id: String,
    /// Its id.
    pub activity_id: String,
    /// The key of the request that made it.
    pub merchant_activity_id: String,
    /// Its template.
    pub coupon_meta_id: String,
    /// Its name.
    pub name: String,
    /// How many coupons it may give.
    pub stock: u64,
    /// How many it has given.
    pub issued: u64,
    /// Whether it was deleted.
    pub is_deleted: bool,
    /// How many coupons were asked for under it after it was deleted.
    pub asked_after_deletion: u64,
}

/// The activities of the sandbox.
#[derive(Debug, Default)]
pub(super) struct Activities {
    made: Vec<FakeActivity>,
    /// What activities have taken from each template.
    taken: HashMap<String, u64>,
    /// How many requests each key had.
    requests: HashMap<String, u32>,
}

impl Activities {
    pub(super) fn all(&self) -> &[FakeActivity] {
        &self.made
    }

    pub(super) fn find(&mut self, app_id: &str, activity_id: &str) -> Option<&mut FakeActivity> {
        let is_it = |made: &&mut FakeActivity| made.app_id == app_id && made.activity_id == activity_id;
        self.made.iter_mut().find(is_it)
    }

    /// Counts a request with this key. Returns how many there were.
    pub(super) fn arrive(&mut self, key: &str) -> u32 {
        let requests = self.requests.entry(key.to_owned()).or_default();
        *requests += 1;
        *requests
    }

    /// Makes an activity, or finds the one that the key has made. Returns its id.
    pub(super) fn create(
        &mut self,
        request: &CreateActivityRequest,
        repeated: RepeatedActivity,
        template: TemplateSettings,
        seed: u64,
    ) -> Result<String, Refused> {
        if let Some(mistake) = mistake(request) {
            return Err(Refused::Parameter(mistake));
        }
        let key = &request.merchant_activity_id;
        let is_repeat = |made: &&FakeActivity| made.app_id == request.app_id && made.merchant_activity_id == *key;
        if let Some(made) = self.made.iter().find(is_repeat) {
            return match repeated {
                RepeatedActivity::Replay => Ok(made.activity_id.clone()),
                RepeatedActivity::Duplicate => Err(Refused::Repeated),
            };
        }
        if template.is_missing {
            return Err(Refused::NoTemplate);
        }
        let taken = self.taken.entry(request.coupon_meta_id.clone()).or_default();
        let after = taken.saturating_add(request.coupon_stock_number);
        if template.stock.is_some_and(|most| after > most) {
            return Err(Refused::TemplateStock);
        }
        *taken = after;
        let activity_id = self.next_id(key, seed);
        self.made.push(FakeActivity {
            app_id: request.app_id.clone(),
            activity_id: activity_id.clone(),
            merchant_activity_id: key.clone(),
            coupon_meta_id: request.coupon_meta_id.clone(),
            name: request.activity_name.clone(),
            stock: request.coupon_stock_number,
            issued: 0,
            is_deleted: false,
            asked_after_deletion: 0,
        });
        Ok(activity_id)
    }

    /// Deletes an activity. What is left of its stock goes back to the template.
    pub(super) fn delete(&mut self, request: &DeleteActivityRequest) -> Result<(), Refused> {
        let made = self.find(&request.app_id, &request.activity_id);
        let made = made.filter(|made| !made.is_deleted).ok_or(Refused::Gone)?;
        made.is_deleted = true;
        let left = made.stock.saturating_sub(made.issued);
        let template = made.coupon_meta_id.clone();
        if let Some(taken) = self.taken.get_mut(&template) {
            *taken = taken.saturating_sub(left);
        }
        Ok(())
    }

    /// Returns 19 digits that no activity here has.
    fn next_id(&self, key: &str, seed: u64) -> String {
        const FIRST: u64 = 7_200_000_000_000_000_000;
        let number = self.made.len() as u64;
        let drawn = draw(seed, "activity", &[key]) >> 16;
        (FIRST + ((drawn % 1_000_000_000_000) << 16) + number).to_string()
    }
}

/// Why a request about an activity is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refused {
    /// A field is wrong.
    Parameter(&'static str),
    /// The key has made an activity before.
    Repeated,
    /// There is no such template.
    NoTemplate,
    /// The template has too little stock.
    TemplateStock,
    /// There is no such activity, or it was deleted.
    Gone,
}

/// What is wrong with a request's fields. `None` when nothing is.
fn mistake(request: &CreateActivityRequest) -> Option<&'static str> {
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let key = &request.merchant_activity_id;
    if request.app_id.is_empty() {
        Some("app_id 为空")
    } else if !is_number(&request.coupon_meta_id) {
        Some("coupon_meta_id 不是数字")
    } else if request.coupon_stock_number == 0 {
        Some("coupon_stock_number 必须大于 0")
    } else if key.is_empty() || key.len() > MOST_KEY || !key.is_ascii() {
        Some("merchant_activity_id 应为 1 到 20 个字符，不含中文")
    } else {
        None
    }
}
