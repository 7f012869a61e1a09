//! The life of one container: pull, configure, start, run under probes, end, and start again after a back-off.

use std::{future::Future, pin::Pin, sync::Arc, time::Duration};

use serde_json::{Value, json};

use super::{
    config,
    pod::{Pod, Status},
    probe, pull,
};
use crate::sim::kube::{
    image::Image,
    object,
    quantity::parse_units,
    shell::{
        Shell, Stop, is_program,
        process::{Output, Process},
    },
    time::go_duration,
};

/// How long a broken configuration is left alone before the next look.
const CONFIG_RETRY: Duration = Duration::from_secs(10);
/// How long the kubelet takes to notice the end of a container.
const SYNC: Duration = Duration::from_secs(1);
/// How long CrashLoopBackOff is shown at the end of a long back-off.
const BACK_OFF_SHOWN: Duration = Duration::from_millis(500);
/// A container that ran this long begins with a fresh back-off.
const FORGIVEN: Duration = Duration::from_secs(600);

/// How a run ended.
struct End {
    code: i64,
    reason: &'static str,
    message: String,
    started: Option<String>,
    ran: Duration,
}

/// Runs a container until it is over: its last exit code, or `None` when the pod stopped before it ever ran.
pub(super) async fn run(pod: &Pod, spec: &Value, policy: &str) -> Option<i64> {
    let name = object::text(spec, "/name");
    let mut back_off: Option<Duration> = None;
    loop {
        let image = pull::pull(pod, spec).await?;
        let environment = configured(pod, spec).await?;
        let end = start(pod, spec, &image, environment).await;
        let container_id = pod
            .status(name)
            .map(|status| status.container_id)
            .unwrap_or_default();
        let mut terminated = json!({
            "exitCode": end.code, "reason": end.reason, "containerID": container_id,
            // A container that never started carries the beginning of time.
            "startedAt": end.started.as_deref().unwrap_or("1970-01-01T00:00:00Z"), "finishedAt": pod.core.store.now(),
        });
        if !end.message.is_empty() {
            terminated["message"] = json!(end.message);
        }
        let again =
            !pod.is_stopping() && (policy == "Always" || (policy == "OnFailure" && end.code != 0));
        pod.change(name, |status| {
            status.state = json!({"terminated": terminated});
            (status.ready, status.started, status.over) = (false, false, !again);
        });
        if !again {
            return Some(end.code);
        }
        if pod.pause(SYNC).await {
            pod.change(name, |status| status.over = true);
            return Some(end.code);
        }
        if end.ran >= FORGIVEN {
            back_off = None;
        }
        if let Some(delay) = back_off
            && crash_loop(pod, spec, terminated.clone(), delay).await
        {
            return Some(end.code);
        }
        back_off =
            Some(back_off.map_or(pull::BACK_OFF.0, |delay| (delay * 2).min(pull::BACK_OFF.1)));
        // Seen together with the state of the next run, as in the real kubelet.
        pod.edit(name, |status| {
            status.last_state = json!({"terminated": terminated});
            status.restarts += 1;
        });
    }
}

/// Leaves the container alone for a while; true when the pod stops meanwhile.
///
/// As measured on Kubernetes 1.36: the first back-off shows as CrashLoopBackOff while it lasts. During the longer ones nothing
/// looks at the pod: its status goes on showing how the container ended, and CrashLoopBackOff is what the sync finds that
/// also starts the container again, so it shows for a moment only.
async fn crash_loop(pod: &Pod, spec: &Value, terminated: Value, delay: Duration) -> bool {
    let name = object::text(spec, "/name");
    let (namespace, pod_name) = (object::namespace(&pod.object), object::name(&pod.object));
    let full = format!("{pod_name}_{namespace}({})", pod.uid());
    let note = format!("Back-off restarting failed container {name} in pod {full}");
    pod.event(spec, "Warning", "BackOff", note);
    let shown = if delay > pull::BACK_OFF.0 {
        BACK_OFF_SHOWN
    } else {
        delay
    };
    if pod.pause(delay - shown).await {
        return true;
    }
    let message = format!(
        "back-off {} restarting failed container={name} pod={full}",
        go_duration(delay)
    );
    pod.change(name, |status| {
        status.state = json!({"waiting": {"reason": "CrashLoopBackOff", "message": message}});
        status.last_state = json!({"terminated": terminated});
    });
    pod.pause(shown).await
}

/// The environment, once everything it refers to exists; `None` when the pod stops before.
async fn configured(pod: &Pod, spec: &Value) -> Option<std::collections::BTreeMap<String, String>> {
    loop {
        match config::environment(&pod.core, &pod.object, spec) {
            Ok(environment) => return Some(environment),
            Err(message) => {
                pod.event(spec, "Warning", "Failed", format!("Error: {message}"));
                pod.change(object::text(spec, "/name"), |status| {
                    status.state = json!({"waiting": {"reason": "CreateContainerConfigError", "message": message}});
                });
            }
        }
        if pod.pause(CONFIG_RETRY).await {
            return None;
        }
    }
}

