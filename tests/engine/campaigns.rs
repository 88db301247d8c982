//! Campaigns: steps that keep their dates, mails that leave in time or not at all, events for calendars,
//! and codes that are one reader's own.

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use mail_parser::{MessageParser, MimeHeaders};
use nurtured::{
    domain::{message::MessageState, name::Name},
    engine::{
        live::Live,
        releasing,
        report::workflow::{CostSum, workflow_report},
    },
    store::{Store, records::Period},
};

use crate::support::{
    databases::for_each_database,
    engine::{Campaign, DAY, HOUR, MINUTE, Read, Rig, SECOND, Setup, at},
    smtp::{Act, At, Moment, Received, Script, say},
};

const ENTER: &str = "enter:\n  when: stage == \"lead\"\n  existing: yes\n";

fn spring(starts: &str) -> String {
    format!(
        "campaign: spring\ntitle: Approvals, live\nzone: Europe/Rome\ndates:\n  starts: {starts}\n\
         variables: {{ join_url: https://www.example.com/join }}\nutm: {{ source: webinar }}\n"
    )
}

fn webinar(starts: &str) -> Campaign {
    let steps = "steps:\n  - email: webinar/invitation\n    at: starts - 7d, 09:30\n  - email: webinar/day\n    \
                 at: starts - 2h\n    now: yes\n";
    let day = "---\nsubject: Today\nlayout: mail\ncalendar: { duration: 45m, url: \"{{ campaign.join_url }}\" }\n\
               ---\n[Join]({{ campaign.join_url }})\n";
    Campaign::new()
        .file("workflows/spring.campaign.yaml", &spring(starts))
        .workflow("webinar", &format!("campaign: spring\n{ENTER}{steps}"))
        .text("webinar/invitation", "'{{ campaign.title }}'", "[Join]({{ campaign.join_url }})\n")
        .file("templates/webinar/day.md", day)
}

/// The event that a mail carries: its type, and its lines unfolded.
fn event(mail: &Received) -> (String, Vec<String>) {
    let parsed = MessageParser::default().parse(&mail.data).expect("a mail");
    let part = parsed.attachments().next().expect("an attachment");
    let kind = part.content_type().expect("a type");
    let of_type = format!(
        "{}/{}; method={}; {}",
        kind.ctype(),
        kind.subtype().unwrap_or_default(),
        kind.attribute("method").unwrap_or_default(),
        part.attachment_name().unwrap_or_default()
    );
    let text = std::str::from_utf8(part.contents()).expect("text");
    let unfolded = text.replace("\r\n ", "");
    (of_type, unfolded.split("\r\n").map(str::to_owned).collect())
}

