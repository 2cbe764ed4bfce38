//! Licences of everything that is linked.

use serde_json::Value;

const ALLOWED: &[&str] = &[
    "MIT",
    "MIT-0",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "ISC",
    "Zlib",
    "MPL-2.0",
    // Data tables of Unicode inside otherwise MIT or Apache crates.
    "Unicode-3.0",
    "Unicode-DFS-2016",
    // Public-domain dedications, always offered beside one of the above so far.
    "0BSD",
    "Unlicense",
    "CC0-1.0",
];

pub(super) fn complaints(metadata: &Value) -> Vec<String> {
    let packages = metadata["packages"].as_array().into_iter().flatten().filter(|package| !package["source"].is_null());
    packages
        .filter_map(|package| {
            let licence = package["license"].as_str().unwrap_or("none stated");
            (!is_allowed(licence))
                .then(|| format!("`{}` has the licence `{licence}`", package["name"].as_str().unwrap_or_default()))
        })
        .collect()
}

/// SPDX expressions as crates use them: `OR` needs one allowed side, `AND` both, `/` is an old way to write `OR`.
fn is_allowed(expression: &str) -> bool {
    let normal = expression.replace('/', " OR ");
    all_of(&normal)
}

fn all_of(expression: &str) -> bool {
    split(expression, " AND ").iter().all(|side| one_of(side))
}

fn one_of(expression: &str) -> bool {
    let sides = split(expression, " OR ");
    sides.iter().any(|side| {
        let bare = side.trim();
        match bare.strip_prefix('(').and_then(|inner| inner.strip_suffix(')')) {
            Some(inner) => all_of(inner),
            None => ALLOWED.contains(&bare) || (sides.len() > 1 && bare.contains(" AND ") && all_of(bare)),
        }
    })
}

/// Splits at `operator` outside parentheses.
fn split<'a>(expression: &'a str, operator: &str) -> Vec<&'a str> {
    let (mut parts, mut depth, mut start) = (Vec::new(), 0usize, 0usize);
    for (index, character) in expression.char_indices() {
        match character {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth == 0 && index >= start && expression[index..].starts_with(operator) {
            parts.push(&expression[start..index]);
            start = index + operator.len();
        }
    }
    parts.push(&expression[start..]);
    parts
}

#[cfg(test)]
mod tests {
    use super::is_allowed;

    #[test]
    fn expressions_are_read_as_spdx_means_them() {
        for good in
            ["MIT", "MIT/Apache-2.0", "(MIT OR Apache-2.0) AND Unicode-3.0", "LGPL-2.1 OR MIT", "Apache-2.0 AND ISC"]
        {
            assert!(is_allowed(good), "{good}");
        }
        for bad in ["GPL-3.0", "MIT AND LGPL-3.0", "(MIT OR Apache-2.0) AND AGPL-3.0", "none stated", ""] {
            assert!(!is_allowed(bad), "{bad}");
        }
    }
}
