//! How often a lead is written to.

use jiff::{ToSpan as _, civil::Date};

use super::*;
use crate::domain::{
    caps::{Cap, Counted, Rung, Span, Sunset},
    facts::{FactKey, ObjectFilter},
    schedule::date_at,
};

fn cap(mails: u16, span: Span, counted: Counted) -> Cap {
    Cap { mails, span, counted }
}

/// One workflow that writes again and again, an hour apart.
fn chatty(mails: usize) -> House {
    let mut house = House::new();
    house.0.policy.window = Window::always();
    let steps = (0..mails).flat_map(|n| [email(&format!("mail-{n}")), wait("1h")]);
    house.workflow("chatty", steps.collect(), |_| {});
    house
}

fn sign_of_life(house: &mut House, rungs: Vec<Rung>) {
    let key = FactKey { kind: EventKind::MAIL_CLICKED, filter: ObjectFilter::Any };
    let life = vec![house.0.plan.ask(key, 4)];
    house.0.policy.caps.sunset = Sunset { rungs, life };
}

/// Goes on until so many mails are sent, or nothing is to come.
fn days_of_mails(story: &mut Story<'_>, mails: usize) -> Vec<Date> {
    let mut days = Vec::new();
    while days.len() < mails {
        if story.state.open_message.is_some() {
            days.push(date_at(story.now, &story.state.zone));
            story.sent();
        } else if story.last.wake_at.is_never() {
            break;
        } else {
            story.at(story.last.wake_at).decide();
        }
    }
    days
}

fn text(days: &[Date]) -> String {
    days.iter().map(|day| day.strftime("%-d.%-m.").to_string()).collect::<Vec<_>>().join(" ")
}

#[test]
fn a_cap_counts_days_on_the_leads_own_calendar() {
    let mut house = chatty(6);
    house.0.policy.caps.caps =
        vec![cap(1, Span::Days(1), Counted::All), cap(3, Span::Days(7), Counted::All)];
    let mut story = Story::cold(&house);
    story.state.zone = Zone::named("Pacific/Auckland").unwrap();
    story.decide();
    // It is 22:00 there; a new day begins two hours later, and another mail may go.
    assert_eq!(text(&days_of_mails(&mut story, 6)), "24.3. 25.3. 26.3. 31.3. 1.4. 2.4.");
    assert!(story.last.log.iter().all(|line| line.what != Verb::Held), "{}", story.reasons());
}

#[test]
fn what_is_held_says_by_which_rule_and_until_when() {
    let mut house = chatty(3);
    house.0.policy.window = Window::parse("mon-fri 09:00-17:30").unwrap();
    house.0.policy.caps.caps = vec![cap(2, Span::Days(3), Counted::Purpose("insights".into()))];
    let mut story = Story::cold(&house);
    story.decide();
    story.sent();
    let due = story.last.wake_at;
    story.at(due).decide();
    story.sent();
    let due = story.last.wake_at;
    story.at(due).decide();
    assert_eq!(story.reasons(), "cap: 2 mails for `insights` in 3 days");
    // The third day is a saturday: the window opens on monday, when the clock has gone forward.
    assert_eq!(story.last.wake_at, "2027-03-29T07:00:00Z".parse().unwrap());
    story.is_settled();
}

#[test]
fn what_the_lead_asked_for_comes_all_the_same_and_counts() {
    let mut house = chatty(2);
    house.workflow("asked", vec![email("ticket")], |w| (w.now, w.priority) = (true, -5));
    house.0.policy.caps.caps = vec![cap(1, Span::Days(7), Counted::All)];
    let mut story = Story::cold(&house);
    story.decide();
    assert_eq!(story.mails(), ["ticket"]);
    story.sent();
    assert!(story.mails().is_empty(), "the other has had its share");
    let due = story.last.wake_at;
    assert_eq!(date_at(due, &story.state.zone).to_string(), "2027-03-31");
}

#[test]
fn who_has_had_all_that_there_is_in_a_life_leaves() {
    let mut house = chatty(5);
    house.0.policy.caps.caps = vec![cap(2, Span::Lifetime, Counted::All)];
    let mut story = Story::cold(&house);
    story.decide();
    assert_eq!(days_of_mails(&mut story, 5).len(), 2);
    assert!(story.state.enrolments.is_empty());
    assert_eq!(story.reasons(), "left: cap: 2 mails ever");
}

#[test]
fn a_capped_mail_does_not_stand_in_the_way_of_another() {
    let mut house = chatty(2);
    house.workflow("other", vec![email("news")], |w| w.priority = -1);
    house.0.policy.caps.caps = vec![cap(1, Span::Days(7), Counted::Workflow("chatty".into()))];
    let mut story = Story::cold(&house);
    story.decide();
    story.sent();
    assert_eq!(story.mails(), ["news"]);
}

