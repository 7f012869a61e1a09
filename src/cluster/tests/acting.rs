//! Changes are made once, on the object that was diagnosed, and only while it is broken.
use super::*;
use crate::domain::{
    action::{EXECUTION_ANNOTATION, RevisionRef},
    incident::{Execution, Incident, IncidentId, Latest, State},
    policy::Person,
    proposal::{Approval, Proposal},
};
use crate::sim::kube::RequestMatcher;

/// An approval of this action, as it was dry-run.
fn approved(owner: &ObjectRef, family: Family, action: &Action, dry_run: &DryRun) -> Approved {
    let at = Timestamp::UNIX_EPOCH;
    let approval = Approval {
        by: Person::default(),
        at,
    };
    let proposal = Proposal {
        number: 1,
        token: "token".into(),
        action: action.clone(),
        reason: String::new(),
        risk: action.kind().risk(),
        dry_run: dry_run.clone(),
        record: Default::default(),
        warnings: vec![],
        expires: at,
        approvals: vec![approval],
        approvals_needed: 1,
    };
    let execution = Execution {
        id: "H1-1".into(),
        proposal,
        decided: at,
        applied: None,
    };
    let incident = Incident {
        id: IncidentId(1),
        cluster: "sim".into(),
        owner: owner.clone(),
        family,
        opened: at,
        latest: Latest {
            at,
            subject: owner.clone(),
            container: None,
            reason: String::new(),
            message: String::new(),
        },
        signals: 1,
        runs: None,
        state: State::Executing { execution },
        diagnosis: None,
        managed_by: None,
        forecast: None,
        tries: vec![],
        muted: None,
        clear_since: None,
        request: 0,
        proposals: 1,
        wake: None,
        seed: String::new(),
        before: vec![],
    };
    Approved::of(&incident).unwrap()
}

/// A Deployment that was fine and is broken by its second revision, and the undo of that.
async fn broken(world: &World) -> (ObjectRef, Action) {
    world.apply("web", 2, BUSYBOX, FINE);
    pass(60).await;
    let owner = world.apply("web", 2, "nosuch:9", FINE);
    pass(60).await;
    let subject = world.subject(&owner, Family::Image);
    let evidence = world.cluster.inspect(subject).await.unwrap();
    assert!(evidence.gaps.is_empty(), "{:?}", evidence.gaps);
    let of = |index: usize| RevisionRef {
        number: evidence.revisions[index].number,
        name: evidence.revisions[index].name.clone(),
    };
    assert!(evidence.revisions[0].current && evidence.revisions[1].available > 0);
    let action = Action::RolloutUndo {
        target: owner.clone(),
        to: of(1),
        from: of(0),
    };
    (owner, action)
}

fn patches(world: &World) -> usize {
    let requests = world.sim.requests();
    let real = |query: &str| !query.contains("dryRun");
    requests
        .iter()
        .filter(|r| r.method == "PATCH" && real(&r.query))
        .count()
}

#[tokio::test(start_paused = true)]
async fn an_undo_is_dry_run_made_once_and_followed_until_it_is_complete() {
    let world = World::new(|_| {});
    let (owner, action) = broken(&world).await;
    let dry_run = world.cluster.dry_run(action.clone()).await.unwrap();
    assert_eq!(
        dry_run.diff,
        ["containers[app].image: nosuch:9 → busybox:1.36"]
    );
    assert_eq!((dry_run.generation, dry_run.refusal.clone()), (2, None));
    let before = world.sim.get("Deployment", "shop", "web").unwrap();
    assert_eq!(before["metadata"]["generation"], 2, "nothing was changed");

    let subject = world.subject(&owner, Family::Image);
    let approved = approved(&owner, Family::Image, &action, &dry_run);
    let first = world
        .cluster
        .execute(approved.clone(), subject.clone())
        .await;
    let Outcome::Applied {
        generation,
        at,
        available_before,
        after,
    } = first
    else {
        panic!("{first:?}");
    };
    assert_eq!((generation, available_before), (3, 2));
    assert_eq!(after, dry_run.diff, "what the dry run promised");
    let again = world.cluster.execute(approved, subject.clone()).await;
    assert!(
        matches!(again, Outcome::Applied { generation: 3, .. }),
        "{again:?}"
    );
    assert_eq!(patches(&world), 1, "the second call found its mark");

    pass(60).await;
    let after = Subject {
        after: Some(("H1-1".into(), action, at)),
        ..subject
    };
    let seen = world.cluster.observe(after).await.unwrap();
    let target = seen.target.unwrap();
    assert!(target.complete && seen.symptom.is_none(), "{seen:?}");
    assert_eq!(target.persisted, Some(true));
    assert_eq!(seen.summary, "2 of 2 pods ready");
    let now = world.sim.get("Deployment", "shop", "web").unwrap();
    assert_eq!(now["metadata"]["annotations"][EXECUTION_ANNOTATION], "H1-1");
    let labels = &now["spec"]["template"]["metadata"]["labels"];
    assert_eq!(
        labels,
        &json!({"app": "web"}),
        "no hash of the old revision"
    );
}

