//! What a process and all that it started cost, from `/proc`.

use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};

/// Longer than anything that servers put off: Mizzen writes what it holds in memory after ten seconds.
const QUIET: Duration = Duration::from_secs(16);

/// A process and its descendants.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tree(pub(super) u32);

impl Tree {
    /// Processor time in microseconds, user and system, of everything alive and of the children that ended.
    pub(super) fn cpu_micros(self) -> Result<u64> {
        let ticks_per_second = rustix::param::clock_ticks_per_second();
        let ticks: u64 = self.members()?.iter().filter_map(|pid| cpu_ticks(*pid)).sum();
        Ok(ticks * 1_000_000 / ticks_per_second)
    }

    /// Resident memory now, in bytes.
    pub(super) fn resident_bytes(self) -> Result<u64> {
        Ok(self.members()?.iter().filter_map(|pid| status_kib(*pid, "VmRSS:")).sum::<u64>() * 1024)
    }

    /// The sum of every process's highest resident memory, in bytes.
    pub(super) fn resident_bytes_max(self) -> Result<u64> {
        Ok(self.members()?.iter().filter_map(|pid| status_kib(*pid, "VmHWM:")).sum::<u64>() * 1024)
    }

    /// Waits until it has used less than a twentieth of a processor for [`QUIET`]; false when `limit` passed first.
    pub(super) fn wait_for_rest(self, limit: Duration) -> Result<bool> {
        const WINDOW: Duration = Duration::from_secs(2);
        let deadline = Instant::now() + limit;
        let mut before = self.cpu_micros()?;
        let mut quiet = Duration::ZERO;
        while Instant::now() < deadline {
            std::thread::sleep(WINDOW);
            let after = self.cpu_micros()?;
            quiet = if after - before < 100_000 { quiet + WINDOW } else { Duration::ZERO };
            if quiet >= QUIET {
                return Ok(true);
            }
            before = after;
        }
        Ok(false)
    }

    fn members(self) -> Result<Vec<u32>> {
        let mut children: HashMap<u32, Vec<u32>> = HashMap::new();
        for entry in fs::read_dir("/proc").context("failed to read `/proc`; this needs Linux")?.flatten() {
            let pid = entry.file_name().to_string_lossy().parse::<u32>().ok();
            let Some((pid, fields)) = pid.and_then(|pid| Some((pid, stat(pid)?))) else { continue };
            children.entry(u32::try_from(fields[1]).unwrap_or(0)).or_default().push(pid);
        }
        let mut members = vec![self.0];
        let mut next = 0;
        while let Some(pid) = members.get(next).copied() {
            members.extend(children.get(&pid).into_iter().flatten());
            next += 1;
        }
        Ok(members)
    }
}

/// The numbers of `/proc/PID/stat` after the name, the state as 0: index 1 is the parent (proc(5)).
fn stat(pid: u32) -> Option<Vec<u64>> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, fields) = text.rsplit_once(')')?;
    Some(fields.split_whitespace().map(|field| field.parse().unwrap_or(0)).collect())
}

fn cpu_ticks(pid: u32) -> Option<u64> {
    // utime, stime, cutime, cstime: fields 14 to 17 of proc(5), counted there from 1 and with pid and name.
    Some(stat(pid)?.get(11..15)?.iter().sum())
}

fn status_kib(pid: u32, name: &str) -> Option<u64> {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    text.lines().find_map(|line| line.strip_prefix(name))?.split_whitespace().next()?.parse().ok()
}

/// Bytes of all files below a folder.
pub(super) fn folder_bytes(folder: &Path) -> Result<u64> {
    let mut bytes = 0;
    let mut folders = vec![folder.to_path_buf()];
    while let Some(folder) = folders.pop() {
        let entries = fs::read_dir(&folder).with_context(|| format!("failed to read `{}`", folder.display()))?;
        for entry in entries.flatten() {
            // A file may go while it is being counted: compaction does that.
            match entry.metadata() {
                Ok(metadata) if metadata.is_dir() => folders.push(entry.path()),
                Ok(metadata) => bytes += metadata.len(),
                Err(_) => {}
            }
        }
    }
    Ok(bytes)
}
