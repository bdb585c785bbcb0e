//! `runner activity`: shows the activity that a campaign declares, asks for more stock, takes a person's word about a request
//! without an answer, and releases what is left.

use clap::{ArgGroup, Args};
use serde::Serialize;

use crate::app::LoadedCampaign;
use crate::app::activity::command::{self, ActivityView};
use crate::app::activity::{ReleaseResult, failed};
use crate::app::apply::confirmation::Answer;
use crate::app::credentials;
use crate::app::process::person;
use crate::catalogue::{activity as text, app};
use crate::douyin::token::Credentials;
use crate::model::activity::{CreatedActivity, MerchantActivityId, OpenOrder, Release};
use crate::model::identity::ActivityId;
use crate::model::problem::Problem;
use crate::report::text::{visible, wrap_prose};
use crate::report::times::{date_time, grouped, rfc3339};

use super::by_args::ByArgs;
use super::campaign_args::CampaignArgs;
use super::context::Context;
use super::exit::Exit;
use super::failure::Failure;
use super::failure::activity::{answer, asked_for};
use super::global_args::Output;
use super::load;
use super::number::whole;
use super::question::{ask_person, labelled};
use super::runtime::block_on;
use super::terminal::stdout_width_or_any;
use super::typed::again;

/// The word for an activity that does not exist.
const NONE: &str = "none";
/// A larger stock is more than all people could receive.
const MOST: u64 = 1_000_000_000_000;

/// The arguments of `runner activity`.
#[derive(Clone, Debug, Args)]
#[command(after_help = text::Examples.to_string())]
#[command(group = ArgGroup::new("act").args(["add", "is", "release"]))]
pub struct ActivityArgs {
    #[command(flatten)]
    campaign: CampaignArgs,
    #[arg(help = text::OptionAdd.to_string())]
    #[arg(long, value_name = "N", value_parser = whole(1..=MOST))]
    add: Option<u64>,
    #[arg(help = text::OptionIs.to_string())]
    #[arg(long, value_name = "ID|none", value_parser = found)]
    is: Option<Found>,
    #[arg(help = text::OptionRelease.to_string())]
    #[arg(long)]
    release: bool,
    #[arg(help = text::OptionYes.to_string())]
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    by: ByArgs,
}

/// What a person found in the platform's console.
#[derive(Clone, Debug)]
enum Found {
    Activity(ActivityId),
    Nothing,
}

fn found(typed: &str) -> Result<Found, String> {
    let typed = typed.trim();
    if typed == NONE {
        return Ok(Found::Nothing);
    }
    let activity_id = ActivityId::parse(typed).map_err(|error| error.to_string())?;
    if activity_id.is_not_created() {
        return Err(text::WriteId.to_string());
    }
    Ok(Found::Activity(activity_id))
}

/// Runs the command.
pub fn run(args: &ActivityArgs, context: &Context) -> Result<Exit, Failure> {
    let Some(campaign) = load::campaign(&args.campaign, context)? else {
        return Ok(Exit::Input);
    };
    block_on(act(args, &campaign, context))?
}

async fn act(args: &ActivityArgs, campaign: &LoadedCampaign, context: &Context) -> Result<Exit, Failure> {
    if let Some(found) = &args.is {
        let id = match found {
            Found::Activity(id) => Some(id.clone()),
            Found::Nothing => None,
        };
        let view = Box::pin(command::answer(campaign, id, &person(args.by.name()))).await?;
        return show(campaign, &view, context);
    }
    if args.add.is_none() && !args.release {
        let view = Box::pin(command::view(campaign)).await?;
        return show(campaign, &view, context);
    }
    let credentials = match credentials::resolve(&campaign.parsed, &campaign.at.rehearsal) {
        Ok(credentials) => credentials,
        Err(mistake) => {
            load::show(&[*mistake], context);
            return Ok(Exit::Input);
        }
    };
    match args.add {
        Some(stock) => add(args, campaign, credentials, stock, context).await,
        None => release(args, campaign, credentials, context).await,
    }
}

