use mizzen_model::step::StepKind;

use super::*;
use crate::engine::segment::tests::span;

/// A log record of `run` that says what a user asked.
pub(crate) fn question(run: &str, nanos: i64, text: &str) -> LogRow {
    LogRow {
        run_id: Some(Name::from(run)),
        trace_id: None,
        span_id: None,
        at: at(nanos),
        severity_number: 0,
        severity: Name::from(""),
        event_name: Some(Name::from("gen_ai.user.message")),
        service: None,
        body: serde_json::json!({ "content": text }).to_string(),
        attributes: "{}".to_owned(),
        resource: Name::from("{}"),
        scope: Name::from("{}"),
    }
}

fn at(nanos: i64) -> Timestamp {
    Timestamp::from_unix_nanos(nanos)
}

fn runs() -> Runs {
    Runs::new(Finality { after_root_ns: 10, idle_ns: 60 })
}

fn root(run: &str, id: u64) -> SpanRow {
    let mut row = span(run, id, 0);
    row.head.parent_span_id = None;
    row
}

fn saved(runs: &mut Runs, run_id: &str) -> StoredRun {
    let mut changes = runs.changes(Some(run_id));
    assert_eq!(changes.len(), 1);
    changes.remove(0).run
}

#[test]
fn a_span_that_comes_twice_is_kept_once() {
    let mut runs = runs();
    let applied = runs.apply(1, at(0), vec![span("a", 1, 0), span("a", 1, 0), span("a", 2, 0)]);
    assert_eq!((applied.rows.len(), applied.duplicates), (2, 1));
    assert_eq!(runs.apply(2, at(0), vec![span("a", 2, 0)]).duplicates, 1);
    assert_eq!(saved(&mut runs, "a").summary.spans, 2);
}

#[test]
fn a_run_with_a_root_is_final_sooner_than_one_without() {
    let mut runs = runs();
    runs.apply(1, at(100), vec![root("rooted", 1), span("loose", 1, 0)]);
    let quiet_at = |runs: &mut Runs, run_id| saved(runs, run_id).quiet_at;
    assert_eq!((quiet_at(&mut runs, "rooted"), quiet_at(&mut runs, "loose")), (at(110), at(160)));
    let mut told = |now| {
        runs.finalise(at(now));
        // A second apart, because a run is told rarely.
        let news = runs.news(at(now * 1_000_000_000));
        news.into_iter().filter(|run| run.is_final).map(|run| run.run_id.to_string()).collect::<Vec<_>>()
    };
    assert!(told(109).is_empty());
    assert_eq!(told(110), ["rooted"]);
    assert_eq!(told(160), ["loose"]);
}

#[test]
fn a_late_span_makes_a_new_revision_and_a_replayed_one_does_not() {
    let mut runs = runs();
    runs.apply(1, at(0), vec![root("a", 1)]);
    runs.finalise(at(50));
    let stored = saved(&mut runs, "a");
    assert_eq!(stored.quiet_at, at(10));
    assert_eq!(runs.apply(2, at(51), vec![root("a", 1)]).duplicates, 1);
    assert!(runs.changes(Some("a")).is_empty(), "a copy changes nothing");
    runs.apply(3, at(52), vec![span("a", 2, 0)]);
    let second = saved(&mut runs, "a");
    assert_eq!((second.summary.revision, second.summary.is_final), (2, false));

    let mut restarted = self::runs();
    restarted.note_stored("a");
    assert_eq!(restarted.missing(&[span("a", 3, 0)]), [Name::from("a")]);
    restarted.adopt(Name::from("a"), Some(stored), Vec::new());
    restarted.apply(1, at(0), vec![root("a", 1)]);
    let replayed = saved(&mut restarted, "a");
    assert_eq!((replayed.summary.revision, replayed.summary.is_final, replayed.summary.spans), (1, true, 1));
}

#[test]
fn memory_is_bounded_and_what_goes_is_saved_first() {
    let mut runs = runs();
    let mut saved = 0;
    let run_ids: Vec<String> = (0..80).map(|run| format!("run-{run:02}")).collect();
    for (lsn, run_id) in (1..).zip(&run_ids) {
        runs.apply(lsn, at(0), (0..1_000).map(|id| span(run_id, id, 0)).collect());
        saved += runs.evict().len();
    }
    assert!(runs.heads <= HEADS_MAX && saved >= 20, "{} {saved}", runs.heads);
    assert!(!runs.contains("run-00") && runs.contains("run-79"));
    assert_eq!(runs.missing(&[span("run-00", 5_000, 0)]), [Name::from("run-00")]);
    assert!(runs.missing(&[span("never", 1, 0)]).is_empty());
}

