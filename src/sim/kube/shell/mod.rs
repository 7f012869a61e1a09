//! A mini shell: enough of `sh` and busybox that the same manifests behave alike in the simulation and on a real node.
//!
//! Time passes with `tokio::time`; memory and files are those of the container's [`Process`].

mod commands;
pub(super) use commands::is_program;
mod expand;
mod files;
mod lexer;
mod parser;
pub(super) mod process;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use futures::future::BoxFuture;
use tokio::task::JoinSet;

use parser::{Node, Redirect};
use process::{Output, Process};

/// What one turn of a loop costs, so that an empty loop cannot hold the clock still.
const LOOP_COST: Duration = Duration::from_millis(10);

/// Why a script ends early.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stop {
    /// `exit`, or the end of `exec`.
    Exit(i32),
    /// The container went over its memory limit.
    OutOfMemory,
    /// `break`.
    Break,
    /// `continue`.
    Continue,
}

/// The result of a command: its status, or the end of the script.
type Outcome = Result<i32, Stop>;

/// What flows through a pipe: text, and a number of zero bytes that nobody stores.
#[derive(Debug, Clone, Default)]
pub(super) struct Data {
    text: String,
    zeros: u64,
}

/// Where a command reads and writes.
#[derive(Clone, Default)]
struct Io {
    input: Data,
    out: Output,
    err: Output,
}

/// One interpreter.
pub(super) struct Shell {
    process: Arc<Process>,
    variables: BTreeMap<String, String>,
    trap: Option<String>,
    jobs: JoinSet<Outcome>,
    /// Whether the last pipeline stage asked for zeros to be passed on.
    piped: Data,
    status: i32,
}

impl Shell {
    pub(super) fn new(process: Arc<Process>) -> Self {
        let variables = process.environment.clone();
        Self {
            process,
            variables,
            trap: None,
            jobs: JoinSet::new(),
            piped: Data::default(),
            status: 0,
        }
    }

    /// Runs an argument vector as PID 1 of a container (or as an exec probe) and answers how it ended.
    pub(super) async fn run_argv(
        &mut self,
        argv: &[String],
        out: Output,
        err: Output,
    ) -> Result<i32, Stop> {
        let io = Io {
            input: Data::default(),
            out,
            err,
        };
        match self.command(argv.to_vec(), io).await {
            Err(Stop::Exit(code)) => Ok(code),
            Err(Stop::Break | Stop::Continue) => Ok(0),
            other => other,
        }
    }

    /// Runs a script; syntax errors answer 2 as a shell does.
    fn script<'a>(&'a mut self, text: &'a str, io: Io) -> BoxFuture<'a, Outcome> {
        Box::pin(async move {
            match parser::parse(text) {
                Ok(node) => self.eval(&node, io).await,
                Err(error) => {
                    self.process
                        .write(&io.err, &format!("sh: syntax error: {error}\n"));
                    Ok(2)
                }
            }
        })
    }

    fn eval<'a>(&'a mut self, node: &'a Node, io: Io) -> BoxFuture<'a, Outcome> {
        Box::pin(async move {
            let status = match node {
                Node::Sequence(nodes) => {
                    let mut status = 0;
                    for node in nodes {
                        status = self.eval(node, io.clone()).await?;
                    }
                    status
                }
                Node::And(left, right) => match self.eval(left, io.clone()).await? {
                    0 => self.eval(right, io).await?,
                    status => status,
                },
                Node::Or(left, right) => match self.eval(left, io.clone()).await? {
                    0 => 0,
                    _ => self.eval(right, io).await?,
                },
                Node::Not(inner) => i32::from(self.eval(inner, io).await? == 0),
                Node::Pipeline(stages) => self.pipeline(stages, io).await?,
                Node::Background(inner) => self.background(inner, io),
                Node::If {
                    branches,
                    otherwise,
                } => self.branches(branches, otherwise.as_deref(), io).await?,
                Node::Loop {
                    until,
                    condition,
                    body,
                } => self.repeat(*until, condition, body, io).await?,
                Node::For {
                    variable,
                    words,
                    body,
                } => self.for_each(variable, words, body, io).await?,
                Node::Group { body, redirects } => {
                    let io = self.redirect(redirects, io).await?;
                    self.eval(body, io).await?
                }
                Node::Subshell { body, redirects } => {
                    let io = self.redirect(redirects, io).await?;
                    let variables = self.variables.clone();
                    let result = self.eval(body, io).await;
                    self.variables = variables;
                    match result {
                        Err(Stop::Exit(code)) => code,
                        other => other?,
                    }
                }
                Node::Simple { words, redirects } => self.simple(words, redirects, io).await?,
            };
            self.status = status;
            self.run_trap().await?;
            Ok(status)
        })
    }

