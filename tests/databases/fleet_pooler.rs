//! A worker whose database is behind a proxy: PgBouncer, which gives a connection for a session or for each transaction.

use std::collections::BTreeSet;

use runner::fleet::{AppKey, Database, DatabaseUrl, Member, Timing};
use runner::ledger::ledger_dir::Manifest;
use runner::ledger::{Fact, Ledger};
use runner::model::clock::from_ms;
use runner::model::identity::{AppId, CampaignName, Identity, OpenId, PlatformName};

use super::pooler::pooler;
use super::servers::{close, postgres, run_postgres, unique};

#[tokio::test]
async fn a_worker_works_through_a_pooler() {
    let Some((server, mut admin)) = postgres().await else {
        return;
    };
    for mode in ["session", "transaction"] {
        let name = unique("pooled");
        run_postgres(&mut admin, &format!("create database {name}")).await;
        let mut own = url::Url::parse(&server).unwrap();
        own.set_path(&name);
        // In a session, each connection of a worker needs one of its own.
        let Some(pooler) = pooler(own.as_str(), mode, if mode == "session" { 8 } else { 2 }).await else {
            return;
        };
        let through = DatabaseUrl::parse(&format!("postgres://any@127.0.0.1:{}/any", pooler.port)).unwrap();
        Database::init(&through).await.unwrap();
        let member = Member::start(&through, Timing::default(), "pooled".to_owned())
            .await
            .unwrap();
        let identity = Identity {
            campaign: CampaignName::parse("summer").unwrap(),
            app_id: AppId::parse("tt1").unwrap(),
            platform: PlatformName::FakePlatform,
        };
        let app = AppKey::of_ledger(&identity);
        member.want(BTreeSet::from([app.clone()]));
        let ownership = member.own(app).await.unwrap();
        let manifest = Manifest::new(&identity, from_ms(0));
        let store = member.create(&identity, &manifest, &ownership).await.unwrap();
        let mut ledger = Ledger::open(store, identity.clone()).await.unwrap();
        for n in 0..50 {
            let recipients = vec![OpenId::parse(&format!("u{n}")).unwrap()];
            ledger.append(vec![Fact::Admitted { recipients }]).await.unwrap();
        }
        ledger.close().await;
        let entry = member.database().ledger(&identity).await.unwrap().unwrap();
        let ledger = Ledger::open(member.open(&entry, &ownership).unwrap(), identity)
            .await
            .unwrap();
        assert_eq!(ledger.sequence(), 50, "{mode}");
        ownership.drained();
        member.stop().await;
        drop(ledger);
        drop(member);
        drop(pooler);
        run_postgres(&mut admin, &format!("drop database {name} with (force)")).await;
    }
    close(admin).await;
}
