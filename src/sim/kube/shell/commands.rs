//! The commands: shell built-ins, the busybox applets that test manifests use, and a few that only demo images have.

use std::{sync::Arc, time::Duration};

use super::{
    Io, Outcome, Shell, Stop,
    files::{list, parse_duration, parse_size, remove, test},
    process::Server,
};
use crate::sim::kube::quantity::MIB;

/// How fast a greedy command fills memory.
const FILL_STEP: u64 = 16 * MIB;
const FILL_EVERY: Duration = Duration::from_millis(100);
/// Longer than any test: `sleep infinity`.
pub(super) const FOREVER: Duration = Duration::from_secs(100 * 365 * 24 * 3600);

/// Programs that a busybox image has.
const APPLETS: &[&str] = &[
    "sh",
    "ash",
    "sleep",
    "echo",
    "cat",
    "true",
    "false",
    "head",
    "tail",
    "httpd",
    "nc",
    "touch",
    "rm",
    "mkdir",
    "test",
    "[",
    "ls",
    "env",
    "date",
    "hostname",
    "printf",
    "kill",
    "wget",
    "nslookup",
    "id",
    "pwd",
    "seq",
    "leak",
    "pagecache",
    "serve",
];

/// Whether `exec` of a container would find the program.
pub(in crate::sim::kube) fn is_program(program: &str) -> bool {
    let directories = ["/bin/", "/usr/bin/", "/sbin/", "/usr/sbin/"];
    let name = directories
        .iter()
        .find_map(|directory| program.strip_prefix(directory))
        .unwrap_or(program);
    APPLETS.contains(&name)
}

impl Shell {
    pub(super) async fn command(&mut self, argv: Vec<String>, io: Io) -> Outcome {
        let program = argv[0].as_str();
        let arguments: Vec<&str> = argv[1..].iter().map(String::as_str).collect();
        let process = Arc::clone(&self.process);
        let name = if is_program(program) {
            program.rsplit('/').next().unwrap_or(program)
        } else {
            program
        };
        match name {
            ":" | "true" | "mkdir" | "cd" | "set" | "export" | "umask" => {
                for (key, value) in arguments
                    .iter()
                    .filter_map(|word| super::expand::assignment(word))
                {
                    self.variables.insert(key.to_owned(), value.to_owned());
                }
                Ok(0)
            }
            "false" => Ok(1),
            "exit" => Err(Stop::Exit(
                arguments
                    .first()
                    .and_then(|code| code.parse().ok())
                    .unwrap_or(self.status),
            )),
            "break" => Err(Stop::Break),
            "continue" => Err(Stop::Continue),
            "exec" if !arguments.is_empty() => {
                self.trap = None;
                let code = Box::pin(self.command(argv[1..].to_vec(), io)).await?;
                Err(Stop::Exit(code))
            }
            "trap" => {
                if arguments
                    .iter()
                    .skip(1)
                    .any(|signal| matches!(*signal, "TERM" | "SIGTERM" | "15"))
                {
                    self.trap = Some(arguments[0].to_owned());
                }
                Ok(0)
            }
            "wait" => self.wait_for_jobs().await,
            "sh" | "ash" => {
                let flag = arguments
                    .iter()
                    .position(|word| word.starts_with('-') && word.ends_with('c'));
                let Some(script) = flag.and_then(|flag| arguments.get(flag + 1)) else {
                    return Ok(0);
                };
                match self.script(script, io).await {
                    Err(Stop::Exit(code)) => Ok(code),
                    other => other,
                }
            }
            "sleep" => self.sleep(&arguments, &io).await,
            "echo" | "printf" => {
                let newline = name == "echo" && arguments.first() != Some(&"-n");
                let skip = usize::from(matches!(arguments.first(), Some(&("-n" | "-e"))));
                let text = arguments[skip.min(arguments.len())..]
                    .join(" ")
                    .replace("\\n", "\n");
                process.write(&io.out, &if newline { text + "\n" } else { text });
                Ok(0)
            }
            "cat" => self.cat(&arguments, &io).await,
            "head" => self.head(&arguments, &io),
            "tail" => self.tail(&arguments, io).await,
            "touch" => {
                arguments
                    .iter()
                    .for_each(|path| drop(process.open(path, true)));
                Ok(0)
            }
            "rm" => Ok(remove(&process, &arguments, &io)),
            "test" | "[" => Ok(i32::from(!test(&process, &arguments))),
            "ls" => Ok(list(&process, &arguments, &io)),
            "seq" => {
                let last = arguments
                    .last()
                    .and_then(|word| word.parse::<i64>().ok())
                    .unwrap_or(0);
                (1..=last).for_each(|number| process.write(&io.out, &format!("{number}\n")));
                Ok(0)
            }
            "env" => {
                self.variables
                    .iter()
                    .for_each(|(key, value)| process.write(&io.out, &format!("{key}={value}\n")));
                Ok(0)
            }
            "date" => {
                process.write(&io.out, &format!("{}\n", process.now()));
                Ok(0)
            }
            "hostname" => {
                process.write(
                    &io.out,
                    &format!(
                        "{}\n",
                        self.variables.get("HOSTNAME").map_or("", String::as_str)
                    ),
                );
                Ok(0)
            }
            "id" | "pwd" | "kill" => Ok(0),
            "httpd" | "nc" => self.listen(&arguments, name == "httpd").await,
            "wget" => Ok(self.wget(&arguments, &io)),
            "nslookup" => {
                process.write(&io.err, "nslookup: can't resolve host\n");
                Ok(1)
            }
            "serve" => self.serve(&arguments).await,
            "leak" => self.leak(&arguments).await,
            "pagecache" => {
                let mib = arguments.first().and_then(|text| text.parse::<u64>().ok());
                process.set_file_cache(mib.unwrap_or(0) * MIB);
                Ok(0)
            }
            unknown => {
                let (text, code) = if unknown.contains('/') && process.exists(unknown) {
                    (format!("sh: {unknown}: Permission denied\n"), 126)
                } else {
                    (format!("sh: {unknown}: not found\n"), 127)
                };
                process.write(&io.err, &text);
                Ok(code)
            }
        }
    }

