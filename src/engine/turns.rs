//! Mails that have to stand in line once more: they come too late for their places, are tried again, or go where mail
//! is slowed down.

use std::collections::{BTreeMap, HashMap};

use super::{Engine, Outlet, deciding::look, live::Live, throttling::Levels};
use crate::{
    domain::{
        allocator::{has_days, has_lines, lines_of, turn_in},
        decide::may_send,
        id::{LeadId, MessageId},
        lead::{Held, LeadRecord, LeadState},
        message::{MaySend, MessageKind},
        pace::{Answer, Line, Opening},
        schedule::Day,
        time::Instant,
    },
    store::{Asked, StoreError, records::MessageRow},
};

/// A mail that comes this late to be handed over has lost its place in line: what a relay kept back that was slow or
/// away does not burst.
const LATE: std::time::Duration = std::time::Duration::from_secs(5);

/// Why a mail is put back that came to the door together with others of its line.
pub(super) const AT_THE_DOOR: &str = "others of its line were late";

/// Why a mail is put back that was ready before it was known how slowly mail goes there.
pub(super) const MORE_SLOWLY: &str = "mail goes more slowly there";

/// How long a mail waits for which a line of mail that is slowed down is too long.
const SLOW_LINES_ASKED: std::time::Duration = std::time::Duration::from_hours(1);

/// Until when a mail stands in line, and how that reads.
pub(super) struct Turn {
    pub at: Instant,
    pub reason: String,
}

/// A mail that stands in line once more.
struct Standing<'r> {
    row: &'r MessageRow,
    state: LeadState,
    lines: Vec<Line>,
    has_turn: bool,
    /// Whether some of the lines slow mail down.
    is_slow: bool,
    /// Whether some of them take so many a day, by its own relay.
    takes_day: bool,
}

/// How mails stand in line that are about to leave.
#[derive(Default)]
pub(super) struct Standings {
    /// Those who are to come again.
    pub turns: HashMap<MessageId, Turn>,
    /// How slowly mail goes where those go who have stood in line for it.
    pub levels: HashMap<MessageId, Levels>,
}

