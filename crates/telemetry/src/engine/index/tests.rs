use mizzen_model::id::{Digest, RunId};
use mizzen_model::run::RunSummary;
use mizzen_model::step::{Outcome, Source};
use mizzen_model::time::Timestamp;
use mizzen_model::usage::Usage;
use mizzen_runtime::clock::Clock;
use mizzen_store::{Store, testing};

use super::list::{Page, RunFilter};
use super::parts::{ModelPart, Parts, Sums};
use super::runs::{StoredRun, Told};
use super::totals::Totals;
use super::*;

fn at(nanos: i64) -> Timestamp {
    Timestamp::from_unix_nanos(nanos)
}

fn run(id: &str, started_at: i64) -> StoredRun {
    let usage = Usage { input_tokens: 3, ..Usage::default() };
    let summary = RunSummary {
        run_id: RunId::lossy(id),
        revision: 1,
        is_final: false,
        agent: Some("planner".into()),
        title: "100% of_all Words".into(),
        session: None,
        caller: None,
        service: None,
        started_at: at(started_at),
        duration_ns: 1_000_000,
        outcome: Outcome::Ok,
        error_message: None,
        spans: 1,
        steps: 1,
        model_calls: 1,
        tool_calls: 0,
        errors: 0,
        usage,
        cost_usd: Some(0.5),
        unpriced_calls: 0,
        models: vec!["m-1".into()],
        confinement: None,
        sources: vec![Source::Sdk],
        agent_digests: vec![Digest::of(b"agent")],
        case: Some("case-1".into()),
        has_foreign_steps: false,
    };
    let sums = Sums { count: 2, usage, ..Sums::default() };
    let models = vec![ModelPart { model: "m-1".into(), provider: Some("p".into()), sums }];
    let parts = Parts { agent: Some("planner".into()), models, ..Parts::default().of_run(&summary) };
    let (quiet_at, received_at) = (at(i64::MAX - 1_000 + started_at), at(started_at + 5));
    StoredRun { summary, quiet_at, applied_lsn: 4, received_at, title_at: at(7), parts }
}

async fn save(index: &Index, runs: &[StoredRun]) {
    let mut transaction = index.begin().await.unwrap();
    index.save_runs(&mut transaction, &runs.iter().collect::<Vec<_>>()).await.unwrap();
    transaction.commit().await.unwrap();
}

async fn ids(index: &Index, filter: &RunFilter) -> Vec<String> {
    let page = index.list(filter, &Page::default()).await.unwrap().unwrap();
    page.items.into_iter().map(|run| run.run_id.to_string()).collect()
}

#[tokio::test]
async fn runs_come_back_page_by_page_and_by_every_filter() {
    for test in testing::stores(MIGRATIONS).await {
        let index = Index::new(test.store.clone(), "n".into(), Clock::system());
        let mut runs: Vec<StoredRun> = (0..150).map(|n| run(&format!("run-{n:03}"), i64::from(n / 2))).collect();
        runs[3].summary.agent = Some("Other".into());
        runs[4].summary.models = vec!["m-2".into(), "m-1".into()];
        runs[5].summary.outcome = Outcome::Error;
        runs[6].summary.session = Some("s".into());
        runs[7].summary.caller = Some("c".into());
        runs[8].summary.title = "needle".into();
        runs[10].summary.title = "Ähren überall".into();
        runs[9].summary.sources.push(Source::Gateway);
        save(&index, &runs).await;
        let (mut seen, mut page) = (Vec::new(), Page { cursor: None, limit: 40 });
        loop {
            let found = index.list(&RunFilter::default(), &page).await.unwrap().unwrap();
            seen.extend(found.items.into_iter().map(|run| run.run_id.to_string()));
            let Some(cursor) = found.next_cursor else { break };
            page.cursor = Some(cursor);
        }
        let mut expected: Vec<_> =
            runs.iter().map(|run| (run.summary.started_at, run.summary.run_id.to_string())).collect();
        expected.sort_by(|a, b| b.cmp(a));
        assert_eq!(seen, expected.into_iter().map(|(_, id)| id).collect::<Vec<_>>(), "{}", test.name);
        let text = |text: &str| RunFilter { text: Some(text.into()), ..RunFilter::default() };
        let filters = [
            (RunFilter { agent: Some("Other".into()), ..RunFilter::default() }, "run-003"),
            (RunFilter { model: Some("m-2".into()), ..RunFilter::default() }, "run-004"),
            (RunFilter { outcome: Some(Outcome::Error), ..RunFilter::default() }, "run-005"),
            (RunFilter { session: Some("s".into()), ..RunFilter::default() }, "run-006"),
            (RunFilter { caller: Some("c".into()), ..RunFilter::default() }, "run-007"),
            (text("NEEDLE"), "run-008"),
            (RunFilter { source: Some(Source::Gateway), ..RunFilter::default() }, "run-009"),
            (text("n-149"), "run-149"),
            (text("OTHER"), "run-003"),
            (text("äHREN Ü"), "run-010"),
        ];
        for (filter, expected) in filters {
            assert_eq!(ids(&index, &filter).await, [expected], "{} {filter:?}", test.name);
        }
        assert_eq!(ids(&index, &text("100% OF_ALL")).await.len(), 50);
        assert_eq!(ids(&index, &text("100x")).await.len(), 0, "a percent sign is no wildcard");
        let between =
            RunFilter { from: Some(at(10)), to: Some(at(11)), model: Some("m-1".into()), ..RunFilter::default() };
        assert_eq!(ids(&index, &between).await, ["run-021", "run-020"]);
        let wrong = Page { cursor: Some("x".into()), limit: 1 };
        assert!(index.list(&RunFilter::default(), &wrong).await.unwrap().is_err());
    }
}

