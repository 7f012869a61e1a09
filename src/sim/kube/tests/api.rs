//! The API: lists, watches, patches, deletions, evictions and faults.

use futures::{StreamExt, TryStreamExt, pin_mut};
use http::Method;
use k8s_openapi::api::{
    apps::v1::Deployment,
    authorization::v1::{ResourceAttributes, SelfSubjectAccessReview, SelfSubjectAccessReviewSpec},
    core::v1::{ConfigMap, Pod},
    policy::v1::Eviction,
};
use kube::{
    Api, ResourceExt,
    api::{DeleteParams, ListParams, LogParams, Patch, PatchParams, PostParams, Preconditions},
    core::WatchEvent,
    runtime::watcher,
};
use serde_json::json;

use super::*;
use crate::sim::kube::RequestMatcher;

fn config_map(name: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"key": "value"}})
}

fn code(error: kube::Error) -> (u16, String) {
    match error {
        kube::Error::Api(status) => (status.code, status.reason.clone()),
        other => panic!("not an API error: {other}"),
    }
}

#[tokio::test(start_paused = true)]
async fn a_list_comes_in_pages_and_selectors_narrow_it() {
    let sim = KubeSim::new(Options {
        kubelet: false,
        ..options()
    });
    for number in 0..25 {
        let mut object = pod(&format!("pod-{number:02}"), container("sleep 1"));
        object["metadata"]["labels"] = json!({"tier": if number < 5 { "front" } else { "back" }});
        sim.apply(object).unwrap();
    }
    let pods: Api<Pod> = Api::default_namespaced(client(&sim));
    let first = pods.list(&ListParams::default().limit(10)).await.unwrap();
    assert_eq!(
        (first.items.len(), first.metadata.remaining_item_count),
        (10, Some(15))
    );
    let token = first.metadata.continue_.unwrap();
    let second = pods
        .list(&ListParams::default().limit(20).continue_token(&token))
        .await
        .unwrap();
    assert_eq!(
        (second.items.len(), second.items[0].name_any().as_str()),
        (15, "pod-10")
    );
    let front = pods
        .list(&ListParams::default().labels("tier in (front)"))
        .await
        .unwrap();
    assert_eq!(front.items.len(), 5);
    let one = pods
        .list(&ListParams::default().fields("metadata.name=pod-07"))
        .await
        .unwrap();
    assert_eq!(one.items.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_watch_delivers_changes_at_once_and_ends_with_410_when_history_is_gone() {
    let sim = KubeSim::new(options());
    let maps: Api<ConfigMap> = Api::default_namespaced(client(&sim));
    let version = maps
        .list(&ListParams::default())
        .await
        .unwrap()
        .metadata
        .resource_version
        .unwrap();
    let begun = tokio::time::Instant::now();
    let stream = maps.watch(&Default::default(), &version).await.unwrap();
    pin_mut!(stream);
    sim.apply(config_map("a")).unwrap();
    assert!(
        matches!(stream.try_next().await.unwrap(), Some(WatchEvent::Added(map)) if map.name_any() == "a")
    );
    sim.delete("ConfigMap", "default", "a");
    assert!(matches!(
        stream.try_next().await.unwrap(),
        Some(WatchEvent::Deleted(_))
    ));
    assert_eq!(begun.elapsed(), Duration::ZERO);
    sim.drop_watches();
    assert!(stream.try_next().await.unwrap().is_none());
    sim.expire_history();
    let stream = maps.watch(&Default::default(), &version).await.unwrap();
    pin_mut!(stream);
    assert!(
        matches!(stream.try_next().await.unwrap(), Some(WatchEvent::Error(status)) if status.code == 410)
    );
}

#[tokio::test(start_paused = true)]
async fn the_watcher_of_kube_lists_again_after_expiry() {
    let sim = KubeSim::new(options());
    sim.apply(config_map("a")).unwrap();
    let maps: Api<ConfigMap> = Api::default_namespaced(client(&sim));
    let events = watcher(maps, watcher::Config::default()).filter_map(async |event| event.ok());
    pin_mut!(events);
    let mut inits = 0;
    while inits < 2 {
        match events.next().await.unwrap() {
            watcher::Event::InitDone => {
                inits += 1;
                sim.expire_history();
                sim.drop_watches();
            }
            _ => continue,
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_dry_run_shows_the_change_and_keeps_nothing() {
    let sim = KubeSim::new(options());
    sim.apply(deployment("web", 2, "sleep infinity")).unwrap();
    let deployments: Api<Deployment> = Api::default_namespaced(client(&sim));
    let patch = json!({"spec": {"template": {"spec": {"containers": [{"name": "app", "image": "busybox:2"}]}}}});
    let dry = PatchParams {
        dry_run: true,
        field_manager: Some("heal".into()),
        ..Default::default()
    };
    let shown = deployments
        .patch("web", &dry, &Patch::Strategic(&patch))
        .await
        .unwrap();
    assert_eq!(shown.metadata.generation, Some(2));
    assert_eq!(
        shown.spec.unwrap().template.spec.unwrap().containers[0]
            .image
            .as_deref(),
        Some("busybox:2")
    );
    let kept = sim.get("Deployment", "default", "web").unwrap();
    assert_eq!(kept["metadata"]["generation"], 1);
    assert_eq!(
        kept["spec"]["template"]["spec"]["containers"][0]["image"],
        "busybox:1.36"
    );
    let request = sim.requests().pop().unwrap();
    assert_eq!(
        request.query.trim_start_matches('&'),
        "dryRun=All&fieldManager=heal"
    );
}

#[tokio::test(start_paused = true)]
async fn a_stale_resource_version_is_refused_with_a_conflict() {
    let sim = KubeSim::new(options());
    sim.apply(deployment("web", 1, "sleep infinity")).unwrap();
    let deployments: Api<Deployment> = Api::default_namespaced(client(&sim));
    let stale = json!({"metadata": {"resourceVersion": "1"}, "spec": {"replicas": 3}});
    let error = deployments
        .patch("web", &PatchParams::default(), &Patch::Merge(&stale))
        .await
        .unwrap_err();
    insta::assert_snapshot!(error.to_string(), @r#"ApiError: Operation cannot be fulfilled on deployments.apps "web": the object has been modified; please apply your changes to the latest version and try again: Conflict (Status { status: Some(Failure), code: 409, message: "Operation cannot be fulfilled on deployments.apps \"web\": the object has been modified; please apply your changes to the latest version and try again", metadata: Some(ListMeta { continue_: None, remaining_item_count: None, resource_version: None, self_link: None }), reason: "Conflict", details: Some(StatusDetails { name: "web", group: "apps", kind: "deployments", uid: "", causes: [], retry_after_seconds: 0 }) })"#);
    let error = deployments
        .patch_scale("web", &PatchParams::default(), &Patch::Merge(&stale))
        .await
        .unwrap_err();
    assert_eq!(code(error).0, 409);
    let three = Patch::Merge(json!({"spec": {"replicas": 3}}));
    let scaled = deployments
        .patch_scale("web", &PatchParams::default(), &three)
        .await
        .unwrap();
    assert_eq!(scaled.spec.unwrap().replicas, Some(3));
    assert_eq!(
        sim.get("Deployment", "default", "web").unwrap()["spec"]["replicas"],
        3
    );
}

#[tokio::test(start_paused = true)]
async fn writes_to_the_main_path_leave_the_status_alone_and_generation_counts_spec_changes() {
    let sim = KubeSim::new(Options {
        kubelet: false,
        ..options()
    });
    sim.apply(pod("a", container("sleep 1"))).unwrap();
    let pods: Api<Pod> = Api::default_namespaced(client(&sim));
    let patch = json!({"metadata": {"labels": {"x": "y"}}, "status": {"phase": "Running"}});
    pods.patch("a", &PatchParams::default(), &Patch::Merge(&patch))
        .await
        .unwrap();
    assert_eq!(
        sim.get("Pod", "default", "a").unwrap()["status"]["phase"],
        "Pending"
    );
    pods.patch_status("a", &PatchParams::default(), &Patch::Merge(&patch))
        .await
        .unwrap();
    let stored = sim.get("Pod", "default", "a").unwrap();
    assert_eq!(
        (
            &stored["status"]["phase"],
            &stored["metadata"]["generation"]
        ),
        (&json!("Running"), &json!(1))
    );
}

#[tokio::test(start_paused = true)]
async fn a_deletion_with_the_uid_of_another_pod_is_refused() {
    let sim = KubeSim::new(Options {
        kubelet: false,
        ..options()
    });
    sim.apply(pod("a", container("sleep 1"))).unwrap();
    let pods: Api<Pod> = Api::default_namespaced(client(&sim));
    let preconditions = Some(Preconditions {
        uid: Some("other".into()),
        resource_version: None,
    });
    let params = DeleteParams {
        preconditions,
        ..Default::default()
    };
    assert_eq!(
        code(pods.delete("a", &params).await.unwrap_err()),
        (409, "Conflict".into())
    );
    let dry = DeleteParams {
        dry_run: true,
        ..Default::default()
    };
    pods.delete("a", &dry).await.unwrap();
    assert!(sim.get("Pod", "default", "a").is_some());
    pods.delete("a", &DeleteParams::default()).await.unwrap();
    assert_eq!(
        code(pods.get("a").await.unwrap_err()),
        (404, "NotFound".into())
    );
}

#[tokio::test(start_paused = true)]
async fn an_eviction_that_a_budget_forbids_gets_429_with_the_cause() {
    let sim = KubeSim::new(options());
    sim.apply(deployment("web", 1, "sleep infinity")).unwrap();
    let budget = json!({"kind": "PodDisruptionBudget", "metadata": {"name": "web"},
        "spec": {"minAvailable": 1, "selector": {"matchLabels": {"app": "web"}}}});
    sim.apply(budget).unwrap();
    pass(10).await;
    let name = sim.list("Pod", None)[0]["metadata"]["name"]
        .as_str()
        .unwrap()
        .to_owned();
    let pods: Api<Pod> = Api::default_namespaced(client(&sim));
    // A raw request: clients retry 429 for minutes unless told otherwise.
    let response = tower::ServiceExt::oneshot(
        sim.router(),
        http::Request::post(format!("/api/v1/namespaces/default/pods/{name}/eviction"))
            .body(axum::body::Body::from("{}"))
            .unwrap(),
    );
    let response = response.await.unwrap();
    assert_eq!(response.status(), 429);
    let body = axum::body::to_bytes(response.into_body(), 10_000)
        .await
        .unwrap();
    let status: Value = serde_json::from_slice(&body).unwrap();
    insta::assert_json_snapshot!(status["details"], @r#"
    {
      "causes": [
        {
          "message": "The disruption budget web needs 1 healthy pods and has 1 currently",
          "reason": "DisruptionBudget"
        }
      ]
    }
    "#);
    sim.apply(deployment("web", 2, "sleep infinity")).unwrap();
    pass(10).await;
    let eviction = Eviction::default();
    let evicted: Value = pods
        .create_subresource("eviction", &name, &PostParams::default(), &eviction)
        .await
        .unwrap();
    assert_eq!(evicted["status"], "Success");
    pass(60).await;
    assert!(sim.get("Pod", "default", &name).is_none());
    assert_eq!(sim.list("Pod", None).len(), 2);
}

#[tokio::test(start_paused = true)]
async fn faults_answer_as_told_and_then_pass() {
    let sim = KubeSim::new(options());
    let maps: Api<ConfigMap> = Api::default_namespaced(client(&sim));
    sim.fail_next(RequestMatcher::new(Method::GET, "configmaps"), 500, 1);
    assert_eq!(
        code(maps.list(&ListParams::default()).await.unwrap_err()).0,
        500
    );
    maps.list(&ListParams::default()).await.unwrap();
    sim.deny("list", "configmaps");
    let error = maps.list(&ListParams::default()).await.unwrap_err();
    assert!(error.to_string().contains(
        r#"cannot list resource "configmaps" in API group "" in the namespace "default""#
    ));
    let reviews: Api<SelfSubjectAccessReview> = Api::all(client(&sim));
    let attributes = |verb: &str| ResourceAttributes {
        verb: Some(verb.into()),
        resource: Some("configmaps".into()),
        ..Default::default()
    };
    for (verb, allowed) in [("list", false), ("get", true)] {
        let spec = SelfSubjectAccessReviewSpec {
            resource_attributes: Some(attributes(verb)),
            ..Default::default()
        };
        let review = SelfSubjectAccessReview {
            spec,
            ..Default::default()
        };
        let review = reviews
            .create(&PostParams::default(), &review)
            .await
            .unwrap();
        assert_eq!(review.status.unwrap().allowed, allowed);
    }
    sim.allow("list", "configmaps");
    sim.set_down(true);
    let down = tower::ServiceExt::oneshot(
        sim.router(),
        http::Request::get("/version")
            .body(axum::body::Body::empty())
            .unwrap(),
    );
    assert_eq!(down.await.unwrap().status(), 503);
}

#[tokio::test(start_paused = true)]
async fn ten_thousand_pods_are_listed_in_pages() {
    let sim = KubeSim::new(Options {
        kubelet: false,
        ..options()
    });
    for number in 0..10_000 {
        sim.apply(pod(&format!("pod-{number}"), container("sleep 1")))
            .unwrap();
    }
    let pods: Api<Pod> = Api::default_namespaced(client(&sim));
    let mut token = None;
    let mut seen = 0;
    loop {
        let mut params = ListParams::default().limit(500);
        params.continue_token = token;
        let page = pods.list_metadata(&params).await.unwrap();
        seen += page.items.len();
        token = page.metadata.continue_.filter(|token| !token.is_empty());
        if token.is_none() {
            break;
        }
    }
    assert_eq!(seen, 10_000);
}

#[tokio::test(start_paused = true)]
async fn logs_that_do_not_exist_are_a_bad_request() {
    let sim = KubeSim::new(Options {
        kubelet: false,
        ..options()
    });
    sim.apply(pod("a", container("sleep 1"))).unwrap();
    let pods: Api<Pod> = Api::default_namespaced(client(&sim));
    let previous = LogParams {
        previous: true,
        ..Default::default()
    };
    let error = pods.logs("a", &previous).await.unwrap_err();
    assert!(
        error
            .to_string()
            .contains(r#"previous terminated container "app" in pod "a" not found"#),
        "{error}"
    );
    sim.set_log("default", "a", "app", "one\ntwo", true);
    assert_eq!(pods.logs("a", &previous).await.unwrap(), "one\ntwo\n");
}

#[tokio::test(start_paused = true)]
async fn a_strict_patch_with_an_unknown_field_is_refused_and_a_wrong_type_always() {
    let sim = KubeSim::new(options());
    sim.apply(deployment("web", 1, "sleep infinity")).unwrap();
    let deployments: Api<Deployment> = Api::default_namespaced(client(&sim));
    let strict = PatchParams {
        field_validation: Some(kube::api::ValidationDirective::Strict),
        ..Default::default()
    };
    let typo = Patch::Merge(json!({"spec": {"replica": 3}}));
    let error = deployments.patch("web", &strict, &typo).await.unwrap_err();
    assert!(
        error
            .to_string()
            .contains(r#"strict decoding error: unknown field "spec.replica""#),
        "{error}"
    );
    deployments
        .patch("web", &PatchParams::default(), &typo)
        .await
        .unwrap();
    assert!(
        sim.get("Deployment", "default", "web").unwrap()["spec"]
            .get("replica")
            .is_none()
    );
    let wrong = Patch::Merge(json!({"spec": {"replicas": "three"}}));
    let error = deployments
        .patch("web", &PatchParams::default(), &wrong)
        .await
        .unwrap_err();
    assert_eq!(code(error), (400, "BadRequest".into()));
}

#[tokio::test(start_paused = true)]
async fn an_in_place_resize_reaches_the_running_container() {
    let sim = KubeSim::new(options());
    let mut leaky = container(
        "head -c 20m /dev/zero | tail | sleep 30; head -c 60m /dev/zero | tail | sleep 30",
    );
    leaky["resources"] = json!({"limits": {"memory": "50Mi"}});
    sim.apply(pod("a", leaky)).unwrap();
    pass(10).await;
    let pods: Api<Pod> = Api::default_namespaced(client(&sim));
    let more = json!({"spec": {"containers": [{"name": "app", "resources": {"limits": {"memory": "100Mi"}, "requests": {"memory": "100Mi"}}}]}});
    let refused = pods
        .patch("a", &PatchParams::default(), &Patch::Strategic(&more))
        .await
        .unwrap_err();
    assert_eq!(
        code(refused).0,
        422,
        "only the subresource may change resources"
    );
    pods.patch_resize("a", &PatchParams::default(), &Patch::Strategic(&more))
        .await
        .unwrap();
    pass(40).await;
    assert_eq!(status(&sim)["restartCount"], 0);
    assert_eq!(status(&sim)["resources"]["limits"]["memory"], "100Mi");
}

#[tokio::test]
async fn it_serves_a_real_client_over_loopback_and_stops_with_its_last_handle() {
    let sim = KubeSim::new(Options {
        speed: 1000,
        ..options()
    });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = tokio::spawn(axum::serve(listener, sim.router()).into_future());
    let config = kube::Config::new(format!("http://{address}").parse().unwrap());
    // The client builds its TLS stack even for plain HTTP.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let maps: Api<ConfigMap> = Api::namespaced(kube::Client::try_from(config).unwrap(), "default");
    sim.apply(config_map("a")).unwrap();
    let stream = maps.watch(&Default::default(), "0").await.unwrap();
    pin_mut!(stream);
    while let Some(event) = stream.try_next().await.unwrap() {
        if matches!(event, WatchEvent::Added(map) if map.name_any() == "a") {
            break;
        }
    }
    let cancel = sim.core().cancel.clone();
    server.abort();
    let _ = server.await;
    sim.shutdown();
    assert!(cancel.is_cancelled());
}
