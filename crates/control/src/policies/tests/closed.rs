//! Stored policies that an earlier release took and this one cannot read.

use std::sync::Arc;

use mizzen_model::permission::Mode;
use mizzen_runtime::metrics::Metrics;

use super::{CEDAR, HELM, by, digest, opened, put};
use crate::gate::Answer;
use crate::gate::tests::{ask, model_ask, permitted, refused};
use crate::plane::Control;
use crate::plane::tests::{Fixture, planes};
use crate::policies::{Expected, PolicyError, PolicyKind, PolicySettings};
use crate::snapshot::KeyIdentity;

/// Puts `text` where a policy is stored, as no release would now.
async fn overwrite(plane: &Fixture, name: &str, text: &str) {
    let change = sqlx::query("UPDATE control_policies SET document = $1 WHERE name = $2 AND state = 'current'");
    change.bind(text).bind(name).execute(plane.control.0.store.pool()).await.unwrap();
}

async fn restart(plane: &Fixture) -> Control {
    let again = plane.reopen().await.unwrap();
    again.policies().open(PolicySettings::default(), &Metrics::new()).await.unwrap();
    again
}

fn boundary(name: &str, mode: &str) -> String {
    HELM.replace("helm-agent", name).replace("name: helm", &format!("name: {name}")).replace("observe", mode)
}

/// Whether the agent's calls of a tool and of a model go on; a refusal says why.
async fn goes_on(control: &Control, caller: &Arc<KeyIdentity>) -> bool {
    let (tool, model) =
        (control.gate().ask(ask(caller)).await, control.gate().ask(model_ask(caller, 1, Some(1))).await);
    if matches!(tool, Answer::Permitted(_)) {
        permitted(model).settle(mizzen_model::asked::Spend::default());
        return true;
    }
    for denial in [refused(tool), refused(model)] {
        assert!(denial.message.contains("cannot be read") && denial.message.contains("mended"), "{}", denial.message);
    }
    false
}

#[tokio::test]
async fn a_boundary_that_cannot_be_read_any_more_refuses_its_agents_everything_until_it_is_mended() {
    for plane in planes().await {
        opened(&plane, None).await;
        let policies = plane.control.policies();
        let stored = [("first", "enforce"), ("second", "enforce"), ("watched", "observe")];
        for (name, mode) in stored {
            put(&policies, name, &boundary(name, mode), Expected::Nothing).await.unwrap();
        }
        // Another one grants what is asked for; the one that cannot be read may have forbidden it.
        let others = boundary("others", "enforce").replace("[others]", "['*']").replace("helm/list_*", "'*/*'");
        put(&policies, "others", &others.replace("tools:", "models: ['*']\n  tools:"), Expected::Nothing)
            .await
            .unwrap();
        for (name, mode) in stored {
            overwrite(&plane, name, &boundary(name, mode).replace("tools: [helm/list_*]", "hosts: ['https://x/']"))
                .await;
        }
        let (first, watched) = (plane.agent("first").await, plane.agent("watched").await);
        let (second, other) = (plane.agent("second").await, plane.agent("other").await);

        let again = restart(&plane).await;
        let policies = again.policies();
        let told: Vec<String> = policies.published().problems.iter().map(|problem| problem.source.clone()).collect();
        assert_eq!(told, ["boundary:first", "boundary:second", "boundary:watched"], "{}", plane.test.name);
        for (caller, goes) in [(&first, false), (&second, false), (&watched, false), (&other, true)] {
            assert_eq!(goes_on(&again, caller).await, goes, "{:?}", caller.agent);
        }
        let closed = policies.get(PolicyKind::Boundary, "first").unwrap();
        assert!(closed.text.contains("https://x/"), "its owner sees what they wrote: {}", closed.text);
        assert_eq!((closed.mode(), closed.closed.is_some()), (Some(Mode::Enforce), true));
        assert!(policies.published().cedar_of(&closed).contains("forbid"));

        let unread = put(&policies, "first", &format!("{}\n", closed.text), Expected::Anything).await;
        assert!(matches!(unread, Err(PolicyError::Invalid(_))), "{unread:?}");
        let switched = policies.set_mode("first", Mode::Observe, &Expected::Anything, &by("ada")).await;
        assert!(matches!(switched, Err(PolicyError::Invalid(_))), "{switched:?}");
        let mended = boundary("first", "observe");
        put(&policies, "first", &mended, Expected::Version(closed.digest)).await.unwrap();
        assert_eq!((goes_on(&again, &first).await, goes_on(&again, &second).await), (true, false));
        assert_eq!(policies.published().problems.len(), 2);
        policies.remove(PolicyKind::Boundary, "second", &Expected::Anything, &by("ada")).await.unwrap();
        put(&policies, "watched", &boundary("watched", "observe"), Expected::Anything).await.unwrap();
        assert_eq!((goes_on(&again, &second).await, policies.published().problems.len()), (true, 0));
        plane.control.policies().open(PolicySettings::default(), &Metrics::new()).await.unwrap();
        assert_eq!(digest(&plane.control.policies()), digest(&policies));
    }
}