fn words(spec: &Value, field: &str) -> Vec<String> {
    let words = spec[field].as_array().into_iter().flatten();
    words.filter_map(Value::as_str).map(str::to_owned).collect()
}

fn memory_limit(spec: &Value) -> Option<u64> {
    parse_units(&spec["resources"]["limits"]["memory"])
}

async fn start(
    pod: &Pod,
    spec: &Value,
    image: &Image,
    environment: std::collections::BTreeMap<String, String>,
) -> End {
    let name = object::text(spec, "/name");
    let store = &pod.core.store;
    let mut argv = words(spec, "command");
    if argv.is_empty() {
        argv.clone_from(&image.entrypoint);
    }
    argv.extend(words(spec, "args"));
    let container_id = format!("containerd://{}{}", store.names.hex(), store.names.hex());
    pod.event(spec, "Normal", "Created", "Container created".to_owned());
    if !argv.first().is_some_and(|program| is_program(program)) {
        let program = argv.first().map_or("", String::as_str);
        let why = if program.contains('/') {
            format!("stat {program}: no such file or directory")
        } else {
            "executable file not found in $PATH".to_owned()
        };
        let message = format!(
            "failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create failed: \
             unable to start container process: exec: \"{program}\": {why}"
        );
        pod.event(spec, "Warning", "Failed", format!("Error: {message}"));
        pod.change(name, |status| {
            status.container_id = container_id;
            status.state = json!({"waiting": {"reason": "RunContainerError", "message": message}});
        });
        pod.pause(SYNC).await;
        return End {
            code: 128,
            reason: "StartError",
            message,
            started: None,
            ran: Duration::ZERO,
        };
    }
    let current = pod.current_spec(name).unwrap_or_else(|| spec.clone());
    let mut files = image.files.clone();
    files.extend(config::mounted_files(&pod.core, &pod.object, spec));
    let process = Process::new(
        Arc::clone(&store.clock),
        environment,
        files,
        memory_limit(&current),
    );
    let process = Arc::new(process);
    let run = container_id.trim_start_matches("containerd://");
    pod.core.runtime.started(pod.uid(), name, run, &process);
    pod.event(spec, "Normal", "Started", "Container started".to_owned());
    let started = store.now();
    pod.change(name, |status: &mut Status| {
        status.container_id = container_id;
        status.state = json!({"running": {"startedAt": started}});
        status.started = spec.get("startupProbe").is_none();
        status.ready = status.started && spec.get("readinessProbe").is_none();
    });
    let begun = tokio::time::Instant::now();
    let stop = supervise(pod, spec, &process, argv).await;
    pod.core.runtime.ended(pod.uid(), name);
    let (code, reason) = match stop {
        Ok(0) => (0, "Completed"),
        Ok(code) => (i64::from(code), "Error"),
        Err(_) => (137, "OOMKilled"),
    };
    let mut message = String::new();
    if code != 0 && spec["terminationMessagePolicy"] == "FallbackToLogsOnError" {
        message = process.log.text(Some(80), Some(2048), false);
    }
    End {
        code,
        reason,
        message,
        started: Some(started),
        ran: begun.elapsed(),
    }
}

type Run<'a> = Pin<Box<dyn Future<Output = Result<i32, Stop>> + Send + 'a>>;

/// Runs the process until it ends by itself, a probe kills it, or the pod stops.
async fn supervise(
    pod: &Pod,
    spec: &Value,
    process: &Arc<Process>,
    argv: Vec<String>,
) -> Result<i32, Stop> {
    let name = object::text(spec, "/name");
    let mut shell = Shell::new(Arc::clone(process));
    let mut run: Run<'_> =
        Box::pin(async move { shell.run_argv(&argv, Output::Stdout, Output::Stderr).await });
    tokio::select! {
        ended = &mut run => return ended,
        probe = probe::watch_over(pod, spec, process) => {
            pod.event(spec, "Normal", "Killing", format!("Container {name} failed {probe} probe, will be restarted"));
        }
        () = follow_limit(pod, name, process) => {}
        () = pod.dismissed(spec) => {
            pod.event(spec, "Normal", "Killing", format!("Stopping container {name}"));
        }
    }
    process.terminate();
    match tokio::time::timeout(pod.grace(), &mut run).await {
        Ok(ended) => ended,
        // SIGKILL after the grace period.
        Err(_) => Ok(137),
    }
}

/// Applies changes of the memory limit while the container runs (in-place resize). Never resolves.
async fn follow_limit(pod: &Pod, name: &str, process: &Arc<Process>) {
    let mut live = pod.live.clone();
    while live.changed().await.is_ok() {
        if let Some(spec) = pod.current_spec(name) {
            process.set_limit(memory_limit(&spec));
            pod.publish();
        }
    }
    std::future::pending().await
}
