//! For tests: somebody else's HTTP server on loopback, which answers what a test says.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

pub(crate) struct HttpDouble(TcpListener);

pub(crate) struct Asked {
    pub(crate) path: String,
    pub(crate) body: String,
    head: String,
}

impl Asked {
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        let mut fields = self.head.lines().filter_map(|line| line.split_once(": "));
        fields.find(|(field, _)| field.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }
}

impl HttpDouble {
    pub(crate) async fn bind() -> (Self, String) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        (Self(listener), url)
    }

    /// Answers each request with a status, a content type and a body, until the test ends.
    #[allow(clippy::disallowed_methods, reason = "somebody else's server ends with the test")]
    pub(crate) fn serve(self, answer: impl Fn(&Asked) -> (u16, &'static str, String) + Clone + Send + Sync + 'static) {
        tokio::task::spawn(async move {
            while let Ok((connection, _)) = self.0.accept().await {
                tokio::task::spawn(exchange(connection, answer.clone()));
            }
        });
    }
}

async fn exchange(mut connection: TcpStream, answer: impl Fn(&Asked) -> (u16, &'static str, String)) {
    let (mut request, mut buffer) = (Vec::new(), [0; 4096]);
    loop {
        let read = connection.read(&mut buffer).await.unwrap_or(0);
        request.extend_from_slice(&buffer[..read]);
        let text = String::from_utf8_lossy(&request).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let path = head.split(' ').nth(1).unwrap().to_owned();
            let asked = Asked { path, body: body.to_owned(), head: head.to_owned() };
            if body.len() >= asked.field("content-length").map_or(0, |length| length.parse().unwrap()) {
                let (status, kind, body) = answer(&asked);
                let length = body.len();
                let answer = format!(
                    "HTTP/1.1 {status} X\r\ncontent-type: {kind}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
                );
                connection.write_all(answer.as_bytes()).await.ok();
                return;
            }
        }
        if read == 0 {
            return;
        }
    }
}
