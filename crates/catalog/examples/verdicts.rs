//! What the catalog says of texts, for the test beside Backstage's own validators (`tests/peers/catalog-model`): one JSON object
//! a line in, `{"source", "text"}`; one a line out, with a verdict for each document.

use std::error::Error;
use std::io::{BufRead as _, Write as _};

use mizzen_catalog::document::{Read, read};
use mizzen_catalog::relation;
use serde_json::{Value, json};

fn main() -> Result<(), Box<dyn Error>> {
    let mut out = std::io::stdout().lock();
    for line in std::io::stdin().lock().lines() {
        let asked: Value = serde_json::from_str(&line?)?;
        let (Some(source), Some(text)) = (asked["source"].as_str(), asked["text"].as_str()) else {
            return Err("a line without `source` or `text`".into());
        };
        let verdicts: Vec<Value> = read(source, text).iter().map(verdict).collect();
        writeln!(out, "{}", Value::Array(verdicts))?;
    }
    Ok(())
}

fn verdict(read: &Read) -> Value {
    match read {
        Read::Valid(document) => {
            let name = |(relation, _): (relation::Relation, _)| format!("{} {}", relation.kind, relation.target_ref);
            let mut relations: Vec<String> = relation::of(&document.entity).into_iter().map(name).collect();
            relations.sort();
            // What is printed for people must be read as the same entity.
            let again = read_again(&document.entity.to_yaml());
            let is_same = again.as_ref() == Some(&document.entity);
            json!({ "accepted": true, "relations": relations, "entity": document.entity.document(), "printed_again": is_same })
        }
        Read::Rejected(rejected) => {
            let why: Vec<String> = rejected.problems.iter().map(ToString::to_string).collect();
            json!({ "accepted": false, "why": why, "placed": rejected.problems.iter().all(|problem| problem.line > 0) })
        }
    }
}

fn read_again(text: &str) -> Option<mizzen_catalog::Entity> {
    match read("again.yaml", text).pop()? {
        Read::Valid(document) => Some(document.entity),
        Read::Rejected(_) => None,
    }
}
