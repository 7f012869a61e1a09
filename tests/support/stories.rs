//! Steps that several scenarios have in common: how something breaks, what is asked of Slack behind its client's back, what
//! is on record.
use super::{
    people::Person,
    world::{CHANNEL, NAMESPACE, WORKS, World, container, deployment},
};
use heal::{
    sim::slack::{Answer, Call, INTERACTIVITY, Message, SignedRequest},
    store::{AuditRow, list_audit, verify_audit},
};
use serde_json::{Value, json};

/// A script that fails with an error in its log.
pub const CRASHES: &str = "echo 'FATAL: PAYMENT_URL is not set' >&2; sleep 1; exit 1";

impl World {
    /// A healthy workload gets a version that crashes. Its card, with the offer to roll back.
    pub async fn breaks(&self, name: &str) -> Message {
        self.runs(name, 2, WORKS).await;
        self.breaks_again(name).await
    }

    /// The same for a workload that runs already.
    pub async fn breaks_again(&self, name: &str) -> Message {
        let before: Vec<String> = self.cards(name).into_iter().map(|card| card.ts).collect();
        self.rolls_out(name, 2, CRASHES);
        let offered = |card: &Message| card.can("approve") && !before.contains(&card.ts);
        self.until(&format!("a new offer for {name}"), || {
            self.cards(name).into_iter().rev().find(offered)
        })
        .await
    }

    /// A workload whose newest version works only with the right setting, which is not in its manifest. Its card.
    pub async fn breaks_by_a_setting(&self, name: &str) -> Message {
        self.runs(name, 2, WORKS).await;
        self.sets("bad");
        self.applies(by_mode(
            name,
            "{ echo 'FATAL: MODE is bad' >&2; sleep 1; exit 1; }",
        ));
        self.offer(name).await
    }

    /// Somebody changes the setting.
    pub fn sets(&self, mode: &str) {
        self.applies(json!({
            "apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {"name": "settings", "namespace": NAMESPACE}, "data": {"mode": mode},
        }));
    }

    /// Waits until a workload has no pod that works.
    pub async fn is_down(&self, name: &str) {
        let down = || {
            let object = self.kube.get("Deployment", NAMESPACE, name)?;
            (object["status"]["availableReplicas"].as_i64().unwrap_or(0) == 0).then_some(())
        };
        self.until(&format!("{name} to be down"), down).await;
    }

    /// Waits until a card can no longer be approved, or can be again.
    pub async fn card_offers(&self, card: &Message, offers: bool) -> Message {
        let what = format!(
            "the card to {} an offer",
            if offers { "show" } else { "lose" }
        );
        self.until(&what, || {
            Some(self.again(card)).filter(|card| card.can("approve") == offers)
        })
        .await
    }

    /// Waits until a card shows another offer than it did.
    pub async fn newer_offer(&self, card: &Message) -> Message {
        let newer = |now: &Message| {
            now.can("approve") && now.value_of("approve") != card.value_of("approve")
        };
        self.until("a newer offer", || Some(self.again(card)).filter(newer))
            .await
    }

    /// How many messages of a card's thread say something.
    pub fn says(&self, card: &Message, saying: &str) -> usize {
        self.slack
            .thread(CHANNEL, &card.ts)
            .iter()
            .skip(1)
            .filter(|reply| reply.text.contains(saying))
            .count()
    }

    /// Waits until a card says something.
    pub async fn card_says(&self, card: &Message, saying: &str) -> Message {
        let what = format!(
            "the card to say “{saying}”; it says:\n{}",
            self.again(card).words()
        );
        self.until(&what, || {
            Some(self.again(card)).filter(|card| card.words().contains(saying))
        })
        .await
    }

    /// What is on record under this word, oldest first. The chain must hold.
    pub fn audit(&self, what: &str) -> Vec<AuditRow> {
        self.store.read(verify_audit).unwrap().unwrap();
        let rows = self
            .store
            .read(|connection| list_audit(connection, None))
            .unwrap();
        rows.into_iter().filter(|row| row.what == what).collect()
    }

    /// The one row under this word: who did it, and its particulars.
    pub fn audited(&self, what: &str) -> (String, Value) {
        let rows = self.audit(what);
        assert_eq!(rows.len(), 1, "{what}: {rows:?}");
        (rows[0].actor.clone(), rows[0].detail.clone())
    }

    /// `metadata.generation` of a Deployment: counts the changes of its spec, whoever made them.
    pub fn generation(&self, name: &str) -> i64 {
        self.kube.get("Deployment", NAMESPACE, name).unwrap()["metadata"]["generation"]
            .as_i64()
            .unwrap()
    }

