//! Clocks of workflows: of several daemons, one rings each tick.

use std::time::Duration;

use nurtured::{
    domain::{id::LeadId, time::Instant},
    store::{Ring, Schedule, Store},
};

use crate::support::databases::{NOON, for_each_database};

const HOUR: Duration = Duration::from_hours(1);

fn clock(workflow: &str, mark: i64) -> Schedule {
    Schedule { workflow: workflow.into(), mark, since: NOON, next_at: NOON + HOUR }
}

async fn next_at(store: &Store) -> Vec<(String, Instant)> {
    let schedules = store.schedules().await.unwrap().into_iter();
    schedules.map(|it| (it.schedule.workflow.to_string(), it.schedule.next_at)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_stays_as_it_is_until_it_goes_by_something_else() {
    for_each_database(async |db| {
        let store = &db.store;
        store.set_schedules(&[clock("monthly", 1), clock("weekly", 1)]).await.unwrap();
        let seen = store.schedules().await.unwrap().remove(0);
        let ring = Ring { run: None, missed: Vec::new(), because: "", next_at: NOON + 2 * HOUR };
        assert!(store.ring(&seen, &ring, NOON).await.unwrap());
        store.set_schedules(&[clock("monthly", 1)]).await.unwrap();
        assert_eq!(next_at(store).await, [("monthly".to_owned(), NOON + 2 * HOUR)]);
        store.set_schedules(&[clock("monthly", 2)]).await.unwrap();
        assert_eq!(next_at(store).await, [("monthly".to_owned(), NOON + HOUR)]);
        store.set_schedules(&[]).await.unwrap();
        assert!(next_at(store).await.is_empty());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tick_is_rung_once_and_gone_through_to_the_end() {
    for_each_database(async |db| {
        let store = &db.store;
        store.set_schedules(&[clock("monthly", 1)]).await.unwrap();
        let seen = store.schedules().await.unwrap().remove(0);
        let tick = NOON + HOUR;
        let ring = Ring {
            run: Some(tick),
            missed: vec![NOON - HOUR, NOON],
            because: "nothing was at work",
            next_at: NOON + 3 * HOUR,
        };
        assert!(store.ring(&seen, &ring, tick).await.unwrap());
        assert!(!store.ring(&seen, &ring, tick).await.unwrap(), "another daemon was faster");
        let open = store.schedules().await.unwrap().remove(0);
        assert_eq!(open.open, Some((tick, LeadId(i64::MIN))));
        let missed = store.missed_ticks(10).await.unwrap();
        let at: Vec<Instant> = missed.iter().map(|it| it.at).collect();
        assert_eq!(at, [NOON, NOON - HOUR]);
        assert_eq!(missed[0].because, "nothing was at work");

        store.move_tick(&open, Some(LeadId(7))).await.unwrap();
        // Who is behind moves nothing.
        store.move_tick(&open, None).await.unwrap();
        let moved = store.schedules().await.unwrap().remove(0);
        assert_eq!(moved.open, Some((tick, LeadId(7))));
        // The next one may be noted meanwhile; the open one goes on.
        let next = Ring { run: None, missed: vec![], because: "", next_at: NOON + 9 * HOUR };
        assert!(store.ring(&moved, &next, NOON + 3 * HOUR).await.unwrap());
        let moved = store.schedules().await.unwrap().remove(0);
        assert_eq!(moved.open, Some((tick, LeadId(7))));
        store.move_tick(&moved, None).await.unwrap();
        assert_eq!(store.schedules().await.unwrap()[0].open, None);
    })
    .await;
}
