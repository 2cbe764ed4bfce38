//! Running other programs, with errors that say what to do about them.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context as _, Result, bail};

/// The repository's root. Cargo says at run time which clone it is: a target folder that several clones share may
/// hold a binary that another one built.
pub(crate) fn root() -> PathBuf {
    let manifest = std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
    Path::new(&manifest).parent().map(Path::to_path_buf).unwrap_or_default()
}

/// Where cargo puts what it builds.
pub(crate) fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from)
}

/// Environments that outlive one clone: virtual environments, npm tools.
pub(crate) fn cache() -> PathBuf {
    let base = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let home = || PathBuf::from(std::env::var_os("HOME").unwrap_or_default()).join(".cache");
    base.unwrap_or_else(home).join("mizzen")
}

/// Whether this run is CI, where a skipped test is a failure.
pub(crate) fn is_ci() -> bool {
    std::env::var_os("CI").is_some_and(|value| value == "true")
}

/// A command in the repository's root.
pub(crate) fn command(program: impl AsRef<std::ffi::OsStr>, args: &[&str]) -> Command {
    let mut command = Command::new(program);
    command.args(args).current_dir(root());
    // What `cargo xtask` says of this package. Build scripts watch these, and would build `ring`, and with it everything down to
    // DataFusion, anew for every clone, and again for whoever calls cargo by hand.
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("CARGO_PKG_") || name.to_string_lossy().starts_with("CARGO_MANIFEST_") {
            command.env_remove(&name);
        }
    }
    command
}

/// Runs to the end; says what ran and how long it took; fails when it fails.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let words: Vec<_> =
        std::iter::once(command.get_program()).chain(command.get_args()).map(|w| w.to_string_lossy()).collect();
    let shown = words.join(" ");
    println!("$ {shown}");
    let started = Instant::now();
    let status = command.status().with_context(|| format!("failed to start `{shown}`; is it installed?"))?;
    println!("  {:.1} s", started.elapsed().as_secs_f64());
    if !status.success() {
        bail!("`{shown}` ended with {status}");
    }
    Ok(())
}

/// Runs to the end and gives what it printed.
pub(crate) fn read(command: &mut Command) -> Result<String> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command
        .stderr(Stdio::inherit())
        .output()
        .with_context(|| format!("failed to start `{program}`; is it installed?"))?;
    if !output.status.success() {
        bail!("`{program}` ended with {}", output.status);
    }
    String::from_utf8(output.stdout).with_context(|| format!("`{program}` printed what is not UTF-8"))
}

/// The first of `names` that is on the path or is a file.
pub(crate) fn find(names: &[&str]) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let on_path = |name: &str| std::env::split_paths(&path).map(|dir| dir.join(name)).find(|file| file.is_file());
    names.iter().find_map(|name| {
        if name.contains('/') { Some(PathBuf::from(name)).filter(|p| p.is_file()) } else { on_path(name) }
    })
}

/// Finds a program, installing Debian's package for it when this is a Debian machine and we may.
pub(crate) fn require(names: &[&str], package: &str) -> Result<PathBuf> {
    if let Some(found) = find(names) {
        return Ok(found);
    }
    install(package)?;
    find(names)
        .with_context(|| format!("`{}` is missing; install the package `{package}` and run this again", names[0]))
}

/// What the build needs beside Rust and a C compiler: jemalloc is made with it.
pub(crate) fn require_make() -> Result<()> {
    require(&["make"], "make").map(drop)
}

/// Installs a package of Debian when this is a Debian machine and we may; else whoever needs it finds it missing.
pub(crate) fn install(package: &str) -> Result<()> {
    let may_install = find(&["apt-get"]).is_some() && rustix::process::geteuid().is_root();
    if may_install {
        run(&mut command("apt-get", &["update", "-q"]))?;
        run(command("apt-get", &["install", "-q", "-y", "--no-install-recommends", package])
            .env("DEBIAN_FRONTEND", "noninteractive"))?;
    }
    Ok(())
}

/// A child process that ends with this value.
#[derive(Debug)]
pub(crate) struct Running(pub(crate) std::process::Child);

impl Running {
    pub(crate) fn start(command: &mut Command) -> Result<Self> {
        let program = command.get_program().to_string_lossy().into_owned();
        Ok(Self(command.spawn().with_context(|| format!("failed to start `{program}`"))?))
    }

    /// Asks it to end, waits up to ten seconds, then ends it.
    pub(crate) fn stop(&mut self) {
        let pid = i32::try_from(self.0.id()).ok().and_then(rustix::process::Pid::from_raw);
        if let (Some(pid), Ok(None)) = (pid, self.0.try_wait()) {
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
            let deadline = Instant::now() + std::time::Duration::from_secs(10);
            while Instant::now() < deadline {
                if !matches!(self.0.try_wait(), Ok(None)) {
                    return;
                }
                std::thread::sleep(std::time::Duration::from_millis(20));
            }
            let _ = self.0.kill();
            let _ = self.0.wait();
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop();
    }
}

/// A port that was free a moment ago.
pub(crate) fn free_port() -> Result<u16> {
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).context("failed to find a free port")?;
    Ok(listener.local_addr()?.port())
}
