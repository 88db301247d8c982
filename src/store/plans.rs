//! How SQLite finds the rows of the statements that run when nothing is to be done, and of those that count many.

use sqlx::{AssertSqlSafe, Connection, Row, SqliteConnection, raw_sql};

use super::{
    calls, deferred,
    dialect::{Text, sqlite_schema},
    doubts, figures, glances, guards, leases, outbox, parked, ramps, relays, show, sweeps, timers,
    upsert,
};

async fn plan(text: Text) -> Vec<String> {
    let mut connection = SqliteConnection::connect("sqlite::memory:").await.unwrap();
    for migration in [
        include_str!("../../migrations/0001_the_house.sql"),
        include_str!("../../migrations/0004_figures.sql"),
        include_str!("../../migrations/0006_passed_over.sql"),
        include_str!("../../migrations/0007_compact_memory.sql"),
        include_str!("../../migrations/0008_accounts.sql"),
        include_str!("../../migrations/0009_doubts.sql"),
        include_str!("../../migrations/0010_pace.sql"),
        include_str!("../../migrations/0011_relays.sql"),
        include_str!("../../migrations/0012_guards.sql"),
        include_str!("../../migrations/0013_warm_up.sql"),
        include_str!("../../migrations/0014_places.sql"),
        include_str!("../../migrations/0016_schedules.sql"),
        include_str!("../../migrations/0017_calls.sql"),
        include_str!("../../migrations/0018_parked_calls.sql"),
    ] {
        raw_sql(AssertSqlSafe(sqlite_schema(migration))).execute(&mut connection).await.unwrap();
    }
    let explain = AssertSqlSafe(format!("EXPLAIN QUERY PLAN {}", text.sqlite));
    raw_sql(explain)
        .fetch_all(&mut connection)
        .await
        .unwrap()
        .iter()
        .map(|row| row.get::<String, _>("detail"))
        .collect()
}

/// The steps of a plan that read a table.
fn reading<'p>(plan: &'p [String], table: &str) -> Vec<&'p str> {
    plan.iter().map(String::as_str).filter(|step| step.contains(table)).collect()
}

/// Every step that reads `table` does it by this index, and none sorts.
async fn assert_by_index(text: Text, table: &str, index: &str) {
    let plan = plan(text).await;
    let steps = reading(&plan, table);
    assert!(!steps.is_empty(), "{plan:#?}");
    for step in steps {
        assert!(step.contains(index), "{plan:#?}");
    }
    assert!(!plan.iter().any(|step| step.contains("TEMP B-TREE")), "{plan:#?}");
}

#[tokio::test]
async fn an_idle_claim_of_leads_reads_an_index() {
    let range = "COVERING INDEX lead_timer_due (lane=? AND wake_at<?)";
    assert_by_index(timers::DUE, "SEARCH t", range).await;
}

#[tokio::test]
async fn the_next_wake_up_is_the_start_of_an_index() {
    assert_by_index(timers::NEXT_WAKE_AT, "lead_timer", "COVERING INDEX lead_timer_due (lane=?)")
        .await;
}

#[tokio::test]
async fn messages_are_found_a_workflow_at_a_time_and_what_is_paused_is_not_walked_over() {
    let heads = plan(outbox::HEADS).await;
    let steps = reading(&heads, " t ");
    // The first workflow is the first entry of the index; for the others it is searched.
    let by = |what: &str| format!("{what} t USING COVERING INDEX messages_due");
    assert_eq!(
        steps,
        [
            by("SCAN"),
            format!("{} (via>?)", by("SEARCH")),
            format!("{} (via=?)", by("SEARCH")),
            format!("{} (via=? AND workflow>?)", by("SEARCH")),
            format!("{} (via=? AND workflow=? AND kind=?)", by("SEARCH")),
        ],
        "{heads:#?}"
    );
    assert!(!heads.iter().any(|step| step.contains("TEMP B-TREE")), "{heads:#?}");

    let claim = plan(outbox::CLAIM).await;
    let range = format!("{} (via=? AND workflow=? AND kind=? AND due_at<?)", by("SEARCH"));
    assert!(claim.contains(&range), "{claim:#?}");
    let is_walk = |step: &String| step.starts_with("SCAN messages") || step.starts_with("SCAN t");
    assert!(!claim.iter().any(is_walk), "{claim:#?}");
}

