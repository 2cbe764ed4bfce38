use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::routing::{get, post};
use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt as _, Full};
use tokio::net::TcpListener;

use super::{ClientConfig, ClientError, HttpClient, Misfit};
use crate::error::Chain;
use crate::listen::{ListenLimits, bind, serve, tls_config};
use crate::metrics::Metrics;
use crate::task::TaskGroup;

fn client() -> HttpClient {
    HttpClient::new(ClientConfig { connect_timeout: Duration::from_millis(300), ..ClientConfig::default() }).unwrap()
}

fn serve_router(router: Router) -> (String, TaskGroup) {
    let tasks = TaskGroup::new();
    let listener = bind("--listen", "127.0.0.1:0".parse().unwrap()).unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    serve(listener, None, router, &tasks, ListenLimits::new(&Metrics::new(), "test_connections"));
    (base, tasks)
}

fn request(url: &str, body: &'static [u8]) -> Request<Full<Bytes>> {
    Request::post(url).body(Full::new(Bytes::from_static(body))).unwrap()
}

#[tokio::test]
async fn a_request_arrives_and_its_answer_streams_back() {
    let router = Router::new().route("/echo", post(|body: Bytes| async move { Body::from(body) }));
    let (base, _tasks) = serve_router(router);
    let client = client();
    for _ in 0..3 {
        let response = client.send(request(&format!("{base}/echo"), b"hello")).await.unwrap();
        assert_eq!(response.into_body().collect().await.unwrap().to_bytes(), "hello");
    }
}

#[tokio::test]
async fn no_server_is_told_with_its_host_but_not_with_its_query() {
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let error = client().send(request(&format!("http://{free}/v1?key=sk-secret"), b"")).await.unwrap_err();
    assert!(error.nothing_was_sent());
    let told = Chain(&error).to_string();
    assert_eq!(told, format!("cannot connect to `{free}`: connection refused"));
    assert!(!told.contains("sk-secret"));
}

#[tokio::test]
async fn a_server_that_never_finishes_tls_is_given_up() {
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}/", silent.local_addr().unwrap());
    let error = tokio::time::timeout(Duration::from_secs(20), client().send(request(&url, b""))).await.unwrap();
    let error = error.unwrap_err();
    assert!(error.nothing_was_sent());
    assert!(Chain(&error).to_string().contains("no connection within 300 ms"), "{}", Chain(&error));
}

#[tokio::test]
async fn a_server_that_dies_after_the_request_may_have_seen_it() {
    let dying = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", dying.local_addr().unwrap());
    let client = client();
    let sent = client.send(request(&url, b""));
    let (error, ()) = tokio::join!(sent, async {
        let (io, _) = dying.accept().await.unwrap();
        io.readable().await.unwrap();
    });
    let error = error.unwrap_err();
    assert!(matches!(error, ClientError::Exchange { .. }) && !error.nothing_was_sent(), "{error:?}");
}

#[tokio::test]
async fn an_address_without_a_host_is_refused() {
    let error = client().send(request("/relative", b"")).await.unwrap_err();
    assert!(matches!(error, ClientError::NoHost));
}

#[tokio::test]
async fn a_restarted_server_is_found_again() {
    let (base, tasks) = serve_router(Router::new().route("/", get(|| async { "one" })));
    let client = client();
    let get = || Request::get(&base).body(Full::default()).unwrap();
    client.send(get()).await.unwrap().into_body().collect().await.unwrap();
    assert!(tasks.drain(Duration::from_secs(20)).await.is_complete());
    let addr = base.strip_prefix("http://").unwrap().parse().unwrap();
    let again = TaskGroup::new();
    let router = Router::new().route("/", get_two());
    serve(bind("--listen", addr).unwrap(), None, router, &again, ListenLimits::new(&Metrics::new(), "again"));
    let answer = client.send(get()).await.unwrap().into_body().collect().await.unwrap();
    assert_eq!(answer.to_bytes(), "two");
}

fn get_two() -> axum::routing::MethodRouter {
    get(|| async { "two" })
}

#[tokio::test]
async fn two_that_cannot_talk_are_told_why() {
    let folder = tempfile::tempdir().unwrap();
    let (cert, key) = (folder.path().join("cert.pem"), folder.path().join("key.pem"));
    let pair = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    std::fs::write(&cert, pair.cert.pem()).unwrap();
    std::fs::write(&key, pair.signing_key.serialize_pem()).unwrap();
    let (tasks, listener) = (TaskGroup::new(), bind("--listen", "127.0.0.1:0".parse().unwrap()).unwrap());
    let with_tls = listener.local_addr().unwrap();
    let limits = ListenLimits::new(&Metrics::new(), "test_connections");
    serve(listener, Some(tls_config(&cert, &key).unwrap()), Router::new(), &tasks, limits);
    let (plain, _tasks) = serve_router(Router::new());
    let plain = plain.trim_start_matches("http://");
    for (url, misfit) in [
        (format!("https://localhost:{}/", with_tls.port()), Some(Misfit::UnknownIssuer)),
        (format!("http://{with_tls}/"), Some(Misfit::NoHttp)),
        (format!("https://{plain}/"), Some(Misfit::NoTls)),
        ("http://127.0.0.1:1/".to_owned(), None),
    ] {
        let error = client().send(request(&url, b"")).await.unwrap_err();
        assert_eq!(error.misfit(), misfit, "{url}: {error:?}");
    }
}
