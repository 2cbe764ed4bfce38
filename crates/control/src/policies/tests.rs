mod closed;

use std::path::Path;
use std::time::Duration;

use mizzen_model::permission::{Mode, Role};
use mizzen_runtime::metrics::Metrics;

use super::{
    By, ChangeOutcome, Expected, Policies, PolicyError, PolicyKind, PolicyOrigin, PolicySettings, VersionState,
};
use crate::plane::tests::{Fixture, planes};

const HELM: &str = "# Ours
apiVersion: mizzen.dev/v1
kind: Boundary
metadata: {name: helm}
spec:
  mode: observe
  agents: [helm-agent]
  tools: [helm/list_*]
";
const CEDAR: &str = "forbid (principal, action, resource) when { context.taint.outside_reached };\n";

fn by(name: &str) -> By {
    By { name: name.to_owned(), role: Some(Role::Administrator), reason: "because".to_owned() }
}

async fn opened(plane: &Fixture, folder: Option<&Path>) -> Metrics {
    let metrics = Metrics::new();
    let settings = PolicySettings { folder: folder.map(Path::to_owned), ..PolicySettings::default() };
    plane.control.policies().open(settings, &metrics).await.unwrap();
    metrics
}

async fn put(
    policies: &Policies<'_>,
    name: &str,
    text: &str,
    expected: Expected,
) -> Result<ChangeOutcome, PolicyError> {
    policies.put(PolicyKind::Boundary, name, text, &expected, &by("ada")).await.map(|changed| changed.outcome)
}

fn digest(policies: &Policies<'_>) -> String {
    policies.published().set.digest().to_string()
}

#[tokio::test]
async fn a_policy_is_kept_byte_for_byte_with_every_version_and_survives_a_restart() {
    for plane in planes().await {
        opened(&plane, None).await;
        let policies = plane.control.policies();
        let empty = digest(&policies);
        let text = HELM.replace('\n', "\r\n");
        assert_eq!(put(&policies, "helm", &text, Expected::Nothing).await.unwrap(), ChangeOutcome::Created);
        assert_eq!(put(&policies, "helm", &text, Expected::Anything).await.unwrap(), ChangeOutcome::Unchanged);
        assert_eq!(put(&policies, "helm", HELM, Expected::Anything).await.unwrap(), ChangeOutcome::Updated);
        let cedar = policies.put(PolicyKind::Policy, "no-leaks", CEDAR, &Expected::Nothing, &by("bob")).await.unwrap();
        assert_eq!((cedar.outcome, cedar.version), (ChangeOutcome::Created, 1));
        assert_ne!(digest(&policies), empty);
        assert_eq!(cedar.policy_set.to_string(), digest(&policies));
        assert_eq!(
            plane.control.0.policy_set.load().digest().to_string(),
            digest(&policies),
            "what decides is what is told"
        );

        let history = policies.history(PolicyKind::Boundary, "helm").await.unwrap();
        let told: Vec<_> = history.iter().map(|v| (v.version, v.state, v.text.as_deref())).collect();
        assert_eq!(told, [(2, VersionState::Current, Some(HELM)), (1, VersionState::Replaced, Some(text.as_str()))]);
        assert_eq!((history[0].changed_by.as_str(), history[0].reason.as_str()), ("ada", "because"));

        let again = plane.reopen().await.unwrap();
        again.policies().open(PolicySettings::default(), &Metrics::new()).await.unwrap();
        assert_eq!(digest(&again.policies()), digest(&policies), "{}", plane.test.name);
        assert_eq!(&*again.policies().get(PolicyKind::Boundary, "helm").unwrap().text, HELM);
    }
}