#[tokio::test(flavor = "multi_thread")]
async fn mails_keep_the_dates_of_their_campaign_also_when_these_move() {
    for_each_database(async |db| {
        let start = at("2027-03-01T12:00:00Z");
        let setup = Setup { start, ..Setup::default() };
        let rig = Rig::with(db, &webinar("2027-04-15 11:00"), setup).await;
        let lead = rig.lead("a@example.com", &[("zone", "America/New_York")]).await;
        let invited = at("2027-04-08T13:30:00Z");
        assert_eq!(rig.tick().await.next_wake_at, Some(invited));
        assert_eq!(&*rig.enrolment(lead).await.step, "at.email.webinar/invitation");

        // A week later: whoever waits, waits longer.
        rig.apply(&webinar("2027-04-22 11:00")).await;
        assert_eq!(rig.tick_after(HOUR).await.next_wake_at, Some(invited + 7 * DAY));
        assert_eq!(rig.tick_at(invited).await.sent, 0);
        assert_eq!(rig.tick_at(invited + 7 * DAY).await.sent, 1);
        let mail = rig.mails_to("a@example.com").remove(0);
        assert_eq!(mail.header("Subject").as_deref(), Some("Approvals, live"));

        // The second is the same instant for everybody: two hours before 11:00 in Rome.
        let two_hours_before = at("2027-04-22T07:00:00Z");
        assert_eq!(rig.tick().await.next_wake_at, Some(two_hours_before));
        assert_eq!(rig.tick_at(two_hours_before).await.sent, 1);
        let (kind, lines) = event(&rig.mails_to("a@example.com")[1]);
        assert_eq!(kind, "text/calendar; method=PUBLISH; event.ics");
        for line in [
            "METHOD:PUBLISH",
            "UID:webinar.day.spring@bounce.example.com",
            "SUMMARY:Approvals\\, live",
            "DTSTART:20270422T090000Z",
            "DTEND:20270422T094500Z",
            "ORGANIZER;CN=Ada Rossi:mailto:ada@example.com",
            "URL:https://www.example.com/join",
        ] {
            assert!(lines.iter().any(|found| found == line), "{line}: {lines:#?}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_release_whose_mails_read_what_those_under_way_have_not_is_refused() {
    for_each_database(async |db| {
        let steps = format!("{ENTER}steps:\n  - wait: 1d\n  - email: news/one\n");
        let before = Campaign::new().workflow("news", &steps).text(
            "news/one",
            "News",
            "[Join](https://www.example.com/)\n",
        );
        let rig = Rig::new(db, &before).await;
        rig.lead("a@example.com", &[]).await;
        rig.tick().await;
        let after = |text: &str| {
            let news = before.clone().workflow("news", &format!("campaign: spring\n{steps}"));
            let news = news.file("workflows/spring.campaign.yaml", &spring("2027-04-15 11:00"));
            news.text("news/one", "News", &format!("All of\n{text}.\n"))
        };
        let strict = after("the {{ campaign.title }}").artefacts();
        let now = rig.clock.now();
        let refused = releasing::apply(&rig.store, &strict, "test", "", now).await;
        let refused = refused.unwrap_err().to_string();
        let place =
            "templates/news/one.md:6: an earlier version of workflow `news` sends this mail";
        assert!(refused.contains(place), "{refused}");
        assert!(refused.contains("{{ campaign.title or"), "{refused}");
        rig.apply(&after("the {{ campaign.title or \"season\" }}")).await;
        assert_eq!(rig.tick_after(DAY).await.sent, 1);
        assert!(Read::of(&rig.mails_to("a@example.com")[0]).text.contains("the season"));
        // Nobody is on the earlier version any more.
        releasing::apply(&rig.store, &strict, "test", "", rig.clock.now()).await.unwrap();
    })
    .await;
}

/// The campaign of today is a day, as the event is; that of who is under way has an hour.
#[tokio::test]
async fn a_release_whose_event_does_not_go_with_the_campaign_of_those_under_way_is_refused() {
    for_each_database(async |db| {
        let steps = format!("{ENTER}steps:\n  - wait: 1d\n  - email: news/one\n");
        let news = |campaign: &str, calendar: &str| {
            let day = "campaign: summer\ntitle: Summer\ndates: { starts: 2027-06-15, ends: 2027-06-16 }\n";
            Campaign::new()
                .workflow("news", &format!("campaign: {campaign}\n{steps}"))
                .file("workflows/spring.campaign.yaml", &spring("2027-04-15 11:00"))
                .file("workflows/summer.campaign.yaml", day)
                .file("templates/news/one.md", &format!(
                    "---\nsubject: News\nlayout: mail\n{calendar}---\n[Join](https://www.example.com/)\n"
                ))
        };
        let rig = Rig::new(db, &news("spring", "")).await;
        rig.lead("a@example.com", &[]).await;
        rig.tick().await;
        let calendar = "calendar: { title: x, ends: 2027-06-17 }\n";
        let after = news("summer", calendar).artefacts();
        let refused = releasing::apply(&rig.store, &after, "test", "", rig.clock.now()).await;
        let refused = refused.unwrap_err().to_string();
        for said in [
            "templates/news/one.md:4: in `calendar: ends`",
            "by the dates of campaign `spring`, in which an earlier version of workflow `news` sends",
            "have the version of today send a mail of another name",
        ] {
            assert!(refused.contains(said), "{refused}");
        }
        assert_eq!(rig.tick_after(DAY).await.sent, 1);
        // Nobody is on the earlier version any more.
        releasing::apply(&rig.store, &after, "test", "", rig.clock.now()).await.unwrap();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_workflow_is_told_with_what_its_campaign_has_cost() {
    for_each_database(async |db| {
        let setup = Setup { start: at("2027-03-01T12:00:00Z"), ..Setup::default() };
        let costs = "costs:\n  - { about: platform, amount: 450, currency: EUR, on: 2027-03-01 }\n  \
                     - { about: list, amount: 1.50, currency: EUR, per: lead }\n";
        let file = spring("2027-04-15 11:00") + costs;
        let campaign =
            webinar("2027-04-15 11:00").file("workflows/spring.campaign.yaml", &file);
        let rig = Rig::with(db, &campaign, setup).await;
        for email in ["a@example.com", "b@example.com"] {
            rig.lead(email, &[]).await;
        }
        rig.tick().await;
        let live = Live::load(&rig.store).await.unwrap().unwrap();
        let told = async |until| {
            let period = Period { until, ..Period::ALL };
            let (name, now) = ("webinar".into(), rig.clock.now());
            let report = workflow_report(&rig.store, &live.definitions, &name, period, now);
            let report = report.await.unwrap();
            assert_eq!(report.campaign.as_deref(), Some("spring"));
            report.costs
        };
        let sum = |amount| CostSum { currency: "EUR".into(), amount, per_goal: None };
        assert_eq!(told(Period::ALL.until).await, [sum(453.0)]);
        assert_eq!(told(at("2027-02-28T12:00:00Z")).await, [sum(0.0)]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_of_a_later_release_replaces_the_one_before() {
    for_each_database(async |db| {
        let setup = Setup { start: at("2027-04-15T07:30:00Z"), ..Setup::default() };
        let campaign = webinar("2027-04-15 11:00");
        let rig = Rig::with(db, &campaign, setup).await;
        let told = async |email: &str, now| {
            rig.lead(email, &[]).await;
            rig.tick_at(now).await;
            let lines = event(&rig.mails_to(email)[0]).1;
            let line = |key: &str| {
                let found = lines.iter().find_map(|line| line.strip_prefix(key));
                found.expect("the line").to_owned()
            };
            (line("UID:"), line("SEQUENCE:").parse::<u32>().unwrap(), line("DTSTART:"))
        };
        // Both steps were past or are: the day's is two hours before it begins.
        rig.apply(&webinar("2027-04-15 11:30")).await;
        let first = told("a@example.com", at("2027-04-15T07:30:00Z")).await;
        rig.clock.set(at("2027-04-15T08:00:00Z"));
        rig.apply(&webinar("2027-04-15 12:00")).await;
        let second = told("b@example.com", at("2027-04-15T08:00:00Z")).await;
        assert_eq!(first.0, second.0);
        assert!(first.1 < second.1, "{} is not before {}", first.1, second.1);
        assert_eq!((&*first.2, &*second.2), ("20270415T093000Z", "20270415T100000Z"));
    })
    .await;
}

/// The steps that leads passed over: how many as their date was past, and as a mail had not left in time.
async fn passed_over(rig: &Rig, workflow: &str) -> Vec<(Name, u64, u64)> {
    let live = Live::load(&rig.store).await.unwrap().unwrap();
    let now = rig.clock.now();
    let report =
        workflow_report(&rig.store, &live.definitions, &workflow.into(), Period::ALL, now).await;
    let steps = report.unwrap().steps.into_iter();
    let steps = steps.map(|step| (step.step, step.skipped, step.expired));
    steps.filter(|(_, skipped, expired)| skipped + expired > 0).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn who_comes_too_late_for_a_step_goes_past_it_with_a_word() {
    for_each_database(async |db| {
        let setup = Setup { start: at("2027-04-14T12:00:00Z"), ..Setup::default() };
        let rig = Rig::with(db, &webinar("2027-04-15 11:00"), setup).await;
        let lead = rig.lead("a@example.com", &[]).await;
        let report = rig.tick().await;
        assert_eq!((report.sent, report.skipped), (0, 1));
        assert_eq!(&*rig.enrolment(lead).await.step, "at.email.webinar/day");
        let story = rig.store.timeline(lead, 50).await.unwrap();
        let skipped = story.iter().find(|row| row.kind == "decision.skipped").expect("a word");
        assert_eq!(skipped.step.as_deref(), Some("email.webinar/invitation"));
        assert!(
            skipped.detail.as_deref().unwrap().contains("its time was past: starts - 7d, 09:30")
        );
        assert_eq!(passed_over(&rig, "webinar").await, [("email.webinar/invitation".into(), 1, 0)]);
    })
    .await;
}

/// An offer that must leave within two hours, then another mail.
fn offer() -> Campaign {
    let steps = "steps:\n  - email: cold/offer\n    not_after: 2h\n  - email: cold/word\n";
    Campaign::new()
        .workflow("offers", &format!("{ENTER}{steps}"))
        .mail("cold/offer", "Offer")
        .mail("cold/word", "Word")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_that_a_relay_puts_off_for_too_long_expires_and_the_next_one_goes() {
    for_each_database(async |db| {
        let busy = Arc::new(AtomicBool::new(true));
        let asked = Arc::clone(&busy);
        let relay = Script::new().on(move |moment: Moment<'_>| {
            let refuses = moment.at == At::Rcpt && asked.load(Ordering::SeqCst);
            if refuses { say("451 4.7.1 come again") } else { Act::Default }
        });
        let rig = Rig::with(db, &offer(), Setup { relay, ..Setup::default() }).await;
        let begin = rig.clock.now();
        let lead = rig.lead("a@example.com", &[]).await;
        let mut report = rig.tick().await;
        assert_eq!(report.deferred, 1);
        while let Some(next) = report.next_wake_at.filter(|next| *next < begin + 2 * HOUR) {
            report = rig.tick_at(next).await;
            assert_eq!((report.sent, report.skipped), (0, 0));
        }
        busy.store(false, Ordering::SeqCst);
        assert_eq!(report.next_wake_at, Some(begin + 2 * HOUR));
        let report = rig.tick_at(begin + 2 * HOUR).await;
        assert_eq!((report.cancelled, report.skipped), (1, 1));
        assert_eq!(passed_over(&rig, "offers").await, [("email.cold/offer".into(), 0, 1)]);
        rig.tick_after(SECOND).await;
        assert_eq!(rig.subjects_to("a@example.com"), ["Word"]);
        let offer = rig.messages(lead).await.remove(0);
        assert_eq!(offer.state, MessageState::Cancelled);
        let reason = offer.reason.unwrap();
        assert!(reason.starts_with("expired: not_after 2h was over at 2"), "{reason}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_whose_time_is_over_is_stopped_at_the_instant_of_sending() {
    for_each_database(async |db| {
        let rig = Rig::new(db, &offer()).await;
        let begin = rig.clock.now();
        let lead = rig.lead("a@example.com", &[]).await;
        rig.store.pause(&"all".into(), "ada", begin).await.unwrap();
        assert_eq!(rig.tick().await.reserved, 1);
        // Nobody decides in between: only the sending side looks at it.
        rig.store.resume(&"all".into(), rig.clock.now()).await.unwrap();
        rig.clock.set(begin + 3 * HOUR);
        let stop = tokio_util::sync::CancellationToken::new();
        let until = nurtured::engine::sending::Until::Quiet;
        let tally = rig.engine.send(until, &stop).await.unwrap();
        assert_eq!((tally.sent, tally.released), (0, 1));
        assert_eq!(rig.smtp.count(), 0);
        let states = rig.states(lead).await;
        assert_eq!(states[0], ("cold/offer".to_owned(), MessageState::Cancelled), "{states:?}");
        rig.tick_after(SECOND).await;
        assert_eq!(rig.subjects_to("a@example.com"), ["Word"]);
    })
    .await;
}

/// Two mails of one passage that show a code of the pool `spring`.
fn discounts(more: &str) -> Campaign {
    let steps =
        format!("steps:\n  - email: cold/code\n{more}  - wait: 1d\n  - email: cold/again\n");
    Campaign::new()
        .workflow("discounts", &format!("{ENTER}{steps}"))
        .text("cold/code", "'Yours: {{ code(\"spring\") }}'", "Take it: {{ code(\"spring\") }}\n")
        .text("cold/again", "'Still yours: {{ code(\"spring\") }}'", "It ends soon.\n")
}

async fn add_codes(rig: &Rig, codes: std::ops::Range<i32>) {
    let codes: Vec<String> = codes.map(|number| format!("S-{number}")).collect();
    rig.store.add_codes(&"spring".into(), &codes, None, rig.clock.now()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pool_that_runs_dry_keeps_mails_back_until_there_are_codes_again() {
    for_each_database(async |db| {
        let rig = Rig::new(db, &discounts("")).await;
        add_codes(&rig, 0..3).await;
        let names: Vec<String> = (0..5).map(|n| format!("l{n}@example.com")).collect();
        rig.leads(&names, &[]).await;
        let report = rig.tick().await;
        assert_eq!((report.sent, report.parked), (3, 2));
        let parked = rig.store.parked(10).await.unwrap();
        let why = "no code is left in the pool `spring`: nurtured codes import spring FILE";
        assert_eq!(
            parked.iter().map(|it| (it.reason.as_str(), it.number)).collect::<Vec<_>>(),
            [(why, 2)]
        );

        add_codes(&rig, 2..5).await;
        rig.store.try_parked_again(rig.clock.now()).await.unwrap();
        let report = rig.tick_after(MINUTE).await;
        assert_eq!((report.sent, report.parked), (2, 0));
        let subjects: BTreeSet<String> =
            names.iter().flat_map(|name| rig.subjects_to(name)).collect();
        let expected: BTreeSet<String> = (0..5).map(|n| format!("Yours: S-{n}")).collect();
        assert_eq!(subjects, expected);

        // The other mail of the same passage shows the same code, and takes none.
        rig.tick_after(DAY + HOUR).await;
        for name in &names {
            let subjects = rig.subjects_to(name);
            assert_eq!(subjects[0].replace("Yours", "Still yours"), subjects[1]);
        }
        let pools = rig.store.code_pools().await.unwrap();
        assert_eq!((pools[0].left, pools[0].given), (0, 5));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_that_is_tried_again_shows_the_code_that_it_had() {
    for_each_database(async |db| {
        let relay = Script::new().on(|moment: Moment<'_>| match (moment.at, moment.nth) {
            (At::Dot, 1) => say("451 4.7.1 come again"),
            _ => Act::Default,
        });
        let rig = Rig::with(db, &discounts(""), Setup { relay, ..Setup::default() }).await;
        add_codes(&rig, 0..9).await;
        rig.lead("a@example.com", &[]).await;
        let next = rig.tick().await.next_wake_at.unwrap();
        assert_eq!(rig.tick_at(next).await.sent, 1);
        let subject = |mail: &Received| mail.header("Subject").unwrap();
        let refused = rig.smtp.refused();
        assert_eq!(refused.len(), 1);
        assert_eq!(subject(&refused[0]), "Yours: S-0");
        assert_eq!(rig.subjects_to("a@example.com"), ["Yours: S-0"]);
        assert_eq!(rig.store.code_pools().await.unwrap()[0].given, 1);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_that_waits_for_its_window_or_a_code_until_it_is_too_late_takes_none() {
    for_each_database(async |db| {
        let rig = Rig::new(db, &discounts("    not_after: 2h\n")).await;
        let lead = rig.lead("a@example.com", &[]).await;
        assert_eq!(rig.tick().await.parked, 1);
        let report = rig.tick_after(2 * HOUR).await;
        assert_eq!(report.skipped, 1);
        let first = rig.messages(lead).await.remove(0);
        assert_eq!(first.state, MessageState::Cancelled);
        assert!(first.reason.unwrap().starts_with("expired: not_after 2h"));
        assert!(rig.store.parked(10).await.unwrap().is_empty());
        assert_eq!(&*rig.enrolment(lead).await.step, "wait.1d");
        add_codes(&rig, 0..3).await;
        rig.store.try_parked_again(rig.clock.now()).await.unwrap();
        assert_eq!(rig.tick_after(MINUTE).await.sent, 0);
        assert_eq!(rig.store.code_pools().await.unwrap()[0].given, 0);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_engines_at_once_give_no_code_twice() {
    for_each_database(async |db| {
        let rig = Rig::new(db, &discounts("")).await;
        add_codes(&rig, 0..60).await;
        let names: Vec<String> = (0..50).map(|n| format!("l{n}@example.com")).collect();
        rig.leads(&names, &[]).await;
        let now = rig.clock.now();
        if db.store.admits_one_engine() {
            rig.tick().await;
        } else {
            let other = rig.with_relay(rig.smtp.addr.port());
            let (a, b) = tokio::join!(Box::pin(rig.engine.tick(now)), Box::pin(other.tick(now)));
            a.unwrap();
            b.unwrap();
        }
        let codes: BTreeSet<String> = names.iter().flat_map(|name| rig.subjects_to(name)).collect();
        assert_eq!(codes.len(), 50, "{codes:?}");
        let store = Store::open(&db.url).await.unwrap();
        assert_eq!(store.code_pools().await.unwrap()[0].given, 50);
    })
    .await;
}
