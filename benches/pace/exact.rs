//! How many mails arrive (at RCPT, where servers count) in each second, by a pace and by the system's clock, while
//! others are decided and sent as fast as they can be.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use nurtured::{
    clock::Clock,
    engine::releasing,
    store::{DatabaseUrl, Store},
};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::{
    campaign,
    smtp::{Act, At, FakeSmtp, Script},
};

/// A second.
const WINDOW: Duration = Duration::from_secs(1);
/// The first mails come while the engine starts.
const WARMS_UP: Duration = Duration::from_secs(2);

/// All mail together is well below what they take.
const CONNECTIONS: usize = 16;

pub async fn watch(span: Duration) {
    println!("arrivals in a second, beside mail that is asked for:");
    for rate in [10, 50, 200] {
        keep(rate, span).await;
    }
}

async fn keep(rate: usize, span: Duration) {
    let arrivals: Arc<Mutex<Vec<Instant>>> = Arc::default();
    let seen = Arc::clone(&arrivals);
    let script = Script::new().on(move |moment| {
        if moment.at == At::Rcpt && moment.recipient.starts_with("paced") {
            seen.lock().unwrap().push(Instant::now());
        }
        Act::Default
    });
    let (addr, _sink) = FakeSmtp::start(script).await;
    let folder = tempfile::tempdir().unwrap();
    let url = DatabaseUrl::parse("sqlite:nurtured.db", folder.path()).unwrap();
    let store = Store::create(&url).await.unwrap();
    let now = Clock::System.now();
    store.migrate(true, now).await.unwrap();
    let policy = format!(
        "policy:\n  tracking: with insights\n  purposes:\n    \
         insights: {{ label: Industry insights, basis: [consent] }}\n  \
         pacing:\n    providers:\n      paced: {{ domains: [d0.example], rate: {rate} per second }}\n"
    );
    let engine = crate::engine(folder.path(), store, Clock::System, (addr.port(), CONNECTIONS));
    releasing::apply(&engine.store, &campaign::artefacts(&policy), "bench", "", now).await.unwrap();
    let seconds = usize::try_from((span + WARMS_UP).as_secs()).unwrap() + 2;
    campaign::leads_of(&engine.store, "paced", rate * seconds, now, |_| 0).await;
    engine.take_over().await.unwrap();
    let stop = CancellationToken::new();
    let deciding = tokio::spawn(Arc::clone(&engine).decide_loop(stop.clone(), |_, _, _| ()));
    let sending = tokio::spawn(Arc::clone(&engine).send_loop(stop.clone()));
    let begun = Instant::now();
    let mut others = 0;
    while begun.elapsed() < span + WARMS_UP {
        // A load of mails that stand in no line.
        let now = Clock::System.now();
        let name = format!("other{others}");
        campaign::leads_of(&engine.store, &name, 200, now, |number| number + 1).await;
        engine.nudge.notify_one();
        others += 200;
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    let ended = begun.elapsed();
    stop.cancel();
    deciding.await.unwrap().unwrap();
    sending.await.unwrap().unwrap();
    engine.store.close().await;
    report(rate, arrivals.lock().unwrap().clone(), begun + WARMS_UP, begun + ended);
}

fn report(rate: usize, mut arrivals: Vec<Instant>, from: Instant, until: Instant) {
    arrivals.sort_unstable();
    let within = |from: Instant| {
        let before = |instant: Instant| arrivals.partition_point(|arrival| *arrival < instant);
        before(from + WINDOW) - before(from)
    };
    // Every stretch of a second, a millisecond further on each.
    let (mut least, mut most, mut at) = (usize::MAX, 0, from);
    let (mut stretches, mut exact) = (0_u32, 0_u32);
    while at + WINDOW <= until {
        let count = within(at);
        (least, most) = (least.min(count), most.max(count));
        stretches += 1;
        exact += u32::from(count.abs_diff(rate) <= 1);
        at += Duration::from_millis(1);
    }
    let share = 100.0 * f64::from(exact) / f64::from(stretches.max(1));
    let verdict = if least + 1 >= rate && most <= rate + 1 { "met" } else { "missed" };
    println!(
        "  {rate:>4} per second: {least} to {most}, {share:.1} % within one (target: all): {verdict}"
    );
}
