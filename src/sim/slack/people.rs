//! What people do: click, run commands, fill in modals, write. Each sends what Slack would send, and returns the answer.

use serde_json::{Value, json};

use super::SlackSim;
use super::api::views;
use super::deliver::{Answer, COMMANDS, INTERACTIVITY};
use super::directory::User;
use super::form;
use super::message::{Author, Message, elements};
use super::payload::{self, Pressed};
use super::response;
use super::state::{State, View};

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

    /// Presses anything in an open modal.
    pub async fn press_in_view(
        &self,
        user: &str,
        view_id: &str,
        press: Press,
    ) -> Result<Answer, CannotDo> {
        let payload = self.change(|state| {
            let (user, view) = screen(state, user, view_id)?;
            let blocks = view.view["blocks"].as_array().cloned().unwrap_or_default();
            let (block_id, element, option) = find(&blocks, &press)?;
            let pressed = Pressed {
                block_id: &block_id,
                element: &element,
                option: option.as_ref(),
            };
            Ok(payload::view_action(state, &user, &view, &pressed))
        })?;
        Ok(self.interact(&payload).await)
    }

    /// Submits a modal. `values` is block id → action id → value: text, the value of an option, or Slack's own object. What
    /// the app answers (`response_action`) is done.
    pub async fn submit_view(
        &self,
        user: &str,
        view_id: &str,
        values: Value,
    ) -> Result<Answer, CannotDo> {
        let payload = self.change(|state| {
            let (user, view) = screen(state, user, view_id)?;
            let mut described = view.view;
            described["state"]["values"] =
                form::fill(&described["blocks"], &values).map_err(CannotDo::Form)?;
            Ok(payload::view_submission(state, &user, described))
        })?;
        let mut answer = self.interact(&payload).await;
        if answer.is_ok() {
            let outcome = self.change(|state| after_submission(state, user, view_id, &answer));
            answer.problem = outcome.err();
        }
        Ok(answer)
    }

    /// Closes a modal. The app is told only if it asked for that (`notify_on_close`).
    pub async fn close_view(&self, user: &str, view_id: &str) -> Result<Option<Answer>, CannotDo> {
        let payload = self.change(|state| {
            let (user, view) = screen(state, user, view_id)?;
            state.views.retain(|v| v.id != view_id);
            let told = view.view["notify_on_close"] == true;
            Ok(told.then(|| payload::view_closed(state, &user, &view)))
        })?;
        match payload {
            Some(payload) => Ok(Some(self.interact(&payload).await)),
            None => Ok(None),
        }
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

    async fn interact(&self, payload: &Value) -> Answer {
        self.send(self.signed(INTERACTIVITY, payload::interaction_form(payload)))
            .await
    }
}

fn person(state: &State, id: &str, channel: Option<&str>) -> Result<User, CannotDo> {
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

fn screen(state: &State, user: &str, view_id: &str) -> Result<(User, View), CannotDo> {
    let user = person(state, user, None)?;
    let view = state.view(view_id).filter(|v| v.user == user.id).cloned();
    view.map(|view| (user, view))
        .ok_or_else(|| CannotDo::NoSuchMessage(view_id.to_owned()))
}

/// The one element that `press` means, with its block and the option.
fn find(blocks: &[Value], press: &Press) -> Result<(String, Value, Option<Value>), CannotDo> {
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

/// Does what the app answered to a submitted modal; the error is what the person sees.
fn after_submission(
    state: &mut State,
    user: &str,
    view_id: &str,
    answer: &Answer,
) -> Result<(), String> {
    if answer.body.is_empty() {
        state.views.retain(|v| v.id != view_id);
        return Ok(());
    }
    let answer = answer.json();
    let refused = |e: super::api::Refused| e.into_body().to_string();
    match answer["response_action"].as_str() {
        Some("clear") => state.views.retain(|v| v.user != user),
        Some("errors") => {
            let errors = answer["errors"].as_object().filter(|e| !e.is_empty());
            let errors = errors.ok_or("response_action errors without errors")?;
            let open = state
                .views
                .iter_mut()
                .find(|v| v.id == view_id)
                .ok_or("the view is gone")?;
            let known = |id: &str| {
                open.view["blocks"]
                    .as_array()
                    .is_some_and(|b| b.iter().any(|b| b["block_id"] == id))
            };
            if let Some(unknown) = errors.keys().find(|id| !known(id)) {
                return Err(format!("error for the unknown block {unknown}"));
            }
            open.errors = Some(json!(errors));
        }
        Some("update") => {
            views::check(&answer["view"]).map_err(refused)?;
            views::replace(state, view_id, &answer["view"]);
        }
        Some("push") => {
            views::show(state, user, &answer["view"], Some(view_id)).map_err(refused)?;
        }
        // `{}` closes the view as an empty body does.
        None if answer.as_object().is_some_and(serde_json::Map::is_empty) => {
            state.views.retain(|v| v.id != view_id)
        }
        _ => return Err("not an answer to a submitted view".to_owned()),
    }
    Ok(())
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
