//! "Did you mean": the nearest known name to a misspelt one.

/// The candidate nearest to `name`, when it is near enough to be a typo: at most a third of the name's characters differ, and at
/// least two are allowed to. Two neighbours that changed places are one difference (optimal string alignment).
#[must_use]
pub fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let limit = (name.chars().count() / 3).max(2);
    candidates
        .into_iter()
        .map(|candidate| (distance(name, candidate), candidate))
        .filter(|(distance, _)| *distance <= limit)
        .min()
        .map(|(_, candidate)| candidate)
}

fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut row: Vec<usize> = (0..=b.len()).collect();
    let mut before = row.clone();
    for (i, from) in a.iter().enumerate() {
        let last = std::mem::replace(&mut row, vec![i + 1; b.len() + 1]);
        for (j, to) in b.iter().enumerate() {
            row[j + 1] = (last[j] + usize::from(from != to)).min(row[j] + 1).min(last[j + 1] + 1);
            if i > 0 && j > 0 && a[i - 1] == *to && b[j - 1] == *from {
                row[j + 1] = row[j + 1].min(before[j - 1] + 1);
            }
        }
        before = last;
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::{distance, nearest};

    #[test]
    fn distance_counts_insertions_deletions_substitutions_and_neighbours_that_changed_places() {
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("same", "same"), 0);
        assert_eq!(distance("modles", "models"), 1);
        assert_eq!(distance("on", "no"), 1);
    }

    #[test]
    fn a_typo_finds_its_name_and_a_stranger_finds_none() {
        let names = ["retention_days", "listen", "otlp_grpc_listen"];
        assert_eq!(nearest("retention_dayz", names), Some("retention_days"));
        assert_eq!(nearest("listne", names), Some("listen"));
        assert_eq!(nearest("modles", ["mode", "models"]), Some("models"));
        assert_eq!(nearest("colour", names), None);
    }
}
