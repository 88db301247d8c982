//! The accept loop: axum's own has no time-out for headers and no limit of connections.
//!
//! A client that sends its request slowly, or not at all, costs one seat until its time is up. When all
//! seats are taken, the oldest one that lets us wait is given to the newcomer, so a crowd of
//! sleepers cannot keep an honest client out.

use std::{
    collections::BTreeMap,
    io,
    pin::{Pin, pin},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::Request,
};
use hyper::{
    body::{Body as _, Frame, Incoming, SizeHint},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    net::{TcpListener, TcpStream},
    task::JoinSet,
};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

/// What a listener puts up with.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// Connections at once.
    pub connections: usize,
    /// From the first to the last byte of a request's head; also between two requests.
    pub head_within: Duration,
    /// How long one connection may last; then it ends after the request it is at.
    pub lifetime: Duration,
    /// All bytes of a request's head.
    pub head_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 1_024,
            head_within: Duration::from_secs(5),
            lifetime: Duration::from_mins(1),
            head_bytes: 16 * 1_024,
        }
    }
}

/// How long the last answer of a connection may take to leave.
const LAST_ANSWER_WITHIN: Duration = Duration::from_secs(15);
/// Headers of one request.
const HEADERS: usize = 64;

/// How many connections there are and have been, for metrics.
#[derive(Debug, Default)]
pub struct ListenerStats {
    open: AtomicUsize,
    refused: AtomicU64,
}

impl ListenerStats {
    pub fn open(&self) -> usize {
        self.open.load(Ordering::Relaxed)
    }

    /// Connections that were cut or not let in because all seats were taken.
    pub fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }
}

/// Serves until `stop`; then accepts nothing more and returns when the requests under way are answered.
/// Dropping the future cuts what is left.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    limits: Limits,
    stats: Arc<ListenerStats>,
    stop: CancellationToken,
) {
    let room = Arc::new(Seats::default());
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => break,
            Some(_) = connections.join_next(), if !connections.is_empty() => {
                stats.open.store(connections.len(), Ordering::Relaxed);
                continue;
            }
            accepted = listener.accept() => accepted,
        };
        let stream = match accepted {
            Ok((stream, _)) => stream,
            Err(error) => {
                wait_out(&error).await;
                continue;
            }
        };
        if connections.len() >= limits.connections {
            stats.refused.fetch_add(1, Ordering::Relaxed);
            if !room.free_one() {
                // Everybody is busy: the newcomer comes again.
                continue;
            }
        }
        let seat = room.take();
        let connection = serve_one(stream, router.clone(), limits, seat, stop.clone());
        connections.spawn(connection);
        stats.open.store(connections.len(), Ordering::Relaxed);
    }
    drop(listener);
    while connections.join_next().await.is_some() {}
    stats.open.store(0, Ordering::Relaxed);
}

/// A client that hung up is its own matter. Anything else is ours (no more files may be opened): that
/// does not go away by trying at once.
async fn wait_out(error: &io::Error) {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    if !matches!(
        error.kind(),
        ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted
    ) {
        tracing::warn!(%error, "cannot accept connections");
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
}

async fn serve_one(
    stream: TcpStream,
    router: Router,
    limits: Limits,
    seat: Seat,
    stop: CancellationToken,
) {
    // Answers are small and whole: nothing is gained by holding them back.
    let _ = stream.set_nodelay(true);
    let busy = Arc::clone(&seat.busy);
    let service = service_fn(move |request: Request<Incoming>| {
        let router = router.clone();
        let busy = Arc::clone(&busy);
        async move {
            let request = request.map(|body| Body::new(Arriving::new(body, Arc::clone(&busy))));
            let answer = router.oneshot(request).await;
            busy.store(false, Ordering::Relaxed);
            answer
        }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.head_within)
        .max_buf_size(limits.head_bytes)
        .max_headers(HEADERS)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = pin!(connection);
    let ended = tokio::select! {
        // Whatever ended it is the client's matter: cut off, too slow, not HTTP.
        _ = connection.as_mut() => true,
        () = seat.taken_away.cancelled() => true,
        () = stop.cancelled() => false,
        () = tokio::time::sleep(limits.lifetime) => false,
    };
    if !ended {
        connection.as_mut().graceful_shutdown();
        let _ = tokio::time::timeout(LAST_ANSWER_WITHIN, connection).await;
    }
}

/// Who sits where, oldest first.
#[derive(Debug, Default)]
struct Seats {
    last: AtomicU64,
    taken: Mutex<Taken>,
}

/// By number, which is by age: whether a request is being answered there, and how to end it.
type Taken = BTreeMap<u64, (Arc<AtomicBool>, CancellationToken)>;

/// One connection's seat; given back when it is dropped.
#[derive(Debug)]
struct Seat {
    number: u64,
    /// All of a request is here and its answer is not.
    busy: Arc<AtomicBool>,
    taken_away: CancellationToken,
    seats: Arc<Seats>,
}

impl Seats {
    fn take(self: &Arc<Self>) -> Seat {
        let number = self.last.fetch_add(1, Ordering::Relaxed);
        let busy = Arc::new(AtomicBool::new(false));
        let taken_away = CancellationToken::new();
        self.lock().insert(number, (Arc::clone(&busy), taken_away.clone()));
        Seat { number, busy, taken_away, seats: Arc::clone(self) }
    }

    /// Takes the oldest idle seat away from whoever has it; `false` if all are busy.
    fn free_one(&self) -> bool {
        let mut taken = self.lock();
        let idle = taken.iter().find(|(_, (busy, _))| !busy.load(Ordering::Relaxed));
        let oldest = idle.map(|(number, _)| *number);
        let Some((_, taken_away)) = oldest.and_then(|number| taken.remove(&number)) else {
            return false;
        };
        taken_away.cancel();
        true
    }

    fn lock(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.seats.lock().remove(&self.number);
    }
}

/// The body of a request on its way in. Once all of it is there, the seat is busy with the answer;
/// until then it is the client that lets us wait.
struct Arriving {
    body: Incoming,
    busy: Arc<AtomicBool>,
}

impl Arriving {
    fn new(body: Incoming, busy: Arc<AtomicBool>) -> Self {
        busy.store(body.is_end_stream(), Ordering::Relaxed);
        Self { body, busy }
    }
}

impl hyper::body::Body for Arriving {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let frame = Pin::new(&mut self.body).poll_frame(context);
        if matches!(frame, Poll::Ready(None)) || self.body.is_end_stream() {
            self.busy.store(true, Ordering::Relaxed);
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
