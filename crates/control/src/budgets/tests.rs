mod killed;

use std::collections::HashMap;
use std::time::Duration;

use mizzen_model::asked::Spend;
use mizzen_model::permission::Mode;
use mizzen_model::time::Timestamp;
use proptest::prelude::*;

use super::{Added, Budget, BudgetError, Limits, Per, Unit, Window};
use crate::config::{PermissionConfig, PermissionSettings};
use crate::gate::tests::{ask, budget, model_ask, permitted, refused};
use crate::gate::{Answer, Ask, DenialCode};
use crate::plane::tests::{Fixture, planes};
use crate::policies::{By, Expected, PolicyKind};

fn calls(limit: u64) -> Limits {
    Limits { calls: Some(limit), ..Limits::default() }
}

fn money(limit: u64) -> Limits {
    Limits { cost_nano_usd: Some(limit), ..Limits::default() }
}

fn one_call() -> Spend {
    Spend { calls: 1, ..Spend::default() }
}

/// What the account of `subject` has taken, as the API tells it.
async fn spent(plane: &Fixture, budget: &Budget) -> HashMap<String, [u64; 4]> {
    let accounts = plane.control.budgets().accounts(budget).await.unwrap();
    accounts.into_iter().map(|account| (account.subject, account.spent.0)).collect()
}

