//! Where the set and the trials come from.

use std::fs::File;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use mizzen_eval::format::{FileReader, Reading, read_limited, without_duplicates};
use mizzen_eval::set::EvalSet;
use mizzen_eval::trial::Grouping;
use mizzen_runtime::clock::Clock;

use crate::failure::Failure;

pub(super) fn set(file: &Path) -> Result<EvalSet, Failure> {
    let content = content(file)?;
    Ok(EvalSet::read(&file.display().to_string(), &content).map_err(anyhow::Error::from)?)
}

/// The trials of all files, each run once. A file that cannot be read ends the command: half of the evidence is none.
pub(super) fn trials(files: &[PathBuf], grouping: Grouping) -> Result<Reading, Failure> {
    let now = Clock::system().now();
    let mut reader = FileReader::new(now, grouping).map_err(anyhow::Error::from)?;
    let mut all = Reading::default();
    for file in files {
        let content = content(file)?;
        let (_, reading) = reader.read(&content).with_context(|| format!("failed to read `{}`", file.display()))?;
        all.trials.extend(reading.trials);
        all.problems.extend(reading.problems);
    }
    all.trials.extend(reader.finish());
    let unique = without_duplicates(all.trials);
    all.problems.extend(unique.problems);
    Ok(Reading { trials: unique.trials, problems: all.problems })
}

fn content(file: &Path) -> Result<Vec<u8>, Failure> {
    let read = if file == Path::new("-") {
        read_limited(std::io::stdin().lock()).map_err(anyhow::Error::from)
    } else {
        File::open(file).map_err(anyhow::Error::from).and_then(|file| Ok(read_limited(file)?))
    };
    Ok(read.with_context(|| format!("failed to read `{}`", file.display()))?)
}
