use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::{Notify, mpsc};

use super::{ListenError, ListenLimits, Peer, TlsError, bind, host_asked, serve, tls_config};
use crate::limit::Limit;
use crate::metrics::Metrics;
use crate::task::TaskGroup;

const ANY: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 0);
const LONG: Duration = Duration::from_secs(20);
const ONE_REQUEST: &[u8] = b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";

struct Door {
    addr: SocketAddr,
    tasks: TaskGroup,
    metrics: Metrics,
}

fn open(router: Router, change: impl FnOnce(&mut ListenLimits, &Metrics)) -> Door {
    let (tasks, metrics) = (TaskGroup::new(), Metrics::new());
    let mut limits = ListenLimits::new(&metrics, "test_connections");
    change(&mut limits, &metrics);
    let listener = bind("--listen", ANY).unwrap();
    let addr = listener.local_addr().unwrap();
    serve(listener, None, router, &tasks, limits);
    Door { addr, tasks, metrics }
}

async fn exchange(mut io: impl AsyncRead + AsyncWrite + Unpin, request: &[u8]) -> io::Result<String> {
    io.write_all(request).await?;
    let mut answer = String::new();
    io.read_to_string(&mut answer).await?;
    Ok(answer)
}

/// How a connection ended when the other side closed it: with nothing, or with a reset.
async fn is_closed(mut io: TcpStream) -> bool {
    let read = tokio::time::timeout(LONG, io.read(&mut [0; 1])).await.unwrap();
    matches!(read, Ok(0) | Err(_))
}

#[tokio::test]
async fn a_busy_port_is_told_with_its_number_and_flag() {
    let taken = bind("--listen", ANY).unwrap();
    let addr = taken.local_addr().unwrap();
    let error = bind("--otlp-grpc-listen", addr).unwrap_err();
    assert!(matches!(error, ListenError::Busy { .. }));
    let message = error.to_string();
    assert!(message.starts_with(&format!("port {} of `--otlp-grpc-listen` is taken", addr.port())), "{message}");
}

#[tokio::test]
async fn an_address_of_another_machine_is_told() {
    let error = bind("--listen", "192.0.2.1:0".parse().unwrap()).unwrap_err();
    assert!(matches!(error, ListenError::NoInterface { .. }), "{error}");
}

#[tokio::test]
async fn a_request_is_answered_and_knows_its_peer() {
    let router = Router::new()
        .route("/", get(|axum::Extension(Peer(peer)): axum::Extension<Peer>| async move { peer.ip().to_string() }));
    let door = open(router, |_, _| {});
    let answer = exchange(TcpStream::connect(door.addr).await.unwrap(), ONE_REQUEST).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.ends_with("127.0.0.1"), "{answer}");
    assert!(door.tasks.drain(LONG).await.is_complete());
}