#[tokio::test]
async fn a_run_whose_most_used_model_changes_is_listed_once() {
    for test in testing::stores(MIGRATIONS).await {
        let index = Index::new(test.store.clone(), "n".into(), Clock::system());
        for models in [["m-1", "m-2"], ["m-2", "m-1"], ["m-1", "m-2"]] {
            let mut run = run("a", 1);
            run.summary.models = models.map(str::to_owned).to_vec();
            save(&index, &[run]).await;
            for model in models {
                let filter = RunFilter { model: Some(model.into()), ..RunFilter::default() };
                assert_eq!(ids(&index, &filter).await, ["a"], "{} {model} of {models:?}", test.name);
            }
        }
    }
}

#[tokio::test]
async fn a_run_is_replaced_made_final_and_removed() {
    for test in testing::stores(MIGRATIONS).await {
        let index = Index::new(test.store.clone(), "n".into(), Clock::system());
        save(&index, &[run("a", 1), run("b", 2)]).await;
        let mut changed = run("a", 1);
        changed.summary.revision = 2;
        save(&index, std::slice::from_ref(&changed)).await;
        assert_eq!(index.run("a").await.unwrap().as_ref(), Some(&changed), "{}", test.name);
        let mut quiet = changed.clone();
        quiet.quiet_at = at(11);
        save(&index, std::slice::from_ref(&quiet)).await;
        let found = index.run("a").await.unwrap().unwrap();
        assert!(found.summary.is_final, "{}", test.name);
        for (after, until, expected) in [(10, 11, 1), (11, 99, 0), (1, 10, 0)] {
            let finalised = index.finalised(&Told::all_until(at(after)), at(until)).await.unwrap();
            let told = (finalised.runs.len(), finalised.until);
            assert_eq!(told, (expected, Told::all_until(at(until))), "{} {after}", test.name);
        }
        assert_eq!(index.runs_received_before(7, 5, 9).await.unwrap(), ["a"]);
        assert_eq!(index.runs_received_before(6, 9, 9).await.unwrap().len(), 0);
        let mut transaction = index.begin().await.unwrap();
        assert_eq!(index.remove_run(&mut transaction, "a").await.unwrap(), Some(changed.parts));
        transaction.commit().await.unwrap();
        assert_eq!(index.run("a").await.unwrap(), None);
        assert_eq!(ids(&index, &RunFilter { model: Some("m-1".into()), ..RunFilter::default() }).await, ["b"]);
    }
}

