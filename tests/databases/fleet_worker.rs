//! A worker of a fleet that is fenced starts again like a new process: while it waits for an app id, and when a person has to decide
//! first.

use std::pin::pin;
use std::time::Duration;

use runner::app::fleet_worker::{FleetWorker, Wait};
use runner::fleet::{AppKey, Database, DatabaseError};
use tokio::sync::mpsc;

use super::fleet::Fleet;
use super::servers::run_postgres;

fn app() -> AppKey {
    AppKey {
        platform: "sandbox".to_owned(),
        app: "tt1".to_owned(),
    }
}

/// A worker with one campaign.
fn worker(fleet: &Fleet) -> FleetWorker {
    FleetWorker::new(&fleet.url, None, [(app(), Duration::from_secs(1))])
}

/// A fleet without a standby. `None` without a server.
async fn fleet() -> Option<Fleet> {
    let fleet = Fleet::new().await?;
    Database::init(&fleet.url).await.unwrap();
    Database::accept_single_copy(&fleet.url).await.unwrap();
    Some(fleet)
}

/// Waits until a condition on the tables holds.
async fn until(fleet: &mut Fleet, condition: &str) {
    let sql = format!("set search_path = {}; select pg_sleep(0.05)", fleet.schema);
    loop {
        run_postgres(&mut fleet.admin, &sql).await;
        let holds = sqlx::query_scalar(sqlx::AssertSqlSafe(format!("select {condition}")));
        if holds.fetch_one(&mut fleet.admin).await.unwrap() {
            return;
        }
    }
}

async fn change(fleet: &mut Fleet, sql: &str) {
    let sql = format!("set search_path = {}; {sql}", fleet.schema);
    run_postgres(&mut fleet.admin, &sql).await;
}

const LIVE: &str = "(select count(*) from runner_worker where not fenced)";

#[tokio::test]
async fn a_worker_that_is_fenced_while_it_waits_registers_again_and_goes_on_waiting() {
    let Some(mut fleet) = fleet().await else { return };
    let app = app();
    let one = worker(&fleet);
    let owned = one.own(&app, |_| {}).await.unwrap();
    let two = worker(&fleet);
    let (met, mut waits) = mpsc::channel(9);
    {
        let mut owns = pin!(two.own(&app, |wait| met.try_send(wait).unwrap()));
        let fenced = async {
            assert!(matches!(waits.recv().await, Some(Wait::Owner(_))));
            until(&mut fleet, &format!("{LIVE} = 2")).await;
            let others = "where not exists (select 1 from runner_app where owner = id)";
            change(&mut fleet, &format!("update runner_worker set fenced = true {others}")).await;
            until(&mut fleet, &format!("{LIVE} = 2")).await;
        };
        tokio::select! {
            _ = &mut owns => panic!("the first worker owns it"),
            () = fenced => {}
        }
        owned.end();
        one.end(&app).await;
        owns.await.unwrap().end();
        until(&mut fleet, "(select term = 2 from runner_app)").await;
    }
    one.leave().await;
    two.leave().await;
    fleet.end().await;
}

#[tokio::test]
async fn a_fenced_worker_shows_what_a_person_has_to_decide_and_goes_on_after_that() {
    let Some(mut fleet) = fleet().await else { return };
    let app = app();
    let one = worker(&fleet);
    let owned = one.own(&app, |_| {}).await.unwrap();
    let two = worker(&fleet);
    let (met, mut waits) = mpsc::channel(9);
    let owns = two.own(&app, |wait| met.try_send(wait).unwrap());
    let url = fleet.url.clone();
    let decide = async {
        assert!(matches!(waits.recv().await, Some(Wait::Owner(_))));
        // Like a fail-over while all workers were suspended.
        change(&mut fleet, "update runner_meta set timeline = timeline + 1").await;
        change(&mut fleet, "update runner_worker set fenced = true").await;
        let Some(Wait::Decision(error)) = waits.recv().await else {
            panic!("nobody works")
        };
        assert!(matches!(&*error, DatabaseError::OtherServer { .. }), "{error}");
        Database::accept_older_ledger(&url).await.unwrap();
    };
    let (owns, ()) = tokio::join!(owns, decide);
    owns.unwrap().end();
    until(&mut fleet, "(select term = 2 from runner_app)").await;
    owned.end();
    two.leave().await;
    fleet.end().await;
}
