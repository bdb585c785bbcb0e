//! The database with the ledgers and the log of a service.

use crate::campaign::credentials::Reference;
use crate::campaign::keys::keys;
use crate::model::secret::SecretRef;

keys! {
    /// Where the ledgers of the campaigns and the log of the service are, if not in files: the database of a fleet. A change needs a
    /// restart.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct Store {
        /// A reference to the URL of a PostgreSQL database, whose tables `runner store init` has created.
        postgres: SecretRef = Reference, required "{env: RUNNER_STORE}";
    }
}
