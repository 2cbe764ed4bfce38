"""Real clients of the formats that the catalog speaks, none of which knows Mizzen.

    MIZZEN_BIN=target/debug/mizzen python3 tests/peers/registries/registries.py

skills-ref (PyPI) says which SKILL.md are right, `skills` (npm) installs one from the index, a2a-sdk (PyPI) reads an agent's card.
"""

import base64
import hashlib
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import urllib.error
import urllib.parse
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent.parent / "clients"))

import environment  # noqa: E402
from servers import Server, clean_environment  # noqa: E402

CLIENT_SECONDS = 120
SKILL = "---\nname: pdf-tools\ndescription: Reads PDF files.\nlicense: MIT\nmetadata:\n  version: \"{version}\"\n---\n\n# PDF\n\nRead them {how}.\n"
CARD = {
    "name": "Recipe Agent",
    "description": "Finds recipes.",
    "supportedInterfaces": [{"url": "https://recipes.example/a2a", "protocolBinding": "JSONRPC", "protocolVersion": "1.0"}],
    "version": "1.0.0",
    "capabilities": {"streaming": True},
    "defaultInputModes": ["text/plain"],
    "defaultOutputModes": ["text/plain"],
    "skills": [{"id": "find", "name": "Find", "description": "Finds a recipe.", "tags": ["food"]}],
}
OLD_CARD = {
    "protocolVersion": "0.3.0",
    "name": "Router",
    "description": "Plans routes.",
    "url": "https://routes.example/a2a",
    "preferredTransport": "JSONRPC",
    "version": "0.9.0",
    "capabilities": {},
    "defaultInputModes": ["application/json"],
    "defaultOutputModes": ["application/json"],
    "skills": [],
}


