//! A headless Chromium, spoken to over the DevTools protocol: just enough of a WebSocket to open a page, press what a person
//! would press, and see what a person would see.
use super::output;
use serde_json::{Value, json};
use std::{
    path::{Path, PathBuf},
    process::Stdio,
    sync::atomic::{AtomicU32, Ordering},
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
    process::{Child, Command},
    time::timeout,
};

/// The longest that the browser may take for anything, and a page for what it is to show: longer than the busiest machine takes.
const PATIENCE: Duration = Duration::from_secs(300);

/// The browser of this run: what `HEAL_TEST_CHROMIUM` names, or `chromium` on the PATH. Without one, says so; where one is
/// required, fails.
pub fn installed() -> Option<PathBuf> {
    if let Some(named) = std::env::var_os("HEAL_TEST_CHROMIUM") {
        let named = PathBuf::from(named);
        assert!(
            named.is_file(),
            "HEAL_TEST_CHROMIUM names {}, which is no file",
            named.display()
        );
        return Some(named);
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path)
        .map(|folder| folder.join("chromium"))
        .find(|file| file.is_file());
    if found.is_none() {
        assert!(
            std::env::var_os("HEAL_TEST_BROWSER_REQUIRED").is_none(),
            "this run requires a browser: there is no chromium on the PATH, and HEAL_TEST_CHROMIUM names none"
        );
        eprintln!("skipped: no chromium on the PATH, and HEAL_TEST_CHROMIUM names none");
    }
    found
}

/// A running browser with one page.
pub struct Page {
    socket: BufReader<TcpStream>,
    session: Value,
    serial: u64,
    /// Errors that the page's scripts threw or logged, and what the browser itself complained about.
    pub errors: Vec<String>,
    profile: PathBuf,
    /// Ends with this value at the latest.
    browser: Child,
}

