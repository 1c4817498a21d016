//! JSON lines of dependencies that log with the crate `log`: without the fields in which their records bring file, line and module along.
//! Text lines leave those out already.

use std::fmt;

use serde_json::Value;
use tracing::{Event, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

/// The target of every record that came from `log`; the line names the one that the record had.
const TARGET: &str = "log";
/// How the names of such fields begin.
const PREFIX: &str = "log.";

/// A format of JSON lines without those fields.
pub(super) struct Plain<F>(pub(super) F);

impl<S, N, F> FormatEvent<S, N> for Plain<F>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
    F: FormatEvent<S, N>,
{
    fn format_event(&self, context: &FmtContext<'_, S, N>, mut writer: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        if event.metadata().target() != TARGET {
            return self.0.format_event(context, writer, event);
        }
        let mut line = String::new();
        self.0.format_event(context, Writer::new(&mut line), event)?;
        let mut json: Value = serde_json::from_str(&line).map_err(|_| fmt::Error)?;
        if let Some(fields) = json["fields"].as_object_mut() {
            fields.retain(|name, _| !name.starts_with(PREFIX));
        }
        writeln!(writer, "{json}")
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::{Arc, Mutex};

    use tracing_subscriber::fmt;
    use tracing_subscriber::layer::SubscriberExt as _;

    use super::*;

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().expect("whole").write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_dependency_s_line_says_what_and_not_where_in_its_sources() {
        let lines = Lines::default();
        let writer = lines.clone();
        let layer = fmt::layer().with_writer(move || writer.clone()).json().map_event_format(Plain);
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
            tracing::event!(target: "log", tracing::Level::WARN, log.file = "a.rs", log.line = 7, log.target = "theirs", tables = 3, "compacted");
            tracing::warn!(service = "own", "said");
        });
        let text = String::from_utf8(lines.0.lock().expect("whole").clone()).expect("UTF-8");
        let fields = |line: &str| serde_json::from_str::<Value>(line).expect("JSON")["fields"].clone();
        let fields: Vec<Value> = text.lines().map(fields).collect();
        assert_eq!(
            fields,
            [
                serde_json::json!({ "message": "compacted", "tables": 3 }),
                serde_json::json!({ "message": "said", "service": "own" })
            ]
        );
    }
}