#[tokio::test]
async fn which_relays_mails_wait_for_is_read_from_an_index() {
    assert_by_index(relays::VIAS, " t ", "COVERING INDEX messages_due").await;
}

#[tokio::test]
async fn what_guards_count_is_read_along_indexes_of_it() {
    let taken = plan(guards::TAKEN).await;
    let range = "COVERING INDEX messages_gone (sent_at>? AND sent_at<?)";
    assert!(reading(&taken, " m ").iter().all(|step| step.contains(range)), "{taken:#?}");
    let ill = plan(guards::ILL).await;
    let by = ["events_failed (recorded_at>?)", "events_that_matter (kind=? AND recorded_at>?)"];
    let steps = reading(&ill, " e ");
    assert_eq!(steps.len(), 2, "{ill:#?}");
    for (step, by) in steps.iter().zip(by) {
        assert!(step.contains(by), "{ill:#?}");
    }
}

#[tokio::test]
async fn what_came_of_a_day_is_read_from_indexes() {
    let tries = plan(ramps::TRIES).await;
    let by = "COVERING INDEX attempts_by (relay=? AND at>? AND at<?)";
    assert!(reading(&tries, " a ")[0].contains(by), "{tries:#?}");
    let returns = plan(ramps::RETURNS).await;
    let by = "INDEX events_that_matter (kind=? AND recorded_at>? AND recorded_at<?)";
    assert!(reading(&returns, " e ")[0].contains(by), "{returns:#?}");
}

#[tokio::test]
async fn calls_that_are_due_and_what_is_parked_of_them_are_read_from_indexes() {
    assert_by_index(calls::NEXT_CALL_AT, " t ", "INDEX calls_due").await;
    let claim = plan(calls::CLAIM).await;
    assert_eq!(reading(&claim, " t "), ["SEARCH t USING INDEX calls_due (due_at<?)"], "{claim:#?}");
    assert_by_index(calls::PARKED, " t ", "INDEX calls_parked").await;
}

#[tokio::test]
async fn expired_claims_are_read_from_an_index() {
    assert_by_index(leases::EXPIRED, "SEARCH m", "messages_held (lease_until<?)").await;
}

#[tokio::test]
async fn whether_mail_of_a_lead_is_parked_is_read_from_an_index() {
    let plan = plan(parked::PARKED_OF).await;
    assert!(
        plan.iter().any(|step| step.contains("COVERING INDEX messages_parked (lead=?)")),
        "{plan:#?}"
    );
}

#[tokio::test]
async fn why_something_is_parked_is_asked_of_what_is_parked_alone() {
    let plan = plan(parked::WHY_PARKED).await;
    let steps = reading(&plan, " m ");
    assert_eq!(steps, ["SCAN m USING INDEX messages_parked"], "{plan:#?}");
    assert_by_index(parked::PARKED_MAILS, " m ", "INDEX messages_parked").await;
}

#[tokio::test]
async fn which_source_brought_a_lead_is_asked_of_its_own_events() {
    let plan = plan(upsert::NEVER_BROUGHT_BY).await;
    let steps = reading(&plan, " e ");
    assert_eq!(steps.len(), 1, "{plan:#?}");
    assert!(steps[0].starts_with("SEARCH e USING") && steps[0].contains("(lead=?)"), "{plan:#?}");
}

#[tokio::test]
async fn why_mails_are_deferred_is_asked_of_what_is_open_alone() {
    let plan = plan(deferred::WHY_DEFERRED).await;
    let steps = reading(&plan, " m ");
    assert_eq!(steps, ["SCAN m USING INDEX messages_due"], "{plan:#?}");
}

#[tokio::test]
async fn what_is_in_doubt_is_looked_up_as_that() {
    let plan = plan(doubts::DOUBTS).await;
    let steps = reading(&plan, " m ");
    assert_eq!(steps, ["SEARCH m USING INDEX messages_over (state=?)"], "{plan:#?}");
}