#[tokio::test]
async fn what_another_release_stores_is_closed_here_and_keeps_no_other_change_from_being_in_force() {
    for plane in planes().await {
        opened(&plane, None).await;
        let here = restart(&plane).await;
        let theirs = plane.control.policies();
        put(&theirs, "odd", &boundary("odd", "enforce"), Expected::Nothing).await.unwrap();
        overwrite(&plane, "odd", &boundary("odd", "enforce").replace("tools: [helm/list_*]", "hosts: ['https://x/']"))
            .await;
        let (odd, other) = (plane.agent("odd").await, plane.agent("other").await);
        here.policies().refresh().await.unwrap();
        assert!(!goes_on(&here, &odd).await && goes_on(&here, &other).await, "{}", plane.test.name);
        let forbid = "forbid (principal, action, resource) when { context.taint.outside_reached };\n";
        here.policies().put(PolicyKind::Policy, "emergency", forbid, &Expected::Nothing, &by("ada")).await.unwrap();
        assert!(here.policies().get(PolicyKind::Policy, "emergency").is_ok());
    }
}

#[tokio::test]
async fn a_file_with_the_id_of_a_stored_policy_closes_nothing_and_refuses_the_start() {
    let plane = planes().await.swap_remove(0);
    opened(&plane, None).await;
    let named = format!("@id(\"x\")\n{CEDAR}");
    plane.control.policies().put(PolicyKind::Policy, "leaks", &named, &Expected::Nothing, &by("ada")).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("a.cedar"), &named).unwrap();
    let again = plane.reopen().await.unwrap();
    let settings = PolicySettings { folder: Some(folder.path().to_owned()), ..PolicySettings::default() };
    let refused = again.policies().open(settings, &Metrics::new()).await;
    assert!(matches!(refused, Err(PolicyError::Invalid(_))), "{refused:?}");
}

#[tokio::test]
async fn where_it_cannot_be_told_whom_a_policy_is_about_everybody_is_refused() {
    let plane = planes().await.swap_remove(0);
    opened(&plane, None).await;
    put(&plane.control.policies(), "helm", HELM, Expected::Nothing).await.unwrap();
    let stored = plane.control.policies().put(PolicyKind::Policy, "leaks", CEDAR, &Expected::Nothing, &by("ada")).await;
    stored.unwrap();
    let anybody = plane.agent("anybody").await;
    for (name, unread, good) in [
        ("helm", "spec: [".to_owned(), HELM),
        ("helm", HELM.replace("[helm-agent]", "[helm-agent, {}]"), HELM),
        ("helm", HELM.replace("agents:", "agent:"), HELM),
        ("leaks", CEDAR.replace("outside_reached", "outside_touched"), CEDAR),
        ("leaks", "forbid (".to_owned(), CEDAR),
    ] {
        overwrite(&plane, name, &unread).await;
        let again = restart(&plane).await;
        assert!(!goes_on(&again, &anybody).await, "{unread}");
        overwrite(&plane, name, good).await;
        assert!(goes_on(&restart(&plane).await, &anybody).await, "{good}");
    }
}
