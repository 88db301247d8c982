//! Figures for Prometheus. Each daemon has a registry of its own; `docs/operations.md` explains every
//! name, and a test compares the two.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use prometheus_client::{
    encoding::text,
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram, info::Info},
    registry::Registry,
};

pub use super::hits::{HitKind, HitOutcome};
use super::{health::Health, listener::ListenerStats};
use crate::{
    clock::Clock,
    domain::{event::Judgement, lead::Stage, message::MessageState, name::Name, time::Instant},
    engine::{inbox::Action, intake::Intake},
    store::{Store, records::Census},
};

/// The upper bounds of the seconds that one transaction of decisions takes.
const SECONDS: [f64; 12] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0];
/// The database may not hold up a scrape for longer; its gauges then keep their last values.
const LOOK_WITHIN: Duration = Duration::from_secs(2);

/// The states that a try to send ends in.
const SETTLED: [MessageState; 6] = [
    MessageState::Sent,
    MessageState::Failed,
    MessageState::Deferred,
    MessageState::InDoubt,
    MessageState::Cancelled,
    MessageState::Parked,
];

type Label = (&'static str, &'static str);

/// What is looked at when somebody asks for the figures.
#[derive(Clone, Debug)]
pub struct Observed {
    pub store: Store,
    pub clock: Clock,
    pub intake: Intake,
    pub public: Arc<ListenerStats>,
    pub health: Health,
}