#[tokio::test]
async fn the_census_reads_no_wide_table() {
    let census = plan(show::CENSUS).await;
    for table in ["leads", "messages", "enrolments", "lead_timer"] {
        let steps = reading(&census, &format!(" {table} "));
        assert!(!steps.is_empty(), "{census:#?}");
        for step in steps {
            assert!(step.contains(&format!("INDEX {table}_")), "{census:#?}");
        }
    }
}

#[tokio::test]
async fn the_leads_in_a_workflow_are_read_from_an_index() {
    let range = "enrolments_in (workflow=? AND lead>?)";
    assert_by_index(sweeps::IN_WORKFLOW, "SEARCH e", range).await;
}

#[tokio::test]
async fn mails_are_counted_along_an_index_in_the_order_of_their_groups() {
    let mails = plan(figures::MAILS).await;
    let by = "COVERING INDEX messages_over (state=? AND workflow=?)";
    assert!(mails[0].contains(by), "{mails:#?}");
    assert!(!mails.iter().any(|step| step.contains("FOR GROUP BY")), "{mails:#?}");
}

#[tokio::test]
async fn what_came_back_is_counted_along_an_index_in_the_order_of_its_groups() {
    let back = plan(figures::BACK).await;
    let steps = reading(&back, " b ");
    assert_eq!(steps.len(), 4, "{back:#?}");
    for step in steps {
        let by = "COVERING INDEX events_on_mails (workflow=? AND judgement=?";
        assert!(step.contains(by), "{back:#?}");
    }
    assert!(!back.iter().any(|step| step.contains("FOR GROUP BY")), "{back:#?}");
}

#[tokio::test]
async fn enrolments_that_are_over_are_counted_along_an_index_and_the_others_found_by_theirs() {
    let standings = plan(figures::STANDINGS).await;
    let steps = reading(&standings, " e ");
    assert_eq!(steps.len(), 2, "{standings:#?}");
    assert!(steps[0].contains("COVERING INDEX enrolments_over (workflow=?)"), "{standings:#?}");
    assert!(steps[1].contains("INDEX enrolments_in (workflow=?)"), "{standings:#?}");
}

#[tokio::test]
async fn steps_that_were_passed_over_are_counted_along_an_index_that_holds_nothing_else() {
    let plan = plan(figures::PASSED_OVER).await;
    let steps = reading(&plan, " d ");
    assert_eq!(steps.len(), 1, "{plan:#?}");
    let by = "COVERING INDEX decision_log_passed_over (workflow=?";
    assert!(steps[0].contains(by), "{plan:#?}");
}

#[tokio::test]
async fn what_matters_is_found_by_its_kind() {
    let plan = plan(figures::THAT_MATTER).await;
    let steps = reading(&plan, " e ");
    assert_eq!(steps, ["SEARCH e USING INDEX events_that_matter (kind=?)"], "{plan:#?}");
}

#[tokio::test]
async fn all_leads_are_gone_through_in_the_order_in_which_they_lie() {
    let last = plan(glances::LAST_OF_PAGE).await;
    assert_eq!(reading(&last, "SEARCH t"), ["SEARCH t USING INTEGER PRIMARY KEY (rowid>?)"]);
    let by_range = "SEARCH l USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)";
    let by_key = "SEARCH l USING INTEGER PRIMARY KEY (rowid=?)";
    for (page, found) in [
        (glances::LEADS, by_range),
        (glances::PAGE_AND_EVENTS, by_range),
        (glances::LEADS_AND_EVENTS, by_key),
    ] {
        let page = plan(page).await;
        assert_eq!(reading(&page, "SEARCH l"), [found], "{page:#?}");
        assert!(!page.iter().any(|step| step.contains("ORDER BY")), "{page:#?}");
        for step in reading(&page, "SEARCH e") {
            assert_eq!(step, "SEARCH e USING PRIMARY KEY (lead=?)");
        }
    }
}