    async fn sleep(&mut self, arguments: &[&str], io: &Io) -> Outcome {
        let Some(duration) = arguments.first().and_then(|text| parse_duration(text)) else {
            self.process.write(&io.err, "sleep: invalid number\n");
            return Ok(1);
        };
        tokio::time::sleep(duration).await;
        Ok(0)
    }

    async fn cat(&mut self, paths: &[&str], io: &Io) -> Outcome {
        let mut status = 0;
        if paths.is_empty() {
            self.process.write(&io.out, &io.input.text);
            self.piped.zeros = io.input.zeros;
        }
        for path in paths {
            match self.process.read(path) {
                _ if *path == "/dev/zero" => self.piped.zeros = u64::MAX,
                Some(text) => self.process.write(&io.out, &text),
                None => {
                    self.process.write(
                        &io.err,
                        &format!("cat: can't open '{path}': No such file or directory\n"),
                    );
                    status = 1;
                }
            }
        }
        Ok(status)
    }

    fn head(&mut self, arguments: &[&str], io: &Io) -> Outcome {
        let value = |flag: &str| -> Option<&str> {
            let at = arguments.iter().position(|word| word.starts_with(flag))?;
            let glued = &arguments[at][flag.len()..];
            if glued.is_empty() {
                arguments.get(at + 1).copied()
            } else {
                Some(glued)
            }
        };
        if let Some(count) = value("-c").and_then(parse_size) {
            self.piped.zeros = if arguments.contains(&"/dev/zero") {
                count
            } else {
                io.input.zeros.min(count)
            };
            return Ok(0);
        }
        let count = value("-n")
            .and_then(|count| count.parse().ok())
            .unwrap_or(10);
        let text: String = io.input.text.split_inclusive('\n').take(count).collect();
        self.process.write(&io.out, &text);
        Ok(0)
    }

