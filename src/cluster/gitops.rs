//! Who really owns a manifest: the markers that Argo CD, Flux and Helm leave on what they apply. A direct change to such
//! an object may be taken back, and the approver should know.
use crate::domain::view::GitOps;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

/// The tool that applies this object's manifest, if a marker tells. Tools that reconcile come before Helm, which does
/// not: Argo CD and Flux both install charts.
pub fn of(meta: &ObjectMeta) -> Option<GitOps> {
    let label = |key: &str| meta.labels.as_ref().and_then(|labels| labels.get(key));
    let note = |key: &str| meta.annotations.as_ref().and_then(|notes| notes.get(key));
    let writes = |manager: &str| {
        let fields = meta.managed_fields.iter().flatten();
        fields
            .into_iter()
            .any(|field| field.manager.as_deref() == Some(manager))
    };
    let found = |tool: &str, name: Option<String>| {
        Some(GitOps {
            tool: tool.to_owned(),
            name,
        })
    };
    if let Some(id) = note("argocd.argoproj.io/tracking-id") {
        // `app:group/Kind:namespace/name`; the application may be prefixed with its namespace.
        return found("Argo CD", id.split(':').next().map(str::to_owned));
    }
    if let Some(name) = label("argocd.argoproj.io/instance") {
        return found("Argo CD", Some(name.clone()));
    }
    if writes("argocd-controller") || writes("argocd-application-controller") {
        // The common label names the application then, unless a chart set it; only with Argo CD's manager is it trusted.
        return found("Argo CD", label("app.kubernetes.io/instance").cloned());
    }
    for key in [
        "kustomize.toolkit.fluxcd.io/name",
        "helm.toolkit.fluxcd.io/name",
    ] {
        if let Some(name) = label(key) {
            return found("Flux", Some(name.clone()));
        }
    }
    if writes("kustomize-controller") || writes("helm-controller") {
        return found("Flux", None);
    }
    if let Some(name) = note("meta.helm.sh/release-name") {
        return found("Helm", Some(name.clone()));
    }
    let chart = label("app.kubernetes.io/managed-by").is_some_and(|by| by == "Helm");
    if chart || writes("helm") {
        return found("Helm", label("app.kubernetes.io/instance").cloned());
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn tool(meta: serde_json::Value) -> String {
        let meta: ObjectMeta = serde_json::from_value(meta).unwrap();
        of(&meta).map_or("nobody".to_owned(), |found| {
            let name = found.name.unwrap_or_default();
            format!("{} {name}", found.tool).trim_end().to_owned()
        })
    }

    #[test]
    fn every_marker_names_its_tool() {
        let lines = [
            tool(
                json!({"annotations": {"argocd.argoproj.io/tracking-id": "shop:apps/Deployment:shop/checkout"}}),
            ),
            tool(json!({"labels": {"argocd.argoproj.io/instance": "shop"}})),
            tool(
                json!({"managedFields": [{"manager": "argocd-controller"}], "labels": {"app.kubernetes.io/instance": "shop"}}),
            ),
            tool(
                json!({"labels": {"kustomize.toolkit.fluxcd.io/name": "apps", "kustomize.toolkit.fluxcd.io/namespace": "flux"}}),
            ),
            tool(
                json!({"labels": {"helm.toolkit.fluxcd.io/name": "shop", "app.kubernetes.io/managed-by": "Helm"}}),
            ),
            tool(json!({"managedFields": [{"manager": "kustomize-controller"}]})),
            tool(json!({"annotations": {"meta.helm.sh/release-name": "shop"}})),
            tool(
                json!({"labels": {"app.kubernetes.io/managed-by": "Helm", "app.kubernetes.io/instance": "shop"}}),
            ),
            tool(
                json!({"labels": {"app.kubernetes.io/instance": "shop"}, "managedFields": [{"manager": "kubectl"}]}),
            ),
        ];
        insta::assert_snapshot!(lines.join("\n"), @r"
        Argo CD shop
        Argo CD shop
        Argo CD shop
        Flux apps
        Flux shop
        Flux
        Helm shop
        Helm shop
        nobody
        ");
    }
}
