use mizzen_catalog::plane::Actor;
use mizzen_control::budgets::{Budget, Limits};
use mizzen_control::policies::{By, Expected, PolicyKind};
use mizzen_control::{Control, Environment, MIGRATIONS};
use mizzen_model::permission::Role;
use mizzen_runtime::clock::Clock;
use mizzen_store::{DataDir, Store, StoreConfig};

use super::{Period, budget, budget_of, make_boundary, make_budget};

const WANTED: &str = "apiVersion: mizzen.dev/v1
kind: Boundary
metadata: {name: helm}
spec: {mode: enforce, agents: [helm], models: [gpt-5-mini]}
";
const THEIRS: &str = "apiVersion: mizzen.dev/v1
kind: Boundary
metadata: {name: helm}
spec: {mode: enforce, agents: [helm], models: [claude-sonnet-4-5]}
";

async fn control() -> (tempfile::TempDir, Control) {
    let folder = tempfile::tempdir().unwrap();
    let data_dir = DataDir::open(folder.path()).unwrap();
    let config = StoreConfig { url: None, data_dir: data_dir.clone() };
    let store = Store::open(&config, MIGRATIONS).await.unwrap();
    let control = Control::open(store, &data_dir, Clock::system(), Environment::empty()).await.unwrap();
    (folder, control)
}

fn text(control: &Control) -> String {
    control.policies().get(PolicyKind::Boundary, "helm").unwrap().text.to_string()
}

#[tokio::test]
async fn a_boundary_that_came_after_the_plan_stays_and_is_left_to_do() {
    let (_folder, control) = control().await;
    let ada = Actor::person("ada", Role::Administrator);
    let made = make_boundary(&control, &ada, "ada", "helm", WANTED).await.unwrap();
    assert_eq!((made.left, text(&control).as_str()), (None, WANTED));
    let ben = By { name: "ben".into(), role: Some(Role::Administrator), reason: String::new() };
    control.policies().put(PolicyKind::Boundary, "helm", THEIRS, &Expected::Anything, &ben).await.unwrap();
    let left = make_boundary(&control, &ada, "ada", "helm", WANTED).await.unwrap().left.unwrap();
    assert!(left.contains("with other content") && left.contains("mizzen policy apply"), "{left}");
    assert_eq!(text(&control), THEIRS);
    // What is there as it is wanted is nothing to do, for whoever it is.
    let eve = Actor::person("eve", Role::Viewer);
    assert_eq!(make_boundary(&control, &eve, "eve", "helm", THEIRS).await.unwrap().left, None);
    control.policies().remove(PolicyKind::Boundary, "helm", &Expected::Anything, &ben).await.unwrap();
    let left = make_boundary(&control, &eve, "eve", "helm", THEIRS).await.unwrap().left;
    assert!(left.unwrap().contains("`administrator`"), "it was planned while it was there, and is gone");
    assert!(control.policies().get(PolicyKind::Boundary, "helm").is_err());
}

#[tokio::test]
async fn a_budget_with_other_content_stays_in_the_plan_and_when_it_is_done() {
    let (_folder, control) = control().await;
    let ada = Actor::person("ada", Role::Administrator);
    let wanted = budget_of("helm-month", "helm", Period::Month, 5.0).unwrap();
    let planned = |by: &Actor| budget(&control, by, &wanted, "budget".into()).1.left;
    assert_eq!(planned(&ada), None);
    assert!(planned(&Actor::person("eve", Role::Viewer)).is_some());
    assert_eq!(make_budget(&control, &ada, "ada", wanted.clone()).await.unwrap().left, None);
    assert_eq!(planned(&Actor::person("eve", Role::Viewer)), None, "it is there");
    let limits = Limits { cost_nano_usd: Some(1), ..Limits::default() };
    let theirs = Budget { limits, ..wanted.clone() };
    control.budgets().set(theirs.clone(), "ben").await.unwrap();
    let left = planned(&ada).unwrap();
    assert!(left.contains("with other content") && left.contains("mizzen budgets set"), "{left}");
    assert_eq!(make_budget(&control, &ada, "ada", wanted.clone()).await.unwrap().left, Some(left));
    assert_eq!(control.budgets().list()[0].budget, theirs);
}
