//! Handing over: one worker for each connection of the relay, one mail at a time.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use super::{
    group::Group,
    lobby::{Lobby, Next},
    outcome::{by_its_step, outcome, postponed},
    preparing::Outgoing,
    recording::Entry,
    sending::Line,
};
use crate::{
    domain::time::Instant,
    mail::relay::{Change, Delivery, Session},
    store::records::{Settled, Settlement},
};

/// How long a relay that has said 354 is kept waiting. It gives up after some minutes (RFC 5321 §4.5.3.2.5, .6), and
/// a mail that is then sent into the void would be in doubt.
const RELAYS_PATIENCE: Duration = Duration::from_secs(30);

/// One connection of the relay.
///
/// While the end of a mail is written, the connection goes on with the next one, though not past its point of
/// no return, which is written after that or together with it: at most one mail of a connection can be
/// in doubt.
pub(super) async fn work(line: Arc<Line>, lobby: Arc<tokio::sync::Mutex<Lobby>>) {
    let mut session = line.outlet.relay.session();
    loop {
        // Who is free first takes what may leave next.
        let next = lobby.lock().await.next(&line).await;
        let Some(Next { mail, on_its_way, put_back }) = next else { break };
        let is_probe = on_its_way.is_probe;
        let settlement = hand_over(&line, &mut session, mail, put_back, is_probe).await;
        line.record.begin(Entry::End(settlement, Some(on_its_way))).await;
    }
    session.close().await;
}