async fn add(
    args: &ActivityArgs,
    campaign: &LoadedCampaign,
    credentials: Credentials,
    stock: u64,
    context: &Context,
) -> Result<Exit, Failure> {
    let view = Box::pin(command::view(campaign)).await?;
    let order = command::order_of_more(&view, stock).map_err(|error| failed(campaign, error))?;
    let question = text::AskAdd {
        number: &order.number,
        stock: &grouped(order.stock),
        template: &order.coupon_meta_id,
    };
    if !agreed(args, campaign, &question.to_string(), context)? {
        return Ok(Exit::Incomplete);
    }
    let created = Box::pin(command::add(campaign, credentials, stock)).await?;
    let said = text::Added {
        number: &created.order.number,
        activity_id: &created.activity_id,
        stock: &grouped(created.order.stock),
        apply: &format!("{} --accept activity_id", again("apply", &campaign.at)),
    };
    context.talk(&wrap_prose(&format!("{said}\n"), stdout_width_or_any()));
    let view = Box::pin(command::view(campaign)).await?;
    show(campaign, &view, context)
}

async fn release(
    args: &ActivityArgs,
    campaign: &LoadedCampaign,
    credentials: Credentials,
    context: &Context,
) -> Result<Exit, Failure> {
    let view = Box::pin(command::view(campaign)).await?;
    let newest = view.log.newest().map(|newest| newest.activity_id.clone());
    if let Some(activity_id) = &newest
        && !agreed(args, campaign, &text::AskRelease { activity_id }.to_string(), context)?
    {
        return Ok(Exit::Incomplete);
    }
    let (view, released) = Box::pin(command::release(campaign, credentials)).await?;
    match released {
        ReleaseResult::Released(activity_id) => {
            context.talk(&format!(
                "{}\n",
                text::Released {
                    activity_id: &activity_id
                }
            ));
        }
        ReleaseResult::Before => context.talk(&format!("{}\n", text::ReleasedBefore)),
        ReleaseResult::NotReleased(note) => {
            let activity_id = newest.map(|id| id.to_string()).unwrap_or_default();
            let message = text::NotReleased {
                activity_id: &activity_id,
            };
            return Err(Failure::new(Problem::ActivityNotReleased, message)
                .because([answer(&note)])
                .help(text::NotReleasedHelp));
        }
    }
    show(campaign, &view, context)
}

/// Whether the person agrees to what cannot be undone.
fn agreed(args: &ActivityArgs, campaign: &LoadedCampaign, question: &str, context: &Context) -> Result<bool, Failure> {
    if args.yes || campaign.at.rehearsal.is_on() {
        return Ok(true);
    }
    if !context.terminal.can_ask {
        return Err(Failure::new(Problem::NeedsYes, text::NeedsYes).help(text::AddYes));
    }
    let question = format!("{question}{}", text::GoOn);
    let answer = ask_person(&context.console, &question, || false)
        .map_err(|error| Failure::new(Problem::Question, app::CannotAsk).caused_by(&error))?;
    if answer != Answer::Yes {
        context.talk(&format!("{}\n", text::NothingDone));
    }
    Ok(answer == Answer::Yes)
}

fn show(campaign: &LoadedCampaign, view: &ActivityView, context: &Context) -> Result<Exit, Failure> {
    match context.output {
        Output::Json => context.lines.write(&ActivityObject::new(campaign, view)),
        Output::Human => context.data(&screen(campaign, view))?,
    }
    Ok(Exit::Done)
}

/// The activities of a campaign, for a person.
fn screen(campaign: &LoadedCampaign, view: &ActivityView) -> String {
    let identity = &campaign.plan.identity;
    let key = |number| MerchantActivityId::derive(&identity.campaign, &identity.app_id, number).to_string();
    let mut rows = vec![(text::LabelCampaign.to_string(), identity.campaign.to_string())];
    if let Some(declared) = &view.declared {
        let declares = text::Declares {
            stock: &grouped(declared.stock),
            template: &declared.coupon_meta_id,
            name: &visible(&declared.name),
        };
        rows.push((text::LabelDeclared.to_string(), declares.to_string()));
        let release = text::ReleaseRule {
            rule: &declared.release.word(),
        };
        rows.push((text::LabelRelease.to_string(), release.to_string()));
    } else {
        let named = text::Named {
            activity_id: &campaign.plan.activity_id,
        };
        rows.push((text::LabelActivity.to_string(), named.to_string()));
    }
    for (created, unknown) in view.log.created().iter().zip(&view.unknown) {
        let label = text::LabelNumber {
            number: &created.order.number,
        };
        rows.push((label.to_string(), created_text(campaign, created)));
        rows.push((String::new(), stock_text(created, *unknown)));
        if let Some(release) = release_text(&created.release) {
            rows.push((String::new(), release));
        }
    }
    if let Some(open) = view.log.open() {
        let label = text::LabelNumber {
            number: &open.order.number,
        };
        rows.push((label.to_string(), open_text(open)));
        rows.push((String::new(), asked_for(&open.order, &key(open.order.number))));
        if let Some(note) = &open.answer {
            rows.push((String::new(), answer(note)));
        }
    } else if view.declared.is_some() && view.log.created().is_empty() {
        let command = &again("apply", &campaign.at);
        rows.push((text::LabelActivity.to_string(), text::NotYet { command }.to_string()));
    }
    labelled(rows)
}