#[test]
fn a_cap_that_came_after_a_mail_was_reserved_holds_it_all_the_same() {
    let mut house = chatty(2);
    let mut story = Story::cold(&house);
    story.decide();
    story.sent();
    let due = story.last.wake_at;
    story.at(due).decide();
    let open = story.state.open_message.clone().expect("the second mail");
    let (state, now) = (story.state.clone(), story.now);
    let mut ask = |caps: Vec<Cap>| {
        house.0.policy.caps.caps = caps;
        let version = Version("chatty-1".into());
        may_send(&house.0, &state, &open.about, MessageKind::Marketing, &version, now)
    };
    assert_eq!(ask(vec![]), MaySend::Now);
    let held = ask(vec![cap(1, Span::Days(2), Counted::All)]);
    let until = "2027-03-25T23:00:00Z".parse().unwrap();
    assert_eq!(held, MaySend::NotBefore(until, "cap: 1 mail in 2 days".to_owned()));
    let never = ask(vec![cap(1, Span::Lifetime, Counted::All)]);
    assert_eq!(never, MaySend::Never("cap: 1 mail ever".to_owned()));
}

#[test]
fn mails_to_whom_nothing_stirs_become_rare_and_end_until_something_does() {
    let mut house = chatty(9);
    let rung = |unanswered, gap: Option<&str>| Rung {
        unanswered,
        gap: gap.map(|gap| WaitSpec::parse(gap).unwrap()),
    };
    sign_of_life(&mut house, vec![rung(2, Some("7d")), rung(3, Some("21d")), rung(5, None)]);
    let mut story = Story::cold(&house);
    story.decide();
    let days = days_of_mails(&mut story, 9);
    assert_eq!(text(&days), "24.3. 24.3. 31.3. 21.4. 12.5.");
    assert_eq!(story.reasons(), "sunset: no more after 5 mails without a sign of life");
    assert!(story.last.wake_at.is_never());
    // What may turn out to be a machine's click lets nothing through, until it is judged.
    let now = story.now + 30 * DAY;
    let hit = story.at(now).happens(EventKind::MAIL_CLICKED, Some("mail-4"));
    (hit.judgement, hit.settles_at) = (Judgement::Unsure, Some(now + Duration::from_secs(20)));
    story.decide();
    assert!(story.mails().is_empty());
    assert_eq!(story.last.wake_at, now + Duration::from_secs(20));
    let settled = story.last.wake_at;
    story.at(settled).decide();
    assert_eq!(story.mails(), ["mail-5"]);
}

#[test]
fn whose_behaviour_may_not_be_looked_at_is_not_given_up() {
    let mut house = chatty(4);
    sign_of_life(&mut house, vec![Rung { unanswered: 2, gap: None }]);
    house.0.policy.tracking = Tracking::Nobody;
    let mut story = Story::cold(&house);
    story.decide();
    assert_eq!(days_of_mails(&mut story, 4).len(), 4);
}

const ZONES: [&str; 4] = ["Europe/Rome", "Pacific/Auckland", "America/New_York", "Africa/Cairo"];
const HOURS: [&str; 3] = ["mon-fri 09:00-17:30", "daily 06:00-22:00", "always"];

fn caps() -> impl Strategy<Value = Vec<Cap>> {
    let span = prop_oneof![
        4 => prop::sample::select(vec![1, 2, 3, 7, 30]).prop_map(Span::Days),
        1 => Just(Span::Lifetime),
    ];
    let counted = prop_oneof![
        2 => Just(Counted::All),
        1 => prop::sample::select(vec!["insights", "offers"])
            .prop_map(|it| Counted::Purpose(it.into())),
        2 => prop::sample::select(vec!["one", "two", "three"])
            .prop_map(|it| Counted::Workflow(it.into())),
    ];
    let cap = (1u16..5, span, counted).prop_map(|(mails, span, counted)| cap(mails, span, counted));
    prop::collection::vec(cap, 0..5)
}

/// What was sent: when, by which workflow, for which purpose.
type Sent = (Instant, &'static str, &'static str);

fn is_about(counted: &Counted, sent: &Sent) -> bool {
    match counted {
        Counted::All => true,
        Counted::Purpose(name) => name == sent.2,
        Counted::Workflow(name) => name == sent.1,
    }
}