#[tokio::test]
async fn of_many_runs_that_became_final_at_once_every_one_is_told_once() {
    for test in testing::stores(MIGRATIONS).await {
        let index = Index::new(test.store.clone(), "n".into(), Clock::system());
        let runs: Vec<StoredRun> =
            (0..1_100).map(|n| StoredRun { quiet_at: at(50), ..run(&format!("run-{n}"), 1) }).collect();
        save(&index, &runs).await;
        let (mut told, mut after) = (std::collections::BTreeSet::new(), Told::all_until(at(9)));
        let mut most = 0;
        while after != Told::all_until(at(60)) {
            let page = index.finalised(&after, at(60)).await.unwrap();
            most = most.max(page.runs.len());
            for run in page.runs {
                assert!(told.insert(run.run_id.to_string()), "{} {}", test.name, run.run_id);
            }
            after = page.until;
        }
        assert!(told.len() == runs.len() && most == 512, "{} {} {most}", test.name, told.len());
    }
}

#[tokio::test]
async fn names_of_which_nothing_is_left_make_room_for_others() {
    for test in testing::stores(MIGRATIONS).await {
        let index = Index::new(test.store.clone(), "n".into(), Clock::system());
        let named = |name: &str| Parts { agent: Some(name.to_owned()), models: Vec::new(), ..run("a", 1).parts };
        let mut totals = Totals::default();
        for n in 0..10_000 {
            totals.change(None, Some(&named(&format!("agent-{n}"))));
        }
        totals.change(None, Some(&named("one too many")));
        assert_eq!(totals.agents().len(), 10_000);
        totals.change(Some(&named("one too many")), None);
        for n in 0..9_999 {
            totals.change(Some(&named(&format!("agent-{n}"))), None);
        }
        totals.change(None, Some(&named("new")));
        let names = |totals: &Totals| totals.agents().into_iter().map(|agent| agent.agent).collect::<Vec<_>>();
        assert_eq!(names(&totals), ["agent-9999", "new"], "{}", test.name);
        for gone in [None, Some(named("agent-9999"))] {
            totals.change(gone.as_ref(), None);
            let mut transaction = index.begin().await.unwrap();
            totals.save(&index, &mut transaction).await.unwrap();
            transaction.commit().await.unwrap();
        }
        assert_eq!(names(&Totals::load(&index).await.unwrap()), ["new"], "{}", test.name);
        let rows: i64 =
            sqlx::query_scalar("SELECT COUNT(*) FROM telemetry_totals").fetch_one(test.store.pool()).await.unwrap();
        assert_eq!(rows, 1, "{}", test.name);
    }
}

#[tokio::test]
async fn totals_follow_runs_that_change_and_go() {
    for test in testing::stores(MIGRATIONS).await {
        let index = Index::new(test.store.clone(), "n".into(), Clock::system());
        let (first, second) = (run("a", 1).parts, run("b", 1_000).parts);
        let mut totals = Totals::default();
        totals.change(None, Some(&first));
        totals.change(None, Some(&second));
        let mut transaction = index.begin().await.unwrap();
        totals.save(&index, &mut transaction).await.unwrap();
        transaction.commit().await.unwrap();
        let mut totals = Totals::load(&index).await.unwrap();
        let agents = totals.agents();
        assert_eq!((agents[0].runs, agents[0].cost_usd, agents[0].last_seen_at), (2, Some(1.0), at(1_000)));
        assert_eq!(agents[0].models, ["m-1"]);
        let p95 = agents[0].p95_duration_ns.unwrap();
        assert!((955_000..1_045_000).contains(&p95), "{p95}");
        assert_eq!((totals.models()[0].calls, totals.models()[0].usage.input_tokens), (4, 6));
        totals.change(Some(&first), None);
        totals.change(Some(&second), None);
        assert!(totals.agents().is_empty() && totals.models().is_empty());
    }
}