fn created_text(campaign: &LoadedCampaign, created: &CreatedActivity) -> String {
    let zone = &campaign.parsed.campaign.timezone;
    let at = created.at.map(|at| date_time(at, zone)).unwrap_or_default();
    let activity_id = &created.activity_id;
    text::CreatedAt { activity_id, at: &at }.to_string()
}

/// The stock of an activity, and what is left of it by this ledger. Deliveries without a known outcome may have taken a coupon.
fn stock_text(created: &CreatedActivity, unknown: u64) -> String {
    text::Stock {
        stock: &grouped(created.order.stock),
        issued: &grouped(created.issued),
        unknown: &grouped(unknown),
        left: &grouped(created.order.stock.saturating_sub(created.issued + unknown)),
    }
    .to_string()
}

fn release_text(release: &Release) -> Option<String> {
    match release {
        Release::None => None,
        Release::Refused(note) => Some(text::ReleaseRefused { answer: &answer(note) }.to_string()),
        Release::Asked { answer: None, .. } => Some(text::ReleaseAsked.to_string()),
        Release::Asked { answer: Some(note), .. } => Some(text::ReleaseUnknown { answer: &answer(note) }.to_string()),
        Release::Done => Some(text::ReleaseDone.to_string()),
    }
}

fn open_text(open: &OpenOrder) -> String {
    if open.may_exist() {
        text::MayExist.to_string()
    } else {
        text::NotCreated.to_string()
    }
}

/// The activities of a campaign, for programs.
#[derive(Serialize)]
struct ActivityObject<'a> {
    r#type: &'static str,
    campaign: &'a str,
    app_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    declared: Option<DeclaredObject<'a>>,
    activities: Vec<CreatedObject<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    open: Option<OpenObject<'a>>,
}

#[derive(Serialize)]
struct DeclaredObject<'a> {
    coupon_meta_id: &'a str,
    stock: u64,
    name: &'a str,
    release: &'static str,
}

#[derive(Serialize)]
struct CreatedObject<'a> {
    number: u32,
    activity_id: &'a str,
    stock: u64,
    issued: u64,
    left: u64,
    state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    at: Option<String>,
}

#[derive(Serialize)]
struct OpenObject<'a> {
    number: u32,
    stock: u64,
    merchant_activity_id: String,
    may_exist: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    log_id: Option<&'a str>,
}

impl<'a> ActivityObject<'a> {
    fn new(campaign: &'a LoadedCampaign, view: &'a ActivityView) -> Self {
        let identity = &campaign.plan.identity;
        let zone = &campaign.parsed.campaign.timezone;
        let created = view.log.created().iter().zip(&view.unknown);
        let created = created.map(|(created, unknown)| CreatedObject {
            number: created.order.number,
            activity_id: created.activity_id.as_str(),
            stock: created.order.stock,
            issued: created.issued,
            left: created.order.stock.saturating_sub(created.issued + unknown),
            state: match &created.release {
                Release::None | Release::Refused(_) => "open",
                Release::Asked { .. } => "releasing",
                Release::Done => "released",
            },
            at: created.at.map(|at| rfc3339(at, zone)),
        });
        let key = |number| MerchantActivityId::derive(&identity.campaign, &identity.app_id, number).to_string();
        Self {
            r#type: "activity",
            campaign: identity.campaign.as_str(),
            app_id: identity.app_id.as_str(),
            declared: view.declared.as_ref().map(|declared| DeclaredObject {
                coupon_meta_id: declared.coupon_meta_id.as_str(),
                stock: declared.stock,
                name: &declared.name,
                release: declared.release.word(),
            }),
            activities: created.collect(),
            open: view.log.open().map(|open| OpenObject {
                number: open.order.number,
                stock: open.order.stock,
                merchant_activity_id: key(open.order.number),
                may_exist: open.may_exist(),
                code: open.answer.as_ref().and_then(|note| note.code),
                message: open.answer.as_ref().map(|note| note.message.as_str()),
                log_id: open.answer.as_ref().map(|note| note.log_id.as_str()),
            }),
        }
    }
}
