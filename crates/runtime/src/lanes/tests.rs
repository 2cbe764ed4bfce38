use std::sync::Arc;
use std::thread;
use std::time::Duration;

use axum::routing::get;
use axum::{Router, middleware};
use bytes::Bytes;
use futures::{StreamExt as _, stream};
use http::Request;
use http_body_util::{BodyExt as _, Full};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::{Notify, mpsc};

use super::{LARGE_BYTES, Lanes, at_home, away, beside};
use crate::client::{ClientConfig, HttpClient};
use crate::listen::{ListenLimits, bind, serve, serve_on};
use crate::metrics::Metrics;
use crate::task::{TaskGroup, TaskKind};

const LONG: Duration = Duration::from_secs(20);

fn here() -> String {
    thread::current().name().unwrap_or_default().to_owned()
}

fn limits() -> ListenLimits {
    ListenLimits::new(&Metrics::new(), "test_connections")
}

/// Serves `router` on lanes; where, and what has to live as long.
fn open(router: Router) -> (std::net::SocketAddr, TaskGroup, Lanes) {
    let (tasks, lanes) = (TaskGroup::new(), Lanes::start().unwrap());
    let listener = bind("--listen", "127.0.0.1:0".parse().unwrap()).unwrap();
    let addr = listener.local_addr().unwrap();
    serve_on(&lanes, listener, None, router, &tasks, limits());
    (addr, tasks, lanes)
}

/// Sends one request on `connection`, which stays open, and returns the answer's body.
async fn asked(connection: &mut TcpStream) -> String {
    connection.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    let mut answer = vec![0; 4_096];
    let read = tokio::time::timeout(LONG, connection.read(&mut answer)).await.unwrap().unwrap();
    let answer = String::from_utf8_lossy(&answer[..read]).into_owned();
    answer.split_once("\r\n\r\n").unwrap().1.to_owned()
}