#[tokio::test(start_paused = true)]
async fn what_was_changed_healed_or_replaced_since_the_diagnosis_is_left_alone() {
    let world = World::new(|_| {});
    let (owner, action) = broken(&world).await;
    let dry_run = world.cluster.dry_run(action.clone()).await.unwrap();
    let subject = world.subject(&owner, Family::Image);
    let approved = approved(&owner, Family::Image, &action, &dry_run);
    world.apply("web", 2, "nosuch:10", FINE);
    let moved = world
        .cluster
        .execute(approved.clone(), subject.clone())
        .await;
    assert_eq!(
        moved,
        Outcome::Stale {
            why: "it was changed since the diagnosis (generation 2 then, 3 now)".into()
        }
    );
    assert!(world.sim.delete("Deployment", "shop", "web"));
    pass(60).await;
    world.apply("web", 2, "nosuch:9", FINE);
    let replaced = world.cluster.execute(approved, subject).await;
    assert_eq!(
        replaced,
        Outcome::Stale {
            why: "Deployment shop/web is gone".into()
        }
    );
    assert_eq!(patches(&world), 0);
}

#[tokio::test(start_paused = true)]
async fn a_restart_of_what_works_again_is_not_made() {
    let world = World::new(|_| {});
    let owner = world.apply("web", 1, BUSYBOX, FINE);
    pass(60).await;
    let action = Action::RolloutRestart {
        target: owner.clone(),
    };
    let dry_run = world.cluster.dry_run(action.clone()).await.unwrap();
    let approved = approved(&owner, Family::Crash, &action, &dry_run);
    let subject = world.subject(&owner, Family::Crash);
    assert_eq!(
        world.cluster.execute(approved, subject).await,
        Outcome::Healed
    );
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_is_found_out_and_the_change_is_made_once() {
    let world = World::new(|_| {});
    let (owner, action) = broken(&world).await;
    let dry_run = world.cluster.dry_run(action.clone()).await.unwrap();
    let subject = world.subject(&owner, Family::Image);
    let approved = approved(&owner, Family::Image, &action, &dry_run);
    let patch = RequestMatcher::new(http::Method::PATCH, "deployments/web");
    world.sim.fail_next(patch, 504, 2);
    let outcome = world.cluster.execute(approved, subject).await;
    assert!(
        matches!(outcome, Outcome::Applied { generation: 3, .. }),
        "{outcome:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn what_the_server_refuses_is_refused_in_its_words_at_once() {
    let world = World::new(|_| {});
    let (owner, action) = broken(&world).await;
    let dry_run = world.cluster.dry_run(action.clone()).await.unwrap();
    let subject = world.subject(&owner, Family::Image);
    let approved = approved(&owner, Family::Image, &action, &dry_run);
    world.sim.deny("patch", "deployments");
    let before = tokio::time::Instant::now();
    let outcome = world.cluster.execute(approved, subject).await;
    let Outcome::Refused { why } = outcome else {
        panic!("{outcome:?}");
    };
    assert!(why.contains("cannot patch"), "{why}");
    assert_eq!(before.elapsed(), Duration::ZERO);
    let dry_run = world.cluster.dry_run(action).await.unwrap();
    assert!(
        dry_run
            .refusal
            .is_some_and(|why| why.contains("cannot patch"))
    );
}

#[tokio::test(start_paused = true)]
async fn a_cluster_that_stays_silent_leaves_it_unknown() {
    let world = World::new(|_| {});
    let (owner, action) = broken(&world).await;
    let dry_run = world.cluster.dry_run(action.clone()).await.unwrap();
    let subject = world.subject(&owner, Family::Image);
    let approved = approved(&owner, Family::Image, &action, &dry_run);
    world.sim.set_down(true);
    let outcome = world.cluster.execute(approved, subject).await;
    assert!(matches!(outcome, Outcome::Unknown { .. }), "{outcome:?}");
}

#[tokio::test(start_paused = true)]
async fn a_memory_limit_that_helps_is_seen_to_persist() {
    let world = World::new(|_| {});
    let owner = world.apply("web", 1, BUSYBOX, "leak 50 10");
    pass(60).await;
    let action = Action::SetMemoryLimit {
        target: owner.clone(),
        container: "app".into(),
        from: 64 << 20,
        to: 128 << 20,
        request: Some(128 << 20),
    };
    let dry_run = world.cluster.dry_run(action.clone()).await.unwrap();
    assert_eq!(
        dry_run.diff[0],
        "containers[app].resources.limits.memory: 64Mi → 128Mi"
    );
    let approved = approved(&owner, Family::Oom, &action, &dry_run);
    let subject = world.subject(&owner, Family::Oom);
    let outcome = world.cluster.execute(approved, subject.clone()).await;
    let Outcome::Applied { at, .. } = outcome else {
        panic!("{outcome:?}");
    };
    pass(30).await;
    let after = Subject {
        after: Some(("H1-1".into(), action, at)),
        ..subject
    };
    let seen = world.cluster.observe(after).await.unwrap();
    assert_eq!(seen.target.unwrap().persisted, Some(true));
    let symptom = seen.symptom.unwrap();
    assert!(
        symptom.on_new_pod && symptom.family == Family::Oom,
        "it leaks on: {symptom:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn what_an_autoscaler_scales_is_not_scaled_by_anybody_else() {
    let world = World::new(|_| {});
    let owner = world.apply("web", 1, BUSYBOX, "sleep 1; exit 1");
    pass(60).await;
    let scale = Action::Scale {
        target: owner.clone(),
        from: 1,
        to: 2,
    };
    let allowed = world.cluster.dry_run(scale.clone()).await.unwrap();
    assert_eq!(allowed.refusal, None);
    let autoscaler = |target: &str| {
        world.sim.apply(json!({
            "apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": {"name": "web-hpa", "namespace": "shop"},
            "spec": {"maxReplicas": 5, "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": target}},
        }))
    };
    autoscaler("web").unwrap();
    let refused = world.cluster.dry_run(scale.clone()).await.unwrap();
    insta::assert_snapshot!(refused.refusal.unwrap(), @"autoscaler web-hpa owns the number of pods");
    // It came between the offer and the approval.
    let approved = approved(&owner, Family::Crash, &scale, &allowed);
    let subject = world.subject(&owner, Family::Crash);
    let outcome = world.cluster.execute(approved, subject).await;
    assert!(matches!(outcome, Outcome::Refused { .. }), "{outcome:?}");
    assert_eq!(patches(&world), 0, "not even marked");
}

#[tokio::test(start_paused = true)]
async fn one_pod_is_deleted_and_one_scale_is_changed_once() {
    let world = World::new(|_| {});
    let owner = world.apply("web", 1, BUSYBOX, "sleep 1; exit 1");
    pass(60).await;
    let name = world.sim.list("Pod", Some("shop"))[0]["metadata"]["name"]
        .as_str()
        .unwrap()
        .to_owned();
    let delete = Action::DeletePod {
        pod: world.object("Pod", "shop", &name),
        target: owner.clone(),
    };
    let scale = Action::Scale {
        target: owner.clone(),
        from: 1,
        to: 2,
    };
    let subject = world.subject(&owner, Family::Crash);
    for action in [delete, scale] {
        let dry_run = world.cluster.dry_run(action.clone()).await.unwrap();
        assert_eq!(dry_run.refusal, None);
        let approved = approved(&owner, Family::Crash, &action, &dry_run);
        for _ in 0..2 {
            let outcome = world
                .cluster
                .execute(approved.clone(), subject.clone())
                .await;
            assert!(
                matches!(outcome, Outcome::Applied { .. }),
                "{action:?} {outcome:?}"
            );
        }
        pass(60).await;
        // The next action is another execution: take the mark of this one away.
        let mut object = world.sim.get("Deployment", "shop", "web").unwrap();
        object["metadata"]["annotations"][EXECUTION_ANNOTATION] = json!("another");
        world.sim.apply(object).unwrap();
        pass(5).await;
    }
    assert!(world.sim.list("Pod", Some("shop")).len() >= 2);
    let deletes = world.sim.requests();
    let deletes = deletes
        .iter()
        .filter(|r| r.method == "DELETE" && r.body["dryRun"].is_null());
    assert_eq!(deletes.count(), 1);
}
