//! Requests about activities, with the faults of sends.

use super::activities::FakeActivity;
use super::faults::{Fault, When};
use super::rules::{Reply, Rules};
use super::{Exchange, FakePlatform, Moment};
use crate::douyin::wire::{CreateActivityRequest, DeleteActivityRequest};

impl FakePlatform {
    /// Processes one request to create an activity, with the faults of sends.
    pub fn create_activity(&mut self, request: &CreateActivityRequest, token: Option<&str>, now: Moment) -> Exchange {
        let key = request.merchant_activity_id.clone();
        let process = |rules: &mut Rules| rules.create_activity(request, token, now);
        self.activity_call(&request.app_id, &key, now, process)
    }

    /// Processes one request to delete an activity, with the faults of sends.
    pub fn delete_activity(&mut self, request: &DeleteActivityRequest, token: Option<&str>, now: Moment) -> Exchange {
        let key = format!("delete {}", request.activity_id);
        let process = |rules: &mut Rules| rules.delete_activity(request, token, now);
        self.activity_call(&request.app_id, &key, now, process)
    }

    /// The activities that were made here, oldest first.
    #[must_use]
    pub fn activities(&self) -> &[FakeActivity] {
        self.rules.activities_made.all()
    }

    fn activity_call(
        &mut self,
        app_id: &str,
        key: &str,
        now: Moment,
        process: impl FnOnce(&mut Rules) -> Reply,
    ) -> Exchange {
        let nth = self.rules.activities_made.arrive(key);
        let (fault, reply) = if let Err(reply) = self.rules.admit(app_id, now) {
            (None, Some(reply))
        } else {
            let strike = self.faults.decide(key, nth);
            let is_untouched = strike.is_some_and(|strike| strike.when == When::Before);
            let reply = (!is_untouched).then(|| process(&mut self.rules));
            (strike.map(|strike| strike.fault), reply)
        };
        // The connection of such a request carries no other answers.
        let fault = fault.filter(|fault| *fault != Fault::RepeatAnswer);
        let told = self.told(fault, reply, now);
        Exchange {
            delay: self.faults.latency(key, nth),
            ending: self.ending(fault, told.as_ref(), key, nth),
        }
    }
}