class Catalog:
    """A Mizzen with an empty catalog."""

    def __init__(self, folder: pathlib.Path):
        (folder / "mizzen.toml").write_text("")
        free = "127.0.0.1:0"
        command = [os.environ["MIZZEN_BIN"], "up", "--config", str(folder / "mizzen.toml"), "--data-dir", str(folder / "data"),
                   "--listen", free, "--otlp-grpc-listen", free, "--otlp-http-listen", free]
        self.server = Server(command, folder / "mizzen.log")
        self.url = self.server.url
        self.token = (folder / "data" / "admin-token").read_text().strip()

    def ask(self, method: str, path: str, body: str | dict | None = None):
        data = None if body is None else (body if isinstance(body, str) else json.dumps(body)).encode()
        headers = {"authorization": f"Bearer {self.token}", "content-type": "application/json" if isinstance(body, dict) else "text/plain"}
        request = urllib.request.Request(self.url + path, data=data, method=method, headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return json.loads(answer.read() or b"null")
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{method} {path}: {error.code} {error.read().decode()[:2000]}") from error

    def apply(self, source: str, text: str, dry_run: bool = False, files: dict | None = None) -> dict:
        query = urllib.parse.urlencode({"source": source, "dry_run": "true" if dry_run else "false"})
        [result] = self.ask("POST", f"/api/v1/catalog/apply?{query}", {"text": text, "files": files} if files else text)
        return result

    def approved(self, source: str, text: str, files: dict | None = None) -> dict:
        result = self.apply(source, text, files=files)
        assert result["result"] in ("created", "updated"), result
        kind, name = result["ref"].split(":")
        digest = urllib.parse.quote(result["digest"])
        version = self.ask("POST", f"/api/v1/catalog/entities/{kind}/{name}/versions/{digest}/approve", {"reason": None, "digest": result["digest"]})
        assert version["state"] == "approved", version
        return result


def accepts_what_skills_ref_accepts(catalog: Catalog, python: str, folder: pathlib.Path) -> None:
    cases = folder / "cases.json"
    subprocess.run([python, str(HERE / "skill_cases.py"), str(cases), "400", "11"], check=True, timeout=600)
    wrong = []
    for case in json.loads(cases.read_text()):
        # A path has no place for these, so the name of such a folder cannot be told.
        if "\n" in case["folder"]:
            continue
        result = catalog.apply(f"{case['folder']}/SKILL.md", case["text"], dry_run=True)
        if (result["result"] != "rejected") != case["accepted"]:
            wrong.append((case, result))
    assert not wrong, f"{len(wrong)} verdicts differ, the first: {wrong[0]}"


def project_file(folder: pathlib.Path, name: str) -> pathlib.Path:
    return folder / "project/.claude/skills/pdf-tools" / name


def installs(catalog: Catalog, node_modules: pathlib.Path, folder: pathlib.Path) -> str:
    project = folder / "project"
    project.mkdir(exist_ok=True)
    program = [str(node_modules / ".bin/node"), str(node_modules / "skills/bin/cli.mjs")]
    home = clean_environment(HOME=str(folder), DISABLE_TELEMETRY="1", DO_NOT_TRACK="1", CI="1")
    done = subprocess.run([*program, "add", catalog.url, "--agent", "claude-code", "--copy", "-y"], cwd=project, env=home,
                          capture_output=True, text=True, timeout=CLIENT_SECONDS)
    file = project_file(folder, "SKILL.md")
    assert file.is_file(), f"{done.stdout[-2000:]}\n{done.stderr[-2000:]}"
    return file.read_text()


def skills_are_installed(catalog: Catalog, node_modules: pathlib.Path, folder: pathlib.Path) -> None:
    first = SKILL.format(version="1.0.0", how="well")
    catalog.approved("pdf-tools/SKILL.md", first)
    index = json.loads(urllib.request.urlopen(f"{catalog.url}/.well-known/agent-skills/index.json").read())
    assert [skill["digest"] for skill in index["skills"]] == ["sha256:" + hashlib.sha256(first.encode()).hexdigest()], index
    assert installs(catalog, node_modules, folder) == first
    second = SKILL.format(version="1.1.0", how="better")
    assert catalog.apply("pdf-tools/SKILL.md", second)["state"] == "pending"
    assert installs(catalog, node_modules, folder) == first, "what waits for a review was handed out"
    catalog.approved("pdf-tools/SKILL.md", SKILL.format(version="1.2.0", how="best"))
    assert "best" in installs(catalog, node_modules, folder)
    # The whole folder, and what is no text as it was.
    script = project_file(folder, "scripts/read.py")
    assert not script.exists()
    files = {"scripts/read.py": "print(1)\n", "logo.png": {"encoding": "base64", "content": "iVBORw0KGgoA"}}
    catalog.approved("pdf-tools/SKILL.md", SKILL.format(version="1.3.0", how="with a script"), files)
    assert "with a script" in installs(catalog, node_modules, folder)
    assert script.read_text() == "print(1)\n"
    assert project_file(folder, "logo.png").read_bytes() == base64.b64decode(files["logo.png"]["content"])
    files["scripts/read.py"] = "print(2)\n"
    assert catalog.apply("pdf-tools/SKILL.md", SKILL.format(version="1.4.0", how="with a script"), files=files)["state"] == "pending"
    installs(catalog, node_modules, folder)
    assert script.read_text() == "print(1)\n", "a script that waits for a review was handed out"


def cards_are_read(catalog: Catalog, python: str) -> None:
    def read(*path: str) -> dict:
        done = subprocess.run([python, str(HERE / "read_card.py"), catalog.url, *path], capture_output=True, text=True, timeout=CLIENT_SECONDS)
        assert done.returncode == 0, done.stderr[-2000:]
        return json.loads(done.stdout)

    catalog.approved("card.json", json.dumps(CARD))
    assert read() == CARD
    catalog.approved("router.json", json.dumps(OLD_CARD))
    assert read("/.well-known/agent-card.json?agent=Recipe%20Agent") == CARD
    old = read("/.well-known/agent-card.json?agent=Router")
    assert old["supportedInterfaces"] == [{"url": OLD_CARD["url"], "protocolBinding": "JSONRPC", "protocolVersion": "0.3.0"}], old


def main() -> None:
    python = os.environ.get("MIZZEN_PEERS_REGISTRIES") or environment.python(HERE / "requirements.txt")
    node_modules = environment.node_modules(HERE / "package.json", os.environ.get("MIZZEN_PEERS_REGISTRIES_NODE"))
    with tempfile.TemporaryDirectory(prefix="mizzen-registries-") as folder:
        folder = pathlib.Path(folder)
        catalog = Catalog(folder)
        try:
            cards_are_read(catalog, python)
            print("a2a-sdk reads the cards of approved agents", flush=True)
            skills_are_installed(catalog, node_modules, folder)
            print("skills installs what is approved, and nothing else", flush=True)
            accepts_what_skills_ref_accepts(catalog, python, folder)
            print("every SKILL.md is accepted exactly when skills-ref accepts it", flush=True)
        finally:
            catalog.server.stop()


if __name__ == "__main__":
    main()
