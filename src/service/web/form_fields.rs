//! The fields of forms and queries.

use std::str::FromStr;

use url::form_urlencoded;

use super::app::PlanShown;

/// The fields of a form or of a query.
pub struct Fields(Vec<(String, String)>);

impl Fields {
    /// Reads them from the bytes of a form or of a query.
    #[must_use]
    pub fn parse(bytes: &[u8]) -> Self {
        Self(form_urlencoded::parse(bytes).into_owned().collect())
    }

    /// The first value of a field. `None` without one.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        let first = self.0.iter().find(|(found, _)| found == name);
        first.map(|(_, value)| value.as_str())
    }

    /// The first value of a field, as what it means. `None` without one, and for one without a meaning.
    #[must_use]
    pub fn parsed<T: FromStr>(&self, name: &str) -> Option<T> {
        self.get(name)?.parse().ok()
    }

    /// The plan that a form is about.
    #[must_use]
    pub fn plan(&self) -> PlanShown {
        PlanShown {
            fingerprint: self.get("fingerprint").unwrap_or_default().to_owned(),
            accept: self.all("accept").map(str::to_owned).collect(),
            fresh: self.get("fresh").is_some(),
        }
    }

    /// Every value of a field.
    pub fn all<'f>(&'f self, name: &'f str) -> impl Iterator<Item = &'f str> {
        self.0
            .iter()
            .filter(move |(found, _)| found == name)
            .map(|(_, value)| value.as_str())
    }
}
