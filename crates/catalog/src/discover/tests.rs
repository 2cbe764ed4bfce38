use std::time::Duration;

use super::{KEY_KEPT, KEYS_MAX, Sighting};
use crate::config::CatalogConfig;
use crate::observed::{Observation, Subject, SubjectKind};
use crate::plane::tests::benches;
use crate::query::{Direction, Walk};
use crate::reference::EntityRef;

fn sighting(key: &str, at: mizzen_model::time::Timestamp) -> Sighting {
    let subject = |kind, name: &str| Subject { kind, name: name.to_owned() };
    let observation = Observation {
        subject: subject(SubjectKind::Agent, "helm"),
        uses: Some(subject(SubjectKind::Model, "gpt-4o")),
        calls: 2,
        at,
    };
    Sighting { key: key.to_owned(), observations: vec![observation] }
}

#[tokio::test]
async fn what_was_counted_is_not_counted_again() {
    for bench in benches(CatalogConfig::default()).await {
        let now = bench.clock.now();
        let calls = async || {
            let helm = EntityRef::new("component", "default", "helm");
            let edges = bench.catalog.relations_of(&helm, &Walk::new(1, Direction::Out)).await.unwrap().edges;
            edges.iter().map(|edge| edge.calls).sum::<u64>()
        };
        let (a, b) = (sighting("run:a", now), sighting("run:b", now));
        assert_eq!(bench.catalog.observe_once(&[a.clone(), b.clone(), a.clone()]).await.unwrap(), 2);
        assert_eq!(calls().await, 4, "{}", bench.name);
        assert_eq!(bench.catalog.observe_once(&[b, a]).await.unwrap(), 0);
        assert_eq!(calls().await, 4);
        let keys = ["run:a".to_owned(), "run:c".to_owned()];
        assert_eq!(bench.catalog.observed(&keys).await.unwrap(), [true, false]);
        assert_eq!(bench.catalog.forget_observed().await.unwrap(), 0);
        bench.clock.advance(KEY_KEPT + Duration::from_secs(1));
        assert_eq!(bench.catalog.forget_observed().await.unwrap(), 2);
        let many = vec![sighting("run:d", now); KEYS_MAX + 1];
        assert!(bench.catalog.observe_once(&many).await.is_err());
        assert_eq!(calls().await, 4);
    }
}
