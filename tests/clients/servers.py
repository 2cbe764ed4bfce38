"""The servers of a test: simulated and real model, and Mizzen between them and the agents."""

import json
import os
import pathlib
import socket
import subprocess
import sys
import tempfile
import threading
import time

HERE = pathlib.Path(__file__).resolve().parent
# The first start of the real model installs its packages.
READY_SECONDS = 300
# Of the person who runs the tests; they would change what is tested.
NOT_INHERITED = ("OPENAI_", "ANTHROPIC_", "OTEL_", "MIZZEN_URL", "MIZZEN_TOKEN", "MIZZEN_DATA_DIR")


def clean_environment(**more: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(NOT_INHERITED)}
    return {**kept, **more}


class Server:
    """A child process that says `ready URL`."""

    def __init__(self, command: list[str], log: pathlib.Path):
        self.log = log
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=log.open("wb"), text=True, env=clean_environment()
        )
        self.url = ""
        reader = threading.Thread(target=self._read, daemon=True)
        reader.start()
        deadline = time.monotonic() + READY_SECONDS
        while not self.url:
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                raise SystemExit(f"`{' '.join(command)}` did not get ready:\n{log.read_text()[-4000:]}")
            time.sleep(0.05)

    def _read(self) -> None:
        for line in self.process.stdout:
            if line.startswith("ready "):
                self.url = line.split()[1].rstrip("/")

    def stop(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self.process.kill()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Fixture:
    """Everything that runs while the agents do. `model` is what they call when a real one is wanted."""

    def __init__(self, binary: str):
        self.binary = binary
        self.folder = tempfile.TemporaryDirectory(prefix="mizzen-clients-")
        folder = pathlib.Path(self.folder.name)
        self.servers: list[Server] = []
        sim = self._start("sim", [binary, "sim", "serve", "--listen", "127.0.0.1:0", "--script", str(HERE / "sim.toml")])
        upstreams = [("sim", "openai", f"{sim.url}/v1", "sim-*"), ("sim-anthropic", "anthropic", sim.url, "sim-*")]
        self.real_model = os.environ.get("MIZZEN_REAL_MODEL", "")
        if self.real_model:
            command = [sys.executable, self.real_model, "--port", str(free_port()), "--seconds", "1500"]
            real = self._start("real-model", command)
            upstreams += [("real", "openai", f"{real.url}/v1", "gemma*"), ("real-anthropic", "anthropic", real.url, "gemma*")]
        config = "".join(
            f'[[gateway.upstream]]\nname = "{name}"\nprotocol = "{protocol}"\nbase_url = "{url}"\nmodels = ["{models}"]\n'
            for name, protocol, url, models in upstreams
        )
        (folder / "mizzen.toml").write_text(config)
        self.data_dir = folder / "data"
        free = "127.0.0.1:0"
        mizzen = self._start("mizzen", [
            binary, "up", "--config", str(folder / "mizzen.toml"), "--data-dir", str(self.data_dir),
            "--listen", free, "--otlp-grpc-listen", free, "--otlp-http-listen", free,
        ])
        self.url = mizzen.url
        self.addresses = json.loads((self.data_dir / "addresses.json").read_text())

    def _start(self, name: str, command: list[str]) -> Server:
        try:
            server = Server(command, pathlib.Path(self.folder.name) / f"{name}.log")
        except BaseException:
            self.stop()
            raise
        self.servers.append(server)
        return server

    def stop(self) -> None:
        for server in reversed(self.servers):
            server.stop()
        self.folder.cleanup()

    def client(self, *arguments: str, **environment: str) -> tuple[list[str], dict[str, str]]:
        """A `mizzen` command against the running server, and its environment."""
        env = clean_environment(MIZZEN_URL=self.url, MIZZEN_DATA_DIR=str(self.data_dir), **environment)
        return [self.binary, *arguments], env

    def json(self, *arguments: str):
        command, env = self.client(*arguments, "-o", "json")
        done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, f"{' '.join(arguments)}: exit code {done.returncode}: {done.stderr}"
        return json.loads(done.stdout)

    def logs(self) -> str:
        return "\n".join(f"--- {s.log.name}\n{s.log.read_text()[-3000:]}" for s in self.servers if s.log.name == "mizzen.log")
