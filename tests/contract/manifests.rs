//! The manifests that people apply are accepted whole: an API server tries them and keeps nothing.
use crate::support::place::{Place, real};

#[test]
fn the_api_server_accepts_every_manifest_and_knows_every_field_of_it() {
    let Some(Place::Real(cluster)) = real() else {
        return;
    };
    let kustomization = cluster.tries(&["-k", "manifests"]);
    insta::assert_snapshot!(kustomization, @"
    namespace/heal
    serviceaccount/heal
    clusterrole.rbac.authorization.k8s.io/heal-act
    clusterrole.rbac.authorization.k8s.io/heal-observe
    clusterrolebinding.rbac.authorization.k8s.io/heal-act
    clusterrolebinding.rbac.authorization.k8s.io/heal-observe
    configmap/heal
    service/heal
    persistentvolumeclaim/heal
    deployment.apps/heal
    networkpolicy.networking.k8s.io/heal
    ");
    let examples = ["secret", "ingress"].map(|name| format!("manifests/{name}.example.yaml"));
    let examples = examples.map(|file| cluster.tries(&["-f", &file]));
    insta::assert_snapshot!(examples.concat(), @"
    secret/heal-slack
    ingress.networking.k8s.io/heal
    ");
}