#[tokio::test]
async fn what_does_not_compile_is_refused_with_its_place_and_changes_nothing() {
    for plane in planes().await {
        opened(&plane, None).await;
        let policies = plane.control.policies();
        put(&policies, "helm", HELM, Expected::Nothing).await.unwrap();
        let before = digest(&policies);
        let typo = HELM.replace("tools:", "tolls:");
        let Err(PolicyError::Invalid(problems)) = put(&policies, "helm", &typo, Expected::Anything).await else {
            panic!("an unknown field was taken")
        };
        assert_eq!((problems.0[0].line, problems.0[0].column), (8, 3), "{problems}");
        assert!(problems.to_string().contains("did you mean `tools`?"), "{problems}");
        let unclosed =
            policies.put(PolicyKind::Policy, "open", "forbid (principal", &Expected::Anything, &by("ada")).await;
        assert!(matches!(unclosed, Err(PolicyError::Invalid(_))), "{unclosed:?}");
        let unknown = "forbid (principal, action, resource) when { context.colour == \"red\" };";
        let unknown = policies.put(PolicyKind::Policy, "unknown", unknown, &Expected::Anything, &by("ada")).await;
        assert!(matches!(unknown, Err(PolicyError::Invalid(_))), "not checked against the schema: {unknown:?}");
        let other = put(&policies, "other", HELM, Expected::Anything).await;
        assert!(matches!(other, Err(PolicyError::OtherName { .. })), "{other:?}");
        assert!(matches!(put(&policies, "../x", HELM, Expected::Anything).await, Err(PolicyError::Name(_))));
        assert_eq!(digest(&policies), before);
        assert_eq!(policies.published().policies.len(), 1);
        assert_eq!(policies.history(PolicyKind::Boundary, "helm").await.unwrap().len(), 1, "{}", plane.test.name);
    }
}

