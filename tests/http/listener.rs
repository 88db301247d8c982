//! What the accept loop puts up with.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use axum::{Router, body::Bytes, routing::get};
use nurtured::http::{
    Limits,
    listener::{self, ListenerStats},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    task::JoinHandle,
    time::{Instant, timeout},
};
use tokio_util::sync::CancellationToken;

const SOON: Duration = Duration::from_secs(10);
const HELLO: &[u8] = b"GET / HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n";

struct Server {
    address: SocketAddr,
    stats: Arc<ListenerStats>,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

async fn server(limits: Limits, router: Router) -> Server {
    let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    let stats = Arc::new(ListenerStats::default());
    let stop = CancellationToken::new();
    let task =
        tokio::spawn(listener::serve(socket, router, limits, Arc::clone(&stats), stop.clone()));
    Server { address, stats, stop, task }
}

fn hello() -> Router {
    Router::new().route(
        "/",
        get(|| async { "hello" }).post(|body: Bytes| async move { body.len().to_string() }),
    )
}

fn limits() -> Limits {
    Limits {
        connections: 64,
        head_within: Duration::from_millis(300),
        lifetime: Duration::from_secs(30),
        head_bytes: 16 * 1_024,
    }
}

async fn rest(stream: &mut TcpStream) -> String {
    let mut text = Vec::new();
    // A reset is an end too.
    let _ = timeout(SOON, stream.read_to_end(&mut text)).await.expect("the connection stays open");
    String::from_utf8_lossy(&text).into_owned()
}

async fn ask(address: SocketAddr) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(HELLO).await.unwrap();
    rest(&mut stream).await
}

#[tokio::test]
async fn a_head_that_does_not_come_to_its_end_is_cut() {
    let server = server(limits(), hello()).await;
    let began = Instant::now();
    let mut silent = TcpStream::connect(server.address).await.unwrap();
    let mut slow = TcpStream::connect(server.address).await.unwrap();
    slow.write_all(b"GET / HTTP/1.1\r\nHost: te").await.unwrap();
    let mut idle = TcpStream::connect(server.address).await.unwrap();
    idle.write_all(b"GET / HTTP/1.1\r\nHost: test\r\n\r\n").await.unwrap();
    assert!(!rest(&mut silent).await.contains("200"));
    assert!(!rest(&mut slow).await.contains("200"));
    assert!(rest(&mut idle).await.contains("hello"), "answered, and then cut for its silence");
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    assert!(ask(server.address).await.contains("hello"));
}

#[tokio::test]
async fn a_head_too_large_or_with_too_many_fields_is_refused() {
    let server = server(limits(), hello()).await;
    let long = format!("GET /?{} HTTP/1.1\r\nHost: test\r\n\r\n", "x".repeat(200_000));
    let many = format!("GET / HTTP/1.1\r\nHost: test\r\n{}\r\n", "X-A: b\r\n".repeat(500));
    for head in [long, many] {
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        let _ = stream.write_all(head.as_bytes()).await;
        let answer = rest(&mut stream).await;
        assert!(!answer.contains("200 OK"), "{answer}");
    }
    assert!(ask(server.address).await.contains("hello"));
}

#[tokio::test]
async fn a_crowd_of_sleepers_does_not_keep_an_honest_client_out() {
    let patient = Limits { connections: 32, head_within: Duration::from_secs(60), ..limits() };
    let server = server(patient, hello()).await;
    let mut sleepers = Vec::new();
    for number in 0..200 {
        let mut sleeper = TcpStream::connect(server.address).await.unwrap();
        // Some stop in the head, some in the body.
        let part: &[u8] = if number % 2 == 0 {
            b"GET / HTTP/1.1\r\nHo"
        } else {
            b"POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 100\r\n\r\nhalf"
        };
        let _ = sleeper.write_all(part).await;
        sleepers.push(sleeper);
        if number % 20 == 0 {
            assert!(ask(server.address).await.contains("hello"), "after {number} sleepers");
        }
    }
    assert!(server.stats.open() <= 32 + 1, "{} open", server.stats.open());
    assert!(server.stats.refused() > 100);
}

#[tokio::test]
async fn a_connection_ends_with_its_lifetime() {
    let short = Limits { lifetime: Duration::from_millis(300), ..limits() };
    let server = server(Limits { head_within: Duration::from_secs(60), ..short }, hello()).await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\nHost: test\r\n\r\n").await.unwrap();
    assert!(rest(&mut stream).await.contains("hello"), "answered, and ended although kept alive");
}

#[tokio::test]
async fn stopping_answers_what_is_under_way_and_takes_nothing_new() {
    let gate = Arc::new(Semaphore::new(0));
    let inside = Arc::new(Semaphore::new(0));
    let router = {
        let (gate, inside) = (Arc::clone(&gate), Arc::clone(&inside));
        Router::new().route(
            "/",
            get(move || async move {
                inside.add_permits(1);
                gate.acquire().await.unwrap().forget();
                "finished"
            }),
        )
    };
    let server = server(limits(), router).await;
    let mut under_way = TcpStream::connect(server.address).await.unwrap();
    under_way.write_all(b"GET / HTTP/1.1\r\nHost: test\r\n\r\n").await.unwrap();
    inside.acquire().await.unwrap().forget();
    server.stop.cancel();
    while TcpStream::connect(server.address).await.is_ok() {
        tokio::task::yield_now().await;
    }
    gate.add_permits(1);
    assert!(rest(&mut under_way).await.contains("finished"));
    timeout(SOON, server.task).await.unwrap().unwrap();
}
