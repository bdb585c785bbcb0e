//! The pushed file of a campaign as it is when this worker begins. A person may have pushed it again while the worker waited.

use crate::app::campaign::LoadedCampaign;
use crate::app::campaign_ref::CampaignRef;
use crate::app::credentials;
use crate::app::error::AppError;
use crate::app::occurrences::{self, Choice};
use crate::campaign::Diagnostic;
use crate::catalogue::{Text, push as text};
use crate::douyin::token::Tokens;
use crate::plan::RunOptions;

use super::load::ReadyCampaign;

/// Takes the file as it is in the database now. Returns whether it was pushed again since `campaign` took it. A file that was removed
/// is kept: its runs go on.
///
/// # Errors
/// When the new file cannot be taken by a run that has begun: it has mistakes, or means another ledger.
pub(super) async fn take(campaign: &mut ReadyCampaign) -> Result<bool, AppError> {
    let before = &campaign.loaded;
    let Some(url) = before.database() else {
        return Ok(false);
    };
    let Some(file) = before.at.file.pushed_again(url).await? else {
        return Ok(false);
    };
    let unfit = |why: Text| AppError::PushedUnfit {
        name: before.at.file.path().display().to_string(),
        why,
    };
    let mistake = |mistake: &Diagnostic| unfit(mistake.message.clone().into());
    let parsed = file.load().map_err(|mistakes| match mistakes.first() {
        Some(first) => mistake(first),
        None => unfit(Text::default()),
    })?;
    let at = CampaignRef {
        file,
        ..before.at.clone()
    };
    let (single, _) = occurrences::resolve(at, parsed, &before.environment, Choice::Due).await?;
    let options = RunOptions {
        at_most: Some(before.plan.run.at_most),
        no_wait: before.plan.run.no_wait,
        sandbox: None,
    };
    let loaded = LoadedCampaign::with_options(single.at, single.parsed, before.environment.clone(), options)?;
    if loaded.plan.identity != before.plan.identity || loaded.plan.base_url != before.plan.base_url {
        return Err(unfit(Text::new(&text::OtherPlatformPushed)));
    }
    // Another token would be asked for, and the campaigns of the app id share one.
    if loaded.parsed.campaign.credentials != before.parsed.campaign.credentials {
        let credentials = credentials::resolve(&loaded.parsed, &loaded.at.rehearsal);
        let credentials = credentials.map_err(|error| mistake(&error))?;
        campaign.tokens = Tokens::new(credentials, loaded.environment.clock.clone());
    }
    campaign.loaded = loaded;
    Ok(true)
}
