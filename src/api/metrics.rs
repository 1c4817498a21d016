//! Metrics as Prometheus text: counts of calls, which are kept here, and readings of other parts, which are asked for when somebody scrapes.
//!
//! Labels are bounded: a method is one that exists, a code is one of gRPC's, a route is a pattern, a status is one of HTTP's, and a registry is in the
//! catalogue. No label is a caller's or a citizen's.

use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;

/// The content type of `/metrics`.
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Answered {
    method: &'static str,
    code: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Called {
    method: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Requested {
    route: String,
    status: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Route {
    route: String,
}

/// The counters of a gateway.
pub struct Metrics {
    registry: Mutex<Registry>,
    answered: Family<Answered, Counter>,
    seconds: Family<Called, Histogram>,
    requested: Family<Requested, Counter>,
    request_seconds: Family<Route, Histogram>,
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Metrics")
    }
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("lienthong");
        let answered = Family::<Answered, Counter>::default();
        // From a quarter of a millisecond to eight seconds.
        let histogram: fn() -> Histogram = || Histogram::new(exponential_buckets(0.000_25, 2.0, 16));
        let seconds = Family::<Called, Histogram>::new_with_constructor(histogram);
        registry.register("calls", "Calls answered, by method and gRPC status code", answered.clone());
        let help = "Time from the headers of a call to the headers of its answer, in seconds";
        registry.register("call_duration_seconds", help, seconds.clone());
        let requested = Family::<Requested, Counter>::default();
        let request_seconds = Family::<Route, Histogram>::new_with_constructor(histogram);
        let help = "Requests for pages and files answered, by route and HTTP status";
        registry.register("http_requests", help, requested.clone());
        let help = "Time from the headers of a request for a page or file to the headers of its answer, in seconds";
        registry.register("http_request_duration_seconds", help, request_seconds.clone());
        Self { registry: Mutex::new(registry), answered, seconds, requested, request_seconds }
    }
}

impl Metrics {
    /// Counts an answer. The method is empty where the path named none.
    pub fn answered(&self, method: &'static str, code: &'static str, took: Duration) {
        let method = if method.is_empty() { "unknown" } else { method };
        self.answered.get_or_create(&Answered { method, code }).inc();
        self.seconds.get_or_create(&Called { method }).observe(took.as_secs_f64());
    }

    /// Counts the answer to a request for a page or file. The route is a pattern (`/logs/{name}/checkpoint`), never a path.
    pub fn requested(&self, route: &str, status: &str, took: Duration) {
        let (route, status) = (route.to_owned(), status.to_owned());
        self.request_seconds.get_or_create(&Route { route: route.clone() }).observe(took.as_secs_f64());
        self.requested.get_or_create(&Requested { route, status }).inc();
    }

    /// Adds gauges that are read on demand.
    pub fn ask(&self, readings: Vec<Reading>) {
        let mut registry = self.registry.lock().unwrap_or_else(PoisonError::into_inner);
        registry.register_collector(Box::new(Readings(readings)));
    }

    /// Everything, as text.
    pub fn text(&self) -> String {
        let registry = self.registry.lock().unwrap_or_else(PoisonError::into_inner);
        let mut text = String::new();
        // Writing to a string does not fail; a collector that fails leaves the rest readable.
        if let Err(error) = encode(&mut text, &registry) {
            tracing::error!(%error, "the metrics cannot be written");
        }
        text
    }
}

/// A value with its labels.
pub type Sample = (Vec<(&'static str, String)>, f64);

/// One metric that is read when it is asked for.
pub struct Reading {
    name: &'static str,
    help: &'static str,
    read: Box<dyn Fn() -> Vec<Sample> + Send + Sync>,
}

impl Reading {
    /// A metric of this name. A name that ends in `_total` is a counter, any other a gauge.
    pub fn new(name: &'static str, help: &'static str, read: impl Fn() -> Vec<Sample> + Send + Sync + 'static) -> Self {
        Self { name, help, read: Box::new(read) }
    }

    /// A metric without labels.
    pub fn single(name: &'static str, help: &'static str, read: impl Fn() -> f64 + Send + Sync + 'static) -> Self {
        Self::new(name, help, move || vec![(Vec::new(), read())])
    }
}

struct Readings(Vec<Reading>);

impl fmt::Debug for Readings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|reading| reading.name)).finish()
    }
}

impl Collector for Readings {
    fn encode(&self, mut encoder: DescriptorEncoder) -> fmt::Result {
        for Reading { name, help, read } in &self.0 {
            let counter = name.strip_suffix("_total");
            let kind = if counter.is_some() { MetricType::Counter } else { MetricType::Gauge };
            let mut metric = encoder.encode_descriptor(counter.unwrap_or(name), help, None, kind)?;
            for (labels, value) in read() {
                let mut sample = metric.encode_family(&labels)?;
                match counter {
                    Some(_) => sample.encode_counter::<NoLabelSet, f64, f64>(&value, None)?,
                    None => sample.encode_gauge(&value)?,
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_and_readings_are_written_as_prometheus_reads_them() {
        let metrics = Metrics::default();
        metrics.answered("a.v1.A/B", "OK", Duration::from_millis(1));
        metrics.answered("a.v1.A/B", "OK", Duration::from_millis(3));
        metrics.answered("", "UNIMPLEMENTED", Duration::ZERO);
        metrics.requested("/logs/{name}/checkpoint", "404", Duration::from_millis(1));
        metrics.ask(vec![
            Reading::single("open_connections", "Connections open", || 3.0),
            Reading::new("refused_total", "Refused, by reason", || vec![(vec![("reason", "total".into())], 2.0)]),
        ]);
        let text = metrics.text();
        for line in [
            "# TYPE lienthong_calls counter",
            "lienthong_calls_total{method=\"a.v1.A/B\",code=\"OK\"} 2",
            "lienthong_calls_total{method=\"unknown\",code=\"UNIMPLEMENTED\"} 1",
            "lienthong_call_duration_seconds_count{method=\"a.v1.A/B\"} 2",
            "lienthong_http_requests_total{route=\"/logs/{name}/checkpoint\",status=\"404\"} 1",
            "lienthong_http_request_duration_seconds_count{route=\"/logs/{name}/checkpoint\"} 1",
            "# TYPE lienthong_open_connections gauge",
            "lienthong_open_connections 3.0",
            "# TYPE lienthong_refused counter",
            "lienthong_refused_total{reason=\"total\"} 2.0",
            "# EOF",
        ] {
            assert!(text.lines().any(|found| found == line), "{line}\n{text}");
        }
    }
}
