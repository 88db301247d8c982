//! A system that webhooks tell of leads.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode},
    routing::post,
};
use tokio::net::TcpListener;

/// What came: headers and body.
pub type Call = (HeaderMap, String);

/// A server on this machine, and the statuses that it answers with; 200 once they are used up.
#[derive(Clone, Default)]
pub struct Crm {
    pub calls: Arc<Mutex<Vec<Call>>>,
    pub answers: Arc<Mutex<VecDeque<u16>>>,
    pub port: u16,
}

impl Crm {
    pub async fn start(answers: &[u16]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let answers = Arc::new(Mutex::new(answers.iter().copied().collect()));
        let crm = Self { answers, port, ..Self::default() };
        let routes = Router::new().route("/hook", post(Self::take)).with_state(crm.clone());
        tokio::spawn(async move { axum::serve(listener, routes).await });
        crm
    }

    async fn take(State(crm): State<Self>, headers: HeaderMap, body: Bytes) -> StatusCode {
        crm.calls.lock().unwrap().push((headers, String::from_utf8(body.to_vec()).unwrap()));
        let next = crm.answers.lock().unwrap().pop_front();
        match next {
            // As long as nobody waits any more.
            Some(0) => std::future::pending().await,
            status => StatusCode::from_u16(status.unwrap_or(200)).unwrap(),
        }
    }

    pub fn calls(&self) -> Vec<Call> {
        self.calls.lock().unwrap().clone()
    }
}