#[test]
fn a_run_leaves_memory_when_it_is_final_saved_told_and_long_quiet() {
    let mut runs = runs();
    runs.apply(1, at(0), vec![root("a", 1)]);
    runs.finalise(at(10));
    let later = at(10 + QUIET_KEPT_NS);
    runs.forget_quiet(later, false);
    assert!(runs.contains("a"), "there is room");
    runs.apply(1, at(0), (0..HEADS_QUIET as u64).map(|id| span("many", id, 0)).collect());
    runs.forget_quiet(later, false);
    assert!(runs.contains("a"), "it is not saved");
    let stored = saved(&mut runs, "a");
    runs.forget_quiet(later, true);
    assert!(runs.contains("a"), "nobody was told");
    assert_eq!(runs.news(later).len(), 2);
    runs.forget_quiet(at(9 + QUIET_KEPT_NS), true);
    assert!(runs.contains("a"), "it is not long quiet");
    runs.forget_quiet(later, true);
    assert!(!runs.contains("a") && runs.contains("many") && runs.heads == HEADS_OF_RUN + HEADS_FOR_RUN);

    assert_eq!(runs.missing(&[span("a", 2, 0)]), [Name::from("a")]);
    runs.adopt(Name::from("a"), Some(stored), vec![root("a", 1).head]);
    assert_eq!(runs.apply(2, later, vec![root("a", 1)]).duplicates, 1);
    runs.forget_quiet(later, false);
    assert!(runs.contains("a"), "also a span that was there already is heard of");
    runs.apply(3, later, vec![span("a", 2, 0)]);
    let second = saved(&mut runs, "a").summary;
    assert_eq!((second.revision, second.spans, second.is_final), (2, 2, false));
    runs.forget_quiet(at(3 * QUIET_KEPT_NS), false);
    assert!(runs.contains("a"), "it is not final");
}

#[test]
fn a_run_that_becomes_final_late_stays_for_a_while_after() {
    let mut runs = runs();
    runs.apply(1, at(0), (0..=HEADS_QUIET as u64).map(|id| span("loose", id, 0)).collect());
    let late = QUIET_KEPT_NS;
    runs.finalise(at(late));
    saved(&mut runs, "loose");
    runs.forget_quiet(at(late), false);
    assert!(runs.contains("loose"), "watchers hear of it, and spans on their way make a revision");
    runs.forget_quiet(at(late + QUIET_KEPT_NS), false);
    assert!(!runs.contains("loose"));
}

#[test]
fn runs_of_one_span_count_for_what_they_take() {
    let mut runs = runs();
    for id in 0..30_000 {
        runs.apply(id + 1, at(0), vec![root(&format!("run-{id}"), id)]);
        runs.evict();
    }
    let kept = (0..30_000).filter(|id| runs.contains(&format!("run-{id}"))).count();
    assert_eq!(runs.heads, kept * (1 + HEADS_FOR_RUN));
    assert!((5_000..=HEADS_MAX / (1 + HEADS_FOR_RUN)).contains(&kept), "{kept}");
}

#[test]
fn a_huge_run_leaves_room_for_others_and_stays_itself() {
    let mut runs = runs();
    let add = |runs: &mut Runs, run_id: &str, from: u64, spans: u64| {
        runs.apply(from, at(0), (from..from + spans).map(|id| span(run_id, id, 0)).collect());
        runs.evict();
    };
    add(&mut runs, "small", 1, 10);
    (0..10).for_each(|part| add(&mut runs, "huge", 1 + part * 10_000, 10_000));
    (0..20).for_each(|run| add(&mut runs, &format!("run-{run}"), 1, 1_000));
    assert!(runs.contains("huge") && runs.contains("small"), "{} {}", runs.heads, runs.heads_beyond);
    let within = HEADS_OF_RUN + 20_010 + 22 * HEADS_FOR_RUN;
    assert_eq!((runs.heads, runs.heads_beyond), (within, 100_000 - HEADS_OF_RUN));
    add(&mut runs, "huge too", 1, 60_000);
    assert!(!runs.contains("huge") && runs.contains("small") && runs.contains("huge too"), "the older of the two goes");
    assert_eq!((runs.heads, runs.heads_beyond), (within, 60_000 - HEADS_OF_RUN));
}

