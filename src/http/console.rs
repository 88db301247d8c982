//! What staff and Prometheus reach: metrics and health. On a listener of its own, not for the public.

use std::{sync::Arc, time::Duration};

use axum::{
    Router,
    extract::State,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use tower_http::{
    catch_panic::CatchPanicLayer, limit::RequestBodyLimitLayer, set_header::SetResponseHeaderLayer,
    timeout::TimeoutLayer,
};

use super::{health::Health, metrics::Metrics};

const ANSWER_WITHIN: Duration = Duration::from_secs(10);

/// What the console's routes work with.
#[derive(Clone, Debug)]
pub struct Console {
    pub metrics: Arc<Metrics>,
    pub health: Health,
}

/// The console's routes.
pub fn router(console: Console) -> Router {
    Router::new()
        .route("/metrics", get(metrics))
        .route("/live", get(live))
        .route("/ready", get(ready))
        .with_state(console)
        .layer(RequestBodyLimitLayer::new(0))
        .layer(TimeoutLayer::with_status_code(StatusCode::SERVICE_UNAVAILABLE, ANSWER_WITHIN))
        .layer(CatchPanicLayer::new())
        .layer(SetResponseHeaderLayer::overriding(
            header::CACHE_CONTROL,
            HeaderValue::from_static("no-store"),
        ))
        .layer(SetResponseHeaderLayer::overriding(
            header::X_CONTENT_TYPE_OPTIONS,
            HeaderValue::from_static("nosniff"),
        ))
}

async fn metrics(State(console): State<Console>) -> Response {
    let content_type = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    ([(header::CONTENT_TYPE, content_type)], console.metrics.encode().await).into_response()
}

async fn live(State(console): State<Console>) -> Response {
    match console.health.stalled().as_slice() {
        [] => "live\n".into_response(),
        stalled => {
            let reason = format!("not live: {} does not turn\n", stalled.join(", "));
            (StatusCode::SERVICE_UNAVAILABLE, reason).into_response()
        }
    }
}

async fn ready(State(console): State<Console>) -> Response {
    match console.health.ready().await {
        Ok(()) => "ready\n".into_response(),
        Err(reason) => {
            (StatusCode::SERVICE_UNAVAILABLE, format!("not ready: {reason}\n")).into_response()
        }
    }
}
