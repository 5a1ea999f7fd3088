//! What is counted, for Prometheus: how many, how long, how much. Nothing in it is of a person: the only label is how
//! something ended, one of a closed set.

use std::{
    fmt::{self, Write},
    sync::Arc,
    time::Duration,
};

use prometheus_client::{
    encoding::{EncodeLabelSet, EncodeLabelValue, LabelValueEncoder, text},
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
    registry::{Registry, Unit},
};
use query::ErrorCode;
use serde::Serialize;

/// Seconds to the head: a model may think for a minute.
const HEAD_S: [f64; 10] = [0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0];
/// Seconds to the end.
const ANSWER_S: [f64; 10] = [0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0];

/// A gateway's metrics. Clones share them.
#[derive(Clone, Debug)]
pub struct Metrics(Arc<Counted>);

#[derive(Debug)]
struct Counted {
    registry: Registry,
    requests: Family<Labels, Counter>,
    under_way: Gauge,
    head_s: Histogram,
    answer_s: Histogram,
    request_bytes: Counter,
    reply_bytes: Counter,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Labels {
    outcome: Outcome,
}

/// How a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Outcome {
    /// The whole answer went out.
    Answered,
    /// The page went away.
    Abandoned,
    /// It was refused, in the clear or sealed, or broke off.
    Failed(ErrorCode),
}

impl EncodeLabelValue for Outcome {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> fmt::Result {
        match self {
            Self::Answered => encoder.write_str("answered"),
            Self::Abandoned => encoder.write_str("abandoned"),
            Self::Failed(code) => write!(encoder, "{}", Name(*code)),
        }
    }
}

/// A code as the page reads it.
struct Name(ErrorCode);

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.serialize(f)
    }
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("tidegate_gateway");
        let requests = Family::default();
        let help = "Sealed requests by how they ended";
        registry.register("requests", help, requests.clone());
        let under_way = Gauge::default();
        registry.register(
            "answers_under_way",
            "Answers on their way",
            under_way.clone(),
        );
        let head_s = Histogram::new(HEAD_S);
        let help = "From the request to the upstream's first word";
        registry.register_with_unit("head", help, Unit::Seconds, head_s.clone());
        let answer_s = Histogram::new(ANSWER_S);
        let help = "From the request to the end of its reply, however it ended";
        registry.register_with_unit("answer", help, Unit::Seconds, answer_s.clone());
        let request_bytes = Counter::default();
        let help = "Content of requests that opened";
        registry.register_with_unit("request", help, Unit::Bytes, request_bytes.clone());
        let reply_bytes = Counter::default();
        registry.register_with_unit("reply", "Sealed replies", Unit::Bytes, reply_bytes.clone());
        Self(Arc::new(Counted {
            registry,
            requests,
            under_way,
            head_s,
            answer_s,
            request_bytes,
            reply_bytes,
        }))
    }
}

impl Metrics {
    /// As Prometheus reads them (OpenMetrics 1.0, `application/openmetrics-text`).
    pub fn encode(&self) -> String {
        let mut page = String::new();
        match text::encode(&mut page, &self.0.registry) {
            Ok(()) => page,
            // Writing to a string does not fail, and an empty page is no page to Prometheus.
            Err(fmt::Error) => String::new(),
        }
    }

    /// A request ended.
    pub(crate) fn ended(&self, outcome: Outcome) {
        self.0.requests.get_or_create(&Labels { outcome }).inc();
    }

    /// An answer is on its way until [`Metrics::left`].
    pub(crate) fn opened(&self, request_bytes: usize) {
        self.0.under_way.inc();
        self.0.request_bytes.inc_by(request_bytes as u64);
    }

    /// The upstream has begun to answer, so long after the request came.
    pub(crate) fn began(&self, after: Duration) {
        self.0.head_s.observe(after.as_secs_f64());
    }

    /// The reply's stream is over, so long after the request came.
    pub(crate) fn left(&self, after: Duration, reply_bytes: usize) {
        self.0.under_way.dec();
        self.0.answer_s.observe(after.as_secs_f64());
        self.0.reply_bytes.inc_by(reply_bytes as u64);
    }
}