#[tokio::test]
async fn connections_are_shared_out_and_each_stays_where_it_is() {
    let (addr, _tasks, lanes) = open(Router::new().route("/", get(|| async { here() })));
    let mut connections = Vec::new();
    for _ in 0..lanes.0.len() {
        let mut connection = TcpStream::connect(addr).await.unwrap();
        let lane = asked(&mut connection).await;
        connections.push((lane, connection));
    }
    let mut names: Vec<_> = connections.iter().map(|(lane, _)| lane.clone()).collect();
    names.sort();
    names.dedup();
    assert_eq!(names.len(), lanes.0.len(), "every lane serves one: {names:?}");
    for (lane, connection) in &mut connections {
        for _ in 0..3 {
            assert_eq!(&asked(connection).await, lane);
        }
    }
    // The place of one that closed is the next one's.
    let (freed, closed) = connections.remove(0);
    drop(closed);
    let is_free = async {
        while lanes.0.iter().all(|lane| lane.open.load(std::sync::atomic::Ordering::Relaxed) == 1) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(LONG, is_free).await.unwrap();
    assert_eq!(asked(&mut TcpStream::connect(addr).await.unwrap()).await, freed);
}

#[tokio::test]
async fn what_is_done_with_a_large_body_holds_up_no_lane() {
    let done_with = |bytes| async move {
        let beside = beside(bytes, || thread::current().id()).await.unwrap();
        let away = away(bytes, async { here() }).await.unwrap();
        format!("{} {}", beside == thread::current().id(), away == here())
    };
    let route =
        move || async move { format!("{}, {}", done_with(LARGE_BYTES).await, done_with(LARGE_BYTES + 1).await) };
    let (addr, _tasks, _lanes) = open(Router::new().route("/", get(route)));
    let mut connection = TcpStream::connect(addr).await.unwrap();
    assert_eq!(asked(&mut connection).await, "true true, false false");
}

#[tokio::test]
async fn what_may_compute_for_long_runs_at_home() {
    let (told, mut places) = mpsc::channel(4);
    let others = TaskGroup::new();
    let group = others.clone();
    let router = Router::new().route(
        "/",
        get(move || async move {
            for kind in [TaskKind::Experiment, TaskKind::Upstream] {
                let told = told.clone();
                group.spawn(kind, |_| async move {
                    told.try_send((kind, here())).unwrap();
                    Ok(())
                });
            }
            here()
        }),
    );
    let (addr, _tasks, _lanes) = open(router);
    let lane = asked(&mut TcpStream::connect(addr).await.unwrap()).await;
    for _ in 0..2 {
        match tokio::time::timeout(LONG, places.recv()).await.unwrap().unwrap() {
            (TaskKind::Upstream, place) => assert_eq!(place, lane),
            (_, place) => assert_eq!(place, here(), "the thread of this test is the only one at home"),
        }
    }
}

#[tokio::test]
async fn a_handler_can_run_at_home_and_still_ends_with_its_connection() {
    struct Told(mpsc::Sender<String>);
    impl Drop for Told {
        fn drop(&mut self) {
            self.0.try_send("dropped".to_owned()).ok();
        }
    }
    let (told, mut heard) = mpsc::channel(4);
    let waits = move || async move {
        let told = Told(told);
        told.0.try_send(here()).unwrap();
        std::future::pending::<()>().await;
        drop(told);
    };
    let (addr, _tasks, _lanes) = open(Router::new().route("/", get(waits)).layer(middleware::from_fn(at_home)));
    let mut connection = TcpStream::connect(addr).await.unwrap();
    connection.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    assert_eq!(tokio::time::timeout(LONG, heard.recv()).await.unwrap().unwrap(), here());
    drop(connection);
    assert_eq!(tokio::time::timeout(LONG, heard.recv()).await.unwrap().unwrap(), "dropped");
}

#[tokio::test]
async fn a_body_is_made_at_home_too_and_one_that_breaks_off_does_not_look_ended() {
    let body = || async {
        let frames = stream::iter(0..4).map(|number| {
            assert!(number < 3, "the last frame fails");
            Ok::<_, std::io::Error>(format!("{number} {};", here()))
        });
        axum::body::Body::from_stream(frames)
    };
    let (addr, _tasks, _lanes) = open(Router::new().route("/", get(body)).layer(middleware::from_fn(at_home)));
    let mut connection = TcpStream::connect(addr).await.unwrap();
    connection.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    let mut answer = Vec::new();
    tokio::time::timeout(LONG, connection.read_to_end(&mut answer)).await.unwrap().ok();
    let answer = String::from_utf8_lossy(&answer);
    for number in 0..3 {
        assert!(answer.contains(&format!("{number} {};", here())), "{answer}");
    }
    assert!(!answer.ends_with("0\r\n\r\n"), "the end of a chunked body: {answer}");
}

#[tokio::test]
async fn a_drain_answers_what_has_begun_on_a_lane() {
    let (begun, go_on) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (is_begun, may_go_on) = (Arc::clone(&begun), Arc::clone(&go_on));
    let router = Router::new().route(
        "/",
        get(|| async move {
            is_begun.notify_one();
            may_go_on.notified().await;
            "answered"
        }),
    );
    let (addr, tasks, _lanes) = open(router);
    let mut connection = TcpStream::connect(addr).await.unwrap();
    let ((), answer) = tokio::join!(
        async {
            begun.notified().await;
            let (report, ()) = tokio::join!(tasks.drain(LONG), async { go_on.notify_one() });
            assert!(report.is_complete());
        },
        asked(&mut connection)
    );
    assert_eq!(answer, "answered");
}

#[tokio::test]
async fn a_lane_opens_upstream_connections_of_its_own() {
    let upstream = bind("--listen", "127.0.0.1:0".parse().unwrap()).unwrap();
    let url = format!("http://{}/", upstream.local_addr().unwrap());
    let behind = TaskGroup::new();
    let told = |peer: axum::Extension<crate::listen::Peer>| async move { peer.0.0.port().to_string() };
    serve(upstream, None, Router::new().route("/", get(told)), &behind, limits());
    let client = HttpClient::new(ClientConfig::default()).unwrap();
    let call = move || async move {
        let request = Request::get(&url).body(Full::<Bytes>::default()).unwrap();
        let body = client.send(request).await.unwrap().into_body();
        String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap()
    };
    let (addr, _tasks, lanes) = open(Router::new().route("/", get(call)));
    let mut connections = Vec::new();
    for _ in 0..lanes.0.len() {
        let mut connection = TcpStream::connect(addr).await.unwrap();
        let port = asked(&mut connection).await;
        assert_eq!(asked(&mut connection).await, port, "and uses it again");
        connections.push((port, connection));
    }
    let mut ports: Vec<_> = connections.iter().map(|(port, _)| port.clone()).collect();
    ports.sort();
    ports.dedup();
    assert_eq!(ports.len(), lanes.0.len());
}
