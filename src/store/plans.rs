//! How SQLite finds the rows of the statements that run when nothing is to be done.

use sqlx::{AssertSqlSafe, Connection, Row, SqliteConnection, raw_sql};

use super::{dialect::Text, messages, sweeps, timers};

async fn plan(text: Text) -> Vec<String> {
    let mut connection = SqliteConnection::connect("sqlite::memory:").await.unwrap();
    raw_sql(include_str!("../../migrations/0001_the_house.sql"))
        .execute(&mut connection)
        .await
        .unwrap();
    let explain = AssertSqlSafe(format!("EXPLAIN QUERY PLAN {}", text.sqlite));
    raw_sql(explain)
        .fetch_all(&mut connection)
        .await
        .unwrap()
        .iter()
        .map(|row| row.get::<String, _>("detail"))
        .collect()
}

/// Every step that reads `table` does it by this index, and none sorts.
async fn assert_by_index(text: Text, table: &str, index: &str) {
    let plan = plan(text).await;
    let steps: Vec<&String> = plan.iter().filter(|step| step.contains(table)).collect();
    assert!(!steps.is_empty(), "{plan:#?}");
    for step in steps {
        assert!(step.contains(index), "{plan:#?}");
    }
    assert!(!plan.iter().any(|step| step.contains("TEMP B-TREE")), "{plan:#?}");
}

#[tokio::test]
async fn an_idle_claim_of_leads_reads_an_index() {
    let range = "lead_timer_due (lane=? AND (wake_at,lead)>(?,?) AND wake_at<?)";
    assert_by_index(timers::CLAIM_LANE, "SEARCH t", range).await;
}

#[tokio::test]
async fn the_next_wake_up_is_the_start_of_an_index() {
    assert_by_index(timers::NEXT_WAKE_AT, "lead_timer", "COVERING INDEX lead_timer_due (lane=?)")
        .await;
}

#[tokio::test]
async fn an_idle_claim_of_messages_reads_an_index() {
    let plan = plan(messages::CLAIM).await;
    assert!(
        plan.iter()
            .any(|step| step.starts_with("SEARCH t USING COVERING INDEX messages_due (due_at<?)")),
        "{plan:#?}"
    );
    assert!(
        !plan.iter().any(|step| step.starts_with("SCAN messages") || step.starts_with("SCAN t")),
        "{plan:#?}"
    );
}

#[tokio::test]
async fn the_next_message_and_expired_claims_are_read_from_an_index() {
    // A walk along an index in its order, that ends at the first row which is not paused.
    assert_by_index(messages::NEXT_DUE, "SCAN t", "USING COVERING INDEX messages_due").await;
    assert_by_index(messages::EXPIRED, "SEARCH m", "messages_held (lease_until<?)").await;
}

#[tokio::test]
async fn the_leads_in_a_workflow_are_read_from_an_index() {
    let range = "enrolments_in (workflow=? AND lead>?)";
    assert_by_index(sweeps::IN_WORKFLOW, "SEARCH e", range).await;
}