#[tokio::test]
async fn http_2_with_prior_knowledge_is_spoken() {
    let door = open(Router::new().route("/", get(|| async { "two" })), |_, _| {});
    let io = hyper_util::rt::TokioIo::new(TcpStream::connect(door.addr).await.unwrap());
    let executor = hyper_util::rt::TokioExecutor::new();
    let (mut sender, connection) = hyper::client::conn::http2::handshake(executor, io).await.unwrap();
    let driver = tokio::task::spawn_blocking(move || tokio::runtime::Handle::current().block_on(connection));
    let request = http::Request::get("http://x/").body(http_body_util::Empty::<bytes::Bytes>::new()).unwrap();
    let response = sender.send_request(request).await.unwrap();
    assert_eq!((response.status(), response.version()), (http::StatusCode::OK, http::Version::HTTP_2));
    drop((response, sender));
    driver.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_drain_answers_what_has_begun_and_closes_what_is_idle() {
    let (begun, release) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (said, wait) = (Arc::clone(&begun), Arc::clone(&release));
    let slow = async move || {
        said.notify_one();
        wait.notified().await;
        "late but whole"
    };
    let door = open(Router::new().route("/", get(slow)), |_, _| {});
    let idle = TcpStream::connect(door.addr).await.unwrap();
    let busy = TcpStream::connect(door.addr).await.unwrap();
    let answer = exchange(busy, ONE_REQUEST);
    let drain = async {
        begun.notified().await;
        let drained = door.tasks.drain(LONG);
        let release_later = async {
            assert!(is_closed(idle).await);
            release.notify_one();
        };
        tokio::join!(drained, release_later).0
    };
    let (answer, report) = tokio::join!(answer, drain);
    assert!(answer.unwrap().ends_with("late but whole"));
    assert!(report.is_complete(), "{report:?}");
    assert!(TcpStream::connect(door.addr).await.is_err());
}

#[tokio::test]
async fn a_connection_too_many_is_closed_and_counted() {
    let door = open(Router::new(), |limits, metrics| limits.connections = Limit::new(metrics, "test_connections", 1));
    let mut kept = TcpStream::connect(door.addr).await.unwrap();
    kept.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    let mut status = [0; 12];
    kept.read_exact(&mut status).await.unwrap();
    assert_eq!(&status, b"HTTP/1.1 404");
    assert!(is_closed(TcpStream::connect(door.addr).await.unwrap()).await);
    let text = door.metrics.render();
    assert!(text.contains("mizzen_limit_refusals_total{limit=\"test_connections\"} 1\n"), "{text}");
    drop(kept);
}

#[tokio::test]
async fn who_says_nothing_or_stops_within_the_head_is_let_go() {
    let door = open(Router::new(), |limits, _| limits.head_timeout = Duration::from_millis(100));
    for said in [&b""[..], b"P", b"GET / HTTP/1.1\r\nhost: a-host-long-enough-to-tell-the-version\r\n"] {
        let mut io = TcpStream::connect(door.addr).await.unwrap();
        io.write_all(said).await.unwrap();
        let mut rest = Vec::new();
        let ended = tokio::time::timeout(LONG, io.read_to_end(&mut rest)).await;
        assert!(ended.is_ok(), "{said:?} was kept");
    }
}

#[tokio::test]
async fn a_client_that_hangs_up_drops_the_future_of_its_request() {
    struct Dropped(mpsc::Sender<()>);
    impl Drop for Dropped {
        fn drop(&mut self) {
            self.0.try_send(()).unwrap();
        }
    }
    let (send, mut dropped) = mpsc::channel(1);
    let begun = Arc::new(Notify::new());
    let said = Arc::clone(&begun);
    let never = async move || {
        let _guard = Dropped(send);
        said.notify_one();
        std::future::pending::<()>().await;
    };
    let door = open(Router::new().route("/", get(never)), |_, _| {});
    let mut io = TcpStream::connect(door.addr).await.unwrap();
    io.write_all(ONE_REQUEST).await.unwrap();
    begun.notified().await;
    drop(io);
    tokio::time::timeout(LONG, dropped.recv()).await.unwrap().unwrap();
}

#[tokio::test]
async fn tls_is_served_and_bad_files_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let (cert, key) = (folder.path().join("cert.pem"), folder.path().join("key.pem"));
    assert!(matches!(tls_config(&cert, &key), Err(TlsError::Read { .. })));
    std::fs::write(&cert, "no certificate").unwrap();
    assert!(matches!(tls_config(&cert, &key), Err(TlsError::NoCertificate(_))));
    let pair = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let other = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    std::fs::write(&cert, pair.cert.pem()).unwrap();
    std::fs::write(&key, other.signing_key.serialize_pem()).unwrap();
    assert!(matches!(tls_config(&cert, &key), Err(TlsError::Pair { .. })));
    std::fs::write(&key, pair.signing_key.serialize_pem()).unwrap();

    let (tasks, metrics) = (TaskGroup::new(), Metrics::new());
    let listener = bind("--listen", ANY).unwrap();
    let addr = listener.local_addr().unwrap();
    let limits = ListenLimits::new(&metrics, "tls_connections");
    serve(listener, Some(tls_config(&cert, &key).unwrap()), Router::new(), &tasks, limits);

    let mut roots = rustls::RootCertStore::empty();
    roots.add(pair.cert.der().clone()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut client = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    client.alpn_protocols = vec![b"http/1.1".to_vec()];
    let connector = tokio_rustls::TlsConnector::from(Arc::new(client));
    let tcp = TcpStream::connect(addr).await.unwrap();
    let io = connector.connect("localhost".try_into().unwrap(), tcp).await.unwrap();
    assert_eq!(io.get_ref().1.alpn_protocol(), Some(&b"http/1.1"[..]));
    let answer = exchange(io, ONE_REQUEST).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 404"), "{answer}");
}

#[test]
fn the_host_that_is_asked_for_is_that_of_the_address_before_the_field() {
    let asked = |uri: &str, fields: &[&str]| {
        let mut request = http::Request::get(uri);
        for field in fields {
            request = request.header("host", *field);
        }
        let request = request.body(()).unwrap();
        host_asked(request.uri(), request.headers()).map(str::to_owned)
    };
    assert_eq!(asked("/x", &["a.example:1"]).as_deref(), Some("a.example:1"));
    assert_eq!(asked("https://a.example:1/x", &[]).as_deref(), Some("a.example:1"));
    assert_eq!(asked("https://a.example/x", &["b.example"]).as_deref(), Some("a.example"));
    assert_eq!((asked("/x", &[]), asked("/x", &["a.example", "b.example"])), (None, None));
    assert_eq!(asked("https://a.example/x", &["a.example", "b.example"]), None);
}
