use std::time::Duration;

use http::Method;
use http_body_util::BodyExt as _;

use super::{Ending, FakeProvider, Reply};
use crate::request::{Connection, send};

const SECOND: Duration = Duration::from_secs(1);

#[tokio::test]
async fn it_answers_as_told_and_remembers_what_it_saw() {
    let fake = FakeProvider::start().await.unwrap();
    fake.reply(Reply::error(500, "boom"));
    let url = format!("{}/v1/chat/completions?x=1", fake.url());
    let first = send(Method::POST, &url, &[("authorization", "Bearer k")], "{\"a\":1}").await.unwrap();
    assert_eq!((first.status, first.json().unwrap()["error"]["message"].as_str()), (500, Some("boom")));
    let second = send(Method::POST, &url, &[], "{\"stream\": true}").await.unwrap();
    assert!(second.text().ends_with("data: [DONE]\n\n"), "{}", second.text());
    let seen = fake.seen();
    assert_eq!(seen.len(), 2);
    assert_eq!(seen[0].headers["authorization"], "Bearer k");
    assert_eq!((seen[0].path.as_str(), &seen[0].body[..]), ("/v1/chat/completions?x=1", &b"{\"a\":1}"[..]));
    assert_eq!(fake.hung_up(), 0);
}

#[tokio::test]
async fn a_stream_dies_in_the_middle() {
    let fake = FakeProvider::start().await.unwrap();
    fake.reply(Reply::chat_stream(&["a", "b", "c"]).after(2, Ending::Die));
    assert!(send(Method::POST, &fake.url(), &[], "{}").await.is_err());
}

#[tokio::test]
async fn clients_that_hang_up_are_counted() {
    let fake = FakeProvider::start().await.unwrap();
    fake.reply(Reply::chat_stream(&["a", "b"]).after(1, Ending::Stall));
    let mut connection = Connection::open(&fake.url()).await.unwrap();
    let response = connection.send(Method::POST, &fake.url(), &[], "{}".into()).await.unwrap();
    let mut body = response.into_body();
    assert!(body.frame().await.unwrap().unwrap().into_data().unwrap().starts_with(b"data: "));
    drop(connection);
    assert!(fake.wait_hung_up(1, SECOND).await);

    fake.reply(Reply::stall());
    let mut connection = Connection::open(&fake.url()).await.unwrap();
    let url = fake.url();
    let waiting = connection.send(Method::POST, &url, &[], "{}".into());
    assert!(tokio::time::timeout(Duration::from_millis(50), waiting).await.is_err());
    drop(connection);
    assert!(fake.wait_hung_up(2, SECOND).await);
}
