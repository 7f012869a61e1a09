//! `heal check` as the binary: on the simulated cluster and the local workspace it finds what is wrong there.
use crate::support::{
    installation::{CHANNEL, Installation},
    place::{Place, simulated},
};
use heal::sim::{kube::KubeSim, slack::SlackSimOptions};
use jiff::{SignedDuration, Timestamp};
use std::sync::Arc;

/// What `heal check` says about this cluster and this workspace.
async fn checked(
    name: &str,
    cluster: impl FnOnce(&KubeSim),
    slack: impl FnOnce(&mut SlackSimOptions),
) -> (Option<i32>, String) {
    let place = simulated().await;
    if let Place::Simulated { cluster: sim, .. } = &place {
        cluster(sim);
    }
    let installation = Installation::prepared(place, name, "", slack).await;
    installation.check().await
}

/// The lines of findings that are not simply fine, with their remedies.
fn findings(text: &str) -> String {
    let odd = |line: &&str| {
        line.starts_with("PROBLEM") || line.starts_with("warning") || line.contains('→')
    };
    text.lines().filter(odd).collect::<Vec<_>>().join("\n")
}

fn shipped_scopes(options: &mut SlackSimOptions) {
    let shipped = [
        "chat:write",
        "commands",
        "users:read",
        "usergroups:read",
        "files:write",
    ];
    options.scopes = shipped.map(str::to_owned).to_vec();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn when_all_is_well_it_says_so_line_by_line_and_ends_with_0() {
    let (code, text) = checked("check-well", |_| {}, |_| {}).await;
    assert_eq!(code, Some(0), "{text}");
    insta::assert_snapshot!(text, @r#"
    ok       configuration: cluster test
    ok       database …/heal.db: can be created
    ok       cluster: Kubernetes v1.36.2
    ok       permission to get pods
    ok       permission to list pods
    ok       permission to watch pods
    ok       permission to list events
    ok       permission to watch events
    ok       permission to get nodes
    ok       permission to list nodes
    ok       permission to watch nodes
    ok       permission to get deployments.apps
    ok       permission to list deployments.apps
    ok       permission to watch deployments.apps
    ok       permission to get replicasets.apps
    ok       permission to list replicasets.apps
    ok       permission to watch replicasets.apps
    ok       permission to get statefulsets.apps
    ok       permission to list statefulsets.apps
    ok       permission to watch statefulsets.apps
    ok       permission to get daemonsets.apps
    ok       permission to list daemonsets.apps
    ok       permission to watch daemonsets.apps
    ok       permission to get jobs.batch
    ok       permission to list jobs.batch
    ok       permission to watch jobs.batch
    ok       permission to get cronjobs.batch
    ok       permission to get pods/log
    ok       permission to get controllerrevisions.apps
    ok       permission to list controllerrevisions.apps
    ok       permission to get configmaps
    ok       permission to list configmaps
    ok       permission to list resourcequotas
    ok       permission to list limitranges
    ok       permission to list horizontalpodautoscalers.autoscaling
    ok       permission to list pods.metrics.k8s.io
    ok       permission to list poddisruptionbudgets.policy
    ok       permission to patch deployments.apps in shop
    ok       permission to patch statefulsets.apps in shop
    ok       permission to patch daemonsets.apps in shop
    ok       permission to delete pods in shop
    ok       permission to patch deployments/scale.apps in shop
    ok       permission to patch statefulsets/scale.apps in shop
    ok       memory figures of metrics.k8s.io: working set, which may hold page cache; 0 of 0 running containers
    ok       Slack token: bot UBOT0HEAL of Heal
    ok       Slack workspace: T0HEAL
    ok       Slack app: A0HEAL
    ok       Slack scope chat:write
    ok       Slack scope commands
    ok       Slack scope users:read
    ok       Slack scope files:write
    ok       Slack channel C0OPS: the bot is in it
    ok       clock: in step with Slack's

    0 problems, 0 warnings, 53 things checked.
    "#);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_forbidden_permission_is_a_problem_with_the_role_that_grants_it() {
    let forbid = |cluster: &KubeSim| {
        cluster.deny("list", "events");
        cluster.deny("get", "cronjobs");
        cluster.deny("patch", "statefulsets");
    };
    let (code, text) = checked("check-forbidden", forbid, |_| {}).await;
    assert_eq!(code, Some(3), "{text}");
    insta::assert_snapshot!(findings(&text), @r#"
    PROBLEM  permission to list events: denied; needed to watch for trouble
             → kubectl apply -f manifests/rbac-observe.yaml
    PROBLEM  permission to get cronjobs.batch: denied; needed to find the runs of a CronJob
             → kubectl apply -f manifests/rbac-observe.yaml
    PROBLEM  permission to patch statefulsets.apps in shop: denied; needed to change a StatefulSet
             → kubectl apply -f manifests/rbac-act.yaml, or actions.enabled without what needs it
    "#);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bot_outside_the_channel_is_a_problem() {
    let outside = |options: &mut SlackSimOptions| options.channels[0].app_is_member = false;
    let (code, text) = checked("check-outside", |_| {}, outside).await;
    assert_eq!(code, Some(3), "{text}");
    insta::assert_snapshot!(findings(&text), @r#"
    PROBLEM  Slack channel C0OPS: the bot is not in it
             → in the channel: /invite @heal
    "#);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_the_shipped_scopes_the_channel_cannot_be_told_and_the_app_can() {
    let (code, text) = checked("check-scopes", |_| {}, shipped_scopes).await;
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("ok       Slack app: A0HEAL\n"), "{text}");
    insta::assert_snapshot!(findings(&text), @r#"
    warning  Slack channel C0OPS: it cannot be told whether the bot is in it: the token lacks the optional scope channels:read (private channels: groups:read)
             → in the channel: /invite @heal (it says so if the bot is in it); or add the scope and reinstall the app
    "#);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_of_another_app_is_a_problem() {
    let other = |options: &mut SlackSimOptions| options.app_id = "A0OTHER".to_owned();
    let (code, text) = checked("check-app", |_| {}, other).await;
    assert_eq!(code, Some(3), "{text}");
    insta::assert_snapshot!(findings(&text), @r#"
    PROBLEM  Slack app: the token belongs to A0OTHER, and slack.app_id pins A0HEAL: every click would be refused
             → the token of the pinned app, or its id in slack.app_id
    "#);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clock_out_of_step_is_a_problem() {
    let ahead = |options: &mut SlackSimOptions| {
        options.clock = Arc::new(|| Timestamp::now() + SignedDuration::from_secs(630));
    };
    let (code, text) = checked("check-clock", |_| {}, ahead).await;
    assert_eq!(code, Some(3), "{text}");
    insta::assert_snapshot!(findings(&text), @r#"
    PROBLEM  clock: 10 min behind Slack's: requests that look older than 5 min are refused
             → set the clock (NTP) of the machine or node
    "#);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_problems_are_told_at_once_and_a_wrong_token_is_one() {
    let wrong = |options: &mut SlackSimOptions| options.bot_token = "xoxb-another".to_owned();
    let forbid = |cluster: &KubeSim| {
        cluster.deny("watch", "pods");
        cluster.deny("delete", "pods");
    };
    let (code, text) = checked("check-several", forbid, wrong).await;
    assert_eq!(code, Some(3), "{text}");
    insta::assert_snapshot!(findings(&text), @r#"
    PROBLEM  permission to watch pods: denied; needed to watch for trouble
             → kubectl apply -f manifests/rbac-observe.yaml
    PROBLEM  permission to delete pods in shop: denied; needed to delete a pod
             → kubectl apply -f manifests/rbac-act.yaml, or actions.enabled without what needs it
    PROBLEM  Slack token: Slack refused: invalid_auth
             → the Bot User OAuth Token of the installed app, from OAuth & Permissions; a way to slack.com:443
    "#);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_channel_that_is_not_there_is_a_problem_for_a_token_that_would_see_it() {
    let gone = |options: &mut SlackSimOptions| {
        options.channels.retain(|channel| channel.id != CHANNEL);
        options.scopes.push("groups:read".to_owned());
    };
    let (code, text) = checked("check-channel", |_| {}, gone).await;
    assert_eq!(code, Some(3), "{text}");
    insta::assert_snapshot!(findings(&text), @r#"
    PROBLEM  Slack channel C0OPS: there is none with this id, or it is private and the bot is not in it
             → the id from the bottom of the channel's details; in a private channel: /invite @heal
    "#);
}
