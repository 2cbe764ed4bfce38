use std::time::Duration;

use mizzen_model::asked::Taint;
use mizzen_model::id::RunId;
use proptest::prelude::*;

use super::{KEPT_NANOS, bits, from_bits, seen, seen_by_all_nodes, sweep, touch};
use crate::gate::Ask;
use crate::gate::tests::{ask, permitted};
use crate::keys::NewKey;
use crate::plane::tests::{inner, named, planes};

const PRIVATE: Taint = Taint { private_data: true, untrusted_content: false, outside_reached: false };
const UNTRUSTED: Taint = Taint { private_data: false, untrusted_content: true, outside_reached: false };

fn run(name: &str) -> RunId {
    name.parse().unwrap()
}

#[tokio::test]
async fn what_a_call_touched_is_there_for_the_next_and_after_a_restart() {
    for plane in planes().await {
        let mut decisions = plane.control.decisions().unwrap();
        let caller = plane.agent("helm").await;
        let first = Ask { touches: UNTRUSTED, ..ask(&caller) };
        let permit = permitted(plane.control.gate().ask(first).await);
        assert_eq!(decisions.try_recv().unwrap().taint, Taint::default());
        permit.touched(PRIVATE).await.unwrap();
        drop(permit);
        drop(plane.control.gate().ask(ask(&caller)).await);
        assert_eq!(
            decisions.try_recv().unwrap().taint,
            PRIVATE.union(UNTRUSTED),
            "also what the server is configured to bring"
        );
        let (_folder, again) = plane.another_node().await;
        let mut decisions = again.decisions().unwrap();
        drop(again.gate().ask(ask(&caller)).await);
        assert_eq!(decisions.try_recv().unwrap().taint, PRIVATE.union(UNTRUSTED), "{}", plane.test.name);
    }
}

#[tokio::test]
async fn runs_are_apart_and_credentials_of_one_run_are_together() {
    for plane in planes().await {
        let node = plane.inner();
        touch(node, "key_1", Some(&run("a")), PRIVATE).await.unwrap();
        touch(node, "key_2", Some(&run("a")), UNTRUSTED).await.unwrap();
        for key in ["key_1", "key_2", "key_3"] {
            assert_eq!(seen(node, key, Some(&run("a"))).await.unwrap(), PRIVATE.union(UNTRUSTED));
        }
        assert_eq!(seen(node, "key_1", Some(&run("b"))).await.unwrap(), Taint::default());
    }
}

#[tokio::test]
async fn leaving_the_run_out_is_no_way_around() {
    for plane in planes().await {
        let node = plane.inner();
        touch(node, "key_1", Some(&run("a")), PRIVATE).await.unwrap();
        assert_eq!(seen(node, "key_1", None).await.unwrap(), PRIVATE);
        touch(node, "key_1", None, UNTRUSTED).await.unwrap();
        assert_eq!(seen(node, "key_1", Some(&run("b"))).await.unwrap(), UNTRUSTED);
        assert_eq!(seen(node, "key_2", None).await.unwrap(), Taint::default(), "{}", plane.test.name);
    }
}

#[tokio::test]
async fn another_node_reads_it_where_it_matters() {
    for plane in planes().await {
        let (_folder, other) = plane.another_node().await;
        touch(plane.inner(), "key_1", Some(&run("a")), PRIVATE).await.unwrap();
        assert_eq!(seen_by_all_nodes(inner(&other), "key_1", Some(&run("a"))).await.unwrap(), PRIVATE);
        assert_eq!(seen(inner(&other), "key_1", Some(&run("a"))).await.unwrap(), PRIVATE, "and has it from then on");
    }
}

#[tokio::test]
async fn what_cannot_be_kept_is_an_error_and_memory_has_it_all_the_same() {
    let plane = planes().await.swap_remove(0);
    plane.test.store.close().await;
    assert!(touch(plane.inner(), "key_1", Some(&run("a")), PRIVATE).await.is_err());
    assert_eq!(seen(plane.inner(), "key_1", Some(&run("a"))).await.unwrap(), PRIVATE);
    assert!(touch(plane.inner(), "key_1", Some(&run("a")), PRIVATE).await.is_err(), "it is still not kept");
}

#[tokio::test]
async fn what_is_swept_is_old_and_of_no_key_that_is_left() {
    for plane in planes().await {
        let bound = NewKey { run_id: Some(run("bound")), ..named("bound") };
        let free = plane.control.keys().mint(named("free")).await.unwrap().0.id;
        let bound = plane.control.keys().mint(bound).await.unwrap().0.id;
        let places = async || -> Vec<String> {
            let all = "SELECT place FROM control_taint";
            let mut places: Vec<String> = sqlx::query_scalar(all).fetch_all(plane.test.store.pool()).await.unwrap();
            places.sort();
            places
        };
        for key in [free.as_str(), &bound, "key_gone"] {
            touch(plane.inner(), key, None, PRIVATE).await.unwrap();
        }
        for name in ["bound", "ended"] {
            touch(plane.inner(), &bound, Some(&run(name)), PRIVATE).await.unwrap();
        }
        let old = places().await;
        assert_eq!(old.len(), 8, "{old:?}");
        sweep(plane.inner()).await.unwrap();
        assert_eq!(places().await, old, "nothing is old yet");
        plane.clock.advance(Duration::from_nanos(KEPT_NANOS.unsigned_abs() + 1));
        touch(plane.inner(), "key_new", None, PRIVATE).await.unwrap();
        sweep(plane.inner()).await.unwrap();
        let gone = ["alone:key_gone", "any:key_gone", "run:ended"];
        let mut kept: Vec<String> = old.into_iter().filter(|place| !gone.contains(&place.as_str())).collect();
        kept.extend(["alone:key_new".to_owned(), "any:key_new".to_owned()]);
        kept.sort();
        assert_eq!(places().await, kept, "{}", plane.test.name);
    }
}

proptest! {
    #[test]
    fn bits_read_back(private_data: bool, untrusted_content: bool, outside_reached: bool) {
        let taint = Taint { private_data, untrusted_content, outside_reached };
        prop_assert_eq!(from_bits(bits(taint)), taint);
    }
}