#[test]
fn one_of_a_unit_is_told_as_one() {
    let told = [(Unit::Calls, 1), (Unit::Calls, 2), (Unit::Tokens, 1)].map(|(unit, amount)| unit.show(amount));
    assert_eq!(told, ["1 call", "2 calls", "1 token"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_callers_at_once_never_overspend() {
    for plane in planes().await {
        let caller = plane.agent("helm").await;
        let shared = budget("calls", Per::Agent, calls(73));
        plane.control.budgets().set(shared.clone(), "ada").await.unwrap();
        // The second node shares the database and nothing else.
        let (_folder, other) = plane.another_node().await;
        let mut asking = tokio::task::JoinSet::new();
        for number in 0..200 {
            let node = if number % 2 == 0 { plane.control.clone() } else { other.clone() };
            let question = ask(&caller);
            asking.spawn(async move {
                match node.gate().ask(question).await {
                    Answer::Permitted(permit) => {
                        tokio::task::yield_now().await;
                        permit.settle(one_call());
                        true
                    }
                    Answer::Refused(denial) => {
                        assert_eq!(denial.code, DenialCode::BudgetExhausted, "{}", denial.message);
                        false
                    }
                    Answer::Held(held) => panic!("{held:?}"),
                }
            });
        }
        let admitted = asking.join_all().await.into_iter().filter(|admitted| *admitted).count();
        assert!(admitted <= 73, "{admitted} on {}", plane.test.name);
        // What one node took as a block and did not use may be refused to the other until it is given back.
        plane.inner().memory.ledger.give_back(plane.inner(), None).await.unwrap();
        crate::plane::tests::inner(&other)
            .memory
            .ledger
            .give_back(crate::plane::tests::inner(&other), None)
            .await
            .unwrap();
        let more = 73 - admitted;
        for _ in 0..more {
            permitted(plane.control.gate().ask(ask(&caller)).await).settle(one_call());
        }
        assert!(matches!(plane.control.gate().ask(ask(&caller)).await, Answer::Refused(_)));
        assert_eq!(spent(&plane, &shared).await["helm"][0], 73, "{}", plane.test.name);
    }
}

/// Two hundred calls at once on two nodes, each of which takes all that was put aside for it.
async fn spend_at_once(plane: &Fixture, limits: Limits, estimate: Spend) -> (usize, [u64; 4]) {
    let caller = plane.agent("helm").await;
    let shared = budget("shared", Per::Agent, limits);
    plane.control.budgets().set(shared.clone(), "ada").await.unwrap();
    let (_folder, other) = plane.another_node().await;
    let mut asking = tokio::task::JoinSet::new();
    for number in 0..200 {
        let node = if number % 2 == 0 { plane.control.clone() } else { other.clone() };
        let question = Ask { estimate, ..model_ask(&caller, 1, Some(0)) };
        asking.spawn(async move {
            let permit = match node.gate().ask(question).await {
                Answer::Permitted(permit) => permit,
                Answer::Refused(denial) => {
                    assert_eq!(denial.code, DenialCode::BudgetExhausted, "{}", denial.message);
                    return None;
                }
                Answer::Held(held) => panic!("{held:?}"),
            };
            tokio::task::yield_now().await;
            let time = permit.time_max.unwrap_or_default();
            assert!(time <= Duration::from_millis(estimate.duration_ms), "{time:?}");
            // Nothing is given back before all have asked.
            Some((permit, Spend { duration_ms: u64::try_from(time.as_millis()).unwrap(), ..estimate }))
        });
    }
    let permits: Vec<_> = asking.join_all().await.into_iter().flatten().collect();
    let admitted = permits.len();
    permits.into_iter().for_each(|(permit, spent)| permit.settle(spent));
    for node in [&plane.control, &other] {
        let inner = crate::plane::tests::inner(node);
        inner.memory.ledger.give_back(inner, None).await.unwrap();
    }
    (admitted, spent(plane, &shared).await["helm"])
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_callers_at_once_never_overspend_money() {
    for plane in planes().await {
        let each = Spend { cost_nano_usd: Some(7), ..one_call() };
        let (admitted, spent) = spend_at_once(&plane, money(500), each).await;
        // A block of the other node, at most a 32nd of the limit, may keep the last ones out.
        assert!((60..=71).contains(&admitted), "{admitted} on {}", plane.test.name);
        assert_eq!(spent[2], 7 * admitted as u64);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_callers_at_once_never_overspend_time() {
    for plane in planes().await {
        let each = Spend { cost_nano_usd: Some(0), duration_ms: 4_000, ..one_call() };
        let limits = Limits { duration_ms: Some(10_000), ..Limits::default() };
        let (admitted, spent) = spend_at_once(&plane, limits, each).await;
        assert!((3..=10).contains(&admitted), "{admitted} on {}", plane.test.name);
        assert!((9_000..=10_000).contains(&spent[3]), "{spent:?} on {}", plane.test.name);
    }
}

#[tokio::test]
async fn of_time_a_call_gets_what_is_left_and_a_crash_charges_it() {
    for plane in planes().await {
        let caller = plane.agent("helm").await;
        let seconds = |seconds: u64| Spend { duration_ms: seconds * 1_000, ..one_call() };
        let limits = |seconds: u64| Limits { duration_ms: Some(seconds * 1_000), ..Limits::default() };
        let asked = async || plane.control.gate().ask(Ask { estimate: seconds(6), ..ask(&caller) }).await;
        assert_eq!(permitted(asked().await).time_max, None, "nobody counts it");
        let day = budget("day", Per::Agent, limits(10));
        plane.control.budgets().set(day.clone(), "ada").await.unwrap();
        let first = permitted(asked().await);
        assert_eq!(first.time_max, Some(Duration::from_secs(6)));
        let second = permitted(asked().await);
        assert_eq!(second.time_max, Some(Duration::from_secs(4)), "what is left, on {}", plane.test.name);
        let denial = refused(asked().await);
        assert!(denial.message.contains("0.000 seconds left of 10.000 seconds"), "{}", denial.message);
        second.settle(seconds(1));
        let third = permitted(asked().await);
        assert_eq!(third.time_max, Some(Duration::from_secs(3)));
        // Of a call that nobody settles it is known all the same how long it was going on; of a process that is gone it is not.
        drop(third);
        let fourth = permitted(asked().await);
        assert!(fourth.time_max.is_some_and(|time| time > Duration::from_secs(2)), "{:?}", fourth.time_max);
        std::mem::forget((first, fourth));
        let (_folder, after) = plane.another_node().await;
        let accounts = after.budgets().accounts(&day).await.unwrap();
        assert_eq!(accounts[0].spent.0[3], 10_000, "{}", plane.test.name);

        let watched = Budget { mode: Mode::Observe, ..budget("day", Per::Agent, limits(12)) };
        plane.control.budgets().set(watched, "ada").await.unwrap();
        let permit = permitted(asked().await);
        assert_eq!(permit.time_max, None, "a budget that is only watched ends no call");
        assert!(permit.decision.reason.contains("2.000 seconds left of 12.000"), "{}", permit.decision.reason);
    }
}

#[tokio::test]
async fn what_comes_back_while_a_call_asks_the_database_is_there_for_it() {
    for plane in planes().await {
        // PostgreSQL waits for no row of which too much is taken: it answers at once.
        if plane.inner().store.is_postgres() {
            continue;
        }
        let caller = plane.agent("helm").await;
        plane.control.budgets().set(budget("day", Per::Agent, calls(1)), "ada").await.unwrap();
        let first = permitted(plane.control.gate().ask(ask(&caller)).await);
        // The account is locked, so that the second call waits for the database.
        let mut lock = plane.inner().store.begin().await.unwrap();
        sqlx::query("UPDATE control_accounts SET updated_at = updated_at").execute(&mut *lock).await.unwrap();
        let (control, question) = (plane.control.clone(), ask(&caller));
        let mut asking = tokio::task::JoinSet::new();
        asking.spawn(async move { control.gate().ask(question).await });
        tokio::time::sleep(Duration::from_millis(300)).await;
        first.settle(Spend::default());
        lock.rollback().await.unwrap();
        permitted(asking.join_next().await.unwrap().unwrap()).settle(one_call());
        refused(plane.control.gate().ask(ask(&caller)).await);
    }
}

#[tokio::test]
async fn the_accounts_of_many_budgets_are_those_of_each() {
    for plane in planes().await {
        let caller = plane.agent("helm").await;
        let mut budgets = Vec::new();
        for (name, per, window) in [
            ("day", Per::Agent, Window::Day),
            ("hour", Per::Everyone, Window::Hour),
            ("ever", Per::Run, Window::Whole),
            ("other day", Per::Team, Window::Day),
        ] {
            let budget = Budget { window, ..budget(name, per, calls(50)) };
            plane.control.budgets().set(budget.clone(), "ada").await.unwrap();
            budgets.push(budget);
        }
        for number in 0..25 {
            let run = Some(format!("run-{number}").parse().unwrap());
            permitted(plane.control.gate().ask(Ask { run, ..ask(&caller) }).await).settle(one_call());
        }
        let all = plane.control.budgets().accounts_of(&budgets.iter().collect::<Vec<_>>()).await.unwrap();
        for (budget, of_all) in budgets.iter().zip(&all) {
            let alone = plane.control.budgets().accounts(budget).await.unwrap();
            assert_eq!(of_all, &alone, "{} on {}", budget.name, plane.test.name);
        }
        let subjects: Vec<_> = all.iter().map(Vec::len).collect();
        assert_eq!(subjects, [1, 1, 25, 1], "{}", plane.test.name);
        assert_eq!(all[3][0].subject, "platform");
    }
}

#[tokio::test]
async fn a_budget_that_is_added_leaves_another_of_its_name_alone() {
    for plane in planes().await {
        // The second node has not heard of what the first one set, as when both set it at the same moment.
        let (_folder, other) = plane.another_node().await;
        let (ours, theirs) = (budget("day", Per::Agent, calls(5)), budget("day", Per::Agent, calls(9)));
        assert_eq!(plane.control.budgets().add(ours.clone(), "ada").await.unwrap(), Added::New);
        assert_eq!(other.budgets().add(theirs, "ben").await.unwrap(), Added::Taken, "{}", plane.test.name);
        assert_eq!(other.budgets().add(ours.clone(), "ben").await.unwrap(), Added::Same);
        for node in [&plane.control, &other] {
            let set = node.budgets().list();
            assert_eq!((set.len(), &set[0].budget, set[0].set_by.as_str()), (1, &ours, "ada"));
        }
    }
}

#[tokio::test]
async fn without_the_audit_log_no_budget_changes() {
    for plane in planes().await {
        let (caller, budgets) = (plane.agent("helm").await, plane.control.budgets());
        budgets.set(budget("day", Per::Agent, calls(1)), "ada").await.unwrap();
        permitted(plane.control.gate().ask(ask(&caller)).await).settle(one_call());
        let before = budgets.list();
        plane.control.audit().break_disk(true);
        let more = budgets.set(budget("day", Per::Agent, calls(9)), "ada").await;
        let another = budgets.add(budget("hour", Per::Agent, calls(9)), "ada").await;
        let gone = budgets.remove("day", "ada").await;
        for refused in [more.map(|_| ()), another.map(|_| ()), gone.map(|_| ())] {
            assert!(matches!(refused, Err(BudgetError::Audit(_))), "{refused:?} on {}", plane.test.name);
        }
        plane.control.audit().break_disk(false);
        plane.control.refresh().await.unwrap();
        assert_eq!(budgets.list(), before, "{}", plane.test.name);
        refused(plane.control.gate().ask(ask(&caller)).await);
        assert!(budgets.remove("day", "ada").await.unwrap());
    }
}

#[tokio::test]
async fn the_refusal_says_which_budget_how_much_and_when_it_begins_anew() {
    for plane in planes().await {
        let caller = plane.agent("helm").await;
        plane.control.budgets().set(budget("day", Per::Agent, money(5_000_000_000)), "ada").await.unwrap();
        permitted(plane.control.gate().ask(model_ask(&caller, 10, Some(4_000_000_000))).await).settle(Spend {
            calls: 1,
            tokens: 10,
            cost_nano_usd: Some(3_500_000_000),
            duration_ms: 5,
        });
        let denial = refused(plane.control.gate().ask(model_ask(&caller, 10, Some(2_000_000_000))).await);
        assert_eq!(denial.code.as_str(), "budget_exhausted");
        for part in ["`day`", "1.5000 USD left of 5.0000 USD", "2.0000 USD", "begins anew at 2025-11-23T00:00:00Z"] {
            assert!(denial.message.contains(part), "{part}: {}", denial.message);
        }
        let midnight: Timestamp = "2025-11-23T00:00:00Z".parse().unwrap();
        assert_eq!(denial.retry_at, Some(midnight));
        permitted(plane.control.gate().ask(model_ask(&caller, 10, Some(1_500_000_000))).await).settle(Spend::default());
        // The next day it begins anew.
        plane.clock.advance(Duration::from_nanos(u64::try_from(midnight.nanos_since(plane.clock.now())).unwrap()));
        permitted(plane.control.gate().ask(model_ask(&caller, 10, Some(5_000_000_000))).await).settle(Spend::default());
    }
}

#[tokio::test]
async fn what_was_reserved_and_not_spent_is_there_for_the_very_next_ask() {
    for plane in planes().await {
        let caller = plane.agent("helm").await;
        plane.control.budgets().set(budget("day", Per::Agent, money(100)), "ada").await.unwrap();
        for _ in 0..10 {
            let permit = permitted(plane.control.gate().ask(model_ask(&caller, 1, Some(91))).await);
            assert!(matches!(plane.control.gate().ask(model_ask(&caller, 1, Some(10))).await, Answer::Refused(_)));
            permit.settle(Spend { cost_nano_usd: Some(1), ..one_call() });
        }
        refused(plane.control.gate().ask(model_ask(&caller, 1, Some(91))).await);
    }
}

#[tokio::test]
async fn a_dropped_permit_and_an_unknown_price_are_charged_as_reserved_and_more_than_reserved_is_charged_too() {
    for plane in planes().await {
        let caller = plane.agent("helm").await;
        let day = budget("day", Per::Agent, money(1_000));
        plane.control.budgets().set(day.clone(), "ada").await.unwrap();
        drop(plane.control.gate().ask(model_ask(&caller, 1, Some(100))).await);
        permitted(plane.control.gate().ask(model_ask(&caller, 1, Some(20))).await)
            .settle(Spend { cost_nano_usd: None, ..one_call() });
        permitted(plane.control.gate().ask(model_ask(&caller, 1, Some(1))).await)
            .settle(Spend { cost_nano_usd: Some(800), ..one_call() });
        plane.inner().memory.ledger.give_back(plane.inner(), None).await.unwrap();
        assert_eq!(spent(&plane, &day).await["helm"][2], 920, "{}", plane.test.name);
        // Beyond the limit too: it was spent.
        permitted(plane.control.gate().ask(model_ask(&caller, 1, Some(80))).await)
            .settle(Spend { cost_nano_usd: Some(500), ..one_call() });
        plane.inner().memory.ledger.flush(plane.inner()).await.unwrap();
        assert_eq!(spent(&plane, &day).await["helm"][2], 1_420, "{}", plane.test.name);
        refused(plane.control.gate().ask(model_ask(&caller, 1, Some(1))).await);
    }
}

#[tokio::test]
async fn free_models_pass_an_empty_budget_and_unknown_prices_do_not() {
    for plane in planes().await {
        let caller = plane.agent("helm").await;
        plane.control.budgets().set(budget("day", Per::Agent, money(0)), "ada").await.unwrap();
        let gate = plane.control.gate();
        permitted(gate.ask(model_ask(&caller, 1, Some(0))).await).settle(one_call());
        permitted(gate.ask(ask(&caller)).await).settle(one_call());
        let denial = refused(gate.ask(model_ask(&caller, 1, None)).await);
        assert_eq!(denial.code, DenialCode::BudgetExhausted);
        assert!(denial.message.contains("permission.unknown_price_usd"), "{}", denial.message);
    }
}

#[tokio::test]
async fn an_assumed_price_is_counted() {
    let plane = planes().await.swap_remove(0);
    let config = PermissionConfig { unknown_price_usd: 0.000_000_06, ..PermissionConfig::default() };
    assert!(plane.control.configure(PermissionSettings { config, ..PermissionSettings::default() }));
    let caller = plane.agent("helm").await;
    plane.control.budgets().set(budget("day", Per::Agent, money(100)), "ada").await.unwrap();
    let unknown = Spend { cost_nano_usd: None, ..one_call() };
    permitted(plane.control.gate().ask(model_ask(&caller, 1, None)).await).settle(unknown);
    let denial = refused(plane.control.gate().ask(model_ask(&caller, 1, None)).await);
    assert!(denial.message.contains("left of"), "{}", denial.message);
}

#[tokio::test]
async fn a_watched_budget_counts_and_refuses_nothing() {
    for plane in planes().await {
        let caller = plane.agent("helm").await;
        let watched = Budget { mode: Mode::Observe, ..budget("calls", Per::Agent, calls(2)) };
        plane.control.budgets().set(watched.clone(), "ada").await.unwrap();
        for number in 0..5 {
            let permit = permitted(plane.control.gate().ask(ask(&caller)).await);
            assert_eq!(permit.decision.reason.contains("the budget `calls` has 0 calls left"), number >= 2);
            permit.settle(one_call());
        }
        plane.inner().memory.ledger.flush(plane.inner()).await.unwrap();
        assert_eq!(spent(&plane, &watched).await["helm"][0], 5, "{}", plane.test.name);
    }
}

#[tokio::test]
async fn agents_teams_sessions_and_runs_have_accounts_of_their_own() {
    for plane in planes().await {
        let (one, other) = (plane.agent("one").await, plane.agent("other").await);
        let of = |session: Option<&str>| crate::gate::Ask { session: session.map(str::to_owned), ..ask(&one) };
        let admits = async |question| match plane.control.gate().ask(question).await {
            Answer::Permitted(permit) => {
                permit.settle(one_call());
                true
            }
            _ => false,
        };
        let cases = [
            (Per::Agent, ask(&one), ask(&one), ask(&other)),
            (Per::Session, of(Some("a")), of(Some("a")), of(Some("b"))),
            (Per::Run, ask(&one), of(Some("b")), crate::gate::Ask { run: Some("run-2".parse().unwrap()), ..ask(&one) }),
        ];
        for (per, first, same, another) in cases {
            plane.control.budgets().set(budget("x", per, calls(1)), "ada").await.unwrap();
            assert!(admits(first).await && !admits(same).await && admits(another).await, "{per:?} {}", plane.test.name);
            assert!(plane.control.budgets().remove("x", "ada").await.unwrap());
        }
        for per in [Per::Team, Per::Everyone] {
            plane.control.budgets().set(budget("x", per, calls(1)), "ada").await.unwrap();
            assert!(admits(ask(&one)).await && !admits(ask(&other)).await, "{per:?}");
            plane.control.budgets().remove("x", "ada").await.unwrap();
        }
        // Who is in no team pays for itself, and no team of an agent's name with it.
        let outside = |key_id: &str, agent: Option<&str>, team: Option<&str>| {
            let (agent, team) = (agent.map(str::to_owned), team.map(str::to_owned));
            std::sync::Arc::new(crate::KeyIdentity {
                key_id: key_id.into(),
                agent,
                team,
                ..crate::KeyIdentity::clone(&one)
            })
        };
        plane.control.budgets().set(budget("x", Per::Team, calls(1)), "ada").await.unwrap();
        for (first, same) in [
            (outside("k1", Some("loner"), None), outside("k2", Some("loner"), None)),
            (outside("k1", None, None), outside("k1", None, None)),
            (outside("k2", None, None), outside("k2", None, None)),
            (outside("k1", Some("a"), Some("loner")), outside("k2", Some("b"), Some("loner"))),
        ] {
            assert!(admits(ask(&first)).await && !admits(ask(&same)).await, "{first:?} {}", plane.test.name);
        }
        plane.control.budgets().remove("x", "ada").await.unwrap();
        let named = Budget { agent: Some("oth*".into()), ..budget("x", Per::Agent, calls(0)) };
        plane.control.budgets().set(named, "ada").await.unwrap();
        assert!(admits(ask(&one)).await && !admits(ask(&other)).await);
    }
}

#[tokio::test]
async fn a_key_of_a_team_is_held_to_the_teams_boundary_and_its_budgets_without_an_agent_too() {
    const TEXT: &str = "apiVersion: mizzen.dev/v1\nkind: Boundary\nmetadata: {name: pay}\nspec:\n  mode: enforce\n  teams: [payments]\n  \
                        tools: [helm/uninstall]\n  budgets: [{per: team, every: whole, calls: 1}]\n";
    for plane in planes().await {
        let (agent, policies) = (plane.agent("one").await, plane.control.policies());
        let by = By { name: "ada".into(), role: None, reason: String::new() };
        policies.put(PolicyKind::Boundary, "pay", TEXT, &Expected::Nothing, &by).await.unwrap();
        let of = |team: &str| {
            let known = crate::KeyIdentity::clone(&agent);
            std::sync::Arc::new(crate::KeyIdentity { agent: None, team: Some(team.into()), ..known })
        };
        let (payments, others) = (of("payments"), of("others"));
        let answer = async |question| plane.control.gate().ask(question).await;
        let ungranted = refused(answer(model_ask(&payments, 1, None)).await);
        assert_eq!(ungranted.code, DenialCode::PolicyDenied, "{}", ungranted.message);
        permitted(answer(ask(&payments)).await).settle(one_call());
        assert_eq!(refused(answer(ask(&payments)).await).code, DenialCode::BudgetExhausted, "{}", plane.test.name);
        for question in [ask(&others), ask(&others), model_ask(&others, 1, None)] {
            permitted(answer(question).await).settle(one_call());
        }
    }
}

#[tokio::test]
async fn of_two_budgets_the_one_that_has_enough_gets_its_part_back() {
    for plane in planes().await {
        let caller = plane.agent("helm").await;
        let large = budget("large", Per::Agent, calls(10));
        plane.control.budgets().set(large.clone(), "ada").await.unwrap();
        plane.control.budgets().set(budget("small", Per::Agent, calls(0)), "ada").await.unwrap();
        for _ in 0..3 {
            assert!(refused(plane.control.gate().ask(ask(&caller)).await).message.contains("`small`"));
        }
        plane.inner().memory.ledger.give_back(plane.inner(), None).await.unwrap();
        assert_eq!(spent(&plane, &large).await.get("helm").map_or(0, |spent| spent[0]), 0, "{}", plane.test.name);
    }
}

#[tokio::test]
async fn a_crash_does_not_charge_what_many_calls_reserved_that_another_budget_refused() {
    for plane in planes().await {
        let caller = plane.agent("helm").await;
        let (large, small) = (budget("large", Per::Agent, calls(96)), budget("small", Per::Agent, calls(0)));
        plane.control.budgets().set(large.clone(), "ada").await.unwrap();
        plane.control.budgets().set(small, "ada").await.unwrap();
        let mut asking = tokio::task::JoinSet::new();
        for _ in 0..30 {
            let (control, ask) = (plane.control.clone(), ask(&caller));
            asking.spawn(async move { control.gate().ask(ask).await });
        }
        for answer in asking.join_all().await {
            assert!(refused(answer).message.contains("`small`"));
        }
        plane.inner().memory.ledger.flush(plane.inner()).await.unwrap();
        // The next process finds what the first one still has of its block.
        let (_folder, after) = plane.another_node().await;
        let accounts = after.budgets().accounts(&large).await.unwrap();
        let spent = accounts.first().map_or(0, |account| account.spent.0[0]);
        assert!(spent <= 96 / 32, "{spent} of {}", plane.test.name);
    }
}

#[tokio::test]
async fn a_new_process_goes_on_from_what_was_taken_and_never_gives_back_what_nobody_settled() {
    for plane in planes().await {
        let caller = plane.agent("helm").await;
        plane.control.budgets().set(budget("calls", Per::Agent, calls(10)), "ada").await.unwrap();
        permitted(plane.control.gate().ask(ask(&caller)).await).settle(one_call());
        let in_flight = plane.control.gate().ask(ask(&caller)).await;
        // The first process is gone without a word: nothing was given back.
        let (_folder, after) = plane.another_node().await;
        let mut admitted = 0;
        while let Answer::Permitted(permit) = after.gate().ask(ask(&caller)).await {
            permit.settle(one_call());
            admitted += 1;
        }
        assert_eq!(admitted, 8, "{}", plane.test.name);
        drop(in_flight);
    }
}

#[tokio::test]
async fn a_lower_limit_counts_at_once() {
    for plane in planes().await {
        let caller = plane.agent("helm").await;
        plane.control.budgets().set(budget("calls", Per::Agent, calls(1_000)), "ada").await.unwrap();
        permitted(plane.control.gate().ask(ask(&caller)).await).settle(one_call());
        plane.control.budgets().set(budget("calls", Per::Agent, calls(1)), "ada").await.unwrap();
        refused(plane.control.gate().ask(ask(&caller)).await);
    }
}

#[tokio::test]
async fn budgets_that_make_no_sense_are_refused() {
    let plane = planes().await.swap_remove(0);
    let set = async |budget| plane.control.budgets().set(budget, "ada").await.unwrap_err();
    assert!(matches!(set(budget(" ", Per::Agent, calls(1))).await, BudgetError::Name));
    assert!(matches!(set(budget("boundary/x/1/1", Per::Agent, calls(1))).await, BudgetError::OfBoundary(_)));
    assert!(matches!(set(budget("x", Per::Agent, Limits::default())).await, BudgetError::NoLimit));
    let window = Budget { window: Window::Seconds(0), ..budget("x", Per::Agent, calls(1)) };
    assert!(matches!(set(window).await, BudgetError::Window));
}

#[test]
fn windows_are_utc_and_weeks_begin_on_monday() {
    let now: Timestamp = "2025-11-22T08:26:40Z".parse().unwrap();
    let around = |window: Window| window.around(now);
    let both = |start: &str, end: &str| Some((start.parse().unwrap(), end.parse().unwrap()));
    assert_eq!(around(Window::Hour), both("2025-11-22T08:00:00Z", "2025-11-22T09:00:00Z"));
    assert_eq!(around(Window::Day), both("2025-11-22T00:00:00Z", "2025-11-23T00:00:00Z"));
    assert_eq!(around(Window::Week), both("2025-11-17T00:00:00Z", "2025-11-24T00:00:00Z"));
    assert_eq!(around(Window::Seconds(3_600)), around(Window::Hour));
    assert_eq!(around(Window::Whole), None);
}

/// What somebody does to one budget.
#[derive(Debug, Clone)]
enum Step {
    Ask(u64),
    /// Settles the oldest call in flight.
    Settle(u64),
    Drop,
    /// The node gives back what it does not use.
    Flush,
    /// The node dies with everything in flight.
    Crash,
    NextDay,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        6 => (1_u64..40).prop_map(Step::Ask),
        4 => (0_u64..40).prop_map(Step::Settle),
        1 => Just(Step::Drop),
        2 => Just(Step::Flush),
        1 => Just(Step::Crash),
        1 => Just(Step::NextDay),
    ];
    proptest::collection::vec(step, 1..40)
}

/// A budget as one would write it who has one process, one thread and no crash: what is spent, and what is reserved.
#[derive(Debug, Default)]
struct Naive {
    spent: u64,
    reserved: Vec<u64>,
    /// What a crash took for blocks that nobody had asked for.
    lost_at_most: u64,
}

const LIMIT: u64 = 320;

#[test]
fn it_is_the_naive_budget_but_for_what_a_crash_takes_of_a_block() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut config = ProptestConfig::with_cases(24);
    config.failure_persistence = None;
    proptest!(config, |(steps in steps())| {
        runtime.block_on(compare(steps));
    });
}

async fn compare(steps: Vec<Step>) {
    let mut plane = planes().await.swap_remove(0);
    let caller = plane.agent("helm").await;
    plane
        .control
        .budgets()
        .set(budget("tokens", Per::Agent, Limits { tokens: Some(LIMIT), ..Limits::default() }), "ada")
        .await
        .unwrap();
    let (mut naive, mut in_flight) = (Naive::default(), std::collections::VecDeque::new());
    let (mut of_before, mut folders) = (Vec::new(), Vec::new());
    for step in steps {
        match step {
            Step::Ask(tokens) => {
                let answer = plane.control.gate().ask(model_ask(&caller, tokens, Some(0))).await;
                let taken = naive.spent + naive.reserved.iter().sum::<u64>();
                match answer {
                    Answer::Permitted(permit) => {
                        assert!(taken + tokens <= LIMIT, "{taken} and {tokens} are more than {LIMIT}");
                        naive.reserved.push(tokens);
                        in_flight.push_back(permit);
                    }
                    Answer::Refused(_) => {
                        assert!(taken + naive.lost_at_most + tokens > LIMIT, "{naive:?} refused {tokens}")
                    }
                    Answer::Held(held) => panic!("{held:?}"),
                }
            }
            Step::Settle(tokens) => {
                if let Some(permit) = in_flight.pop_front() {
                    let reserved = naive.reserved.remove(0);
                    let spent = tokens.min(reserved);
                    naive.spent += spent;
                    permit.settle(Spend { tokens: spent, cost_nano_usd: Some(0), ..one_call() });
                }
            }
            Step::Drop => {
                if in_flight.pop_front().is_some() {
                    naive.spent += naive.reserved.remove(0);
                }
            }
            Step::Flush => plane.inner().memory.ledger.give_back(plane.inner(), None).await.unwrap(),
            Step::Crash => {
                // One block is at most a 32nd of the limit ahead, and what was reserved and settled since it was taken is free.
                let (free, _) =
                    plane.inner().memory.ledger.held("tokens", "helm", Window::Day.around(plane.clock.now()));
                naive.lost_at_most += free.0[1];
                naive.spent += naive.reserved.drain(..).sum::<u64>();
                // Permits of a process that is gone are settled by nobody.
                of_before.extend(in_flight.drain(..).map(std::mem::ManuallyDrop::new));
                let (folder, control) = plane.another_node().await;
                plane.control = control;
                folders.push(folder);
            }
            Step::NextDay => {
                plane.clock.advance(Duration::from_secs(86_400));
                of_before.extend(in_flight.drain(..).map(std::mem::ManuallyDrop::new));
                naive = Naive::default();
            }
        }
    }
}
