//! What people do: click, run commands, write. Each sends what Slack would send, and returns the answer.

use serde_json::{Value, json};

use super::SlackSim;
use super::deliver::{Answer, COMMANDS, INTERACTIVITY};
use super::directory::User;
use super::form;
use super::message::{Author, Message, elements};
use super::payload::{self, Pressed};
use super::response;
use super::state::State;

/// What a person cannot do, because it is not on the screen.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CannotDo {
    /// Nobody with this id is in the workspace.
    #[error("there is no user {0}")]
    NoSuchUser(String),
    /// The person does not see this channel.
    #[error("{user} is not in a channel {channel}")]
    NotInChannel {
        /// Who.
        user: String,
        /// Where.
        channel: String,
    },
    /// The person does not see this message or modal.
    #[error("there is no message or view {0}")]
    NoSuchMessage(String),
    /// Nothing there can be pressed under this name, or more than one thing can.
    #[error("{found} elements with action id {action_id}; there are: {there}")]
    NoSuchElement {
        /// What was looked for.
        action_id: String,
        /// How many there are.
        found: usize,
        /// What can be pressed instead.
        there: String,
    },
    /// The menu has no such option, or what was pressed needs one.
    #[error("no option {0:?}")]
    NoSuchOption(String),
    /// Slack's client does not let the form go.
    #[error("the form is not filled in: {0}")]
    Form(String),
}

/// What is pressed.
#[derive(Debug, Clone, Default)]
pub struct Press {
    /// Where, if the action id alone is not enough.
    pub block_id: Option<String>,
    /// What.
    pub action_id: String,
    /// The value of the option, of a menu.
    pub option: Option<String>,
}

impl SlackSim {
    /// Presses a button; a confirmation is accepted.
    pub async fn click(
        &self,
        user: &str,
        channel: &str,
        ts: &str,
        action_id: &str,
    ) -> Result<Answer, CannotDo> {
        self.press(
            user,
            channel,
            ts,
            Press {
                action_id: action_id.to_owned(),
                ..Press::default()
            },
        )
        .await
    }

    /// Picks the option with this value from a menu.
    pub async fn select(
        &self,
        user: &str,
        channel: &str,
        ts: &str,
        action_id: &str,
        option: &str,
    ) -> Result<Answer, CannotDo> {
        let press = Press {
            block_id: None,
            action_id: action_id.to_owned(),
            option: Some(option.to_owned()),
        };
        self.press(user, channel, ts, press).await
    }

    /// Presses anything in a message that this person sees.
    pub async fn press(
        &self,
        user: &str,
        channel: &str,
        ts: &str,
        press: Press,
    ) -> Result<Answer, CannotDo> {
        let payload = self.change(|state| {
            let user = person(state, user, Some(channel))?;
            let sees = |m: &&Message| {
                let for_user = m.ephemeral_to.as_ref().is_none_or(|to| *to == user.id);
                m.channel == channel && m.ts == ts && for_user
            };
            let message = state.messages.iter().find(sees).cloned();
            let message = message.ok_or_else(|| CannotDo::NoSuchMessage(ts.to_owned()))?;
            let (block_id, element, option) = find(&message.blocks, &press)?;
            let pressed = Pressed {
                block_id: &block_id,
                element: &element,
                option: option.as_ref(),
            };
            Ok(payload::message_action(state, &user, &message, &pressed))
        })?;
        Ok(self.interact(&payload).await)
    }

    /// Runs a slash command. What the app answers at once is shown; so is Slack's own complaint if it does not.
    pub async fn command(
        &self,
        user: &str,
        channel: &str,
        command: &str,
        text: &str,
    ) -> Result<Answer, CannotDo> {
        let (form, url) = self.change(|state| {
            let user = person(state, user, Some(channel))?;
            Ok(payload::command_form(state, &user, channel, command, text))
        })?;
        let mut answer = self.send(self.signed(COMMANDS, form)).await;
        let typed = format!("{command} {text}");
        let shown = self.change(|state| match &answer.problem {
            Some(problem) => Err(problem.clone()),
            None => show_command_answer(state, &url, typed.trim(), &answer),
        });
        if let Err(problem) = shown {
            self.change(|state| {
                state.add_notice(
                    channel,
                    user,
                    format!("{command} failed with the error \"{problem}\""),
                )
            });
            answer.problem = Some(problem);
        }
        Ok(answer)
    }

    /// Writes a message, and returns its ts. The app is not told.
    pub fn say(&self, user: &str, channel: &str, text: &str) -> Result<String, CannotDo> {
        self.change(|state| {
            let user = person(state, user, Some(channel))?;
            Ok(state.add(Message {
                text: text.to_owned(),
                ..Message::new(channel, Author::Person(user.id))
            }))
        })
    }

    pub(super) async fn interact(&self, payload: &Value) -> Answer {
        self.send(self.signed(INTERACTIVITY, payload::interaction_form(payload)))
            .await
    }
}

pub(super) fn person(state: &State, id: &str, channel: Option<&str>) -> Result<User, CannotDo> {
    let user = state
        .user(id)
        .cloned()
        .ok_or_else(|| CannotDo::NoSuchUser(id.to_owned()))?;
    match channel {
        Some(channel) if !state.channel(channel).is_some_and(|c| c.has(id)) => {
            Err(CannotDo::NotInChannel {
                user: id.to_owned(),
                channel: channel.to_owned(),
            })
        }
        _ => Ok(user),
    }
}

/// The one element that `press` means, with its block and the option.
pub(super) fn find(
    blocks: &[Value],
    press: &Press,
) -> Result<(String, Value, Option<Value>), CannotDo> {
    let all = elements(blocks);
    let fits = |(block, element): &&(String, Value)| {
        element["action_id"] == press.action_id
            && press.block_id.as_ref().is_none_or(|id| id == block)
    };
    let fitting: Vec<_> = all.iter().filter(fits).collect();
    let [(block_id, element)] = fitting.as_slice() else {
        let there: Vec<&str> = all
            .iter()
            .filter_map(|(_, e)| e["action_id"].as_str())
            .collect();
        return Err(CannotDo::NoSuchElement {
            action_id: press.action_id.clone(),
            found: fitting.len(),
            there: there.join(", "),
        });
    };
    let options = form::options(element);
    let option = match &press.option {
        Some(value) => {
            let found = options.into_iter().find(|o| o["value"] == *value);
            Some(found.ok_or_else(|| CannotDo::NoSuchOption(value.clone()))?)
        }
        None if options.is_empty() => None,
        None => return Err(CannotDo::NoSuchOption(String::new())),
    };
    Ok((block_id.clone(), element.clone(), option))
}

/// Shows what the app answered to a command; the error is what the person sees.
fn show_command_answer(
    state: &mut State,
    url: &str,
    typed: &str,
    answer: &Answer,
) -> Result<(), String> {
    if answer.body.is_empty() {
        return Ok(());
    }
    let id = url.rsplit('/').next().unwrap_or_default();
    let Some(response) = state.response_urls.get(id).cloned() else {
        return Ok(());
    };
    let content = match answer.json() {
        json @ Value::Object(_) => json,
        _ => json!({"text": answer.text()}),
    };
    if content["response_type"] == "in_channel" {
        let author = Author::Person(response.user.clone());
        state.add(Message {
            text: typed.to_owned(),
            ..Message::new(&response.channel, author)
        });
    }
    response::apply(state, &response, &content).map_err(|_| "invalid_command_response".to_owned())
}
