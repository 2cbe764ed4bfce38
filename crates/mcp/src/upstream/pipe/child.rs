//! The process itself.

use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::process::{ChildStderr, ChildStdin, ChildStdout, Command};

use crate::seam::UpstreamError;
use crate::servers::{ServerConfig, Transport};
use crate::upstream::shared::Shared;

/// How long a child may take after its input was closed, and again after it was asked to end.
const GRACE: Duration = Duration::from_secs(2);

/// A running child, leader of a process group.
#[derive(Debug)]
pub(super) struct Child {
    process: tokio::process::Child,
    group: Option<Pid>,
}

/// Its streams.
#[derive(Debug)]
pub(super) struct Streams {
    pub(super) stdin: ChildStdin,
    pub(super) stdout: ChildStdout,
    pub(super) stderr: ChildStderr,
}

impl Child {
    pub(super) fn start(shared: &Shared, config: &ServerConfig) -> Result<(Self, Streams), UpstreamError> {
        let unreachable = |reason: String| UpstreamError::Unreachable { server: config.name.clone(), reason };
        let Transport::Stdio { command, args, env, env_secrets, env_inherit, cwd } = &config.transport else {
            return Err(unreachable("it is not reached over standard input and output".to_owned()));
        };
        let mut start = Command::new(command);
        start.args(args).env_clear();
        for name in env_inherit {
            if let Some(value) = shared.environment.get(name) {
                start.env(name, value);
            }
        }
        start.envs(env);
        for (name, secret) in env_secrets {
            start.env(name, shared.secret(&config.name, secret)?.expose());
        }
        if let Some(cwd) = cwd {
            start.current_dir(cwd);
        }
        start.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0).kill_on_drop(true);
        let mut process =
            start.spawn().map_err(|error| unreachable(format!("`{command}` cannot be started: {error}")))?;
        let group = process.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        let streams = (process.stdin.take(), process.stdout.take(), process.stderr.take());
        let child = Self { process, group };
        let (Some(stdin), Some(stdout), Some(stderr)) = streams else {
            return Err(unreachable(format!("`{command}` was started without its streams")));
        };
        Ok((child, Streams { stdin, stdout, stderr }))
    }

    /// Waits for the end, and brings it about: its input is closed by now.
    pub(super) async fn end(mut self) -> String {
        for signal in [None, Some(Signal::TERM), Some(Signal::KILL)] {
            if let Some(signal) = signal {
                self.signal(signal);
            }
            if let Ok(status) = tokio::time::timeout(GRACE, self.process.wait()).await {
                // The leader is gone; what it started and left behind goes too.
                self.signal(Signal::KILL);
                return status.map_or_else(|error| error.to_string(), |status| status.to_string());
            }
        }
        "it cannot be killed".to_owned()
    }

    /// A group that is gone needs no signal.
    fn signal(&self, signal: Signal) {
        if let Some(group) = self.group {
            let (Ok(()) | Err(_)) = kill_process_group(group, signal);
        }
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        if self.process.id().is_some() {
            self.signal(Signal::KILL);
        }
    }
}
