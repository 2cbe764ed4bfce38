//! Tables for a terminal and for a Markdown file alike.

/// Prints `rows` under `headings`, the first column to the left, all others to the right.
pub(super) fn print(title: &str, headings: &[&str], rows: &[Vec<String>]) {
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count());
        cells.chain([headings[column].chars().count()]).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..headings.len()).map(width).collect();
    let line = |cells: &mut dyn Iterator<Item = String>| {
        let padded = cells.zip(&widths).enumerate().map(|(index, (cell, width))| {
            let padding = " ".repeat(width.saturating_sub(cell.chars().count()));
            if index == 0 { format!("{cell}{padding}") } else { format!("{padding}{cell}") }
        });
        println!("| {} |", padded.collect::<Vec<_>>().join(" | "));
    };
    println!("\n{title}\n");
    line(&mut headings.iter().map(|heading| (*heading).to_owned()));
    let rule = |(index, width): (usize, &usize)| {
        if index == 0 { "-".repeat(*width) } else { format!("{}:", "-".repeat(width - 1)) }
    };
    line(&mut widths.iter().enumerate().map(rule).collect::<Vec<_>>().into_iter());
    for row in rows {
        line(&mut headings.iter().enumerate().map(|(index, _)| row.get(index).cloned().unwrap_or_default()));
    }
}

/// A row for something that was not measured, with the reason where the first number would be.
pub(super) fn not_run(name: &str, error: &anyhow::Error) -> Vec<String> {
    eprintln!("{name} was not run: {error:#}");
    vec![name.to_owned(), "not run".to_owned()]
}

pub(super) fn mebibytes(bytes: u64) -> String {
    format!("{:.0} MiB", bytes as f64 / f64::from(1 << 20))
}

/// `12 345`, thousands apart.
pub(super) fn thousands(number: f64) -> String {
    let digits = format!("{number:.0}");
    let mut spaced = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index) % 3 == 0 {
            spaced.push(' ');
        }
        spaced.push(digit);
    }
    spaced
}
