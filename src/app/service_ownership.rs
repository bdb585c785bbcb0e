//! The service of a fleet: one process at a time owns it, and appends to its log in the database.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use crate::fleet::postgres::StatementError;
use crate::fleet::{AppKey, DatabaseUrl, SERVICE_LOG};
use crate::ledger::service_log::{LogCheck, check_log};
use crate::ledger::witness::Witnesses;
use crate::model::secret::Secret;

use super::campaign_store::CampaignStore;
use super::environment::Environment;
use super::error::AppError;
use super::fleet_worker::{FleetWorker, Wait};
use super::process::host;
use super::shared_ownership::OwnershipUse;

/// How long the name of the database server may take to resolve.
const LOOKUP: Duration = Duration::from_secs(2);

/// Why the database does not answer a worker, as that changes. `None` while it answers.
pub type StoreFailure = watch::Receiver<Option<Arc<StatementError>>>;

/// The ownership of the service.
#[derive(Debug)]
pub struct ServiceOwnership {
    used: OwnershipUse,
}

/// Where the pages of the service are, as its owner publishes it. Older versions read what they know of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceAddress {
    /// Its machine.
    pub host: String,
    /// Its process id.
    pub pid: u32,
    /// The address for browsers and programs.
    pub url: String,
    /// Where other workers reach it. `None` if its version does not take requests from them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<ServiceEndpoint>,
}

/// Where the owner of the service takes the requests that other workers forward.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceEndpoint {
    /// The address that it listens on.
    pub address: SocketAddr,
    /// Whether it encrypts requests itself.
    pub tls: bool,
    /// What proves that a request comes from a worker. Another one for each ownership.
    #[serde(with = "published_secret")]
    pub secret: Secret,
}

/// The secret of an endpoint in the database. Everybody who reads the database can do everything already.
mod published_secret {
    use serde::{Deserialize as _, Deserializer, Serializer};

    use crate::model::secret::Secret;

    pub(super) fn serialize<S: Serializer>(secret: &Secret, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(secret.expose())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Secret, D::Error> {
        String::deserialize(deserializer).map(|text| Secret::new(&text))
    }
}

/// Whether this process can forward requests to the owner of the service.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Reach {
    /// The owner has not published where it is.
    #[default]
    Unknown,
    /// It can.
    Endpoint(ServiceEndpoint),
    /// The owner listens on the loopback address of another machine.
    OtherLoopback,
    /// The owner is of a version that takes no requests from other workers.
    Older,
}

impl ServiceAddress {
    /// Whether this process can forward requests to the owner.
    #[must_use]
    pub fn reach(&self) -> Reach {
        self.reach_from(&host())
    }

    fn reach_from(&self, machine: &str) -> Reach {
        match &self.endpoint {
            None => Reach::Older,
            Some(endpoint) if endpoint.address.ip().is_loopback() && self.host != machine => Reach::OtherLoopback,
            Some(endpoint) => Reach::Endpoint(endpoint.clone()),
        }
    }
}

/// What the owner of the service knows of its own address.
#[derive(Clone, Debug)]
pub struct OwnAddress {
    /// The address for browsers and programs.
    pub url: String,
    /// The address that it listens on.
    pub listen: SocketAddr,
    /// Whether it encrypts requests itself.
    pub is_tls: bool,
    /// What proves that a request comes from a worker.
    pub secret: Secret,
}

impl OwnAddress {
    /// The address at which other workers reach this one. A service that listens on every address is reached at the one from which
    /// its machine reaches the database, if there is one.
    fn endpoint_address(&self, local: Option<IpAddr>) -> SocketAddr {
        let ip = match (self.listen.ip(), local) {
            (ip, _) if !ip.is_unspecified() => ip,
            (_, Some(local)) => local,
            (IpAddr::V4(_), None) => Ipv4Addr::LOCALHOST.into(),
            (IpAddr::V6(_), None) => Ipv6Addr::LOCALHOST.into(),
        };
        SocketAddr::new(ip, self.listen.port())
    }
}

/// Returns a worker that claims the service, and the app ids of campaigns as they begin.
#[must_use]
pub fn worker(url: &DatabaseUrl, witnesses: Option<Witnesses>) -> FleetWorker {
    FleetWorker::new(url, witnesses, [(AppKey::of_service(), Duration::ZERO)])
}

impl ServiceOwnership {
    /// Waits until this process owns the service. Calls `waits` with each worker that owns it meanwhile, and with what a person has
    /// to decide.
    pub async fn wait(worker: &FleetWorker, waits: impl FnMut(Wait)) -> Result<Self, AppError> {
        let used = worker.own(&AppKey::of_service(), waits).await?;
        Ok(Self { used })
    }

    /// Opens the log, and creates it if there is none.
    pub async fn open_log(&self, now: Timestamp) -> Result<CampaignStore, AppError> {
        Ok(CampaignStore::Database(self.used.ownership().service_log(now).await?))
    }

    /// Waits until this process is fenced.
    pub fn lost(&self) -> impl Future<Output = ()> + Send + 'static {
        let ownership = Arc::clone(self.used.ownership());
        async move { ownership.lost().await }
    }

    /// Why the database does not answer this process, as that changes. `None` while it answers.
    #[must_use]
    pub fn failure(&self) -> StoreFailure {
        self.used.ownership().failure()
    }

    /// Gives the service up. Every record is durable, or never will be.
    pub fn end(self) {
        self.used.end();
    }
}

