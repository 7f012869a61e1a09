//! Modals on people's screens: pressed, submitted, closed.

use serde_json::{Value, json};

use super::SlackSim;
use super::api::views;
use super::deliver::Answer;
use super::directory::User;
use super::form;
use super::payload::{self, Pressed};
use super::people::{CannotDo, Press, find, person};
use super::state::{State, View};

impl SlackSim {
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
}

fn screen(state: &State, user: &str, view_id: &str) -> Result<(User, View), CannotDo> {
    let user = person(state, user, None)?;
    let view = state.view(view_id).filter(|v| v.user == user.id).cloned();
    view.map(|view| (user, view))
        .ok_or_else(|| CannotDo::NoSuchMessage(view_id.to_owned()))
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