    /// Calls of a method of Slack's so far.
    pub fn calls(&self, method: &str) -> Vec<Call> {
        self.slack
            .calls()
            .into_iter()
            .filter(|call| call.method == method)
            .collect()
    }

    /// The texts of a card's thread, in order.
    pub fn thread_texts(&self, card: &Message) -> Vec<String> {
        self.slack
            .thread(CHANNEL, &card.ts)
            .into_iter()
            .skip(1)
            .map(|reply| reply.text)
            .collect()
    }

    /// Everything that Heal has said in the channel itself and in threads.
    pub fn everything_said(&self) -> String {
        self.slack
            .messages(CHANNEL)
            .iter()
            .map(Message::words)
            .collect::<Vec<_>>()
            .join("\n")
    }

    /// The memory in short: successes and failures of all fixes together.
    pub fn learnt(&self) -> (u32, u32) {
        let entries = self.store.load().unwrap().memory.entries();
        let sum = |of: fn(&heal::domain::memory::Tally) -> u32| {
            entries.iter().map(|entry| of(&entry.tally)).sum()
        };
        (sum(|tally| tally.successes), sum(|tally| tally.failures))
    }
}

/// A workload that works while the setting is good, and does something else while it is not. All its pods are replaced at
/// once when its template changes.
pub fn by_mode(name: &str, otherwise: &str) -> Value {
    let mut app = container(&format!("[ \"$MODE\" = good ] || {otherwise}; {WORKS}"));
    app["env"] = json!([{"name": "MODE", "valueFrom": {"configMapKeyRef": {"name": "settings", "key": "mode"}}}]);
    app["resources"] = json!({"limits": {"memory": "64Mi"}});
    let mut made = deployment(name, 2, WORKS);
    made["spec"]["strategy"] = json!({"type": "Recreate"});
    made["spec"]["template"]["spec"]["containers"][0] = app;
    made
}

/// What a message lets people do.
pub trait Can {
    /// Whether it has this button.
    fn can(&self, button: &str) -> bool;
    /// The value behind a button.
    fn value_of(&self, button: &str) -> String;
}

impl Can for Message {
    fn can(&self, button: &str) -> bool {
        self.action_ids().iter().any(|id| id == button)
    }

    fn value_of(&self, button: &str) -> String {
        let all = self
            .blocks
            .iter()
            .flat_map(|block| block["elements"].as_array().into_iter().flatten());
        let found = all
            .filter(|element| element["action_id"] == button)
            .find_map(|element| element["value"].as_str());
        found
            .unwrap_or_else(|| panic!("no {button} on {}", self.words()))
            .to_owned()
    }
}

impl Person {
    /// Presses a button of a card as it was on the screen a while ago: Slack's client does not always show the latest.
    pub async fn presses_as_seen(self, world: &World, card: &Message, button: &str) -> Answer {
        let payload = self.payload(card, button);
        let answer = world.slack.send(world.signed_click(&payload)).await;
        assert!(answer.is_ok(), "{button}: {answer:?}");
        answer
    }

    /// What Slack would send for a click.
    pub fn payload(self, card: &Message, button: &str) -> Value {
        let team = if self == Person::Stranger {
            "T0OTHER"
        } else {
            "T0HEAL"
        };
        json!({
            "type": "block_actions", "api_app_id": "A0HEAL", "team": {"id": "T0HEAL", "domain": "heal"},
            "user": {"id": self.id(), "team_id": team},
            "container": {"type": "message", "message_ts": card.ts, "channel_id": CHANNEL, "is_ephemeral": false},
            "channel": {"id": CHANNEL, "name": "ops"},
            "actions": [{"type": "button", "action_id": button, "block_id": "b", "value": card.value_of(button)}],
        })
    }

    /// Dismisses through the dialog.
    pub async fn dismisses(self, world: &World, card: &Message, reason: &str, comment: &str) {
        self.presses(world, card, "dismiss").await;
        let view = world
            .until("the dialog", || world.slack.views(self.id()).pop())
            .await;
        let values = json!({"reason": {"reason": reason}, "comment": {"comment": comment}});
        let answer = world
            .slack
            .submit_view(self.id(), &view.id, values)
            .await
            .unwrap();
        assert!(answer.is_ok(), "{answer:?}");
        assert!(world.slack.views(self.id()).is_empty());
    }
}

impl World {
    /// A click with a good signature of this moment.
    pub fn signed_click(&self, payload: &Value) -> SignedRequest {
        let form = form_urlencoded::Serializer::new(String::new())
            .append_pair("payload", &payload.to_string())
            .finish();
        self.slack.signed(INTERACTIVITY, form)
    }
}
