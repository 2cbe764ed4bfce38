use proptest::prelude::*;

use super::write_string;

fn written(text: &str) -> String {
    let mut out = String::new();
    write_string(&mut out, text);
    out
}

#[test]
fn escapes_where_json_wants_them() {
    assert_eq!(written("a\"b\\c\nd\te\u{1}ü"), r#""a\"b\\c\nd\te\u0001ü""#);
    assert_eq!(written("1234567\u{7f}89\r"), "\"1234567\u{7f}89\\r\"");
}

proptest! {
    #[test]
    fn every_text_reads_back(text in "\\PC{0,40}|[\\x00-\\x7f]{0,40}") {
        prop_assert_eq!(serde_json::from_str::<String>(&written(&text)).unwrap(), text);
    }
}