/// Whether one more mail would be one too many: by all that was ever sent, day by day.
fn is_too_many(cap: &Cap, history: &[Sent], more: &Sent, zone: &Zone) -> bool {
    let today = date_at(more.0, zone);
    let is_near = |sent: &&Sent| match cap.span {
        Span::Lifetime => true,
        Span::Days(days) => date_at(sent.0, zone) > today - i32::from(days).days(),
    };
    let counted = history.iter().filter(|sent| is_about(&cap.counted, sent)).filter(is_near);
    is_about(&cap.counted, more) && counted.count() >= usize::from(cap.mails)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Whatever wants to write, and however late a mail leaves: no cap is ever broken, and no mail is held
    /// back that no rule holds.
    #[test]
    fn no_cap_is_broken_and_nothing_is_held_without_a_rule(
        caps in caps(),
        gap in prop::option::of(prop::sample::select(vec!["90m", "20h", "2d", "2 business days"])),
        ranks in prop::collection::vec((prop::bool::weighted(0.1), 0i32..3, 0usize..3), 3),
        zone in prop::sample::select(ZONES.to_vec()),
        delays in prop::collection::vec(prop_oneof![2 => Just(0u32), 1 => 0u32..600], 60),
    ) {
        let mut house = House::new();
        let offers = Purpose { label: "Offers".into(), basis: vec![Basis::Consent] };
        house.0.policy.purposes.insert("offers".into(), offers);
        let names = [("one", "insights"), ("two", "insights"), ("three", "offers")];
        for ((name, purpose), &(now, priority, hours)) in names.into_iter().zip(&ranks) {
            let steps = (0..7).flat_map(|n| [email(&format!("{name}-{n}")), wait("5h")]);
            house.workflow(name, steps.collect(), |w| {
                (w.now, w.priority, w.purpose) = (now, priority, purpose.into());
                w.window = Some(Window::parse(HOURS[hours]).unwrap_or_else(|_| Window::always()));
            });
        }
        let gap = gap.map(|gap| WaitSpec::parse(gap).unwrap());
        (house.0.policy.caps.caps, house.0.policy.caps.min_gap) = (caps.clone(), gap.clone());
        let mut story = Story::cold(&house);
        let consent = story.state.consents["insights"].clone();
        story.state.consents.insert("offers".into(), consent);
        story.state.zone = Zone::named(zone).unwrap();
        story.decide();
        let mut history: Vec<Sent> = Vec::new();
        let may_go = |history: &[Sent], more: &Sent| {
            let zone = Zone::named(zone).unwrap();
            let capped = caps.iter().any(|cap| is_too_many(cap, history, more, &zone));
            let last = history.last().map(|(at, ..)| *at);
            let is_close = last.zip(gap.as_ref()).is_some_and(|(at, gap)| gap.due(at, &zone).at > more.0);
            !capped && !is_close
        };
        for delay in delays.into_iter().cycle().take(300) {
            if let Some(open) = story.state.open_message.clone() {
                let index = names.iter().position(|(name, _)| open.workflow == *name).unwrap();
                // It leaves a little later; whether it still may is asked again.
                let leaves = story.now + Duration::from_secs(60) * delay;
                let version = Version(format!("{}-1", open.workflow).into());
                let may = may_send(
                    &house.0, &story.state, &open.about, MessageKind::Marketing, &version, leaves,
                );
                if let MaySend::NotBefore(until, _) = may {
                    story.put_off(MessageState::Deferred, until);
                    story.at(until).decide();
                    continue;
                }
                prop_assert_eq!(may, MaySend::Now);
                let sent = (leaves, names[index].0, names[index].1);
                prop_assert!(ranks[index].0 || may_go(&history, &sent), "{sent:?} after {history:?}");
                history.push(sent);
                story.at(leaves).sent();
            } else {
                for enrolment in &story.state.enrolments {
                    let Phase::Ready { held: Some(held) } = &enrolment.phase else { continue };
                    prop_assert!(held.until > story.now && !held.reason.is_empty());
                    let index = names.iter().position(|(name, _)| enrolment.workflow == *name).unwrap();
                    let more = (story.now, names[index].0, names[index].1);
                    let window = Window::parse(HOURS[ranks[index].2]).unwrap_or_else(|_| Window::always());
                    let is_open = window.is_open(story.now, &story.state.zone);
                    prop_assert!(!is_open || !may_go(&history, &more), "{held:?} after {history:?}");
                }
                if story.last.wake_at.is_never() {
                    break;
                }
                story.at(story.last.wake_at).decide();
            }
        }
        let is_limited = caps.iter().any(|cap| cap.span == Span::Lifetime);
        prop_assert!(is_limited || history.len() == 21 || !story.state.enrolments.is_empty(), "{history:?}");
    }
}
