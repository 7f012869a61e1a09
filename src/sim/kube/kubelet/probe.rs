//! Probes: exec in the mini shell, HTTP and TCP against the ports that the container listens on.

use std::{sync::Arc, time::Duration};

use serde_json::Value;

use super::pod::Pod;
use crate::sim::kube::{
    object,
    shell::{
        Shell,
        process::{Output, Process},
    },
};

/// The result of one probe: fine, or the text of its failure.
type Result = std::result::Result<(), String>;

fn seconds(probe: &Value, field: &str, default: i64) -> Duration {
    Duration::from_secs(
        probe[field]
            .as_i64()
            .unwrap_or(default)
            .max(0)
            .unsigned_abs(),
    )
}

fn count(probe: &Value, field: &str, default: i64) -> i64 {
    probe[field].as_i64().unwrap_or(default).max(1)
}

/// Probes a container for as long as it runs. Resolves only when it must be killed, with the kind of probe that failed.
pub(super) async fn watch_over(pod: &Pod, spec: &Value, process: &Arc<Process>) -> &'static str {
    let name = object::text(spec, "/name");
    if let Some(probe) = spec.get("startupProbe") {
        let mut failures = 0;
        tokio::time::sleep(seconds(probe, "initialDelaySeconds", 0)).await;
        loop {
            match once(pod, spec, probe, process).await {
                Ok(()) => break,
                Err(text) => {
                    failures += 1;
                    unhealthy(pod, spec, "Startup", &text);
                    if failures >= count(probe, "failureThreshold", 3) {
                        return "startup";
                    }
                }
            }
            tokio::time::sleep(seconds(probe, "periodSeconds", 10)).await;
        }
    }
    let readiness = spec.get("readinessProbe");
    pod.change(name, |status| {
        status.started = true;
        status.ready = readiness.is_none();
    });
    let ready = async {
        if let Some(probe) = readiness {
            keep_ready(pod, spec, probe, process).await;
        }
        std::future::pending::<()>().await;
    };
    let alive = async {
        match spec.get("livenessProbe") {
            Some(probe) => until_dead(pod, spec, probe, process).await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        () = ready => "readiness",
        () = alive => "liveness",
    }
}

async fn until_dead(pod: &Pod, spec: &Value, probe: &Value, process: &Arc<Process>) {
    tokio::time::sleep(seconds(probe, "initialDelaySeconds", 0)).await;
    let mut failures = 0;
    loop {
        match once(pod, spec, probe, process).await {
            Ok(()) => failures = 0,
            Err(text) => {
                failures += 1;
                unhealthy(pod, spec, "Liveness", &text);
                if failures >= count(probe, "failureThreshold", 3) {
                    return;
                }
            }
        }
        tokio::time::sleep(seconds(probe, "periodSeconds", 10)).await;
    }
}

async fn keep_ready(pod: &Pod, spec: &Value, probe: &Value, process: &Arc<Process>) {
    let name = object::text(spec, "/name");
    tokio::time::sleep(seconds(probe, "initialDelaySeconds", 0)).await;
    let (mut failures, mut successes) = (0, 0);
    loop {
        match once(pod, spec, probe, process).await {
            Ok(()) => (failures, successes) = (0, successes + 1),
            Err(text) => {
                (failures, successes) = (failures + 1, 0);
                unhealthy(pod, spec, "Readiness", &text);
            }
        }
        let ready = pod.status(name).is_some_and(|status| status.ready);
        if !ready && successes >= count(probe, "successThreshold", 1) {
            pod.change(name, |status| status.ready = true);
        } else if ready && failures >= count(probe, "failureThreshold", 3) {
            pod.change(name, |status| status.ready = false);
        }
        tokio::time::sleep(seconds(probe, "periodSeconds", 10)).await;
    }
}

fn unhealthy(pod: &Pod, spec: &Value, kind: &str, text: &str) {
    pod.event(spec, "Warning", "Unhealthy", format!("{kind} probe {text}"));
}

/// One probe; the error begins after `<Kind> probe `.
async fn once(pod: &Pod, spec: &Value, probe: &Value, process: &Arc<Process>) -> Result {
    if let Some(get) = probe.get("httpGet") {
        let port = port(spec, &get["port"]);
        let path = match object::text(get, "/path") {
            "" => "/",
            path => path,
        };
        return match process.http_status(port, path) {
            Some(status) if (200..400).contains(&status) => Ok(()),
            Some(status) => Err(format!(
                "failed: HTTP probe failed with statuscode: {status}"
            )),
            None => {
                let target = format!("{}:{port}", pod.ip);
                Err(format!(
                    "failed: Get \"http://{target}{path}\": dial tcp {target}: connect: connection refused"
                ))
            }
        };
    }
    if let Some(socket) = probe.get("tcpSocket") {
        let port = port(spec, &socket["port"]);
        return match process.http_status(port, "/") {
            Some(_) => Ok(()),
            None => Err(format!(
                "failed: dial tcp {}:{port}: connect: connection refused",
                pod.ip
            )),
        };
    }
    let command = object::list(&probe["exec"], "/command");
    let argv: Vec<String> = command
        .iter()
        .filter_map(Value::as_str)
        .map(str::to_owned)
        .collect();
    if argv.is_empty() {
        return Ok(());
    }
    exec(&argv, process, seconds(probe, "timeoutSeconds", 1)).await
}

async fn exec(argv: &[String], process: &Arc<Process>, timeout: Duration) -> Result {
    if !crate::sim::kube::shell::is_program(&argv[0]) {
        return Err(format!(
            "errored and resulted in unknown state: rpc error: code = Unknown desc = failed to exec in container: failed to \
             start exec: OCI runtime exec failed: exec failed: unable to start container process: exec: \"{}\": executable \
             file not found in $PATH: unknown",
            argv[0]
        ));
    }
    let output = Output::buffer();
    let mut shell = Shell::new(Arc::clone(process));
    let run = shell.run_argv(argv, output.clone(), output.clone());
    match tokio::time::timeout(timeout, run).await {
        Ok(Ok(0)) => Ok(()),
        Ok(_) => Err(format!("failed: {}", output.take())),
        Err(_) => {
            let seconds = timeout.as_secs();
            Err(format!(
                "failed: command timed out: \"{}\" timed out after {seconds}s",
                argv.join(" ")
            ))
        }
    }
}

/// A port by number or by the name of a container port.
fn port(spec: &Value, port: &Value) -> u16 {
    let number = port.as_i64().or_else(|| {
        let name = port.as_str()?;
        let named = object::list(spec, "/ports")
            .iter()
            .find(|port| port["name"] == name);
        named
            .and_then(|port| port["containerPort"].as_i64())
            .or_else(|| name.parse().ok())
    });
    number
        .and_then(|number| u16::try_from(number).ok())
        .unwrap_or(0)
}
