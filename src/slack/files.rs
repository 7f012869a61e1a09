//! Pictures in threads: Slack's upload in three steps. The bytes go to an address that Slack names; they are sent only if it is
//! Slack's (or of the configured Slack), and without the token.
use super::{
    api::{SlackApi, SlackError},
    connector::read,
};
use bytes::Bytes;
use http::Method;
use serde::Deserialize;
use serde_json::{Value, json};
use url::Url;

/// Hosts that take uploads.
const UPLOAD_HOSTS: [&str; 2] = ["files.slack.com", "files.slack-gov.com"];

/// A file for a thread.
#[derive(Clone, Debug)]
pub struct Upload<'a> {
    /// Channel id.
    pub channel: &'a str,
    /// Time stamp of the message whose thread it goes to.
    pub thread: &'a str,
    /// The file's name.
    pub name: &'a str,
    /// What stands above it.
    pub title: &'a str,
    /// What a screen reader says instead of the picture.
    pub alt: &'a str,
    /// Its content.
    pub content: Bytes,
}

impl SlackApi {
    /// Uploads a file into a thread; the result is its id. A failed upload leaves nothing that people see, so it can be repeated.
    ///
    /// # Errors
    /// As every call; `missing_scope` when the token lacks `files:write`.
    pub async fn upload(&self, upload: Upload<'_>) -> Result<String, SlackError> {
        #[derive(Deserialize)]
        struct Place {
            upload_url: String,
            file_id: String,
        }
        let length = upload.content.len().to_string();
        let place: Place = self
            .ask(
                "files.getUploadURLExternal",
                &[
                    ("filename", upload.name),
                    ("length", &length),
                    ("alt_txt", upload.alt),
                ],
            )
            .await?;
        let url = self.upload_url(&place.upload_url)?;
        let body = Some(("application/octet-stream", upload.content));
        let answer = self
            .connector()
            .exchange(Method::POST, &url, None, body)
            .await?;
        if !answer.status().is_success() {
            // Only to find the words for the status: such a body holds nothing to read.
            read::<Value>(&answer)?;
        }
        let body = json!({
            "files": [{"id": place.file_id, "title": upload.title}],
            "channel_id": upload.channel,
            "thread_ts": upload.thread,
        });
        let method = "files.completeUploadExternal";
        match self.write::<Value>(method, &body).await {
            Ok(_) => Ok(place.file_id),
            // Asked for the same file again, Slack shares it now or says that it did. Whether it is there shows when it is used;
            // another upload could show it twice.
            Err(SlackError::Ambiguous(_)) => {
                let _ = self.write::<Value>(method, &body).await;
                Ok(place.file_id)
            }
            Err(error) => Err(error),
        }
    }

    fn upload_url(&self, url: &str) -> Result<Url, SlackError> {
        self.own_url(url, &UPLOAD_HOSTS)
            .ok_or_else(|| SlackError::Refused {
                code: "foreign_upload_url".to_owned(),
                messages: Vec::new(),
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        sim::slack::{Fault, SlackSim, SlackSimOptions},
        slack::{
            api::{Mark, Place},
            render::Message,
        },
        wire::{Broken, Transport, in_process},
    };
    use http::{Request, Response};
    use tower::{service_fn, util::BoxCloneSyncService};

    fn api(transport: Transport) -> SlackApi {
        let base = "http://slack.local/api".parse().unwrap();
        SlackApi::new(transport, base, &"xoxb-simulated".into())
    }

    fn workspace() -> SlackSim {
        SlackSim::new(SlackSimOptions {
            base_url: "http://slack.local".into(),
            ..SlackSimOptions::default()
        })
    }

    async fn parent(api: &SlackApi) -> String {
        let message = Message {
            text: "hello".into(),
            blocks: json!([]),
        };
        let mark = Mark {
            event_type: "heal_incident".into(),
            event_payload: json!({}),
        };
        let place = Place {
            channel: "C0OPS",
            ..Place::default()
        };
        api.post(place, &message, &mark).await.unwrap()
    }

    fn upload(thread: &str) -> Upload<'_> {
        Upload {
            channel: "C0OPS",
            thread,
            name: "a.png",
            title: "A",
            alt: "a picture",
            content: Bytes::from_static(b"\x89PNG"),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_file_goes_into_the_thread_in_three_steps() {
        let sim = workspace();
        let api = api(in_process(sim.router()));
        let thread = parent(&api).await;
        let id = api.upload(upload(&thread)).await.unwrap();
        let file = sim.files().pop().unwrap();
        assert_eq!((file.id, file.title.as_str()), (id, "A"));
        assert_eq!(file.shared, Some(("C0OPS".into(), Some(thread))));
        assert_eq!(file.content.unwrap().as_ref(), b"\x89PNG");
    }

    #[tokio::test(start_paused = true)]
    async fn each_step_can_fail_in_its_own_way() {
        let sim = workspace();
        let api = api(in_process(sim.router()));
        let thread = parent(&api).await;
        for (step, fault, expected) in [
            (
                "files.getUploadURLExternal",
                Fault::Error("missing_scope".into()),
                "Slack refused: missing_scope",
            ),
            (
                "upload",
                Fault::Status(500),
                "it is unknown whether Slack did it: status 500",
            ),
            ("upload", Fault::Status(403), "Slack refused: http_403"),
            (
                "files.completeUploadExternal",
                Fault::RateLimited { retry_after: 9 },
                "Slack asks to wait 9 s",
            ),
        ] {
            sim.fail(Some(step), fault, 1);
            let error = api.upload(upload(&thread)).await.unwrap_err();
            assert_eq!(error.to_string(), expected, "{step}");
        }
        // Slack did it and did not say so: it is taken as done.
        sim.fail(
            Some("files.completeUploadExternal"),
            Fault::AcceptThenHang,
            1,
        );
        let id = api.upload(upload(&thread)).await.unwrap();
        let shared = sim.files().into_iter().find(|file| file.id == id).unwrap();
        assert!(shared.shared.is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn the_bytes_go_to_nobody_but_slack_and_without_the_token() {
        for (url, fine) in [
            ("https://files.slack.com/upload/v1/x", true),
            ("http://slack.local/upload/x", true),
            ("http://files.slack.com/upload/x", false),
            ("https://files.slack.com:8443/upload/x", false),
            ("https://files.slack.com.evil.example/x", false),
            ("https://user@files.slack.com/x", false),
            ("http://169.254.169.254/latest", false),
            ("file:///etc/passwd", false),
        ] {
            let seen = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
            let log = seen.clone();
            let transport = BoxCloneSyncService::new(service_fn(move |request: Request<Bytes>| {
                let with_token = request.headers().contains_key("authorization");
                log.lock()
                    .unwrap()
                    .push((request.uri().to_string(), with_token));
                let body = json!({"ok": true, "upload_url": url, "file_id": "F1"}).to_string();
                async move { Ok::<_, Broken>(Response::new(Bytes::from(body))) }
            }));
            let outcome = api(transport).upload(upload("1.0")).await;
            assert_eq!(outcome.is_ok(), fine, "{url}");
            let sent = seen.lock().unwrap().clone();
            let bytes: Vec<_> = sent
                .iter()
                .filter(|(to, _)| !to.contains("/api/"))
                .collect();
            if fine {
                assert_eq!(bytes, [&(url.to_owned(), false)]);
            } else {
                assert_eq!(bytes, Vec::<&(String, bool)>::new(), "{url}");
            }
        }
    }
}
