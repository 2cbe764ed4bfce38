//! `mizzen eval run` over the runs that the server keeps: an experiment, followed to its end.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use bytes::Bytes;
use http::Method;
use mizzen_eval::format::Problem;
use mizzen_eval::score::Score;
use mizzen_eval::selector::RunSelector;
use mizzen_model::estimate::significant;
use serde_json::{Value, json};

use super::cli::EvalRunArgs;
use super::run::evaluators::specs;
use super::scores::{array, of_experiment};
use crate::client::{Server, encode};
use crate::failure::Failure;
use crate::output;
use crate::runs;

/// How often the experiment is asked how far it is.
const POLL: Duration = Duration::from_millis(200);

/// What was scored, and what was not.
pub(super) struct Scored {
    pub(super) scores: Vec<Score>,
    pub(super) problems: Vec<Problem>,
}

/// The selector that `--runs` holds, when it is one and no files: `name=value` pairs, or `all`.
pub(super) fn selector(runs: &[String]) -> Option<String> {
    let is_selector = |text: &String| {
        let is_pair = text.split_once('=').is_some_and(|(name, _)| name.chars().all(|c| c.is_ascii_lowercase()));
        (text == "all" || is_pair) && !Path::new(text).exists()
    };
    runs.iter()
        .all(is_selector)
        .then(|| runs.iter().filter(|text| *text != "all").cloned().collect::<Vec<_>>().join(" "))
}

/// Scores stored runs on the server.
pub(super) async fn score(args: &EvalRunArgs, selector: &str) -> Result<Scored, Failure> {
    let server = Server::find(&args.client)?;
    let mut runs = RunSelector::parse(selector).map_err(|error| Failure::Usage(error.into()))?;
    // Of several, the server counts those that are gone.
    if let [id] = runs.run_ids.as_mut_slice() {
        *id = runs::resolve(&server, id).await?;
    }
    let set = match &args.set {
        Some(set) => Some(stored_set(&server, set).await?),
        None => None,
    };
    let evaluators: Vec<Value> = specs(args, set.is_some())?
        .into_iter()
        .map(|spec| json!({ "name": spec.name, "parameters": spec.parameters }))
        .collect();
    let body = json!({
        "name": args.name.clone().unwrap_or_else(|| "mizzen eval run".to_owned()),
        "set": set,
        "runs": runs,
        "evaluators": evaluators,
        "split_versions": false,
        "count_sdk_evidence": args.count_sdk_evidence,
        "publish_evidence": !args.no_publish,
    });
    let begun = server.post("/api/v1/experiments", &body).await?;
    let id = begun["id"].as_str().context("the server did not name the experiment")?.to_owned();
    let done = follow(&server, &id).await?;
    let runs = done["runs"].as_u64().unwrap_or(0);
    if runs == 0 {
        let deleted = server.json(Method::DELETE, &format!("/api/v1/experiments/{}", encode(&id)), Bytes::new()).await;
        output::say(if deleted.is_ok() {
            "no run was scored, so that no experiment is kept"
        } else {
            "no run was scored; the empty experiment could not be deleted"
        });
        return Ok(Scored { scores: Vec::new(), problems: problems(&done) });
    }
    output::say(&format!("experiment {id}: {} scored", output::counted(runs, "run")));
    tell_evidence(&server, &done, args.no_publish).await?;
    Ok(Scored { scores: of_experiment(&server, &id).await?, problems: problems(&done) })
}

/// What was published, and which part of the error rate of all looks at this agent it took: every look takes one.
async fn tell_evidence(server: &Server, done: &Value, is_private: bool) -> Result<(), Failure> {
    let (Some(digest), [agent]) = (done["agent_digest"].as_str(), array(&done["agents"])) else { return Ok(()) };
    if is_private {
        output::say("nothing was published; the look counts all the same, as whoever reads this has looked");
        return Ok(());
    }
    let list = server.get(&format!("/api/v1/evidence?digest={}", encode(digest))).await?;
    for evidence in array(&list["items"]).iter().filter(|item| item["from"]["id"] == done["id"]) {
        let alpha = |field: &str| evidence[field].as_f64().map(|alpha| significant(alpha, 3)).unwrap_or_default();
        output::say(&format!(
            "published evidence of `{}` about `{}`: look {}, which spends {} of the error rate {} of all looks; \
             `--no-publish` keeps it to yourself",
            output::text(evidence, "metric"),
            agent.as_str().unwrap_or_default(),
            evidence["lineage_position"],
            alpha("alpha"),
            alpha("alpha_total"),
        ));
    }
    Ok(())
}

async fn follow(server: &Server, id: &str) -> Result<Value, Failure> {
    loop {
        let experiment = server.get(&format!("/api/v1/experiments/{}", encode(id))).await?;
        match experiment["state"].as_str() {
            Some("running") => tokio::time::sleep(POLL).await,
            Some("finished") => return Ok(experiment),
            _ => {
                let why = experiment["problem"].as_str().unwrap_or("it does not say why").to_owned();
                return Err(Failure::Broken(anyhow!("the experiment failed: {why}")));
            }
        }
    }
}

/// A file becomes a set of the server; anything else is the name or digest of one.
async fn stored_set(server: &Server, set: &Path) -> Result<String, Failure> {
    let name = set.display().to_string();
    if !set.is_file() {
        return Ok(name);
    }
    let content = std::fs::read(set).with_context(|| format!("failed to read `{name}`")).map_err(Failure::Usage)?;
    let saved = server.json(Method::POST, "/api/v1/eval-sets", Bytes::from(content)).await?;
    Ok(saved["digest"].as_str().context("the server did not name the eval set")?.to_owned())
}

/// What was selected and not scored, in words.
fn problems(experiment: &Value) -> Vec<Problem> {
    let skipped = [
        ("not_final", "not final yet"),
        ("no_case", "of no case of the eval set"),
        ("unreadable", "unreadable"),
        ("other_version", "of another version of the agent"),
    ];
    let count = |name: &str| experiment["skipped"][name].as_u64().filter(|count| *count > 0);
    let counted = skipped
        .iter()
        .filter_map(|(name, text)| Some(format!("{} left out: {text}", output::counted(count(name)?, "run"))));
    let said = experiment["problem"].as_str().map(|text| format!("experiment: {text}"));
    if let Some(text) = &said {
        output::say(&format!("mizzen: {text}"));
    }
    let gaps = array(&experiment["aggregates"]).is_empty().then(|| "no run was scored".to_owned());
    counted.chain(gaps).map(|message| Problem { case: None, message }).collect()
}

#[cfg(test)]
mod tests {
    use super::selector;

    #[test]
    fn pairs_are_a_selector_and_names_are_files() {
        let of = |runs: &[&str]| selector(&runs.iter().map(|run| (*run).to_owned()).collect::<Vec<_>>());
        assert_eq!(of(&["agent=helm", "outcome=ok"]).as_deref(), Some("agent=helm outcome=ok"));
        assert_eq!(of(&["all"]).as_deref(), Some(""));
        assert_eq!(of(&["trace.json"]), None);
        assert_eq!(of(&["agent=helm", "trace.json"]), None);
    }
}