/// Finds the address of this machine at which other workers reach it. `None` if it has none on the way to the database.
pub async fn local_address(worker: &FleetWorker, own: &OwnAddress) -> Option<IpAddr> {
    if !own.listen.ip().is_unspecified() {
        return None;
    }
    let found = tokio::time::timeout(LOOKUP, worker.local_address(own.listen.ip()));
    found.await.ok().flatten()
}

/// Lets other workers see where the pages of this one are. The database may forget it. `local` is [`local_address`].
pub async fn publish_address(worker: &FleetWorker, own: &OwnAddress, local: Option<IpAddr>) -> Result<(), AppError> {
    let address = ServiceAddress {
        host: host(),
        pid: std::process::id(),
        url: own.url.clone(),
        endpoint: Some(ServiceEndpoint {
            address: own.endpoint_address(local),
            tls: own.is_tls,
            secret: own.secret.clone(),
        }),
    };
    let body = serde_json::to_string(&address).unwrap_or_default();
    let row = ((AppKey::of_service(), SERVICE_LOG.to_owned()), body);
    Ok(worker.database().await?.publish_statuses(&[row]).await?)
}

/// Reads where the pages of the service are. `None` if that is not known.
pub async fn read_address(worker: &FleetWorker) -> Result<Option<ServiceAddress>, AppError> {
    let rows = worker.database().await?.statuses().await?;
    let row = rows.into_iter().find(|row| row.app.is_service());
    Ok(row.and_then(|row| serde_json::from_str(&row.body).ok()))
}

/// Reads and checks the log in the database of an environment, also while a service appends to it. `None` if there is no log.
pub async fn check_in_database(environment: &Environment) -> Result<Option<LogCheck>, AppError> {
    let Some(database) = environment.open_database().await? else {
        return Ok(None);
    };
    let Some(entry) = database.service_log().await? else {
        return Ok(None);
    };
    Ok(Some(check_log(&mut database.reader(entry.no)).await?))
}

/// Returns the name of the log in the database of an environment, as its witness has it. `None` if the log is in files.
#[must_use]
pub fn witnessed_log(environment: &Environment) -> Option<PathBuf> {
    let url = environment.database.as_ref()?;
    Some(PathBuf::from(format!("{}/{SERVICE_LOG}", url.location())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn own(listen: &str) -> OwnAddress {
        OwnAddress {
            url: "https://coupons.example.com".to_owned(),
            listen: listen.parse().unwrap(),
            is_tls: true,
            secret: Secret::new("canary-2718"),
        }
    }

    #[test]
    fn a_service_that_listens_everywhere_is_reached_where_it_meets_the_database() {
        let at = |listen: &str, local: Option<&str>| {
            let local = local.map(|local| local.parse().unwrap());
            own(listen).endpoint_address(local).to_string()
        };
        assert_eq!(at("0.0.0.0:7878", Some("10.0.0.5")), "10.0.0.5:7878");
        assert_eq!(at("[::]:7878", Some("10.0.0.5")), "10.0.0.5:7878");
        assert_eq!(at("0.0.0.0:7878", None), "127.0.0.1:7878");
        assert_eq!(at("[::]:7878", None), "[::1]:7878");
        assert_eq!(at("10.0.0.7:7878", Some("10.0.0.5")), "10.0.0.7:7878", "it was named");
    }

    #[test]
    fn a_loopback_address_is_reached_from_the_same_machine_only() {
        let address = |endpoint: &str| ServiceAddress {
            host: "one".to_owned(),
            pid: 7,
            url: "https://coupons.example.com".to_owned(),
            endpoint: Some(ServiceEndpoint {
                address: endpoint.parse().unwrap(),
                tls: true,
                secret: Secret::new("canary-2718"),
            }),
        };
        assert_eq!(address("127.0.0.1:7878").reach_from("two"), Reach::OtherLoopback);
        assert!(matches!(
            address("127.0.0.1:7878").reach_from("one"),
            Reach::Endpoint(_)
        ));
        assert!(matches!(address("10.0.0.5:7878").reach_from("two"), Reach::Endpoint(_)));
    }

    #[test]
    fn workers_of_another_version_understand_the_address() {
        // An older version published this, and reads only these fields.
        let older = "{\"host\":\"one\",\"pid\":7,\"url\":\"http://127.0.0.1:7878\"}";
        let address: ServiceAddress = serde_json::from_str(older).unwrap();
        assert_eq!(address.reach(), Reach::Older);
        assert_eq!(serde_json::to_string(&address).unwrap(), older);
        let newer = "{\"host\":\"one\",\"pid\":7,\"url\":\"http://127.0.0.1:7878\",\"endpoint\":{\"address\":\"10.0.0.5:7878\",\
                     \"tls\":false,\"secret\":\"canary-2718\",\"more\":1},\"more\":1}";
        let address: ServiceAddress = serde_json::from_str(newer).unwrap();
        assert!(matches!(address.reach(), Reach::Endpoint(_)));
        assert!(!format!("{address:?}").contains("canary"), "{address:?}");
    }
}
