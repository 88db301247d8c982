//! A database that fails while the loops run: they tell, go on, and tell when it works again.

use std::{sync::Arc, time::Duration};

use nurtured::{domain::id::LeadId, engine::running::Turn};
use tokio::sync::{Notify, mpsc};
use tokio_util::sync::CancellationToken;

use crate::support::{
    databases::{NOON, TestDatabase, for_each_database},
    engine::{Campaign, Rig, behind},
};

const SOON: Duration = Duration::from_secs(30);

/// A loop's name, and whether its work failed.
type Told = mpsc::UnboundedReceiver<(&'static str, bool)>;

async fn until(told: &mut Told, wanted: (&str, bool)) {
    let wait = async { while told.recv().await.unwrap() != wanted {} };
    let told = tokio::time::timeout(SOON, wait).await;
    assert!(told.is_ok(), "{wanted:?} was not told");
}

#[tokio::test(flavor = "multi_thread")]
async fn loops_whose_work_fails_say_so_until_it_works_again() {
    for_each_database(async |db| {
        let rig = Rig::new(db, &Campaign::new()).await;
        let mut engine = rig.with_relay(rig.smtp.addr.port());
        engine.take_over().await.unwrap();
        let (tell, mut told) = mpsc::unbounded_channel();
        Arc::get_mut(&mut engine).unwrap().on_turn = Box::new(move |name, turn| {
            let _ = match turn {
                Turn::Begun => Ok(()),
                Turn::Well => tell.send((name, false)),
                Turn::Failed(_) => tell.send((name, true)),
            };
        });
        let stop = CancellationToken::new();
        let sending = tokio::spawn(Arc::clone(&engine).send_loop(stop.clone()));
        let reload = Arc::new(Notify::new());
        let keeping_up =
            tokio::spawn(Arc::clone(&engine).keep_up(stop.clone(), reload, async || ()));
        for (table, name) in [("messages", "send"), ("releases", "keep-up")] {
            until(&mut told, (name, false)).await;
            behind(db, format!("ALTER TABLE {table} RENAME TO elsewhere")).await;
            until(&mut told, (name, true)).await;
            behind(db, format!("ALTER TABLE elsewhere RENAME TO {table}")).await;
            until(&mut told, (name, false)).await;
        }
        stop.cancel();
        sending.await.unwrap().unwrap();
        keeping_up.await.unwrap().unwrap();
    })
    .await;
}

/// A campaign with a lead who has come to its workflow, and a database in which the first two decisions to
/// enter it are lost to another transaction. On SQLite nobody else writes.
async fn contended(db: &TestDatabase) -> (Rig, LeadId) {
    let campaign = Campaign::new().workflow(
        "patient",
        "enter:\n  when: stage == \"lead\"\n  existing: yes\nsteps:\n  - wait: 1d\n  - tag: seen\n",
    );
    let rig = Rig::new(db, &campaign).await;
    rig.engine.take_over().await.unwrap();
    let lead = rig.lead("ann@example.com", &[]).await;
    // Sequences are not rolled back.
    behind(
        db,
        "CREATE SEQUENCE tries; \
         CREATE FUNCTION lose() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
         IF nextval('tries') <= 2 THEN RAISE EXCEPTION 'lost' USING ERRCODE = '40001'; END IF; \
         RETURN NULL; END $$; \
         CREATE TRIGGER lose BEFORE INSERT ON enrolments FOR EACH STATEMENT EXECUTE FUNCTION lose()"
            .to_owned(),
    )
    .await;
    (rig, lead)
}

#[tokio::test(flavor = "multi_thread")]
async fn decisions_that_are_lost_to_another_transaction_are_made_again() {
    let Some(db) = TestDatabase::postgres().await else { return };
    let (rig, lead) = contended(&db).await;
    let (tell, mut told) = mpsc::unbounded_channel();
    let stop = CancellationToken::new();
    let deciding =
        tokio::spawn(Arc::clone(&rig.engine).decide_loop(stop.clone(), move |done, turn, _| {
            let _ = tell.send((done.decided, turn.map_err(ToString::to_string)));
        }));
    for decided in [0, 0, 1] {
        let turn = tokio::time::timeout(SOON, told.recv()).await.unwrap().unwrap();
        assert_eq!(turn, (decided, Ok(())));
    }
    assert_eq!(rig.enrolment(lead).await.workflow.as_str(), "patient");
    stop.cancel();
    deciding.await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pass_makes_decisions_again_that_are_lost_to_another_transaction() {
    let Some(db) = TestDatabase::postgres().await else { return };
    let (rig, lead) = contended(&db).await;
    assert_eq!(rig.engine.tick(NOON).await.unwrap().decided, 1);
    assert_eq!(rig.enrolment(lead).await.workflow.as_str(), "patient");
}