    async fn branches(
        &mut self,
        branches: &[(Node, Node)],
        otherwise: Option<&Node>,
        io: Io,
    ) -> Outcome {
        for (condition, body) in branches {
            if self.eval(condition, io.clone()).await? == 0 {
                return self.eval(body, io).await;
            }
        }
        match otherwise {
            Some(body) => self.eval(body, io).await,
            None => Ok(0),
        }
    }

    async fn repeat(&mut self, until: bool, condition: &Node, body: &Node, io: Io) -> Outcome {
        let mut status = 0;
        while (self.eval(condition, io.clone()).await? == 0) != until {
            match self.eval(body, io.clone()).await {
                Err(Stop::Break) => break,
                Err(Stop::Continue) => {}
                other => status = other?,
            }
            tokio::time::sleep(LOOP_COST).await;
        }
        Ok(status)
    }

    async fn for_each(&mut self, variable: &str, words: &[String], body: &Node, io: Io) -> Outcome {
        let mut status = 0;
        for value in self.expand_all(words).await? {
            self.variables.insert(variable.to_owned(), value);
            match self.eval(body, io.clone()).await {
                Err(Stop::Break) => break,
                Err(Stop::Continue) => {}
                other => status = other?,
            }
        }
        Ok(status)
    }

    /// Runs the stages one after another, each fed with what the one before wrote. Memory that a stage needs for its input
    /// stays in use until the last stage ends, as in `head -c 50m /dev/zero | tail | sleep 60`.
    async fn pipeline(&mut self, stages: &[Node], io: Io) -> Outcome {
        let before = self.process.memory();
        let mut input = io.input.clone();
        let mut status = 0;
        for (index, stage) in stages.iter().enumerate() {
            let last = index + 1 == stages.len();
            let buffer = Output::buffer();
            let out = if last { io.out.clone() } else { buffer.clone() };
            self.piped = Data::default();
            let stage_io = Io {
                input: std::mem::take(&mut input),
                out,
                err: io.err.clone(),
            };
            status = match self.eval(stage, stage_io).await {
                // A stage is a subshell: its exit ends the stage only.
                Err(Stop::Exit(code)) if stages.len() > 1 => code,
                other => other?,
            };
            input = Data {
                text: buffer.take(),
                zeros: std::mem::take(&mut self.piped).zeros,
            };
        }
        if stages.len() > 1 {
            self.process.set_memory(before)?;
        }
        Ok(status)
    }

    fn background(&mut self, node: &Node, io: Io) -> i32 {
        let mut child = Shell::new(Arc::clone(&self.process));
        child.variables.clone_from(&self.variables);
        let node = node.clone();
        self.jobs.spawn(async move { child.eval(&node, io).await });
        0
    }

    async fn simple(&mut self, words: &[String], redirects: &[Redirect], io: Io) -> Outcome {
        let io = self.redirect(redirects, io).await?;
        let assignments = words
            .iter()
            .take_while(|word| expand::assignment(word).is_some())
            .count();
        for word in &words[..assignments] {
            if let Some((name, value)) = expand::assignment(word) {
                let value = self.expand_all(&[value.to_owned()]).await?.join(" ");
                self.variables.insert(name.to_owned(), value);
            }
        }
        let argv = self.expand_all(&words[assignments..]).await?;
        if argv.is_empty() {
            return Ok(0);
        }
        self.command(argv, io).await
    }

