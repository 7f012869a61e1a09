//! Who a Slack user is, at the moment of a click: asked of Slack, remembered briefly, trusted never on a guess.
//!
//! A warm cache needs no call. One question per user and group is under way at a time, however many click at once; a question
//! that outlasts a click's patience goes on and warms the cache for the next one.
use super::api::{SlackApi, SlackError, User};
use crate::domain::policy::{Person, Policy, Standing};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::time::Instant;

/// What a user is changes rarely.
const USER_LIFE: Duration = Duration::from_secs(300);
/// Taking somebody out of an approvers' group must work soon.
const GROUP_LIFE: Duration = Duration::from_secs(60);
/// After a failure the next question waits this long, so that a crowd does not ask one by one.
const FAILURE_LIFE: Duration = Duration::from_secs(5);
/// All of a click's questions together: Slack wants its answer after three seconds.
const BUDGET: Duration = Duration::from_secs(2);
/// Users remembered; more than will press buttons within five minutes.
const USERS_KEPT: usize = 1_000;

/// A remembered answer: when it was given, and what it was.
type Answer<T> = Option<(Instant, Result<T, SlackError>)>;
/// One slot per key; its lock is held while Slack is being asked.
type Slots<T> = Mutex<HashMap<String, Arc<tokio::sync::Mutex<Answer<T>>>>>;

/// The people of the workspace.
#[derive(Clone)]
pub struct People(Arc<Inner>);

struct Inner {
    api: SlackApi,
    policy: Policy,
    users: Slots<User>,
    groups: Slots<Vec<String>>,
}

impl People {
    /// People as `policy` needs to know them: the groups that it names, and the pinned workspace.
    pub fn new(api: SlackApi, policy: Policy) -> Self {
        Self(Arc::new(Inner {
            api,
            policy,
            users: Slots::default(),
            groups: Slots::default(),
        }))
    }

    /// Whether and why an outsider may not speak at all.
    pub fn policy(&self) -> &Policy {
        &self.0.policy
    }

    /// Asks for the members of all groups, so that the first click need not.
    pub async fn warm(&self) {
        let groups = self.group_ids();
        futures::future::join_all(groups.iter().map(|group| self.group(group))).await;
    }

    /// The person with this user id. Answers within two seconds: what is not known by then leaves them unverified.
    pub async fn person(&self, id: &str) -> Person {
        let nobody = Person {
            id: id.to_owned(),
            standing: Standing::Unverified,
            ..Person::default()
        };
        tokio::time::timeout(BUDGET, self.find(id))
            .await
            .unwrap_or(nobody)
    }

    async fn find(&self, id: &str) -> Person {
        let groups = self.group_ids();
        let asked = futures::future::join_all(groups.iter().map(|group| self.group(group)));
        let (user, asked) = tokio::join!(self.user(id), asked);
        let mut person = Person {
            id: id.to_owned(),
            standing: Standing::Unverified,
            ..Person::default()
        };
        let user = match user {
            Ok(user) => user,
            // A user whom this workspace does not know at all.
            Err(SlackError::NotFound(_)) => {
                person.standing = Standing::Stranger;
                return person;
            }
            Err(error) => {
                tracing::warn!(user = id, %error, "slack.people.unverified");
                return person;
            }
        };
        let mut all_known = true;
        for (group, members) in groups.iter().zip(asked) {
            match members {
                Ok(members) if members.iter().any(|member| member == id) => {
                    person.groups.push(group.clone());
                }
                Ok(_) => {}
                Err(error) => {
                    tracing::warn!(group, %error, "slack.people.group_unknown");
                    all_known = false;
                }
            }
        }
        person.standing = self.standing(&user);
        person.team = user.team_id.unwrap_or_default();
        // Somebody named by id needs no group. Of anybody else it would be a guess that they are in none.
        let named = self.0.policy.rules.iter();
        let named = named.flat_map(|rule| &rule.users).any(|user| user == id);
        let in_some_group = !person.groups.is_empty();
        if person.standing == Standing::Member && !all_known && !named && !in_some_group {
            person.standing = Standing::Unverified;
        }
        person
    }

    fn standing(&self, user: &User) -> Standing {
        let home = &self.0.policy.team;
        let elsewhere = !home.is_empty() && user.team_id.as_ref() != Some(home);
        if user.deleted {
            Standing::Deleted
        } else if user.is_bot {
            Standing::Bot
        } else if user.is_stranger || elsewhere {
            Standing::Stranger
        } else if user.is_restricted || user.is_ultra_restricted {
            Standing::Guest
        } else {
            Standing::Member
        }
    }

    fn group_ids(&self) -> Vec<String> {
        let mut ids: Vec<String> = self.0.policy.groups().cloned().collect();
        ids.sort();
        ids.dedup();
        ids
    }

    async fn user(&self, id: &str) -> Result<User, SlackError> {
        let (api, key) = (self.0.api.clone(), id.to_owned());
        remember(
            &self.0.users,
            id,
            USER_LIFE,
            async move { api.user(&key).await },
        )
        .await
    }

    async fn group(&self, id: &str) -> Result<Vec<String>, SlackError> {
        let (api, key) = (self.0.api.clone(), id.to_owned());
        remember(&self.0.groups, id, GROUP_LIFE, async move {
            api.group(&key).await
        })
        .await
    }
}

