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

/// Seconds to the head, which a gateway sends at once or with its first sign of life.
const HEAD_S: [f64; 10] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0];
/// Seconds to the end.
const REPLY_S: [f64; 10] = [0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0];

/// A relay's metrics. Clones share them.
#[derive(Clone, Debug)]
pub struct Metrics(Arc<Counted>);

#[derive(Debug)]
struct Counted {
    registry: Registry,
    requests: Family<Labels, Counter>,
    under_way: Gauge,
    head_s: Histogram,
    reply_s: Histogram,
    request_bytes: Counter,
    reply_bytes: Counter,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Labels {
    outcome: Outcome,
}

/// How a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Outcome {
    /// The gateway's reply went out as a whole.
    Relayed,
    /// The page went away.
    Abandoned,
    /// The gateway's reply broke off.
    Cut,
    /// The gateway's error in the clear was passed on.
    GatewayRefused,
    /// The gateway's list of keys was passed on.
    Listed,
    /// The relay refused, with one of the codes of `forward`.
    Refused(&'static str),
}

impl EncodeLabelValue for Outcome {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> fmt::Result {
        encoder.write_str(match self {
            Self::Relayed => "relayed",
            Self::Abandoned => "abandoned",
            Self::Cut => "cut",
            Self::GatewayRefused => "gateway-refused",
            Self::Listed => "key-directory",
            Self::Refused(code) => code,
        })
    }
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("tidegate_relay");
        let requests = Family::default();
        let help = "Requests for the gateway by how they ended";
        registry.register("requests", help, requests.clone());
        let under_way = Gauge::default();
        registry.register(
            "answers_under_way",
            "Answers on their way",
            under_way.clone(),
        );
        let head_s = Histogram::new(HEAD_S);
        let help = "From the request to the head of the gateway's reply";
        registry.register_with_unit("head", help, Unit::Seconds, head_s.clone());
        let reply_s = Histogram::new(REPLY_S);
        let help = "From the request to the end of its reply, however it ended";
        registry.register_with_unit("reply", help, Unit::Seconds, reply_s.clone());
        let request_bytes = Counter::default();
        registry.register_with_unit(
            "request",
            "Sealed requests",
            Unit::Bytes,
            request_bytes.clone(),
        );
        let reply_bytes = Counter::default();
        registry.register_with_unit("reply", "Sealed replies", Unit::Bytes, reply_bytes.clone());
        Self(Arc::new(Counted {
            registry,
            requests,
            under_way,
            head_s,
            reply_s,
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
    pub(super) fn ended(&self, outcome: Outcome) {
        self.0.requests.get_or_create(&Labels { outcome }).inc();
    }

    /// An answer is on its way until [`Metrics::left`].
    pub(super) fn opened(&self, request_bytes: u64) {
        self.0.under_way.inc();
        self.0.request_bytes.inc_by(request_bytes);
    }

    /// The gateway has begun to reply, so long after the request came.
    pub(super) fn began(&self, after: Duration) {
        self.0.head_s.observe(after.as_secs_f64());
    }

    /// The reply's stream is over, so long after the request came.
    pub(super) fn left(&self, after: Duration, reply_bytes: usize) {
        self.0.under_way.dec();
        self.0.reply_s.observe(after.as_secs_f64());
        self.0.reply_bytes.inc_by(reply_bytes as u64);
    }
}
