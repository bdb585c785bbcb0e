//! Why a service did not do what a command asked of it.

use crate::app::service_client::ServiceClientError;
use crate::catalogue::remote as text;
use crate::cli::failure::Failure;
use crate::model::problem::Problem;
use crate::report::text::visible;

impl From<ServiceClientError> for Failure {
    fn from(error: ServiceClientError) -> Self {
        match &error {
            ServiceClientError::Url { .. } => Self::from_error(Problem::ServerUrl, &error).help(text::ServerUrlHelp),
            ServiceClientError::Client(_) => match error {
                ServiceClientError::Client(error) => error.into(),
                error => Self::from_error(Problem::ServerUnreachable, &error),
            },
            ServiceClientError::Unreachable { why, .. } => Self::new(Problem::ServerUnreachable, &error)
                .caused_by(why)
                .help(text::UnreachableHelp),
            ServiceClientError::Unavailable { message, .. } => Self::new(Problem::ServerUnreachable, &error)
                .because([visible(message).into_owned()])
                .help(text::UnavailableHelp),
            ServiceClientError::NotAService { .. } => {
                Self::from_error(Problem::ServerUnreachable, &error).help(text::NotAServiceHelp)
            }
            ServiceClientError::Token { .. } => {
                Self::from_error(Problem::TokenRefused, &error).help(text::TokenRefusedHelp)
            }
            ServiceClientError::Refused(refusal) => {
                let named = refusal.code.as_deref();
                let known = Problem::ALL
                    .iter()
                    .copied()
                    .find(|problem| Some(problem.code()) == named);
                let problem = match (refusal.reason.as_deref(), known) {
                    (_, Some(known)) => known,
                    (Some("not_running"), None) => Problem::NothingRuns,
                    (Some("not_paused"), None) => Problem::NotPaused,
                    (_, None) => Problem::ServerRefused,
                };
                let causes = refusal.causes.iter().map(|cause| visible(cause).into_owned());
                Self::new(problem, visible(&refusal.message))
                    .because(causes)
                    .help(text::RefusedHelp)
            }
        }
    }
}