/// As the first version of the tables had them.
async fn insert_old_run(store: &Store, run: &StoredRun, is_final: bool) {
    let sql =
        "INSERT INTO telemetry_runs (run_id, node, revision, is_final, quiet_at, applied_lsn, received_at, started_at,
        title_at, outcome, agent, sources, searched, summary, parts)
        VALUES ($1, 'n', 1, $2, $3, 4, $4, $5, 7, 'ok', 'planner', ',sdk,', $6, $7, $8)";
    let summary = serde_json::to_string(&run.summary).unwrap();
    // Without the fields that did not exist then, which are the last.
    let summary = format!("{}}}", &summary[..summary.find(",\"sources\"").unwrap()]);
    let (run_id, parts) = (run.summary.run_id.to_string(), serde_json::to_string(&run.parts).unwrap());
    let quiet_at = (!is_final).then_some(run.quiet_at.unix_nanos());
    let query = sqlx::query(sql).bind(run_id.clone()).bind(i64::from(is_final)).bind(quiet_at);
    let query = query.bind(run.received_at.unix_nanos()).bind(run.summary.started_at.unix_nanos());
    let searched = format!("{}\nplanner\n{run_id}", run.summary.title.to_lowercase());
    query.bind(searched).bind(summary).bind(parts).execute(store.pool()).await.unwrap();
    for model in &run.summary.models {
        let sql = "INSERT INTO telemetry_run_models (run_id, model, started_at) VALUES ($1, $2, $3)";
        let query = sqlx::query(sql).bind(run_id.clone()).bind(model.clone());
        query.bind(run.summary.started_at.unix_nanos()).execute(store.pool()).await.unwrap();
    }
}

#[tokio::test]
async fn runs_of_the_release_before_are_still_there() {
    for test in testing::stores(&MIGRATIONS[..1]).await {
        let (mut old, open) = (run("old", 5), run("open", 6));
        old.summary.models = vec!["m-1".into(), "m-2".into()];
        insert_old_run(&test.store, &old, true).await;
        insert_old_run(&test.store, &open, false).await;
        let store = Store::open(&test.config, MIGRATIONS).await.unwrap();
        let index = Index::new(store, "n".into(), Clock::system());
        let found = index.run("old").await.unwrap().unwrap();
        assert_eq!((found.summary.is_final, found.quiet_at), (true, old.received_at), "{}", test.name);
        old.summary.is_final = true;
        old.summary.agent_digests = Vec::new();
        old.summary.case = None;
        assert_eq!(found.summary, old.summary, "{}", test.name);
        let found = index.run("open").await.unwrap().unwrap();
        assert_eq!((found.summary.is_final, found.quiet_at), (false, open.quiet_at), "{}", test.name);
        let model = |model: &str| RunFilter { model: Some(model.into()), ..RunFilter::default() };
        assert_eq!(ids(&index, &model("m-1")).await, ["open", "old"], "{}", test.name);
        assert_eq!(ids(&index, &model("m-2")).await, ["old"], "{}", test.name);
        assert_eq!(ids(&index, &RunFilter { text: Some("OF_ALL".into()), ..RunFilter::default() }).await.len(), 2);
    }
}

/// As the release before had them: the title within the summary, every bucket with its count.
#[tokio::test]
async fn runs_from_before_titles_had_a_column_keep_theirs() {
    for test in testing::stores(MIGRATIONS).await {
        let index = Index::new(test.store.clone(), "n".into(), Clock::system());
        let mut stored = run("a", 1);
        let durations = r#"{"d":[[188,1],[231,2]],"n":3}"#;
        stored.parts.models[0].sums = serde_json::from_str(durations).unwrap();
        save(&index, std::slice::from_ref(&stored)).await;
        let sql = "SELECT summary, parts FROM telemetry_runs";
        let (summary, parts): (String, String) = sqlx::query_as(sql).fetch_one(test.store.pool()).await.unwrap();
        assert!(parts.contains(r#""d":[188,[231,2]]"#), "{parts}");
        let title = serde_json::to_string(&stored.summary.title).unwrap();
        let summary = summary.replacen('{', &format!(r#"{{"t":{title},"#), 1);
        let parts = parts.replace(r#""d":[188,[231,2]]"#, r#""d":[[188,1],[231,2]]"#);
        let sql = "UPDATE telemetry_runs SET title = NULL, searched = $1, summary = $2, parts = $3";
        let searched = format!("{}\nplanner", stored.summary.title.to_lowercase());
        sqlx::query(sql).bind(searched).bind(summary).bind(parts).execute(test.store.pool()).await.unwrap();
        assert_eq!(index.run("a").await.unwrap(), Some(stored), "{}", test.name);
        assert_eq!(ids(&index, &RunFilter { text: Some("OF_ALL".into()), ..RunFilter::default() }).await, ["a"]);
    }
}
