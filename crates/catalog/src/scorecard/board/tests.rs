use super::trend;
use crate::scorecard::Level;

#[test]
fn of_each_day_the_last_word_about_each_agent_counts() {
    let said = |day: i64, name: &str, level| (day, name.to_owned(), level);
    let days = trend(vec![
        said(20_002, "a", Some(Level::Trusted)),
        said(20_000, "a", Some(Level::Proven)),
        said(20_000, "b", Some(Level::Known)),
        said(20_000, "a", None),
    ]);
    assert_eq!(days.iter().map(|day| day.day.as_str()).collect::<Vec<_>>(), ["2024-10-04", "2024-10-06"]);
    assert_eq!((days[0].none, days[0].known, days[0].proven, days[1].trusted), (0, 1, 1, 1));
}