/// The figures of one daemon.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    observed: OnceLock<Observed>,
    ready: Gauge,
    mails: Family<[Label; 1], Counter>,
    relays: Family<[(&'static str, String); 1], Gauge>,
    slowed: Gauge,
    returned: Family<[Label; 1], Counter>,
    decided: Counter,
    decide_seconds: Histogram,
    contended: Counter,
    parked: Counter,
    missed_ticks: Counter,
    calls: Family<[(&'static str, String); 2], Counter>,
    calls_parked: Gauge,
    hits: Family<[Label; 2], Counter>,
    hit_transactions: Counter,
    revised: Counter,
    waiting_hits: Gauge,
    connections: Gauge,
    refused_connections: Counter,
    due_lag: Gauge<f64, AtomicU64>,
    mail_lag: Gauge<f64, AtomicU64>,
    leads: Family<[Label; 1], Gauge>,
    messages: Family<[Label; 1], Gauge>,
    due_leads: Gauge,
    parked_leads: Gauge,
    active_enrolments: Gauge,
    suppressed: Gauge,
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Metrics {
    #[must_use]
    pub fn new() -> Self {
        let mut metrics = Self {
            registry: Registry::with_prefix("nurtured"),
            observed: OnceLock::new(),
            ready: Gauge::default(),
            mails: Family::default(),
            relays: Family::default(),
            slowed: Gauge::default(),
            returned: Family::default(),
            decided: Counter::default(),
            decide_seconds: Histogram::new(SECONDS),
            contended: Counter::default(),
            parked: Counter::default(),
            missed_ticks: Counter::default(),
            calls: Family::default(),
            calls_parked: Gauge::default(),
            hits: Family::default(),
            hit_transactions: Counter::default(),
            revised: Counter::default(),
            waiting_hits: Gauge::default(),
            connections: Gauge::default(),
            refused_connections: Counter::default(),
            due_lag: Gauge::default(),
            mail_lag: Gauge::default(),
            leads: Family::default(),
            messages: Family::default(),
            due_leads: Gauge::default(),
            parked_leads: Gauge::default(),
            active_enrolments: Gauge::default(),
            suppressed: Gauge::default(),
        };
        metrics.register();
        metrics.begin_at_zero();
        metrics
    }

    fn register(&mut self) {
        let registry = &mut self.registry;
        let version = Info::new([("version", env!("CARGO_PKG_VERSION"))]);
        registry.register("build", "What runs", version);
        registry.register(
            "ready",
            "Whether the daemon can do its work, as `/ready` says",
            self.ready.clone(),
        );
        registry.register(
            "mails",
            "Settled tries to send, by what became of them",
            self.mails.clone(),
        );
        registry.register("relay_up", "Whether the relay can be used", self.relays.clone());
        registry.register(
            "receivers_slowed",
            "To how many providers and domains mail goes slowly",
            self.slowed.clone(),
        );
        registry.register(
            "mails_returned",
            "Mails that came back, by what was done with them",
            self.returned.clone(),
        );
        registry.register("leads_decided", "Leads decided", self.decided.clone());
        registry.register(
            "decide_seconds",
            "Seconds that one run of decisions took, up to 16 batches",
            self.decide_seconds.clone(),
        );
        registry.register(
            "decisions_contended",
            "Decisions thrown away because something had changed meanwhile",
            self.contended.clone(),
        );
        registry.register("leads_put_aside", "Leads parked after failures", self.parked.clone());
        registry.register(
            "schedule_ticks_missed",
            "Ticks of workflows' schedules that nobody entered by",
            self.missed_ticks.clone(),
        );
        registry.register("webhooks", "Tries to call other systems", self.calls.clone());
        registry.register("webhooks_parked", "Calls that are parked", self.calls_parked.clone());
        registry.register("hits", "Hits, by kind and first judgement", self.hits.clone());
        registry.register(
            "hit_transactions",
            "Transactions that hits were recorded in",
            self.hit_transactions.clone(),
        );
        registry.register("hits_revised", "Hits judged anew as a machine's", self.revised.clone());
        registry.register("hits_waiting", "Hits that wait for the disk", self.waiting_hits.clone());
        registry.register("connections", "Open public connections", self.connections.clone());
        registry.register(
            "connections_refused",
            "Public connections cut or not let in because all seats were taken",
            self.refused_connections.clone(),
        );
        registry.register(
            "due_lag_seconds",
            "How long the most overdue lead has been waiting for its decision",
            self.due_lag.clone(),
        );
        registry.register(
            "mail_lag_seconds",
            "How long the most overdue message has been waiting for its sender",
            self.mail_lag.clone(),
        );
        registry.register("leads", "Leads, by stage", self.leads.clone());
        registry.register("messages", "Messages, by state", self.messages.clone());
        registry.register("leads_due", "Leads that are due", self.due_leads.clone());
        registry.register("leads_parked", "Leads that are parked", self.parked_leads.clone());
        registry.register(
            "enrolments_active",
            "Enrolments under way",
            self.active_enrolments.clone(),
        );
        registry.register(
            "suppressions",
            "Addresses and domains on the suppression list",
            self.suppressed.clone(),
        );
    }

    /// A figure that is missing until something happens cannot be watched.
    fn begin_at_zero(&self) {
        for state in SETTLED {
            self.mails(state, 0);
        }
        for action in Action::ALL {
            let _ = self.returned.get_or_create(&[("action", action.word())]);
        }
        for kind in [HitKind::Click, HitKind::Open] {
            for judgement in [Judgement::Machine, Judgement::Unsure] {
                let _ = self.hits(kind, HitOutcome::Judged(judgement));
            }
        }
        let pages = [HitKind::Unsubscribe, HitKind::Answer, HitKind::Outcome];
        for kind in pages {
            let _ = self.hits(kind, HitOutcome::Judged(Judgement::Human));
        }
        for kind in [HitKind::Click, HitKind::Open].into_iter().chain(pages) {
            let _ = self.hits(kind, HitOutcome::Refused);
        }
        self.census(&Census::default());
    }

    /// Says what to look at when somebody asks. The first call counts.
    pub fn observe(&self, observed: Observed) {
        let _ = self.observed.set(observed);
    }

    /// `count` messages were settled in this state.
    pub fn mails(&self, state: MessageState, count: u64) {
        self.mails.get_or_create(&[("outcome", state.word())]).inc_by(count);
    }

    /// A relay can be used, or is down.
    pub fn relay(&self, name: &str, up: bool) {
        self.relays.get_or_create_owned(&[("relay", name.to_owned())]).set(up.into());
    }

    /// A mail came in by LMTP.
    pub fn returned(&self, action: Action) {
        self.returned.get_or_create(&[("action", action.word())]).inc();
    }

    /// A run of `leads` was decided and committed; `contended` of them had changed meanwhile.
    pub fn decided(&self, leads: u64, contended: u64, took: Duration) {
        self.decided.inc_by(leads);
        self.contended.inc_by(contended);
        self.decide_seconds.observe(took.as_secs_f64());
    }

    /// Leads were put aside.
    pub fn parked(&self, leads: u64) {
        self.parked.inc_by(leads);
    }

    /// Ticks of a schedule were missed.
    pub fn missed_ticks(&self, ticks: u64) {
        self.missed_ticks.inc_by(ticks);
    }

    /// A target was called.
    pub fn called(&self, target: &Name, outcome: &str) {
        let labels = [("target", target.to_string()), ("outcome", outcome.to_owned())];
        self.calls.get_or_create_owned(&labels).inc();
    }

    pub fn hit(&self, kind: HitKind, outcome: HitOutcome) {
        self.hits(kind, outcome).inc();
    }

    fn hits(&self, kind: HitKind, outcome: HitOutcome) -> Counter {
        let labels = [("kind", kind.word()), ("judgement", outcome.word())];
        self.hits.get_or_create_owned(&labels)
    }

    /// Takes over the counts of the whole database, as housekeeping finds them.
    pub fn census(&self, census: &Census) {
        let gauge = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
        // What the census does not name has none any more.
        let of = |counts: &BTreeMap<Name, u64>, word| gauge(counts.get(word).copied().unwrap_or(0));
        for stage in Stage::ALL {
            let count = of(&census.by_stage, stage.word());
            self.leads.get_or_create(&[("stage", stage.word())]).set(count);
        }
        for state in MessageState::ALL {
            let count = of(&census.messages, state.word());
            self.messages.get_or_create(&[("state", state.word())]).set(count);
        }
        self.due_leads.set(gauge(census.due));
        self.parked_leads.set(gauge(census.parked_leads));
        self.active_enrolments.set(gauge(census.enrolments_active));
        self.suppressed.set(gauge(census.suppressions));
    }

    /// All figures in the OpenMetrics text format.
    pub async fn encode(&self) -> String {
        if let Some(observed) = self.observed.get() {
            self.look(observed).await;
        }
        let mut page = String::new();
        if text::encode(&mut page, &self.registry).is_err() {
            tracing::error!("the figures could not be written down");
        }
        page
    }

    async fn look(&self, observed: &Observed) {
        let stats = observed.intake.stats();
        self.hit_transactions.inner().store(stats.transactions(), Ordering::Relaxed);
        self.revised.inner().store(stats.revised(), Ordering::Relaxed);
        self.refused_connections.inner().store(observed.public.refused(), Ordering::Relaxed);
        let gauge = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
        self.waiting_hits.set(gauge(observed.intake.depth()));
        self.connections.set(gauge(observed.public.open()));
        let now = observed.clock.now();
        let look = async {
            if let Ok(slowed) = observed.store.throttles().await {
                self.slowed.set(gauge(slowed.len()));
            }
            if let Ok(parked) = observed.store.parked_calls().await {
                self.calls_parked.set(i64::try_from(parked).unwrap_or(i64::MAX));
            }
            if let Ok(due) = observed.store.next_wake_at().await {
                self.due_lag.set(lag(now, due));
            }
            if let Ok(due) = observed.store.next_due_message().await {
                self.mail_lag.set(lag(now, due));
            }
        };
        // It has time-outs of its own.
        let (ready, _) =
            tokio::join!(observed.health.ready(), tokio::time::timeout(LOOK_WITHIN, look));
        self.ready.set(ready.is_ok().into());
    }
}

/// Seconds since what is due was due; 0 where nothing is.
#[expect(clippy::cast_precision_loss, reason = "a lag of 285,000 years would lose a millisecond")]
fn lag(now: Instant, due: Instant) -> f64 {
    if due.is_never() { 0.0 } else { now.since(due).max(0) as f64 / 1_000.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is said of a figure: its labels, its type, its meaning.
    type Entry = (Vec<String>, String, String);

    /// Every family that the registry holds, by the name that Prometheus stores it under.
    fn there(page: &str) -> BTreeMap<String, Entry> {
        let after = |mark: &str, name: &str| {
            let lines = page.lines().filter_map(|line| line.strip_prefix(mark));
            lines.filter_map(|line| line.split_once(' ')).find(|(of, _)| *of == name)
        };
        let kinds = page.lines().filter_map(|line| line.strip_prefix("# TYPE "));
        let entry = |(family, kind): (&str, &str)| {
            let name = match kind {
                "counter" => format!("{family}_total"),
                "info" => format!("{family}_info"),
                _ => family.to_owned(),
            };
            let sample = page.lines().find_map(|line| line.strip_prefix(&format!("{name}{{")));
            let labels = sample.and_then(|rest| rest.split('}').next()).unwrap_or_default();
            let labels = labels.split(',').filter_map(|label| label.split_once('='));
            let labels: Vec<String> = labels.map(|(label, _)| label.to_owned()).collect();
            let help = after("# HELP ", family).unwrap().1.trim_end_matches('.').to_lowercase();
            (name, (labels, kind.to_owned(), help))
        };
        kinds.filter_map(|line| line.split_once(' ')).map(entry).collect()
    }

    /// What the manual's table says of each.
    fn documented() -> BTreeMap<String, Entry> {
        let manual = include_str!("../../docs/operations.md");
        let section = manual.split("\n## Metrics").nth(1).unwrap().split("\n## ").next().unwrap();
        let rows = section.lines().filter_map(|line| line.strip_prefix("| `"));
        let entry = |row: &str| {
            let cells: Vec<&str> = row.split(" | ").collect();
            let (name, labels) = cells[0].split_once('{').unwrap_or((cells[0], ""));
            let labels = labels.trim_end_matches(['`', '}']).split(',');
            let labels = labels.filter(|label| !label.is_empty()).map(str::to_owned).collect();
            let kind = cells[1].to_owned();
            (name.trim_end_matches('`').to_owned(), (labels, kind, cells[2].to_lowercase()))
        };
        rows.map(entry).collect()
    }

    #[tokio::test]
    async fn the_manual_explains_exactly_the_figures_that_there_are() {
        let metrics = Metrics::new();
        metrics.relay("main", true);
        metrics.called(&"crm".into(), "answered");
        let (there, documented) = (there(&metrics.encode().await), documented());
        let names = |entries: &BTreeMap<String, Entry>| entries.keys().cloned().collect::<Vec<_>>();
        assert_eq!(names(&there), names(&documented));
        for (name, (labels, kind, help)) in there {
            let (their_labels, their_kind, meaning) = &documented[&name];
            assert_eq!((&labels, &kind), (their_labels, their_kind), "{name}");
            assert!(meaning.starts_with(&help), "{name}: `{help}` is not how `{meaning}` begins");
        }
    }

    #[test]
    fn alarms_are_about_figures_that_there_are() {
        let rules = include_str!("../../docs/alerts.yml");
        let word = |at: usize| -> String {
            let letters = rules[at..].chars();
            letters.take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect()
        };
        let named: Vec<String> = rules.match_indices("nurtured_").map(|(at, _)| word(at)).collect();
        assert!(named.len() > 5, "{named:?}");
        let documented = documented();
        for name in named {
            assert!(documented.contains_key(&name), "{name} is not in the manual");
        }
    }

    #[tokio::test]
    async fn what_happened_is_counted() {
        let metrics = Metrics::new();
        metrics.mails(MessageState::Sent, 3);
        metrics.mails(MessageState::InDoubt, 1);
        metrics.decided(250, 2, Duration::from_millis(12));
        metrics.hit(HitKind::Click, HitOutcome::Judged(Judgement::Machine));
        let page = metrics.encode().await;
        for line in [
            "nurtured_mails_total{outcome=\"sent\"} 3",
            "nurtured_mails_total{outcome=\"in_doubt\"} 1",
            "nurtured_leads_decided_total 250",
            "nurtured_decisions_contended_total 2",
            "nurtured_hits_total{kind=\"click\",judgement=\"machine\"} 1",
            "nurtured_decide_seconds_bucket{le=\"0.025\"} 1",
        ] {
            assert!(page.contains(line), "{line} is not in\n{page}");
        }
        assert!(page.ends_with("# EOF\n"));
    }

    #[test]
    fn a_lag_is_never_negative() {
        let at = Instant::from_millis;
        assert!(lag(at(5_000), at(3_500)) > 1.49);
        assert!(lag(at(5_000), at(9_000)) < 0.001);
        assert!(lag(at(5_000), Instant::NEVER) < 0.001);
    }
}
