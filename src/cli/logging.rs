//! Logs: structured lines on stderr, filtered by `LIENTHONG_LOG` (`info`, `lienthong=debug`, …).
//!
//! Servers (`serve`, `registry NAME`, `witness`, `replay --serve`) say what they do; every other command is quiet unless something is wrong. Personal
//! data never gets here: handlers log methods, agencies, outcomes and durations. Whoever reads stderr, or does not, cannot hold up the process: everything
//! written there goes through a queue, panics and a subcommand's last line included.

mod json;
mod queue;

use std::io::{self, IsTerminal as _};
use std::sync::OnceLock;
use std::time::Duration;

use tracing::Level;
use tracing_subscriber::filter::{ParseError, Targets};
use tracing_subscriber::fmt;
use tracing_subscriber::layer::{Layer as _, SubscriberExt as _};
use tracing_subscriber::registry::Registry;
use tracing_subscriber::util::SubscriberInitExt as _;

use super::format::OutputFormat;
use queue::LineQueue;

/// How long the last lines may take at the end of the process.
const FLUSH_WITHIN: Duration = Duration::from_millis(500);

static STDERR: OnceLock<LineQueue> = OnceLock::new();

fn stderr() -> &'static LineQueue {
    STDERR.get_or_init(|| {
        let report = |lines| tracing::warn!(lines, "{lines} log lines were dropped");
        LineQueue::start(io::stderr(), report)
    })
}

/// Reads what `LIENTHONG_LOG` says; nothing when it is empty. A lone word that is not a level would be taken for a module's name, and
/// silence everything else.
fn read_filter(wanted: &str) -> Result<Option<Targets>, String> {
    const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];
    if wanted.trim().is_empty() {
        return Ok(None);
    }
    let is_word = |part: &&str| part.chars().all(|c| c.is_ascii_alphabetic());
    let unknown =
        wanted.split(',').map(str::trim).filter(is_word).find(|word| {
            !word.is_empty() && !LEVELS.contains(&word.to_ascii_lowercase().as_str()) && *word != "lienthong"
        });
    match unknown {
        Some(word) => Err(format!("`{word}` is not a level")),
        None => wanted.parse().map(Some).map_err(|error: ParseError| error.to_string()),
    }
}

/// Starts logging for the process; a server says more than a command that ends.
pub fn start(is_server: bool, output: OutputFormat) {
    let quiet = Targets::new().with_default(Level::WARN);
    let default = if is_server {
        quiet.with_target("lienthong", Level::INFO).with_targets([("lsm_tree", Level::ERROR), ("fjall", Level::ERROR)])
    } else {
        quiet
    };
    let wanted = std::env::var("LIENTHONG_LOG").unwrap_or_default();
    let filter = match read_filter(&wanted) {
        Ok(Some(filter)) => filter,
        Ok(None) => default,
        Err(why) => {
            say(&format!(
                "lienthong: LIENTHONG_LOG={wanted} is not understood ({why}); like `debug` or `warn,lienthong=info`"
            ));
            default
        }
    };
    let lines = fmt::layer::<Registry>().with_writer(stderr);
    let lines = match output {
        OutputFormat::Text => lines.with_ansi(io::stderr().is_terminal()).boxed(),
        OutputFormat::Json => lines.json().map_event_format(json::Plain).boxed(),
    };
    let started = tracing_subscriber::registry().with(lines.with_filter(filter)).try_init();
    // Only a second start in one process fails, and then the first one's settings hold.
    let _ = started;
    // The standard library's hook writes to stderr itself, and would wait there for a reader.
    std::panic::set_hook(Box::new(|panic| {
        let location = panic.location().map(ToString::to_string).unwrap_or_default();
        let payload = panic.payload();
        let text =
            payload.downcast_ref::<&str>().copied().or_else(|| payload.downcast_ref::<String>().map(String::as_str));
        let message = text.unwrap_or("no message");
        stderr().push(format!("lienthong: panicked at {location}: {message}\n").as_bytes(), false);
    }));
}

/// Writes why a subcommand failed: its last line, lost only if nobody reads until the end.
pub fn say(line: &str) {
    stderr().push(format!("{line}\n").as_bytes(), true);
}

/// Waits until everything is written, for a moment at most; for the end of the process.
pub fn flush() {
    stderr().flush(FLUSH_WITHIN);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_is_read_or_named_as_wrong() {
        for fine in ["debug", "warn,lienthong=info", "lienthong=debug,h2=off", "INFO", "lienthong"] {
            assert!(matches!(read_filter(fine), Ok(Some(_))), "{fine}");
        }
        assert!(matches!(read_filter(" "), Ok(None)));
        for bad in ["infoo", "warn,debgu", "foo=bar=baz"] {
            assert!(read_filter(bad).is_err(), "{bad}");
        }
    }
}
