//! The people of the scenarios, and what they do in Slack.
use super::world::{CHANNEL, World};
use heal::sim::slack::{Answer, Message, User};

/// One of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Person {
    /// On call; may approve.
    Olivia,
    /// Also may approve.
    Omar,
    /// A member who may not.
    Ivan,
    /// May approve where a rule names the group that she is in.
    Grace,
    /// A guest, although a rule names her.
    Guest,
    /// An app, although a rule names it.
    Robot,
    /// Somebody of another workspace.
    Stranger,
}

impl Person {
    pub const ALL: [Person; 7] = [
        Person::Olivia,
        Person::Omar,
        Person::Ivan,
        Person::Grace,
        Person::Guest,
        Person::Robot,
        Person::Stranger,
    ];

    pub fn id(self) -> &'static str {
        match self {
            Person::Olivia => "U0OLIVIA",
            Person::Omar => "U0OMAR",
            Person::Ivan => "U0IVAN",
            Person::Grace => "U0GRACE",
            Person::Guest => "U0GUEST",
            Person::Robot => "U0ROBOT",
            Person::Stranger => "U0STRANGER",
        }
    }

    pub fn user(self) -> User {
        let mut user = User::new(self.id(), &format!("{self:?}").to_lowercase());
        match self {
            Person::Guest => user.is_restricted = true,
            Person::Robot => user.is_bot = true,
            Person::Stranger => {
                user.is_stranger = true;
                user.team_id = Some("T0OTHER".into());
            }
            _ => {}
        }
        user
    }

    /// Presses a button of a card. Slack must be content with the answer.
    pub async fn presses(self, world: &World, card: &Message, button: &str) -> Answer {
        let answer = world
            .slack
            .click(self.id(), CHANNEL, &card.ts, button)
            .await
            .unwrap();
        assert!(answer.is_ok(), "{button}: {answer:?}");
        answer
    }

    /// Approves; the card must be decided then.
    pub async fn approves(self, world: &World, card: &Message) {
        self.presses(world, card, "approve").await;
        let decided = || {
            let now = world.again(card);
            (!now.action_ids().iter().any(|id| id == "approve")).then_some(())
        };
        world.until("the decision on the card", decided).await;
    }

    /// Chooses from a card's menu.
    pub async fn chooses(self, world: &World, card: &Message, option: &str) {
        let ids: Vec<String> = options(card);
        let full = ids
            .iter()
            .find(|id| id.starts_with(option))
            .unwrap_or_else(|| panic!("no {option} in {ids:?}"));
        let answer = world
            .slack
            .select(self.id(), CHANNEL, &card.ts, "more", full)
            .await
            .unwrap();
        assert!(answer.is_ok(), "{option}: {answer:?}");
    }

    /// Types `/heal …` and reads the answer.
    pub async fn types(self, world: &World, text: &str) -> String {
        let answer = world
            .slack
            .command(self.id(), CHANNEL, "/heal", text)
            .await
            .unwrap();
        assert!(answer.is_ok(), "/heal {text}: {answer:?}");
        words(&answer.json())
    }

    /// What only this person was told so far.
    pub fn was_told(self, world: &World) -> String {
        world
            .slack
            .ephemerals(self.id())
            .iter()
            .map(Message::words)
            .collect::<Vec<_>>()
            .join("\n")
    }

    /// Waits until this person was told something.
    pub async fn is_told(self, world: &World, saying: &str) {
        world
            .until(&format!("{self:?} to be told “{saying}”"), || {
                self.was_told(world).contains(saying).then_some(())
            })
            .await;
    }
}

fn options(card: &Message) -> Vec<String> {
    let mut found = Vec::new();
    for block in &card.blocks {
        for element in block["elements"].as_array().into_iter().flatten() {
            for option in element["options"].as_array().into_iter().flatten() {
                found.extend(option["value"].as_str().map(str::to_owned));
            }
        }
    }
    found
}

fn words(json: &serde_json::Value) -> String {
    match json {
        serde_json::Value::String(text) => text.clone(),
        serde_json::Value::Array(items) => items.iter().map(words).collect::<Vec<_>>().join("\n"),
        serde_json::Value::Object(fields) => {
            fields.values().map(words).collect::<Vec<_>>().join("\n")
        }
        _ => String::new(),
    }
}