impl Page {
    /// Starts the browser `file` and opens an empty page.
    pub async fn open(file: &Path) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        // Beside the build: what a browser that was killed leaves there is nobody's rubbish.
        let profile = Path::new(env!("CARGO_TARGET_TMPDIR"))
            .join(format!("browser-{}-{number}", std::process::id()));
        let mut browser = Command::new(file)
            // Its own sandbox needs privileges that a container seldom has; the only page it sees is ours.
            .args([
                "--headless=new",
                "--no-sandbox",
                "--disable-gpu",
                "--no-first-run",
                "--hide-scrollbars",
            ])
            .args(["--disable-dev-shm-usage", "--disable-background-networking"])
            .arg("--remote-debugging-port=0")
            .arg(format!("--user-data-dir={}", profile.display()))
            .arg("about:blank")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let listens =
            |line: &str| Some(line.strip_prefix("DevTools listening on ws://")?.to_owned());
        let said = browser.stderr.take().unwrap();
        let Some(address) = output::first(said, PATIENCE, listens).await else {
            panic!("the browser did not start")
        };
        let socket = connect(&address).await;
        let mut page = Self {
            socket,
            session: Value::Null,
            serial: 0,
            errors: Vec::new(),
            profile,
            browser,
        };
        let target = page
            .call("Target.createTarget", json!({"url": "about:blank"}))
            .await;
        let attach = json!({"targetId": target["targetId"], "flatten": true});
        page.session = page.call("Target.attachToTarget", attach).await["sessionId"].take();
        for domain in ["Runtime", "Log", "Page"] {
            page.call(&format!("{domain}.enable"), json!({})).await;
        }
        page
    }

    /// Ends the browser in order.
    pub async fn closes(mut self) {
        // It answers, or it hangs up first: both are an end.
        self.send(&json!({"id": 0, "method": "Browser.close"}).to_string())
            .await;
        let ended = timeout(PATIENCE, self.browser.wait()).await;
        assert!(ended.is_ok(), "the browser does not end");
    }

    /// Goes to an address.
    pub async fn goes_to(&mut self, url: &str) {
        self.call("Page.navigate", json!({"url": url})).await;
    }

    /// Makes the window this large, in CSS pixels; `dots` per pixel.
    pub async fn is_sized(&mut self, width: u32, height: u32, dots: u32) {
        let size = json!({"width": width, "height": height, "deviceScaleFactor": dots, "mobile": width < 600});
        self.call("Emulation.setDeviceMetricsOverride", size).await;
    }

    /// Shows the page as people see it who prefer dark windows, or light ones.
    pub async fn is_dark(&mut self, dark: bool) {
        let scheme = if dark { "dark" } else { "light" };
        let features = json!({"features": [{"name": "prefers-color-scheme", "value": scheme}]});
        self.call("Emulation.setEmulatedMedia", features).await;
    }

    /// The value of a JavaScript expression; a promise is waited for.
    pub async fn value(&mut self, expression: &str) -> Value {
        let ask = json!({"expression": expression, "awaitPromise": true, "returnByValue": true});
        let mut answer = self.call("Runtime.evaluate", ask).await;
        let failed = &answer["exceptionDetails"];
        assert!(failed.is_null(), "{expression}: {failed}");
        answer["result"]["value"].take()
    }

    /// Waits until the expression is true of the page and gives its value. Looks after every change of the page, and four times a
    /// second: that a picture is there or an animation over is no change of the page.
    pub async fn until(&mut self, what: &str, expression: &str) -> Value {
        let millis = PATIENCE.as_millis();
        let found = self
            .value(&format!(
                "new Promise((resolve) => {{
                   const done = (found) => {{ eyes.disconnect(); clearInterval(clock); resolve(found); }};
                   const look = () => {{ const found = {expression}; if (found) done(found); }};
                   const eyes = new MutationObserver(look);
                   eyes.observe(document, {{ subtree: true, childList: true, attributes: true, characterData: true }});
                   const clock = setInterval(look, 250);
                   setTimeout(() => done(null), {millis});
                   look();
                 }})"
            ))
            .await;
        if found.is_null() {
            let text = self.value("document.body.innerText").await;
            panic!(
                "waited in vain for {what}\n{}\nerrors: {:?}",
                text.as_str().unwrap_or_default(),
                self.errors
            );
        }
        found
    }

    /// Presses the element that the expression gives, with the mouse, where a person would: when it is visible and on top. A
    /// press that comes to nothing, because a message moved the page or the card was drawn anew just then, is made again.
    pub async fn presses(&mut self, element: &str) {
        let began = Instant::now();
        let mut why = String::new();
        while began.elapsed() < PATIENCE {
            // A dialog that is about to close covers everything; a card that is drawn anew is not there for a moment.
            if !why.is_empty() {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            let place = self
                .value(&format!(
                    "(() => {{
                       const node = {element};
                       if (!node) return {{ why: 'not there' }};
                       node.scrollIntoView({{ block: 'center', behavior: 'instant' }});
                       const {{ x, y, width, height }} = node.getBoundingClientRect();
                       const at = {{ x: x + width / 2, y: y + height / 2 }};
                       const top = document.elementFromPoint(at.x, at.y);
                       if (!node.contains(top)) return {{ why: `covered by ${{top?.outerHTML.slice(0, 200)}}` }};
                       window.pressed = false;
                       node.addEventListener('click', () => {{ window.pressed = true; }}, {{ capture: true, once: true }});
                       return at;
                     }})()"
                ))
                .await;
            if let Some(hindered) = place["why"].as_str() {
                why = hindered.to_owned();
                continue;
            }
            for kind in ["mousePressed", "mouseReleased"] {
                let event = json!({"type": kind, "x": place["x"], "y": place["y"], "button": "left", "clickCount": 1});
                self.call("Input.dispatchMouseEvent", event).await;
            }
            if self.value("window.pressed").await == json!(true) {
                return;
            }
            why = "deaf to presses".to_owned();
        }
        panic!("{element} is {why}");
    }

    /// Writes into the field that the expression gives, as a person would, and presses Enter when it is to be `sent`.
    pub async fn types(&mut self, field: &str, text: &str, sent: bool) {
        self.presses(field).await;
        self.call("Input.insertText", json!({"text": text})).await;
        for kind in ["keyDown", "keyUp"].into_iter().filter(|_| sent) {
            let mut event =
                json!({"type": kind, "key": "Enter", "code": "Enter", "windowsVirtualKeyCode": 13});
            if kind == "keyDown" {
                event["text"] = json!("\r");
            }
            self.call("Input.dispatchKeyEvent", event).await;
        }
    }

    /// Writes a picture of the window, or of the element that the expression gives.
    pub async fn writes_picture(&mut self, file: &Path, element: Option<&str>) {
        let mut ask = json!({"format": "png"});
        if let Some(element) = element {
            let place = format!(
                "(() => {{ const {{ x, y, width, height }} = ({element}).getBoundingClientRect(); return {{ x, y, width, height, scale: 1 }}; }})()"
            );
            ask["clip"] = self.value(&place).await;
        }
        let answer = self.call("Page.captureScreenshot", ask).await;
        std::fs::write(file, from_base64(answer["data"].as_str().unwrap())).unwrap();
    }

    /// Calls a method of the protocol. Events that come before its answer are looked through for errors.
    async fn call(&mut self, method: &str, params: Value) -> Value {
        self.serial += 1;
        let mut message = json!({"id": self.serial, "method": method, "params": params});
        if !self.session.is_null() {
            message["sessionId"] = self.session.clone();
        }
        self.send(&message.to_string()).await;
        loop {
            let mut answer = match timeout(PATIENCE * 2, self.receive()).await {
                Ok(answer) => answer,
                Err(_) => panic!("the browser does not answer {method}"),
            };
            if answer["id"] == json!(self.serial) {
                assert!(answer["error"].is_null(), "{method}: {}", answer["error"]);
                return answer["result"].take();
            }
            self.notes(&answer);
        }
    }

    fn notes(&mut self, event: &Value) {
        let params = &event["params"];
        let error = match event["method"].as_str() {
            Some("Runtime.exceptionThrown") => &params["exceptionDetails"],
            Some("Runtime.consoleAPICalled") if params["type"] == "error" => &params["args"],
            Some("Log.entryAdded") if is_the_machines(&params["entry"]) => return,
            Some("Log.entryAdded") if params["entry"]["level"] == "error" => &params["entry"],
            _ => return,
        };
        self.errors.push(error.to_string());
    }

    /// One masked text frame. The mask protects proxies from browsers, not us: all zeros will do.
    async fn send(&mut self, text: &str) {
        let mut frame = vec![0x81];
        match u16::try_from(text.len()) {
            Ok(length) if length < 126 => frame.push(0x80 | length as u8),
            Ok(length) => {
                frame.push(0x80 | 126);
                frame.extend(length.to_be_bytes());
            }
            Err(_) => {
                frame.push(0x80 | 127);
                frame.extend((text.len() as u64).to_be_bytes());
            }
        }
        frame.extend([0; 4]);
        frame.extend(text.as_bytes());
        self.socket.write_all(&frame).await.unwrap();
    }

    /// One message, of one frame or several.
    async fn receive(&mut self) -> Value {
        let mut text = Vec::new();
        loop {
            let head = self.socket.read_u16().await.unwrap();
            let length = match head & 0x7f {
                126 => u64::from(self.socket.read_u16().await.unwrap()),
                127 => self.socket.read_u64().await.unwrap(),
                length => u64::from(length),
            };
            let mut part = vec![0; usize::try_from(length).unwrap()];
            self.socket.read_exact(&mut part).await.unwrap();
            match head >> 8 & 0xf {
                0 | 1 => text.extend(part),
                8 => panic!("the browser hung up"),
                _ => continue,
            }
            if head & 0x8000 != 0 {
                return serde_json::from_slice(&text).unwrap();
            }
        }
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        // After a failed test the browser may still be writing into it; what is left lies among the temporary files.
        let _ = std::fs::remove_dir_all(&self.profile);
    }
}