    async fn redirect(&mut self, redirects: &[Redirect], mut io: Io) -> Result<Io, Stop> {
        for redirect in redirects {
            let target = self
                .expand_all(std::slice::from_ref(&redirect.target))
                .await?
                .concat();
            if redirect.input {
                io.input = Data {
                    text: self.process.read(&target).unwrap_or_default(),
                    zeros: 0,
                };
                continue;
            }
            let output = match (redirect.duplicate, target.as_str()) {
                (true, "2") => io.err.clone(),
                (true, _) => io.out.clone(),
                (false, path) => self.process.open(path, redirect.append),
            };
            match redirect.descriptor {
                2 => io.err = output,
                _ => io.out = output,
            }
        }
        Ok(io)
    }

    /// Runs the TERM trap once the signal has come and the command in the foreground is done.
    async fn run_trap(&mut self) -> Result<(), Stop> {
        if self.process.is_terminating()
            && let Some(handler) = self.trap.take()
        {
            self.script(
                &handler,
                Io {
                    input: Data::default(),
                    out: Output::Stdout,
                    err: Output::Stderr,
                },
            )
            .await?;
        }
        Ok(())
    }

    /// `wait`: for all background jobs, or for the signal when it is trapped.
    async fn wait_for_jobs(&mut self) -> Outcome {
        let process = Arc::clone(&self.process);
        let trapped = self.trap.is_some();
        let jobs = async {
            let mut status = 0;
            while let Some(ended) = self.jobs.join_next().await {
                match ended {
                    Ok(Err(Stop::OutOfMemory)) => return Err(Stop::OutOfMemory),
                    Ok(Ok(code) | Err(Stop::Exit(code))) => status = code,
                    _ => {}
                }
            }
            Ok(status)
        };
        tokio::select! {
            status = jobs => status,
            () = process.terminated(), if trapped => Ok(143),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::kube::tokio_clock;

    /// Runs a script to its end: exit code and log.
    async fn run(script: &str) -> (i32, String) {
        let clock = tokio_clock("2026-11-20T08:00:00Z".parse().unwrap());
        let process = Arc::new(Process::new(clock, BTreeMap::new(), BTreeMap::new(), None));
        let argv = ["sh", "-c", script].map(str::to_owned);
        let mut shell = Shell::new(Arc::clone(&process));
        let code = shell
            .run_argv(&argv, Output::Stdout, Output::Stderr)
            .await
            .unwrap();
        (code, process.log.text(None, None, false))
    }

    #[tokio::test(start_paused = true)]
    async fn lists_and_conditions_run_as_in_sh() {
        assert_eq!(
            run("true && echo a || echo b; false || echo c").await,
            (0, "a\nc\n".into())
        );
        assert_eq!(
            run("if [ -f /x ]; then echo yes; else echo no; fi; exit 4").await,
            (4, "no\n".into())
        );
        assert_eq!(
            run("echo 'a  b' \"c $((1 + 2 * 3))\" ${NONE:-d}").await,
            (0, "a  b c 9 d\n".into())
        );
        assert_eq!(
            run("i=0; while [ $i -lt 3 ]; do i=$((i+1)); echo $i; done").await,
            (0, "1\n2\n3\n".into())
        );
        assert_eq!(
            run("for x in a b; do echo $x > /tmp/$x; done; cat /tmp/b; ls /tmp").await,
            (0, "b\na\nb\n".into())
        );
    }

    #[tokio::test(start_paused = true)]
    async fn failures_answer_with_the_texts_and_codes_of_busybox() {
        assert_eq!(
            run("missingcmd").await,
            (127, "sh: missingcmd: not found\n".into())
        );
        let missing = "cat: can't open '/nope': No such file or directory\n";
        assert_eq!(run("cat /nope").await, (1, missing.into()));
        assert_eq!(run("echo (").await.0, 2);
    }

    #[tokio::test(start_paused = true)]
    async fn sleep_takes_virtual_time_and_exec_replaces_the_shell() {
        let begun = tokio::time::Instant::now();
        assert_eq!(
            run("sleep 2m; exec sleep 3; echo never").await,
            (0, String::new())
        );
        assert_eq!(begun.elapsed(), Duration::from_secs(123));
    }

    #[tokio::test(start_paused = true)]
    async fn background_jobs_run_beside_the_script() {
        let begun = tokio::time::Instant::now();
        assert_eq!(
            run("sleep 5 & sleep 3; wait; echo done").await,
            (0, "done\n".into())
        );
        assert_eq!(begun.elapsed(), Duration::from_secs(5));
    }
}
