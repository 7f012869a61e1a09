//! Clicks and commands while an approved action is under way and the API server is slow: neither may keep people waiting.
use super::{
    figures::Distribution,
    ground::Ground,
    workspace::{CHANNEL, IVAN, OLIVIA, Workspace},
};
use crate::sim::{
    proxy::Mode,
    slack::{Answer, CannotDo, Message},
};
use anyhow::Context;
use serde_json::Value;
use std::time::Duration;
use tokio::time::Instant;

/// How long the action is under way.
const ACTION: Duration = Duration::from_secs(30);
/// Pause between two clicks.
const PACE: Duration = Duration::from_millis(100);

/// Approves the first offer, and uses all the others while that action is under way.
///
/// # Errors
/// When there is no offer, or the action ended too early.
pub async fn measure(
    ground: &Ground,
    workspace: &Workspace,
    namespace: &str,
) -> anyhow::Result<Distribution> {
    let offers = workspace.offers();
    let (first, others) = offers
        .split_first()
        .context("no card offers anything to approve")?;
    let name = workload(first).context("a card does not name its workload")?;
    let path = format!("/apis/apps/v1/namespaces/{namespace}/deployments/{name}");
    let before = ground.get(&path).await?["metadata"]["generation"].clone();
    ground.proxy.set(Mode::LateAnswers(ACTION));
    let measured = press_everything(workspace, first, others).await;
    let after = ground.get(&path).await?["metadata"]["generation"].clone();
    ground.proxy.set(Mode::Pass);
    anyhow::ensure!(before == after, "the action ended before the clicks did");
    measured
}

async fn press_everything(
    workspace: &Workspace,
    first: &Message,
    others: &[Message],
) -> anyhow::Result<Distribution> {
    let slack = &workspace.slack;
    let approved = slack.click(OLIVIA, CHANNEL, &first.ts, "approve").await?;
    anyhow::ensure!(
        approved.is_ok(),
        "the approval was not answered: {approved:?}"
    );
    let end = Instant::now() + ACTION;
    let mut times = Vec::new();
    for card in others {
        let ts = &card.ts;
        let details = option(card, "details").context("a card has no details")?;
        let answers = [
            command(workspace, "status").await,
            slack.select(OLIVIA, CHANNEL, ts, "more", &details).await,
            pause(slack.click(IVAN, CHANNEL, ts, "approve")).await,
            command(workspace, "memory").await,
            pause(slack.click(OLIVIA, CHANNEL, ts, "dismiss")).await,
        ];
        for answer in answers {
            let answer = answer?;
            if !answer.is_ok() {
                eprintln!("  not answered: {:?}", answer.problem);
            }
            times.push(answer.took);
        }
        if Instant::now() >= end {
            break;
        }
    }
    Ok(Distribution::of(&times))
}

async fn pause(press: impl Future<Output = Result<Answer, CannotDo>>) -> Result<Answer, CannotDo> {
    tokio::time::sleep(PACE).await;
    press.await
}

async fn command(workspace: &Workspace, text: &str) -> Result<Answer, CannotDo> {
    pause(workspace.slack.command(OLIVIA, CHANNEL, "/heal", text)).await
}

/// The value of an option of the card's menu.
fn option(card: &Message, what: &str) -> Option<String> {
    let elements = card
        .blocks
        .iter()
        .filter_map(|block| block["elements"].as_array())
        .flatten();
    let options = elements
        .filter_map(|element| element["options"].as_array())
        .flatten();
    options
        .filter_map(|option| option["value"].as_str())
        .find(|value| value.starts_with(what))
        .map(str::to_owned)
}

/// The name of the Deployment that a card is about.
fn workload(card: &Message) -> Option<String> {
    let words = Value::from(card.words()).to_string();
    let begin = words.find("bad-rollout-")?;
    words
        .get(begin..begin + "bad-rollout-000".len())
        .map(str::to_owned)
}