    /// `tail` keeps the last lines; zeros have no line ends, so it keeps them all.
    async fn tail(&mut self, arguments: &[&str], io: Io) -> Outcome {
        if arguments.contains(&"-f") {
            tokio::time::sleep(FOREVER).await;
        }
        let zeros = if arguments.contains(&"/dev/zero") {
            u64::MAX
        } else {
            io.input.zeros
        };
        if zeros > 0 {
            self.fill(zeros).await?;
            self.piped.zeros = zeros;
            return Ok(0);
        }
        let count = arguments.iter().find_map(|word| {
            word.trim_start_matches("-n")
                .trim_start_matches('-')
                .parse()
                .ok()
        });
        let lines: Vec<_> = io.input.text.lines().collect();
        let skip = lines.len().saturating_sub(count.unwrap_or(10));
        lines[skip..]
            .iter()
            .for_each(|line| self.process.write(&io.out, &format!("{line}\n")));
        Ok(0)
    }

    /// Takes memory step by step until the amount is reached or the container is killed.
    async fn fill(&mut self, bytes: u64) -> Result<(), Stop> {
        let base = self.process.memory();
        let mut taken = 0_u64;
        while taken < bytes {
            taken = taken.saturating_add(FILL_STEP).min(bytes);
            self.process.set_memory(base.saturating_add(taken))?;
            tokio::time::sleep(FILL_EVERY).await;
        }
        Ok(())
    }

    async fn listen(&mut self, arguments: &[&str], http: bool) -> Outcome {
        let value = |flag: &str| {
            let at = arguments.iter().position(|word| {
                *word == flag
                    || word.ends_with(flag.trim_start_matches('-')) && word.starts_with('-')
            })?;
            arguments.get(at + 1).copied()
        };
        let port = value("-p")
            .and_then(|text| text.rsplit(':').next()?.parse().ok())
            .unwrap_or(80);
        let root = value("-h").unwrap_or("/").to_owned();
        self.process.listen(
            port,
            if http {
                Server::Files(root)
            } else {
                Server::Everything
            },
        );
        let foreground = !http
            || arguments
                .iter()
                .any(|word| word.starts_with('-') && word.contains('f'));
        if foreground {
            tokio::time::sleep(FOREVER).await;
        }
        Ok(0)
    }

    /// Fetches only from the container itself: there is no network in the simulation.
    fn wget(&mut self, arguments: &[&str], io: &Io) -> i32 {
        let Some(address) = arguments
            .iter()
            .find(|word| !word.starts_with('-') && word.contains('.') | word.contains(':'))
        else {
            return 1;
        };
        let address = address.trim_start_matches("http://");
        let (host, path) = address.split_once('/').unwrap_or((address, ""));
        let (host, port) = host.split_once(':').unwrap_or((host, "80"));
        let local = matches!(host, "localhost" | "127.0.0.1");
        let status = port
            .parse()
            .ok()
            .filter(|_| local)
            .and_then(|port| self.process.http_status(port, &format!("/{path}")));
        let text = match status {
            Some(200) => return 0,
            Some(status) => format!("wget: server returned error: HTTP/1.1 {status} Not Found\n"),
            None if local => {
                format!("wget: can't connect to remote host ({host}): Connection refused\n")
            }
            None => format!("wget: bad address '{host}'\n"),
        };
        self.process.write(&io.err, &text);
        1
    }

    /// `serve PORT`: answers every path with 200 until SIGTERM, then leaves with 0.
    async fn serve(&mut self, arguments: &[&str]) -> Outcome {
        let port = arguments
            .first()
            .and_then(|port| port.parse().ok())
            .unwrap_or(8080);
        self.process.listen(port, Server::Everything);
        self.process.terminated().await;
        self.process.close(port);
        Err(Stop::Exit(0))
    }

    /// `leak RATE [START]`: grows by RATE MiB a second from START MiB until it is killed or asked to leave.
    async fn leak(&mut self, arguments: &[&str]) -> Outcome {
        let number = |index: usize| {
            arguments
                .get(index)
                .and_then(|text| text.parse::<f64>().ok())
        };
        let bytes = |mib: f64| (mib * MIB as f64) as u64;
        let (rate, start) = (number(0).unwrap_or(1.0), number(1).unwrap_or(0.0));
        let most = number(2).map_or(u64::MAX, bytes);
        let mut held = bytes(start);
        loop {
            self.process.set_memory(held)?;
            tokio::select! {
                () = tokio::time::sleep(Duration::from_secs(1)) => held = held.saturating_add(bytes(rate)).min(most),
                () = self.process.terminated() => return Err(Stop::Exit(0)),
            }
        }
    }
}