/// The remembered answer if it is fresh, else a new one from `ask`.
async fn remember<T: Clone + Send + 'static>(
    slots: &Slots<T>,
    key: &str,
    life: Duration,
    ask: impl Future<Output = Result<T, SlackError>> + Send + 'static,
) -> Result<T, SlackError> {
    let slot = {
        let mut slots = slots.lock().unwrap_or_else(PoisonError::into_inner);
        if slots.len() >= USERS_KEPT && !slots.contains_key(key) {
            slots.retain(|_, slot| {
                slot.try_lock()
                    .map_or(true, |answer| is_fresh(&answer, life))
            });
        }
        slots.entry(key.to_owned()).or_default().clone()
    };
    let mut answer = slot.lock_owned().await;
    if let Some((_, known)) = answer.as_ref().filter(|_| is_fresh(&answer, life)) {
        return known.clone();
    }
    // A task of its own: whoever waits may give up, the answer is still worth having.
    let asking = tokio::spawn(async move {
        let new = ask.await;
        *answer = Some((Instant::now(), new.clone()));
        new
    });
    asking
        .await
        .unwrap_or_else(|error| Err(SlackError::Unsent(error.to_string())))
}

fn is_fresh<T>(answer: &Answer<T>, life: Duration) -> bool {
    answer.as_ref().is_some_and(|(at, known)| {
        let life = if known.is_ok() { life } else { FAILURE_LIFE };
        at.elapsed() < life
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        domain::{action::ActionKind, policy::Rule},
        sim::slack::{Fault, SlackSim, SlackSimOptions, User as SimUser, Usergroup},
        wire::in_process,
    };

    fn workspace() -> SlackSim {
        let member = |id: &str| SimUser::new(id, id);
        let users = vec![
            member("U1"),
            member("U2"),
            SimUser {
                is_restricted: true,
                ..member("UGUEST")
            },
            SimUser {
                is_ultra_restricted: true,
                ..member("UGUEST1")
            },
            SimUser {
                is_bot: true,
                ..member("UBOT")
            },
            SimUser {
                deleted: true,
                ..member("UGONE")
            },
            SimUser {
                is_stranger: true,
                team_id: Some("T2".into()),
                ..member("UALIEN")
            },
            SimUser {
                team_id: Some("T2".into()),
                ..member("UOTHER")
            },
        ];
        SlackSim::new(SlackSimOptions {
            team_id: "T1".into(),
            users,
            usergroups: vec![Usergroup::new("S1", "sre", &["U1"])],
            ..SlackSimOptions::default()
        })
    }

    fn people(sim: &SlackSim) -> People {
        let api = SlackApi::new(
            in_process(sim.router()),
            "http://slack.local/api".parse().unwrap(),
            &"xoxb-simulated".into(),
        );
        let policy = Policy {
            team: "T1".into(),
            rules: vec![Rule {
                actions: vec![ActionKind::RolloutUndo],
                namespaces: vec!["*".into()],
                users: vec!["U2".into()],
                groups: vec!["S1".into()],
                approvals: 1,
            }],
        };
        People::new(api, policy)
    }

    #[tokio::test(start_paused = true)]
    async fn a_member_is_known_with_the_groups_that_the_policy_names() {
        let sim = workspace();
        let people = people(&sim);
        let person = people.person("U1").await;
        assert_eq!(
            (person.standing, person.team.as_str()),
            (Standing::Member, "T1")
        );
        assert_eq!(person.groups, ["S1"]);
        assert_eq!(people.person("U2").await.groups, Vec::<String>::new());
    }

    #[tokio::test(start_paused = true)]
    async fn outsiders_are_told_apart() {
        let sim = workspace();
        let people = people(&sim);
        for (id, standing) in [
            ("UGUEST", Standing::Guest),
            ("UGUEST1", Standing::Guest),
            ("UBOT", Standing::Bot),
            ("UGONE", Standing::Deleted),
            ("UALIEN", Standing::Stranger),
            ("UOTHER", Standing::Stranger),
            ("UNKNOWN", Standing::Stranger),
        ] {
            assert_eq!(people.person(id).await.standing, standing, "{id}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_warm_cache_needs_no_call_and_a_crowd_asks_once() {
        let sim = workspace();
        let people = people(&sim);
        let crowd = (0..20).map(|_| people.person("U1"));
        futures::future::join_all(crowd).await;
        assert_eq!(sim.calls().len(), 2);
        sim.set_down(true);
        assert_eq!(people.person("U1").await.standing, Standing::Member);
        assert_eq!(sim.calls().len(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn leaving_the_group_counts_after_a_minute_and_an_outage_never_grants() {
        let sim = workspace();
        let people = people(&sim);
        assert_eq!(people.person("U1").await.groups, ["S1"]);
        tokio::time::advance(Duration::from_secs(61)).await;
        sim.set_down(true);
        // The user is still remembered, the group is not.
        assert_eq!(people.person("U1").await.standing, Standing::Unverified);
        // Named by id: needs no group.
        sim.set_down(false);
        people.person("U2").await;
        tokio::time::advance(Duration::from_secs(61)).await;
        sim.set_down(true);
        assert_eq!(people.person("U2").await.standing, Standing::Member);
        // But needs standing.
        tokio::time::advance(Duration::from_secs(300)).await;
        assert_eq!(people.person("U2").await.standing, Standing::Unverified);
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_slack_leaves_a_person_unverified_within_two_seconds_and_known_soon_after() {
        let sim = workspace();
        let people = people(&sim);
        sim.fail(Some("users.info"), Fault::Hang(Duration::from_secs(4)), 1);
        let start = Instant::now();
        assert_eq!(people.person("U1").await.standing, Standing::Unverified);
        assert_eq!(start.elapsed(), BUDGET);
        tokio::time::sleep(Duration::from_secs(3)).await;
        sim.set_down(true);
        assert_eq!(people.person("U1").await.standing, Standing::Member);
    }
}