impl Engine {
    /// Turns for mails that have lost theirs: those that come too late, as the relay was away, are tried
    /// again, or were held back by something else since.
    pub(super) async fn turns_anew(
        &self,
        live: &Live,
        outlet: &Outlet,
        rows: &[MessageRow],
        records: &HashMap<LeadId, LeadRecord>,
        now: Instant,
    ) -> Result<Standings, StoreError> {
        let policy = &live.definitions.policy;
        if !has_lines(policy, &self.fleet) && self.throttles.is_idle() {
            return Ok(Standings::default());
        }
        let (relay, ramps) = (self.fleet.get(&outlet.name), self.ramps.now());
        let today = Day::at(now, &policy.zone);
        let has_days = has_days(policy, &self.fleet);
        let (mut standing, mut all_levels) = (Vec::new(), HashMap::new());
        for row in rows {
            // What it has is with the relay that it was to go by.
            let is_ours = row.via == outlet.name;
            let is_on_time = is_ours && now <= row.due_at + LATE;
            let has_day = is_ours && row.placed_on == Some(today);
            let (has_place, has_turn) = match &row.reason {
                None => {
                    // A place is good on its day alone.
                    let is_today = has_day || row.placed_on.is_none();
                    (is_on_time && is_today && row.attempts == 0, false)
                }
                // It has its places, and others were late.
                Some(reason) if is_on_time && reason == AT_THE_DOOR => continue,
                // It has all others.
                Some(reason) if is_on_time && reason == MORE_SLOWLY => (true, false),
                Some(reason) => (false, reason.starts_with(Held::TURN)),
            };
            // What was tried is not sent behind all who are told the days to come.
            let has_turn = has_turn || (has_days && row.attempts > 0);
            let Some(record) = records.get(&row.lead) else { continue };
            let domain = record.address.domain();
            // How much is taken from us may have changed since it was reserved.
            let receiver = policy.pacing.receiver(domain);
            let levels = self.throttles.levels(&outlet.name, receiver);
            let mut in_line = levels.lines(&outlet.name, receiver);
            let is_slow = !in_line.is_empty();
            if is_slow {
                all_levels.insert(row.id, levels);
            }
            if !has_place {
                // It counts among those of the day already: of its workflow, and where it is ours, of the relay.
                let is_new =
                    |is_counted: bool| move |line: &Line| !is_counted || line.day_of(now).is_none();
                let of_house = policy.pacing.lines(domain, &row.workflow, &policy.zone);
                let is_counted = row.placed_on == Some(today);
                in_line.extend(of_house.into_iter().filter(is_new(is_counted)));
                let of_relay = relay.map(|relay| lines_of(relay, &ramps, policy, domain));
                in_line.extend(of_relay.into_iter().flatten().filter(is_new(has_day)));
                in_line.extend(policy.pacing.late(row.due_at, now));
            }
            if !in_line.is_empty()
                && let Some(state) = waits_its_turn(live, row, record, now)
            {
                let takes_day = is_ours && in_line.iter().any(|line| line.day_of(now).is_some());
                standing.push(Standing {
                    row,
                    state,
                    lines: in_line,
                    has_turn,
                    is_slow,
                    takes_day,
                });
            }
        }
        // Whoever came first goes first, also where all are told to come again at the same time.
        standing.sort_by_key(|it| (it.row.created_at, it.row.id));
        let asked = standing.iter().map(|it| {
            let workflow = live.definitions.structures.get(&it.row.version);
            let own = workflow.and_then(|workflow| workflow.window.as_ref());
            let place = policy.place(&it.state.zone, it.state.country);
            let window = Some((own.unwrap_or(&policy.window), place));
            // It may go faster again long before a slow line has come to its end.
            let closes = it.is_slow.then_some(now + SLOW_LINES_ASKED);
            let opening = Opening { closes, window };
            Asked { lines: it.lines.clone(), has_turn: it.has_turn, opening }
        });
        let asked: Vec<_> = asked.collect();
        let answers = self.store.line_up(&asked, now).await?;
        let (mut turns, mut placed) = (HashMap::new(), BTreeMap::<Day, Vec<MessageId>>::new());
        for (it, answer) in standing.iter().zip(answers) {
            let (at, reason) = match answer {
                // Within a second: it goes.
                Answer::Go(at) => {
                    if it.takes_day {
                        placed.entry(Day::at(at, &policy.zone)).or_default().push(it.row.id);
                    }
                    continue;
                }
                Answer::Wait(at, line) => (at, turn_in(line)),
                Answer::Full(at, line) if it.is_slow => {
                    (at, format!("full for the next hour: {line}"))
                }
                Answer::Full(at, line) => (at, format!("full until its hours end: {line}")),
            };
            turns.insert(it.row.id, Turn { at, reason });
        }
        for (day, mails) in placed {
            self.store.placed_on(&mails, day).await?;
        }
        Ok(Standings { turns, levels: all_levels })
    }
}

/// What the lead asked for stands in no line, nor does what goes to our own people.
pub(super) fn stands_in_line(live: &Live, message: &MessageRow) -> bool {
    let workflow = live.definitions.structures.get(&message.version);
    let mail = workflow.and_then(|workflow| workflow.mail_step(&message.about.step));
    message.kind == MessageKind::Marketing && mail.is_some_and(|mail| !mail.now)
}

/// The lead of a mail that may leave but for its lines.
fn waits_its_turn(
    live: &Live,
    message: &MessageRow,
    record: &LeadRecord,
    now: Instant,
) -> Option<LeadState> {
    let MessageRow { about, kind, version, .. } = message;
    let definitions = &live.definitions;
    if !stands_in_line(live, message) {
        return None;
    }
    let (state, _, _) = look(definitions, record.clone(), &[], now);
    let may_send = may_send(definitions, &state, about, *kind, version, now);
    (may_send == MaySend::Now).then_some(state)
}