#[tokio::test]
async fn two_editors_do_not_overwrite_each_other() {
    for plane in planes().await {
        opened(&plane, None).await;
        let other = plane.reopen().await.unwrap();
        other.policies().open(PolicySettings::default(), &Metrics::new()).await.unwrap();
        let (ours, theirs) = (plane.control.policies(), other.policies());
        put(&ours, "helm", HELM, Expected::Nothing).await.unwrap();
        let read = ours.get(PolicyKind::Boundary, "helm").unwrap().digest;
        let first = format!("{HELM}# first\n");
        put(&theirs, "helm", &first, Expected::Version(read.clone())).await.unwrap();
        let second = put(&ours, "helm", &format!("{HELM}# second\n"), Expected::Version(read)).await.unwrap_err();
        assert!(matches!(&second, PolicyError::ChangedMeanwhile { by, .. } if by == "ada"), "{second}");
        let exists = put(&ours, "helm", HELM, Expected::Nothing).await;
        assert!(matches!(exists, Err(PolicyError::Exists { .. })), "{exists:?}");
        ours.refresh().await.unwrap();
        assert_eq!(&*ours.get(PolicyKind::Boundary, "helm").unwrap().text, first, "{}", plane.test.name);
        assert_eq!(digest(&ours), digest(&theirs));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_at_the_same_time_are_all_in_the_set_of_every_node() {
    for plane in planes().await {
        opened(&plane, None).await;
        let other = plane.reopen().await.unwrap();
        other.policies().open(PolicySettings::default(), &Metrics::new()).await.unwrap();
        let mut putting = tokio::task::JoinSet::new();
        for number in 0..12 {
            let control = if number % 2 == 0 { plane.control.clone() } else { other.clone() };
            putting.spawn(async move {
                let text = HELM.replace("helm", &format!("helm-{number}"));
                // Somebody who is told that others were faster tries again.
                loop {
                    let done = put(&control.policies(), &format!("helm-{number}"), &text, Expected::Nothing).await;
                    match done {
                        Err(PolicyError::Busy) => tokio::time::sleep(Duration::from_millis(20)).await,
                        done => break done.unwrap(),
                    }
                }
            });
        }
        putting.join_all().await;
        for control in [&plane.control, &other] {
            control.policies().refresh().await.unwrap();
            assert_eq!(control.policies().published().policies.len(), 12, "{}", plane.test.name);
        }
        assert_eq!(digest(&plane.control.policies()), digest(&other.policies()));
    }
}

#[tokio::test]
async fn a_mode_is_switched_in_the_text_and_a_deleted_policy_keeps_its_history() {
    for plane in planes().await {
        opened(&plane, None).await;
        let policies = plane.control.policies();
        put(&policies, "helm", HELM, Expected::Nothing).await.unwrap();
        policies.set_mode("helm", Mode::Enforce, &Expected::Anything, &by("bob")).await.unwrap();
        let now = policies.get(PolicyKind::Boundary, "helm").unwrap();
        assert_eq!(now.mode(), Some(Mode::Enforce));
        assert_eq!(&*now.text, HELM.replace("observe", "enforce"));
        policies.remove(PolicyKind::Boundary, "helm", &Expected::Version(now.digest), &by("ada")).await.unwrap();
        assert!(matches!(policies.get(PolicyKind::Boundary, "helm"), Err(PolicyError::NotFound { .. })));
        let twice = policies.remove(PolicyKind::Boundary, "helm", &Expected::Anything, &by("ada")).await;
        assert!(matches!(twice, Err(PolicyError::NotFound { .. })), "{twice:?}");
        put(&policies, "helm", HELM, Expected::Nothing).await.unwrap();
        let states: Vec<_> = policies.history(PolicyKind::Boundary, "helm").await.unwrap();
        let states: Vec<_> = states.iter().map(|version| (version.version, version.state)).collect();
        let (current, replaced) = (VersionState::Current, VersionState::Replaced);
        assert_eq!(states, [(4, current), (3, VersionState::Deleted), (2, replaced), (1, replaced)]);
        let PolicyOrigin::Stored { version, .. } = policies.get(PolicyKind::Boundary, "helm").unwrap().origin else {
            panic!("it is stored")
        };
        assert_eq!(version, 4, "{}", plane.test.name);
    }
}

/// What one second of following does, twice: a change must be the same at two looks.
async fn look(plane: &Fixture) {
    for _ in 0..2 {
        plane.control.policies().follow_folder().await.unwrap();
    }
}

#[tokio::test]
async fn a_bad_file_leaves_the_old_set_loudly_until_it_is_mended() {
    for plane in planes().await {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("helm.yaml");
        std::fs::write(&file, HELM).unwrap();
        std::fs::write(folder.path().join("leaks.cedar"), CEDAR).unwrap();
        std::fs::write(folder.path().join(".helm.yaml.swp"), "not ours").unwrap();
        std::fs::write(folder.path().join("README.md"), "not ours").unwrap();
        let metrics = opened(&plane, Some(folder.path())).await;
        let policies = plane.control.policies();
        let before = digest(&policies);
        assert_eq!(policies.published().policies.len(), 2);

        std::fs::write(&file, HELM.replace("tools:", "tolls:")).unwrap();
        plane.control.policies().follow_folder().await.unwrap();
        assert_eq!(policies.published().folder.as_ref().unwrap().stale_since, None, "one look is not enough");
        look(&plane).await;
        assert_eq!(digest(&policies), before, "the old set stays");
        let told = policies.published().folder.clone().unwrap();
        assert_eq!(told.stale_since, Some(plane.clock.now()));
        assert_eq!((told.problems[0].line, told.problems[0].source.as_str()), (8, "helm.yaml"));
        assert!(metrics.render().contains("mizzen_policy_folder_stale 1"), "{}", metrics.render());

        // What is stored meanwhile is put in force beside the files that compiled last.
        put(&policies, "other", &HELM.replace("helm", "other"), Expected::Nothing).await.unwrap();
        assert_eq!(policies.published().policies.len(), 3);
        assert!(policies.published().folder.as_ref().unwrap().stale_since.is_some());

        std::fs::write(&file, HELM.replace("observe", "enforce")).unwrap();
        look(&plane).await;
        assert_eq!(policies.get(PolicyKind::Boundary, "helm").unwrap().mode(), Some(Mode::Enforce));
        assert!(policies.published().folder.as_ref().unwrap().problems.is_empty());
        assert!(metrics.render().contains("mizzen_policy_folder_stale 0"));

        std::fs::rename(folder.path(), folder.path().with_extension("gone")).unwrap();
        look(&plane).await;
        assert_eq!(policies.published().policies.len(), 3, "a folder that went away takes no rule with it");
        assert!(metrics.render().contains("mizzen_policy_folder_stale 1"));
        std::fs::rename(folder.path().with_extension("gone"), folder.path()).unwrap();
        look(&plane).await;
        assert!(metrics.render().contains("mizzen_policy_folder_stale 0"), "{}", plane.test.name);
    }
}

#[tokio::test]
async fn a_file_in_place_of_one_with_its_size_and_its_time_comes_into_force() {
    for plane in planes().await {
        let folder = tempfile::tempdir().unwrap();
        let replace = |text: &str| {
            let new = folder.path().join("new");
            std::fs::write(&new, text).unwrap();
            let file = std::fs::File::options().write(true).open(&new).unwrap();
            file.set_modified(std::time::SystemTime::UNIX_EPOCH + Duration::from_secs(1_000)).unwrap();
            std::fs::rename(new, folder.path().join("helm.yaml")).unwrap();
        };
        replace(HELM);
        opened(&plane, Some(folder.path())).await;
        look(&plane).await;
        replace(&HELM.replace("observe", "enforce"));
        look(&plane).await;
        let helm = plane.control.policies().get(PolicyKind::Boundary, "helm").unwrap();
        assert_eq!(helm.mode(), Some(Mode::Enforce), "{}", plane.test.name);
    }
}

#[tokio::test]
async fn a_mode_that_cannot_be_told_from_its_text_is_left_to_its_owner() {
    for plane in planes().await {
        opened(&plane, None).await;
        let policies = plane.control.policies();
        for (number, mode) in ["mode:\n    observe", "mode: &mode observe\n  teams: [*mode]"].into_iter().enumerate() {
            let name = format!("helm-{number}");
            let text = HELM.replace("name: helm", &format!("name: {name}")).replace("mode: observe", mode);
            put(&policies, &name, &text, Expected::Nothing).await.unwrap();
            let told = policies.set_mode(&name, Mode::Enforce, &Expected::Anything, &by("ada")).await.unwrap_err();
            assert!(told.to_string().contains("change it by hand"), "{mode}: {told}");
            assert_eq!(*policies.get(PolicyKind::Boundary, &name).unwrap().text, *text);
        }
    }
}

#[tokio::test]
async fn a_folder_that_does_not_compile_refuses_to_start_with_the_place() {
    for plane in planes().await {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("helm.yaml"), HELM.replace("tools:", "tolls:")).unwrap();
        let settings = |path: &Path| PolicySettings { folder: Some(path.to_owned()), ..PolicySettings::default() };
        let policies = plane.control.policies();
        let error = policies.open(settings(folder.path()), &Metrics::new()).await.unwrap_err().to_string();
        assert!(error.contains("helm.yaml:8:3"), "{error}");
        let missing = policies.open(settings(&folder.path().join("none")), &Metrics::new()).await;
        assert!(matches!(missing, Err(PolicyError::Folder { .. })), "{}", plane.test.name);
    }
}

#[tokio::test]
async fn a_name_belongs_to_the_folder_or_to_the_database() {
    for plane in planes().await {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("a.yaml"), HELM).unwrap();
        opened(&plane, Some(folder.path())).await;
        let policies = plane.control.policies();
        let refused = put(&policies, "helm", HELM, Expected::Anything).await;
        assert!(matches!(refused, Err(PolicyError::InFolder { .. })), "{refused:?}");
        put(&policies, "other", &HELM.replace("helm", "other"), Expected::Nothing).await.unwrap();
        std::fs::write(folder.path().join("b.yaml"), HELM.replace("helm", "other")).unwrap();
        look(&plane).await;
        let told = policies.published().folder.clone().unwrap();
        assert!(told.problems[0].message.contains("`other` is also in `boundary:other`"), "{:?}", told.problems);
        policies.remove(PolicyKind::Boundary, "other", &Expected::Anything, &by("ada")).await.unwrap();
        look(&plane).await;
        let other = policies.get(PolicyKind::Boundary, "other").unwrap();
        assert!(matches!(other.origin, PolicyOrigin::Folder { .. }), "{}", plane.test.name);
    }
}
