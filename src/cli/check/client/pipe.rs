//! A client that is driven over its stdin and stdout: started once, asked a line, answering a line. What it does wrong there (no answer, a crash,
//! an endless line) costs it the case and a new start, and nothing else.

#![allow(clippy::disallowed_methods, reason = "another program is waited for by the machine's time")]

use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

use super::conclusion::LINE_BYTES_MAX;
use crate::cli::output::Failure;

/// How long a client has for its end, after its stdin was closed.
const ENDS_WITHIN: Duration = Duration::from_secs(5);

/// How long its end is waited for once its stdout has ended.
const LINGERS: Duration = Duration::from_secs(1);

/// The client's process.
pub(super) struct Pipe {
    command: Vec<String>,
    running: Option<Running>,
}

struct Running {
    child: Child,
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
}

impl Pipe {
    /// Starts the client, so that a command that cannot be started is said before any case.
    pub(super) fn start(command: Vec<String>) -> Result<Self, Failure> {
        let running = Some(started(&command)?);
        Ok(Self { command, running })
    }

    /// Asks one question and gives the line that comes back. The error says what the client did instead.
    pub(super) async fn ask(&mut self, question: &str, within: Duration) -> Result<Vec<u8>, String> {
        if self.running.as_ref().is_some_and(|running| !running.stdout.buffer().is_empty()) {
            // A line more than was asked for.
            self.start_anew().await;
        }
        let mut running = match self.running.take() {
            Some(running) => running,
            None => started(&self.command).map_err(|failure| failure.message().to_owned())?,
        };
        let asked = tokio::time::timeout(within, running.ask(question)).await;
        match asked {
            Ok(Ok(line)) => {
                self.running = Some(running);
                Ok(line)
            }
            Ok(Err(Trouble::Said(why))) => {
                running.kill().await;
                Err(why)
            }
            Ok(Err(Trouble::Ended)) => Err(running.ended().await),
            Err(_) => {
                running.kill().await;
                Err(format!("no answer within {} s", within.as_secs_f64()))
            }
        }
    }

    /// Ends the client, whose next lines would answer earlier questions; the next question starts another.
    pub(super) async fn start_anew(&mut self) {
        if let Some(running) = self.running.take() {
            running.kill().await;
        }
    }

    /// Ends the client: it has no more questions.
    pub(super) async fn end(self) {
        if let Some(Running { mut child, stdin, .. }) = self.running {
            drop(stdin);
            if tokio::time::timeout(ENDS_WITHIN, child.wait()).await.is_err() {
                // It may have ended just now; either way it is gone.
                let _ = child.kill().await;
            }
        }
    }
}

/// Starts a command, its stdin and stdout in pipes, its stderr where ours is.
fn started(command: &[String]) -> Result<Running, Failure> {
    let failed = |why: String| Failure::new(format!("the client cannot be started: {why}"));
    let (program, arguments) = command.split_first().ok_or_else(|| failed("there is no command".into()))?;
    let child =
        Command::new(program).args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true).spawn();
    let mut child = child.map_err(|error| failed(format!("{program}: {error}")))?;
    let (Some(stdin), Some(stdout)) = (child.stdin.take(), child.stdout.take()) else {
        return Err(failed("it has no stdin or stdout".into()));
    };
    Ok(Running { child, stdin, stdout: BufReader::new(stdout) })
}

enum Trouble {
    /// Its output has ended.
    Ended,
    /// It wrote a line that is not an answer.
    Said(String),
}

impl Running {
    async fn ask(&mut self, question: &str) -> Result<Vec<u8>, Trouble> {
        let written = async {
            self.stdin.write_all(question.as_bytes()).await?;
            self.stdin.write_all(b"\n").await?;
            self.stdin.flush().await
        };
        written.await.map_err(|_| Trouble::Ended)?;
        let mut line = Vec::new();
        let mut bounded = (&mut self.stdout).take(LINE_BYTES_MAX as u64 + 1);
        bounded.read_until(b'\n', &mut line).await.map_err(|_| Trouble::Ended)?;
        match line.last() {
            Some(b'\n') => {
                line.pop();
                Ok(line)
            }
            _ if line.len() > LINE_BYTES_MAX => {
                Err(Trouble::Said(format!("a line longer than {LINE_BYTES_MAX} bytes")))
            }
            _ => Err(Trouble::Ended),
        }
    }

    async fn kill(mut self) {
        // It may have ended by itself; either way it is gone.
        let _ = self.child.kill().await;
    }

    /// How it ended, in words.
    async fn ended(mut self) -> String {
        drop(self.stdin);
        match tokio::time::timeout(LINGERS, self.child.wait()).await {
            Ok(Ok(status)) => format!("the client ended ({status})"),
            _ => {
                let _ = self.child.kill().await;
                "the client closed its stdout".into()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Pipe {
        Pipe::start(["sh", "-c", script].map(str::to_owned).to_vec()).expect("a shell")
    }

    const SOON: Duration = Duration::from_secs(10);

    #[tokio::test]
    async fn a_client_is_asked_line_by_line() {
        let mut client = shell("while read -r line; do echo \"got $line\"; done");
        for question in ["one", "two"] {
            let answer = client.ask(question, SOON).await.expect("an answer");
            assert_eq!(String::from_utf8(answer).expect("text"), format!("got {question}"));
        }
        client.end().await;
    }

    #[tokio::test]
    async fn a_client_that_crashes_is_started_again() {
        let mut client = shell("read -r line; test \"$line\" != crash || exit 7; echo \"got $line\"");
        let crashed = client.ask("crash", SOON).await.expect_err("it crashes");
        assert!(crashed.contains("exit status: 7"), "{crashed}");
        assert_eq!(client.ask("on", SOON).await.expect("started again"), b"got on");
        client.end().await;
    }

    #[tokio::test]
    async fn silence_and_endless_lines_cost_the_case_alone() {
        let script = "read -r line; case $line in silent) sleep 60;; endless) while :; do printf 0123456789abcdef; done;; *) echo fine;; esac";
        let mut client = shell(script);
        let silent = client.ask("silent", Duration::from_millis(200)).await.expect_err("no answer");
        assert!(silent.contains("no answer within 0.2 s"), "{silent}");
        let endless = client.ask("endless", SOON).await.expect_err("no end");
        assert!(endless.contains("longer than"), "{endless}");
        assert_eq!(client.ask("well", SOON).await.expect("an answer"), b"fine");
        client.end().await;
    }

    #[test]
    fn a_command_that_is_not_there_is_said_at_once() {
        let failure = Pipe::start(vec!["./no-such-client".into()]).err().expect("refused");
        assert!(failure.message().contains("no-such-client"), "{}", failure.message());
    }
}
