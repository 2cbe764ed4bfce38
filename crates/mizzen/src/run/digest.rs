//! The digest of an agent: what evidence is about.
//!
//! Over the bytes of the program and of every script among its arguments: of `bash wrap.sh python agent.py` both, and of `node --import
//! ./hook.mjs agent.js` too. What these import, the model's weights and the prompts that come from elsewhere are not in it: a digest that
//! should cover them (that of an image, say) is given with `--agent-digest`. A program that runs code from its arguments or a module by
//! name has none, because the files do not tell what runs; neither has one that names a script which is not there.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use mizzen_model::id::Digest;

/// A larger file is not read for this.
const FILE_BYTES_MAX: u64 = 512 << 20;
/// Programs that run what a script says, and the letters of their flags that bring code or a module's name instead.
const INTERPRETERS: [(&str, &str); 14] = [
    ("python", "cm"),
    ("uv", "cm"),
    ("node", "ep"),
    ("nodejs", "ep"),
    ("deno", "ep"),
    ("bun", "ep"),
    ("ruby", "e"),
    ("perl", "eE"),
    ("php", "r"),
    ("sh", "c"),
    ("bash", "c"),
    ("zsh", "c"),
    ("npx", "c"),
    ("env", "S"),
];
const SCRIPTS: [&str; 8] = ["py", "js", "mjs", "cjs", "ts", "rb", "sh", "php"];

/// The digest of what `command` runs; `None` when its files do not tell.
pub(super) fn of(command: &[String]) -> Option<Digest> {
    let program = program(command.first()?)?;
    if runs_code(command) {
        return None;
    }
    let mut identity = format!("program {}", file_digest(&program)?);
    let mut scripts = scripts(command).peekable();
    if scripts.peek().is_none() && interpreter(&program).is_some() {
        return None;
    }
    for script in scripts {
        identity.push_str(&format!("\nscript {}", file_digest(Path::new(script))?));
    }
    Some(Digest::of(identity.as_bytes()))
}

/// The arguments that name scripts, also behind the `=` of a flag.
pub(super) fn scripts(command: &[String]) -> impl Iterator<Item = &str> {
    command.iter().filter_map(|word| script(word))
}

fn script(word: &str) -> Option<&str> {
    let file = if word.starts_with('-') { word.split_once('=').map_or(word, |(_, file)| file) } else { word };
    let extension = Path::new(file).extension()?.to_str()?;
    SCRIPTS.contains(&extension).then_some(file)
}

/// Whether an interpreter is given code or a module: by a flag between its name and the script that it runs, as what
/// follows that is the script's own.
fn runs_code(command: &[String]) -> bool {
    let (mut letters, mut before) = ("", "");
    for word in command {
        // `--import ./hook.mjs` is not what is run yet.
        let is_value = before == "-r" || (before.starts_with("--") && !before.contains('='));
        match interpreter(Path::new(word)) {
            Some(of) => letters = of,
            None if script(word).is_some() && !word.starts_with('-') && !is_value => letters = "",
            None if !letters.is_empty() && brings_code(word, letters) => return true,
            None => {}
        }
        before = word;
    }
    false
}

fn brings_code(word: &str, letters: &str) -> bool {
    let long =
        word.split('=').next().is_some_and(|name| matches!(name, "--eval" | "--print" | "--command" | "--module"));
    let short = word.strip_prefix('-').filter(|rest| !rest.starts_with('-')).unwrap_or_default();
    // What stands behind these is their value.
    long || short.chars().take_while(|c| !matches!(c, 'W' | 'X')).any(|c| letters.contains(c))
}

/// The file that the system would start (POSIX, `execvp`).
fn program(name: &str) -> Option<PathBuf> {
    if name.contains('/') {
        return Some(PathBuf::from(name)).filter(|file| file.is_file());
    }
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.is_file())
}

/// The flags that bring code to it.
pub(super) fn interpreter(program: &Path) -> Option<&'static str> {
    let name = program.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let plain = name.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.');
    INTERPRETERS.iter().find(|(known, _)| *known == plain).map(|(_, letters)| *letters)
}

fn file_digest(file: &Path) -> Option<Digest> {
    let mut content = Vec::new();
    let read = std::fs::File::open(file).ok()?.take(FILE_BYTES_MAX + 1).read_to_end(&mut content).ok()?;
    (read as u64 <= FILE_BYTES_MAX).then(|| Digest::of(&content))
}

#[cfg(test)]
mod tests {
    use mizzen_model::id::Digest;

    use super::{file_digest, of, program};

    fn words(words: &[&str]) -> Vec<String> {
        words.iter().map(|word| (*word).to_owned()).collect()
    }

    #[test]
    fn a_digest_follows_the_script_and_nothing_else_of_the_command() {
        let folder = tempfile::tempdir().unwrap();
        let script = folder.path().join("agent.sh");
        let name = script.display().to_string();
        std::fs::write(&script, "echo one").unwrap();
        let one = of(&words(&["sh", &name, "--task", "a"])).unwrap();
        assert_eq!(of(&words(&["sh", &name, "--task", "b"])), Some(one.clone()));
        let (program, agent) = (program("sh").unwrap(), Digest::of(b"echo one"));
        let as_before = format!("program {}\nscript {agent}", file_digest(&program).unwrap());
        assert_eq!(one, Digest::of(as_before.as_bytes()), "evidence about one script stays");
        std::fs::write(&script, "echo two").unwrap();
        assert_ne!(of(&words(&["sh", &name])), Some(one));
    }

    #[test]
    fn every_script_of_the_command_counts() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, content: &str| {
            let file = folder.path().join(name);
            std::fs::write(&file, content).unwrap();
            file.display().to_string()
        };
        let (wrap, hook, agent) = (file("wrap.sh", "w"), file("hook.mjs", "h"), file("agent.py", "one"));
        let joined = format!("--import={hook}");
        let commands =
            [vec!["sh", &wrap, "python", &agent], vec!["sh", "--import", &hook, &agent], vec!["sh", &joined, &agent]];
        let digests = || commands.iter().map(|command| of(&words(command)).unwrap()).collect::<Vec<_>>();
        let before = digests();
        file("agent.py", "two");
        let after = digests();
        assert!(before.iter().zip(&after).all(|(before, after)| before != after), "the agent is another");
        file("hook.mjs", "other");
        assert!(digests()[1..].iter().zip(&after[1..]).all(|(now, after)| now != after), "so is the hook");
        assert_eq!(of(&words(&["sh", &wrap, "python", "elsewhere.py"])), None, "what is not there tells nothing");
    }

    #[test]
    fn code_that_no_file_holds_has_no_digest() {
        let folder = tempfile::tempdir().unwrap();
        let script = folder.path().join("approved.sh");
        std::fs::write(&script, "echo").unwrap();
        let name = script.display().to_string();
        assert_eq!(of(&words(&["sh", "-c", "echo"])), None);
        assert_eq!(of(&words(&["no-such-program-at-all"])), None);
        for code in [
            vec!["sh", "-c", "echo", &name],
            vec!["sh", "-ec", "echo", &name],
            vec!["sh", &name, "python3.12", "-m", "other", &name],
            vec!["env", "python3", "-W", "ignore", "-mother", &name],
            vec!["env", "node", "--eval", "1", &name],
            vec!["env", "node", "--import", &name, "-e", "1"],
        ] {
            assert_eq!(of(&words(&code)), None, "{code:?}");
        }
        for file in [vec!["sh", "-e", &name], vec!["sh", &name, "-m", "gpt-4o", "-c", "config"]] {
            assert!(of(&words(&file)).is_some(), "{file:?}");
        }
    }
}