/// Takes the connection over from HTTP. `address`: `host:port/path`.
async fn connect(address: &str) -> BufReader<TcpStream> {
    let (host, path) = address.split_once('/').unwrap();
    let mut socket = BufReader::new(TcpStream::connect(host).await.unwrap());
    let ask = format!(
        "GET /{path} HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
    );
    socket.write_all(ask.as_bytes()).await.unwrap();
    let mut line = String::new();
    socket.read_line(&mut line).await.unwrap();
    assert!(line.contains(" 101 "), "{line}");
    while line != "\r\n" {
        line.clear();
        socket.read_line(&mut line).await.unwrap();
    }
    socket
}

fn from_base64(text: &str) -> Vec<u8> {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3);
    let digits: Vec<u32> = text
        .bytes()
        .filter_map(|byte| DIGITS.iter().position(|digit| *digit == byte))
        .map(|place| place as u32)
        .collect();
    for group in digits.chunks(4) {
        let bits = group
            .iter()
            .enumerate()
            .fold(0, |bits, (place, digit)| bits | digit << (18 - 6 * place));
        bytes.extend(&bits.to_be_bytes()[1..group.len()]);
    }
    bytes
}

/// The browser ends requests under way, also to this machine itself, when the machine gets or loses a network interface. Every pod of a
/// test cluster on the same machine is one. It says nothing about the page, which asks again.
fn is_the_machines(entry: &Value) -> bool {
    entry["text"] == "Failed to load resource: net::ERR_NETWORK_CHANGED"
}
