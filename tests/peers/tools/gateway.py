"""A Mizzen with tool servers behind its tool gateway, and the programs from npm that talk to it or stand behind it."""

import json
import os
import pathlib
import sys
import tempfile
import urllib.error
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent.parent / "clients"))

import environment  # noqa: E402
from servers import Server  # noqa: E402

ASK_SECONDS = 60


def node_modules() -> pathlib.Path:
    """What `package.json` says, installed once outside of the clone."""
    return environment.node_modules(HERE / "package.json", os.environ.get("MIZZEN_PEERS_NODE_MODULES"))


def node() -> str:
    return str(node_modules() / ".bin/node")


def fixture_program() -> str:
    return str(pathlib.Path(os.environ["MIZZEN_BIN"]).parent / "mizzen-mcp-fixture")


class Gateway:
    """Starts everything below one folder and ends it again."""

    def __init__(self):
        self.folder = tempfile.TemporaryDirectory(prefix="mizzen-tools-")
        self.servers: list[Server] = []
        folder = pathlib.Path(self.folder.name)
        (folder / "mizzen.toml").write_text("")
        data = folder / "data"
        free = "127.0.0.1:0"
        mizzen = self.start("mizzen", os.environ["MIZZEN_BIN"], "up", "--config", str(folder / "mizzen.toml"),
                            "--data-dir", str(data), "--listen", free, "--otlp-grpc-listen", free, "--otlp-http-listen", free)
        self.url = mizzen.url
        self.token = (data / "admin-token").read_text().strip()
        self.key = self.ask("POST", "/api/v1/keys", {"name": "tool-peers", "agent": "tool-peer"})["key"]
        self.door = self.start("proxy", fixture_program(), "--proxy-to", self.url, "--key", self.key).url

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for server in reversed(self.servers):
            server.stop()
        self.folder.cleanup()

    def start(self, name: str, *command: str) -> Server:
        server = Server(list(command), pathlib.Path(self.folder.name) / f"{name}.log")
        self.servers.append(server)
        return server

    def fixture(self, name: str, *options: str) -> str:
        return self.start(name, fixture_program(), "--name", name, *options).url

    def ask(self, method: str, path: str, body=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, method=method)
        request.add_header("authorization", f"Bearer {self.token}")
        request.add_header("content-type", "application/json")
        try:
            with urllib.request.urlopen(request, timeout=ASK_SECONDS) as answer:
                text = answer.read()
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{method} {path}: {error.code} {error.read().decode()}") from error
        return json.loads(text) if text else None

    def add(self, name: str, transport: dict, **more) -> dict:
        """A tool server; what it offers is known when this returns."""
        self.ask("PUT", f"/api/v1/tool-servers/{name}", {"transport": transport, **more})
        return self.ask("POST", f"/api/v1/tool-servers/{name}/refresh", {})

    def add_http(self, name: str, url: str, **more) -> dict:
        return self.add(name, {"kind": "http", "url": url}, **more)

    def profile(self, name: str, *servers: str, names: str = "plain") -> str:
        """The address of a profile of whole servers, by way of the door that adds the key."""
        self.ask("PUT", f"/api/v1/tool-profiles/{name}", {"names": names, "servers": [{"server": s} for s in servers]})
        return f"{self.door}/mcp/{name}"

    def log(self) -> str:
        return (pathlib.Path(self.folder.name) / "mizzen.log").read_text()[-4000:]
