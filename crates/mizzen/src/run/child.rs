//! The agent's process: started, sent every signal we get, waited for.

use std::os::unix::process::ExitStatusExt as _;
use std::process::ExitStatus;

use futures::FutureExt as _;
use rustix::process::{Pid, Signal, kill_process};
use tokio::process::{Child, Command};
use tokio::signal::unix::{Signal as Received, SignalKind, signal};

/// Why there is no end of the agent's process to tell: nothing was started, or it was lost.
#[derive(Debug)]
pub(super) struct NotStarted {
    pub(super) message: String,
    /// As `env` reports it.
    pub(super) code: u8,
}

/// The command's own code, or 128 + N when signal N ended it, as shells report it.
pub(super) fn exit_code(status: ExitStatus) -> u8 {
    let code = status.code().or_else(|| status.signal().map(|signal| 128 + signal));
    code.and_then(|code| u8::try_from(code).ok()).unwrap_or(u8::MAX)
}

/// What the agent's process finds in its environment, beside what it inherits.
#[derive(Debug)]
pub(super) struct Environment {
    pub(super) set: Vec<(String, String)>,
    pub(super) removed: Vec<String>,
}

pub(super) async fn run_to_end(
    command: &[String],
    environment: &Environment,
    signals: &mut Signals,
) -> Result<ExitStatus, NotStarted> {
    let failed = |message: String, code| NotStarted { message, code };
    let (program, arguments) = command.split_first().ok_or_else(|| failed("no command was given".to_owned(), 125))?;
    let mut agent = Command::new(program);
    for name in &environment.removed {
        agent.env_remove(name);
    }
    agent.args(arguments).envs(environment.set.iter().cloned());
    let mut child = agent.spawn().map_err(|error| {
        let code = if error.kind() == std::io::ErrorKind::NotFound { 127 } else { 126 };
        failed(format!("failed to start `{program}`: {error}"), code)
    })?;
    let ended = forward_signals_until_end(&mut child, signals).await;
    ended.map_err(|error| failed(format!("failed to wait for `{program}`: {error}"), 125))
}

/// The signals that are forwarded. Listening begins before the agent starts: a signal that comes at once must find its
/// way, not end us and leave the agent alone.
pub(super) struct Signals {
    interrupt: Received,
    quit: Received,
    terminate: Received,
    hangup: Received,
    user1: Received,
    user2: Received,
}

impl Signals {
    pub(super) fn listen() -> std::io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            quit: signal(SignalKind::quit())?,
            terminate: signal(SignalKind::terminate())?,
            hangup: signal(SignalKind::hangup())?,
            user1: signal(SignalKind::user_defined1())?,
            user2: signal(SignalKind::user_defined2())?,
        })
    }

    async fn next(&mut self) -> Signal {
        tokio::select! {
            Some(()) = self.interrupt.recv() => Signal::INT,
            Some(()) = self.quit.recv() => Signal::QUIT,
            Some(()) = self.terminate.recv() => Signal::TERM,
            Some(()) = self.hangup.recv() => Signal::HUP,
            Some(()) = self.user1.recv() => Signal::USR1,
            Some(()) = self.user2.recv() => Signal::USR2,
            else => std::future::pending().await,
        }
    }

    /// Returns when somebody wants us to end. What came before this was meant for the agent.
    pub(super) async fn asked_to_end(&mut self) {
        while self.next().now_or_never().is_some() {}
        while [Signal::USR1, Signal::USR2].contains(&self.next().await) {}
    }
}

async fn forward_signals_until_end(child: &mut Child, signals: &mut Signals) -> std::io::Result<ExitStatus> {
    let pid = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
    loop {
        let received = tokio::select! {
            status = child.wait() => return status,
            received = signals.next() => received,
        };
        let is_there = [Signal::INT, Signal::QUIT].contains(&received) && is_foreground();
        if let (Some(pid), false) = (pid, is_there) {
            // It may have ended in this very moment; `wait` tells.
            let _ = kill_process(pid, received);
        }
    }
}

/// Whether our terminal sends its signals to our group. Then the agent, which is in it, has got SIGINT and SIGQUIT
/// already, whatever standard input is; sending them again would interrupt it twice.
fn is_foreground() -> bool {
    let Ok(terminal) = std::fs::File::open("/dev/tty") else { return false };
    rustix::termios::tcgetpgrp(terminal).is_ok_and(|group| group == rustix::process::getpgrp())
}
