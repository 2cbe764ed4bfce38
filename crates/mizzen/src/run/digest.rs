//! The digest of an agent: what evidence is about.
//!
//! Over the bytes of the program and of the script that it is told to run. What these import, the model's weights and the prompts that
//! come from elsewhere are not in it: a digest that should cover them (that of an image, say) is given with `--agent-digest`. A
//! program that runs code from its arguments or a module by name has none, because the files do not tell what runs.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use mizzen_model::id::Digest;

/// A larger file is not read for this.
const FILE_BYTES_MAX: u64 = 512 << 20;
/// Programs that run what a script says.
const INTERPRETERS: [&str; 14] =
    ["python", "node", "nodejs", "deno", "bun", "ruby", "perl", "php", "sh", "bash", "zsh", "uv", "npx", "env"];

/// The digest of what `command` runs; `None` when its files do not tell.
pub(super) fn of(command: &[String], script: Option<&str>) -> Option<Digest> {
    let program = program(command.first()?)?;
    let own = file_digest(&program)?;
    let script = script.map(Path::new).filter(|script| script.is_file());
    let identity = match script {
        Some(script) => format!("program {own}\nscript {}", file_digest(script)?),
        None if is_interpreter(&program) => return None,
        None => format!("program {own}"),
    };
    Some(Digest::of(identity.as_bytes()))
}

/// The file that the system would start (POSIX, `execvp`).
fn program(name: &str) -> Option<PathBuf> {
    if name.contains('/') {
        return Some(PathBuf::from(name)).filter(|file| file.is_file());
    }
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.is_file())
}

fn is_interpreter(program: &Path) -> bool {
    let name = program.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let plain = name.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.');
    INTERPRETERS.contains(&plain)
}

fn file_digest(file: &Path) -> Option<Digest> {
    let mut content = Vec::new();
    let read = std::fs::File::open(file).ok()?.take(FILE_BYTES_MAX + 1).read_to_end(&mut content).ok()?;
    (read as u64 <= FILE_BYTES_MAX).then(|| Digest::of(&content))
}

#[cfg(test)]
mod tests {
    use super::of;

    fn words(words: &[&str]) -> Vec<String> {
        words.iter().map(|word| (*word).to_owned()).collect()
    }

    #[test]
    fn a_digest_follows_the_script_and_nothing_else_of_the_command() {
        let folder = tempfile::tempdir().unwrap();
        let script = folder.path().join("agent.sh");
        let name = script.display().to_string();
        std::fs::write(&script, "echo one").unwrap();
        let one = of(&words(&["sh", &name, "--task", "a"]), Some(&name)).unwrap();
        assert_eq!(of(&words(&["sh", &name, "--task", "b"]), Some(&name)), Some(one.clone()));
        std::fs::write(&script, "echo two").unwrap();
        assert_ne!(of(&words(&["sh", &name]), Some(&name)), Some(one));
    }

    #[test]
    fn code_that_no_file_holds_has_no_digest() {
        assert_eq!(of(&words(&["sh", "-c", "echo"]), None), None);
        assert_eq!(of(&words(&["no-such-program-at-all"]), None), None);
    }
}