async fn hand_over(
    line: &Arc<Line>,
    session: &mut Session,
    mail: Outgoing,
    put_back: Option<(Instant, &'static str)>,
    is_probe: bool,
) -> Settlement {
    let engine = &line.engine;
    let Outgoing { message, claim, letter, receiver, closes, .. } = mail;
    let token = claim.token;
    let is_over = |now: Instant| closes.is_some_and(|closes| now >= closes);
    let last_moment = claim.deadline - engine.headroom(&line.outlet.relay);
    let is_late = move || tokio::time::Instant::now() > last_moment;
    let marked = Arc::new(AtomicBool::new(false));
    let point_of_no_return = {
        let (record, marked) = (line.record.clone(), Arc::clone(&marked));
        let (id, clock) = (message.id, engine.clock.clone());
        move || async move {
            let may_go = || !is_over(clock.now()) && !is_late();
            let ours = mark(&record, Entry::Mark(id, token), may_go, RELAYS_PATIENCE).await;
            marked.store(ours, Ordering::SeqCst);
            ours
        }
    };
    let now = engine.clock.now();
    let released = if line.stop.is_cancelled() {
        Some((message.due_at, "the engine is stopping"))
    } else if is_over(now) {
        // Judged again: it waits for the next opening.
        Some((now, "its window closed while it waited"))
    } else if is_late() {
        Some((message.due_at, "its claim was nearly over before its turn came"))
    } else {
        put_back
    };
    if let Some((due_at, reason)) = released {
        let outcome = Settled::Released { due_at, reason: reason.to_owned() };
        return Settlement { message: message.id, token, outcome, relay: None };
    }
    let is_down = line.outlet.breaker().is_open() && !is_probe;
    let delivery = if is_down {
        None
    } else {
        Some(
            tokio::time::timeout_at(claim.deadline, session.deliver(&letter, point_of_no_return))
                .await,
        )
    };
    let now = engine.clock.now();
    let outcome = match delivery {
        None => postponed(&message, "the relay is down".to_owned(), false, now),
        Some(Ok(delivery)) => {
            tell_breaker(line, &delivery, now).await;
            let is_first = message.attempts == 0;
            engine.hear(&line.outlet, &receiver, &delivery, is_first, now).await;
            tracing::debug!(message = %message.id, outcome = delivery.word(), "handed over");
            outcome(&message, delivery, now)
        }
        // The connection is in an unknown state with the delivery that was cut short.
        Some(Err(_)) => {
            *session = line.outlet.relay.session();
            let reason = "the time for this mail was over".to_owned();
            if marked.load(Ordering::SeqCst) {
                Settled::InDoubt { reason }
            } else {
                postponed(&message, reason, true, now)
            }
        }
    };
    let outcome = match engine.live() {
        Some(live) => by_its_step(&live.definitions, &message, outcome),
        None => outcome,
    };
    let relay = Some(line.outlet.name.clone());
    Settlement { message: message.id, token, outcome, relay }
}

/// Writes the point of no return. The answer: whether the mail is handed over, which it is not where its time was
/// over before that was written, or where the relay would have waited longer than its `patience`.
async fn mark(
    record: &Group<Entry, bool>,
    entry: Entry,
    may_go: impl Fn() -> bool,
    patience: Duration,
) -> bool {
    let asked = tokio::time::Instant::now();
    let is_ours = may_go() && record.ask(entry).await.unwrap_or(false);
    // It may have waited for a database that was away, and the relay for us.
    is_ours && may_go() && asked.elapsed() < patience
}

async fn tell_breaker(line: &Line, delivery: &Delivery, now: Instant) {
    let trouble = delivery.relay_is_down().then(|| trouble(delivery));
    if told_breaker(line, trouble, delivery, now) {
        line.engine.tell_of(&line.outlet, now).await;
    }
}

/// Returns whether it has opened or closed.
fn told_breaker(line: &Line, trouble: Option<String>, delivery: &Delivery, now: Instant) -> bool {
    let outlet = &line.outlet;
    let mut breaker = outlet.breaker();
    let was_open = breaker.is_open();
    let change = match trouble {
        Some(_) => breaker.failed(!delivery.is_about_a_recipient(), now),
        None => breaker.answered(now),
    };
    // Told under the lock: what is told last is how it is.
    if let Some(change) = change {
        let relay = outlet.relay.name();
        match change {
            Change::Down => tracing::error!(
                relay,
                reason = trouble.as_deref().unwrap_or_default(),
                "the relay is down; its mails wait and are tried again"
            ),
            Change::Up => tracing::info!(relay, "the relay works again"),
        }
        (line.engine.on_relay)(&outlet.name, change);
    }
    // Likewise.
    outlet.set_unreachable(trouble);
    breaker.is_open() != was_open
}

/// Where and why the relay failed, without what it said: that may name people.
fn trouble(delivery: &Delivery) -> String {
    match delivery {
        Delivery::Unreachable { reason, stage } => {
            format!("{}: {}", stage.word(), without_words(reason))
        }
        Delivery::Refused { reply, stage } => format!("{}: {}", stage.word(), reply.code),
        other => other.word().to_owned(),
    }
}

/// As much of a reason as is not the relay's own: of a reply the code.
fn without_words(reason: &str) -> &str {
    if reason.starts_with(|c: char| c.is_ascii_digit()) {
        reason.split_whitespace().next().unwrap_or_default()
    } else if reason.starts_with("permanent error") || reason.starts_with("transient error") {
        reason.split(':').next().unwrap_or_default()
    } else {
        reason
    }
}

#[cfg(test)]
mod tests {
    use tokio_util::task::TaskTracker;

    use super::*;
    use crate::{domain::id::MessageId, mail::relay::Stage, store::records::ClaimToken};

    #[tokio::test]
    async fn a_mark_that_was_written_too_late_is_not_obeyed() {
        // Whether it is ours, how long the relay waits, before and after the mark: may it go?
        for (is_ours, patience, before, after, is_handed_over) in [
            (true, Duration::MAX, true, true, true),
            (false, Duration::MAX, true, true, false),
            (true, Duration::ZERO, true, true, false),
            (true, Duration::MAX, true, false, false),
            (true, Duration::MAX, false, true, false),
        ] {
            let may_go = Arc::new(AtomicBool::new(before));
            let meanwhile = Arc::clone(&may_go);
            let record = Group::start(&TaskTracker::new(), 1, move |_: Vec<Entry>| {
                meanwhile.store(after, Ordering::SeqCst);
                async move { vec![is_ours] }
            });
            let entry = Entry::Mark(MessageId(1), ClaimToken(1));
            let may_go = || may_go.load(Ordering::SeqCst);
            let handed_over = mark(&record, entry, may_go, patience).await;
            assert_eq!(handed_over, is_handed_over, "{is_ours}, {patience:?}, {before}, {after}");
        }
    }

    #[test]
    fn logs_say_where_a_relay_failed_and_not_its_words() {
        for (reason, stage, said) in [
            (
                "Connection refused (os error 111)",
                Stage::Connect,
                "connect: Connection refused (os error 111)",
            ),
            ("554 5.7.1 go away ann@example.com", Stage::Greeting, "greeting: 554"),
            (
                "permanent error (535): 5.7.8 ann@example.com is locked",
                Stage::Auth,
                "auth: permanent error (535)",
            ),
        ] {
            let delivery = Delivery::Unreachable { reason: reason.to_owned(), stage };
            assert_eq!(trouble(&delivery), said);
        }
    }
}
