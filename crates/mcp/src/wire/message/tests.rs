use super::{Message, decode};
use crate::wire::rpc::{INVALID_REQUEST, PARSE_ERROR};

#[test]
fn the_three_kinds_of_messages_are_told_apart() {
    let Ok(Message::Request { id, method, params }) = decode(
        br#"{"jsonrpc":"2.0","id":"a-1","method":"tools/call","params":{"name":"x","arguments":{"n":1.0}}}"#,
        16,
    ) else {
        panic!("no request");
    };
    assert_eq!((id.get(), method.as_str()), (r#""a-1""#, "tools/call"));
    assert_eq!(params["arguments"].get(), r#"{"n":1.0}"#);
    assert!(matches!(
        decode(br#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#, 16),
        Ok(Message::Notification { method, .. }) if method == "notifications/initialized"
    ));
    assert!(matches!(
        decode(br#"{"jsonrpc":"2.0","id":"s1","result":{"roots":[]}}"#, 16),
        Ok(Message::Response { id, answer: Ok(_) }) if id == "s1"
    ));
    assert!(matches!(
        decode(br#"{"jsonrpc":"2.0","id":"s1","error":{"code":-1,"message":"no"}}"#, 16),
        Ok(Message::Response { answer: Err(_), .. })
    ));
}

#[test]
fn what_is_no_message_is_refused_with_its_id_where_there_is_one() {
    for (body, code) in [
        (&b"[]"[..], INVALID_REQUEST),
        (br#" [{"jsonrpc":"2.0","id":1,"method":"ping"}]"#, INVALID_REQUEST),
        (b"{", PARSE_ERROR),
        (br#"{"jsonrpc":"2.0","id":1,"method":"x","method":"y"}"#, PARSE_ERROR),
        (br#"{"id":1,"method":"ping"}"#, INVALID_REQUEST),
        (br#"{"jsonrpc":"2.0","id":1,"method":7}"#, INVALID_REQUEST),
        (br#"{"jsonrpc":"2.0","id":1,"method":"x","params":[1]}"#, INVALID_REQUEST),
        (br#"{"jsonrpc":"2.0","id":"s","result":{},"error":{}}"#, INVALID_REQUEST),
        (br#"{"jsonrpc":"2.0","id":1,"result":{}}"#, INVALID_REQUEST),
        (br#"{"jsonrpc":"2.0","id":1.5,"method":"ping"}"#, INVALID_REQUEST),
        (br#"{"jsonrpc":"2.0","id":null,"method":"ping"}"#, INVALID_REQUEST),
        (br#"{"jsonrpc":"2.0","id":{},"method":"ping"}"#, INVALID_REQUEST),
        (b"7", INVALID_REQUEST),
        (br#"{"jsonrpc":"2.0","id":1,"method":"x","Method":"y"}"#, INVALID_REQUEST),
        (br#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a","Name":"b"}}"#, INVALID_REQUEST),
        (br#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a","ARGUMENTS":{}}}"#, INVALID_REQUEST),
    ] {
        let malformed = decode(body, 16).unwrap_err();
        assert_eq!(malformed.error.code, code, "{}", String::from_utf8_lossy(body));
    }
    let with_id = decode(br#"{"jsonrpc":"1.0","id":4,"method":"ping"}"#, 16).unwrap_err();
    assert_eq!(with_id.id.unwrap().get(), "4");
}
