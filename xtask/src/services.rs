//! What tests need around them: PostgreSQL, an S3 server, tools from PyPI and npm. All of it private and on loopback.

use std::fs;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};

use crate::command::{Running, cache, command, find, free_port, install, read, require, run, target};

const START_LIMIT: Duration = Duration::from_secs(60);
const S3_BUCKET: &str = "mizzen";
const S3_SERVER: &str = "moto[s3,server]==5.1.22";

/// A private PostgreSQL; ends with this value.
#[derive(Debug)]
pub(crate) struct Postgres {
    _server: Running,
    pub(crate) url: String,
}

/// Starts Debian's PostgreSQL with a new cluster on a free port. It refuses to run as root, so root runs it as `postgres`.
pub(crate) fn postgres() -> Result<Postgres> {
    let bin = postgres_bin()?;
    let folder = std::env::temp_dir().join(format!("mizzen-postgres-{}", std::process::id()));
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder)?;
    let is_root = rustix::process::geteuid().is_root();
    if is_root {
        run(&mut command("chown", &["postgres", &folder.to_string_lossy()]))?;
    }
    let as_owner = |program: &Path| {
        if is_root {
            let mut owner = Command::new("setpriv");
            owner.args(["--reuid=postgres", "--regid=postgres", "--clear-groups"]).arg(program);
            owner
        } else {
            Command::new(program)
        }
    };
    let data = folder.join("data");
    let mut initdb = as_owner(&bin.join("initdb"));
    initdb
        .args(["--auth=trust", "--username=mizzen", "--encoding=UTF8", "--no-sync", "-D"])
        .arg(&data)
        .current_dir(&folder);
    run(initdb.stdout(Stdio::null()))?;
    let port = free_port()?;
    let mut postgres = as_owner(&bin.join("postgres"));
    postgres
        .arg("-D")
        .arg(&data)
        .args(["-h", "127.0.0.1", "-p", &port.to_string(), "-c", "fsync=off", "-k"])
        .arg(&folder);
    let server = Running::start(postgres.current_dir(&folder).stderr(Stdio::null()).stdout(Stdio::null()))?;
    wait_for_port(port, "PostgreSQL")?;
    let url = format!("postgres://mizzen@127.0.0.1:{port}/postgres");
    Ok(Postgres { _server: server, url })
}

fn postgres_bin() -> Result<PathBuf> {
    let newest = || {
        let mut versions: Vec<PathBuf> =
            fs::read_dir("/usr/lib/postgresql").ok()?.flatten().map(|entry| entry.path().join("bin")).collect();
        versions.retain(|bin| bin.join("initdb").is_file());
        versions.sort();
        versions.pop()
    };
    if let Some(bin) = newest().or_else(|| find(&["initdb"]).and_then(|file| file.parent().map(Path::to_path_buf))) {
        return Ok(bin);
    }
    install("postgresql")?;
    newest().context("PostgreSQL was installed, but its `initdb` is not below /usr/lib/postgresql")
}

/// An S3 API server in memory, with one bucket; ends with this value.
#[derive(Debug)]
pub(crate) struct S3 {
    _server: Running,
    pub(crate) endpoint: String,
    pub(crate) url: String,
}

pub(crate) fn s3() -> Result<S3> {
    let moto = python_tool(&cache().join("moto"), &[S3_SERVER], "moto_server")?;
    let port = free_port()?;
    let mut start = Command::new(moto);
    start.args(["--host", "127.0.0.1", "--port", &port.to_string()]).stdout(Stdio::null()).stderr(Stdio::null());
    let running = Running::start(&mut start)?;
    wait_for_port(port, "the S3 server")?;
    create_bucket(port).context("failed to create a bucket on the S3 server")?;
    Ok(S3 { _server: running, endpoint: format!("http://127.0.0.1:{port}"), url: format!("s3://{S3_BUCKET}/test") })
}

/// `CreateBucket` of the S3 API; this server checks no signature.
fn create_bucket(port: u16) -> Result<()> {
    let mut connection = std::net::TcpStream::connect(("127.0.0.1", port))?;
    let head = format!(
        "PUT /{S3_BUCKET} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    );
    connection.write_all(head.as_bytes())?;
    let mut answer = String::new();
    connection.read_to_string(&mut answer)?;
    ensure!(answer.starts_with("HTTP/1.1 200"), "it answered {answer}");
    Ok(())
}

/// Waits until something accepts connections on a port of loopback.
pub(crate) fn wait_for_port(port: u16, what: &str) -> Result<()> {
    let deadline = Instant::now() + START_LIMIT;
    while Instant::now() < deadline {
        if std::net::TcpStream::connect(("127.0.0.1", port)).is_ok() {
            return Ok(());
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    bail!("{what} did not start within {} s", START_LIMIT.as_secs())
}

/// A program of a PyPI package, in a virtual environment that outlives the clone.
pub(crate) fn python_tool(environment: &Path, packages: &[&str], program: &str) -> Result<PathBuf> {
    let file = environment.join("bin").join(program);
    if file.is_file() {
        return Ok(file);
    }
    let python = require(&["python3"], "python3")?;
    // Debian keeps what fills an environment in a package of its own.
    if run(&mut command(&python, &["-c", "import ensurepip"])).is_err() {
        install("python3-venv")?;
    }
    let environment_name = environment.to_string_lossy();
    run(&mut command(python, &["-m", "venv", &environment_name]))
        .context("failed to make a virtual environment; on Debian it needs the package `python3-venv`")?;
    let pip = environment.join("bin/python");
    let mut install = command(pip, &["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]);
    run(install.args(packages))?;
    ensure!(file.is_file(), "the packages {packages:?} brought no program `{program}`");
    Ok(file)
}

/// The newest of the two builds of the binary is the one that was just built: the debug one, for tests.
pub(crate) fn debug_binary() -> PathBuf {
    target().join("debug/mizzen")
}

/// A browser for the UI's tests, with the font that it recommends: without it pages are wider, and do not fit.
pub(crate) fn browser() -> Result<PathBuf> {
    const FONT: &str = "/usr/share/fonts/truetype/liberation/LiberationSans-Regular.ttf";
    let browser = require(&["chromium", "chromium-browser", "google-chrome"], "chromium")?;
    if !Path::new(FONT).exists() {
        install("fonts-liberation")?;
    }
    read(&mut command(&browser, &["--version"]))?;
    Ok(browser)
}
