//! The output of a subcommand: data on stdout in the requested format, and one line on stderr when it fails.

use std::io::{self, Write as _};
use std::process::ExitCode;

pub use super::format::OutputFormat;
use super::language;
use crate::base::Error;

/// Why a subcommand failed: one line, and the exit code.
#[derive(Debug)]
pub struct Failure {
    message: String,
    code: u8,
}

impl Failure {
    /// A failure with the general exit code, 1.
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), code: 1 }
    }

    /// A failure with an exit code of its own.
    pub fn with_code(message: impl Into<String>, code: u8) -> Self {
        Self { message: message.into(), code }
    }

    /// Why, in words.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Writes the message on one line of stderr.
    pub fn report(&self) -> ExitCode {
        let line: String = self.message.split_whitespace().collect::<Vec<_>>().join(" ");
        // When stderr is closed the message is lost; the exit code still tells it.
        super::logging::say(&format!("lienthong: {}", language::say(&line)));
        ExitCode::from(self.code)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let cause = match &error.source {
            Some(cause) if !error.message.contains(&cause.to_string()) => format!(" ({cause})"),
            _ => String::new(),
        };
        Self::new(format!("{}{cause}", error.message))
    }
}

/// Writes text for people to stdout, in the chosen language.
pub fn print_text(english: &str) -> Result<(), Failure> {
    print(&language::say(english))
}

/// A text of which another party may have chosen a part, without the characters that a terminal would obey.
pub fn escaped(text: &str) -> String {
    text.chars().flat_map(|c| if c.is_control() { c.escape_default().collect() } else { vec![c] }).collect()
}

/// Writes data and a line's end to stdout as they are. A reader that went away (`| head`) is not a failure.
pub fn print(text: &str) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    let written =
        stdout.write_all(text.as_bytes()).and_then(|()| stdout.write_all(b"\n")).and_then(|()| stdout.flush());
    match written {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Failure::new(format!("stdout cannot be written: {error}")))
        }
        _ => Ok(()),
    }
}

/// Writes `value` as JSON to stdout.
pub fn print_json(value: &impl serde::Serialize) -> Result<(), Failure> {
    let text =
        serde_json::to_string(value).map_err(|error| Failure::new(format!("cannot be written as JSON: {error}")))?;
    print(&text)
}

/// A runtime for commands that talk over the network.
pub fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        // Threads that helped with the start hold memory until they end.
        .thread_keep_alive(std::time::Duration::from_secs(1))
        .build();
    let failed = |error: io::Error| Failure::new(format!("the runtime cannot be started: {error}"));
    let runtime = runtime.map_err(failed)?;
    survive_file_limits(&runtime).map_err(failed)?;
    Ok(runtime)
}

/// A write beyond the limit on a file's size (`ulimit -f`, LimitFSIZE) is an error then, as on a full disk. Without a handler the system
/// ends the process instead.
#[cfg(unix)]
fn survive_file_limits(runtime: &tokio::runtime::Runtime) -> io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let _context = runtime.enter();
    // The handler stays when this is dropped.
    signal(SignalKind::from_raw(rustix::process::Signal::XFSZ.as_raw())).map(drop)
}

/// There is no such limit.
#[cfg(not(unix))]
fn survive_file_limits(_: &tokio::runtime::Runtime) -> io::Result<()> {
    Ok(())
}
