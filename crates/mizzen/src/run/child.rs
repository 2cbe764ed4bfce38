//! The agent's process: started, sent every signal we get, waited for.

use std::os::unix::process::ExitStatusExt as _;
use std::process::ExitStatus;

use rustix::process::{Pid, Signal, kill_process};
use tokio::process::{Child, Command};
use tokio::signal::unix::{Signal as Received, SignalKind, signal};

/// How the agent's process ended.
#[derive(Debug)]
pub(super) enum End {
    Exited(ExitStatus),
    NotStarted { message: String, code: u8 },
}

impl End {
    /// The command's own code, or 128 + N when signal N ended it, as shells report it.
    pub(super) fn exit_code(&self) -> u8 {
        match self {
            Self::NotStarted { code, .. } => *code,
            Self::Exited(status) => {
                let code = status.code().or_else(|| status.signal().map(|signal| 128 + signal));
                code.and_then(|code| u8::try_from(code).ok()).unwrap_or(u8::MAX)
            }
        }
    }
}

pub(super) async fn run_to_end(command: &[String], variables: &[(String, String)]) -> End {
    let Some((program, arguments)) = command.split_first() else {
        return End::NotStarted { message: "no command was given".to_owned(), code: 125 };
    };
    // Before the start: a signal that comes at once must find its way, not end us and leave the agent alone.
    let signals = match Signals::listen() {
        Ok(signals) => signals,
        Err(error) => return End::NotStarted { message: format!("failed to listen for signals: {error}"), code: 125 },
    };
    let mut agent = Command::new(program);
    // The administrator's token is for whoever starts the agent, not for the agent.
    agent.args(arguments).env_remove("MIZZEN_TOKEN").envs(variables.iter().cloned());
    let spawned = agent.spawn();
    let mut child = match spawned {
        Ok(child) => child,
        Err(error) => {
            let code = if error.kind() == std::io::ErrorKind::NotFound { 127 } else { 126 };
            return End::NotStarted { message: format!("failed to start `{program}`: {error}"), code };
        }
    };
    match forward_signals_until_end(&mut child, signals).await {
        Ok(status) => End::Exited(status),
        Err(error) => End::NotStarted { message: format!("failed to wait for `{program}`: {error}"), code: 125 },
    }
}

/// The signals that are forwarded.
struct Signals {
    interrupt: Received,
    quit: Received,
    terminate: Received,
    hangup: Received,
    user1: Received,
    user2: Received,
}

impl Signals {
    fn listen() -> std::io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            quit: signal(SignalKind::quit())?,
            terminate: signal(SignalKind::terminate())?,
            hangup: signal(SignalKind::hangup())?,
            user1: signal(SignalKind::user_defined1())?,
            user2: signal(SignalKind::user_defined2())?,
        })
    }
}

/// The terminal sends its signals to the whole foreground group, so the child has got SIGINT and SIGQUIT already when
/// standard input is one; sending them again would interrupt an agent twice.
async fn forward_signals_until_end(child: &mut Child, mut signals: Signals) -> std::io::Result<ExitStatus> {
    let on_terminal = rustix::termios::isatty(std::io::stdin());
    let pid = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
    loop {
        let (received, from_terminal) = tokio::select! {
            status = child.wait() => return status,
            Some(()) = signals.interrupt.recv() => (Signal::INT, on_terminal),
            Some(()) = signals.quit.recv() => (Signal::QUIT, on_terminal),
            Some(()) = signals.terminate.recv() => (Signal::TERM, false),
            Some(()) = signals.hangup.recv() => (Signal::HUP, false),
            Some(()) = signals.user1.recv() => (Signal::USR1, false),
            Some(()) = signals.user2.recv() => (Signal::USR2, false),
        };
        if let (Some(pid), false) = (pid, from_terminal) {
            // It may have ended in this very moment; `wait` tells.
            let _ = kill_process(pid, received);
        }
    }
}