#[test]
fn a_run_is_titled_by_its_log_records_whenever_they_come() {
    let mut runs = runs();
    let title = |runs: &mut Runs, run_id| saved(runs, run_id).summary.title;
    runs.apply(1, at(0), vec![span("after", 1, 0)]);
    assert_eq!(title(&mut runs, "after"), "");
    runs.note_logs(&[question("after", 7, "second"), question("after", 5, "first"), question("after", 6, "third")]);
    assert_eq!(title(&mut runs, "after"), "first");
    runs.note_logs(&[question("after", 8, "fourth")]);
    assert!(runs.changes(Some("after")).is_empty(), "nothing new");

    runs.note_logs(&[question("before", 5, "first"), question("gone", 5, "first")]);
    runs.remove("gone");
    runs.apply(2, at(0), vec![span("before", 1, 0), span("gone", 1, 0)]);
    assert_eq!((title(&mut runs, "before"), title(&mut runs, "gone")), ("first".to_owned(), String::new()));

    let stored = saved_after_restart(&mut runs);
    assert_eq!((stored.summary.title.as_str(), stored.title_at), ("first", at(4)));

    // A span that says something earlier knows better, and one that says it later does not.
    let mut asked = span("before", 2, 3);
    asked.body.attributes = r#"{"gen_ai.input.messages":[{"role":"user","content":"zeroth"}]}"#.to_owned();
    let mut later = asked.clone();
    later.head.span_id = span("before", 3, 0).head.span_id;
    later.head.started_at = at(9);
    runs.apply(3, at(0), vec![later]);
    assert_eq!(title(&mut runs, "before"), "first");
    runs.apply(4, at(0), vec![asked]);
    assert_eq!(title(&mut runs, "before"), "zeroth");
}

/// A run that storage knows, with a title of its own: what a log record said before it came back, if that was earlier.
fn saved_after_restart(runs: &mut Runs) -> StoredRun {
    runs.apply(2, at(0), vec![span("back", 1, 0)]);
    runs.note_logs(&[question("back", 6, "stored")]);
    let stored = saved(runs, "back");
    let mut restarted = self::runs();
    restarted.note_logs(&[question("back", 4, "first")]);
    restarted.adopt(Name::from("back"), Some(stored), Vec::new());
    saved(&mut restarted, "back")
}

#[test]
fn a_run_that_is_called_by_its_tool_calls_is_called_by_all_of_them_after_a_restart() {
    let call = |id, tool| {
        let mut span = span("calls", id, 0);
        (span.head.step, span.head.tool) = (Some(StepKind::ToolCall), Some(Name::from(tool)));
        span
    };
    let mut before = runs();
    before.apply(1, at(0), vec![call(1, "list")]);
    let stored = saved(&mut before, "calls");
    assert_eq!(stored.summary.title, "list");
    let mut restarted = runs();
    restarted.adopt(Name::from("calls"), Some(stored), vec![call(1, "list").head]);
    restarted.apply(2, at(0), vec![call(2, "get")]);
    assert_eq!(saved(&mut restarted, "calls").summary.title, "list and another tool call");
}

#[test]
fn watchers_hear_of_a_change_once() {
    let mut runs = runs();
    runs.apply(1, at(0), vec![span("a", 1, 0)]);
    assert_eq!(runs.news(at(1_000_000)).len(), 1);
    assert!(runs.news(at(2_000_000)).is_empty());
}

#[test]
fn who_begins_to_watch_hears_of_what_comes_and_not_of_what_was() {
    let mut runs = runs();
    runs.apply(1, at(5), vec![span("before", 1, 0)]);
    runs.apply(2, at(7), vec![span("since", 2, 0)]);
    runs.forget_news(at(6));
    let news: Vec<_> = runs.news(at(1_000_000)).into_iter().map(|run| run.run_id.to_string()).collect();
    assert_eq!(news, ["since"]);
    runs.apply(3, at(8), vec![span("before", 3, 0)]);
    assert_eq!(runs.news(at(10_000_000_000)).len(), 1);
}
