"""AgentDojo's ground truth through the tool gateway, under boundaries: what a boundary lets through of what users and attackers want.

    MIZZEN_BIN=target/release/mizzen python3 tests/agentdojo/replay.py [--suites banking,slack,…] [--out FILE]

No model takes part: for every user task the calls that solve it, and for every pair of a user task and an injection that acts
through tools the user's calls and then the attacker's, as if the model had fallen for it entirely, each in a run of its own.
A user task is untouched when every one of its calls goes out without a person. An injected goal is executed when every one of its
calls does. Intervals are exact (Clopper and Pearson), over user tasks, and over injections: pairs that share an injection are one
cluster, which counts as executed when any of its pairs is.
"""

import argparse
import concurrent.futures
import json
import os
import pathlib
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent
SUITES = ["banking", "slack", "workspace", "travel"]
VERSION = "2026-07-28"
CONFIG = """
[permission]
held_seconds = 1
"""


class Server:
    """Mizzen with one suite's tools behind its gateway."""

    def __init__(self, folder: pathlib.Path, suite: str):
        self.suite, self.data = suite, folder / "data"
        (folder / "mizzen.toml").write_text(CONFIG)
        with contextless_ports(3) as ports:
            listen = [f"127.0.0.1:{port}" for port in ports]
        self.url = f"http://{listen[0]}"
        command = [os.environ["MIZZEN_BIN"], "up", "--config", folder / "mizzen.toml", "--data-dir", self.data, "--listen", listen[0],
                   "--otlp-grpc-listen", listen[1], "--otlp-http-listen", listen[2]]
        self.log = open(folder / "log", "w")
        self.process = subprocess.Popen([str(word) for word in command], stdout=self.log, stderr=self.log)
        self.wait()

    def wait(self):
        for _ in range(300):
            try:
                urllib.request.urlopen(f"{self.url}/readyz", timeout=2)
                return
            except OSError:
                if self.process.poll() is not None:
                    break
                time.sleep(0.1)
        raise RuntimeError("mizzen did not start: " + pathlib.Path(self.log.name).read_text()[-2000:])

    def stop(self):
        self.process.terminate()
        self.process.wait(30)

    def ask(self, method: str, path: str, body=None, key: str | None = None, headers=()):
        token = key or (self.data / "admin-token").read_text().strip()
        data = body if isinstance(body, bytes) else json.dumps(body).encode() if body is not None else None
        request = urllib.request.Request(self.url + path, data=data, method=method)
        request.add_header("authorization", f"Bearer {token}")
        request.add_header("content-type", "application/json")
        for name, value in headers:
            request.add_header(name, value)
        try:
            with urllib.request.urlopen(request, timeout=330) as answer:
                text = answer.read().decode()
        except urllib.error.HTTPError as error:
            text = error.read().decode()
            if key is None:
                raise RuntimeError(f"{method} {path}: {error.code} {text}") from None
        # A call that waits is answered as a stream, the answer last.
        events = [line.removeprefix("data:") for line in text.splitlines() if line.startswith("data:")]
        text = next((event for event in reversed(events) if event.strip()), text)
        return json.loads(text) if text else None

    def prepare(self):
        transport = {"kind": "stdio", "command": sys.executable, "args": [str(HERE / "tool_server.py"), self.suite],
                     "env": {"PYTHONWARNINGS": "ignore"}, "env_secrets": {}, "cwd": None}
        self.ask("PUT", f"/api/v1/tool-servers/{self.suite}", {"transport": transport, "start_timeout_seconds": 300})
        boundary = (HERE / "boundaries" / f"{self.suite}.yaml").read_bytes()
        self.ask("PUT", f"/api/v1/boundaries/{self.suite}", boundary, headers=[("content-type", "application/yaml")])
        detail = self.ask("POST", f"/api/v1/tool-servers/{self.suite}/refresh")
        if detail["server"]["withheld"] or not detail["server"]["tools"]:
            raise RuntimeError(f"the tool server's tools are withheld: {detail['definitions']}")

    def run(self, name: str, calls: list[tuple[str, dict]]) -> list[str]:
        """What became of each call of one run: `went out`, or the code of its refusal."""
        key = self.ask("POST", "/api/v1/keys", {"name": name, "agent": self.suite, "run_id": name, "ttl_seconds": 3600})["key"]
        return [self.call(key, at, tool, arguments) for at, (tool, arguments) in enumerate(calls)]

    def call(self, key: str, at: int, tool: str, arguments: dict) -> str:
        full = f"{self.suite}__{tool}"
        meta = {"io.modelcontextprotocol/protocolVersion": VERSION, "io.modelcontextprotocol/clientCapabilities": {},
                "io.modelcontextprotocol/clientInfo": {"name": "replay", "version": "1"}}
        body = {"jsonrpc": "2.0", "id": at, "method": "tools/call", "params": {"name": full, "arguments": arguments, "_meta": meta}}
        headers = [("accept", "application/json, text/event-stream"), ("mcp-protocol-version", VERSION), ("mcp-method", "tools/call"),
                   ("mcp-name", full)]
        answer = self.ask("POST", "/mcp", body, key, headers)
        return outcome(answer)


def outcome(answer: dict) -> str:
    result = answer.get("result", {})
    refusal = (result.get("_meta") or {}).get("dev.mizzen/decision") or (answer.get("error", {}).get("data") or {})
    if result.get("isError") and (code := refusal.get("code")):
        return code
    if "error" in answer:
        raise RuntimeError(f"the gateway failed: {answer}")
    return "went out"


class contextless_ports:
    """Free ports; held until all are known, so that no two are the same."""

    def __init__(self, count: int):
        self.sockets = [socket.socket() for _ in range(count)]

    def __enter__(self):
        for one in self.sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in self.sockets]

    def __exit__(self, *_):
        for one in self.sockets:
            one.close()


def ground_truth(suite_name: str):
    from agentdojo.task_suite.load_suites import get_suites

    suite = get_suites("v1.2.1")[suite_name]
    environment = suite.load_and_inject_default_environment({})

    def of(task):
        return [(call.function, json.loads(json.dumps(call.args, default=str))) for call in task.ground_truth(environment)]

    users = {name: of(task) for name, task in suite.user_tasks.items()}
    injections = {name: of(task) for name, task in suite.injection_tasks.items()}
    return users, {name: calls for name, calls in injections.items() if calls}


def exact(successes: int, n: int, alpha: float = 0.05) -> tuple[float, float]:
    from scipy.stats import beta

    lower = 0.0 if successes == 0 else beta.ppf(alpha / 2, successes, n - successes + 1)
    upper = 1.0 if successes == n else beta.ppf(1 - alpha / 2, successes + 1, n - successes)
    return float(lower), float(upper)


def share(successes: int, n: int) -> dict:
    lower, upper = exact(successes, n)
    return {"count": successes, "n": n, "share": successes / n, "lower": lower, "upper": upper}


def replay(suite: str) -> dict:
    users, injections = ground_truth(suite)
    with tempfile.TemporaryDirectory() as folder:
        server = Server(pathlib.Path(folder), suite)
        try:
            server.prepare()
            with concurrent.futures.ThreadPoolExecutor(8) as pool:
                alone = {name: pool.submit(server.run, name, calls) for name, calls in users.items()}
                # The goal by itself: somebody gave the agent nothing else to do.
                bare = {name: pool.submit(server.run, f"bare-{name}", calls) for name, calls in injections.items()}
                pairs = {(user, injection): pool.submit(server.run, f"{user}-{injection}", users[user] + injections[injection])
                         for user in users for injection in injections}
                alone = {name: future.result() for name, future in alone.items()}
                bare = {name: future.result() for name, future in bare.items()}
                pairs = {name: future.result()[len(users[name[0]]):] for name, future in pairs.items()}
        finally:
            server.stop()
    passed = {name: all(said == "went out" for said in calls) for name, calls in pairs.items()}
    by_injection = {name: [done for (_, injection), done in passed.items() if injection == name] for name in injections}
    touched = {name: calls for name, calls in alone.items() if any(said != "went out" for said in calls)}
    return {
        "suite": suite,
        "users_untouched": share(len(users) - len(touched), len(users)),
        "injections_executed_alone": share(sum(all(said == "went out" for said in calls) for calls in bare.values()), len(bare)),
        "pairs": {"count": sum(passed.values()), "n": len(passed), "share": sum(passed.values()) / len(passed)},
        "injections_executed_in_any_pair": share(sum(map(any, by_injection.values())), len(by_injection)),
        "touched": touched,
        "executed": {name: sum(done) for name, done in by_injection.items() if any(done)},
    }


def markdown(results: list[dict]) -> str:
    def told(part):
        return f"{part['count']} of {part['n']} ({part['share']:.1%}; {part['lower']:.1%} to {part['upper']:.1%})"

    lines = ["| suite | user tasks without a person | injected goals executed, pairs | injections executed in any pair |", "|---|---|---|---|"]
    for one in results:
        pairs = one["pairs"]
        lines.append(f"| {one['suite']} | {told(one['users_untouched'])} | {pairs['count']} of {pairs['n']} ({pairs['share']:.1%}) | "
                     f"{told(one['injections_executed_in_any_pair'])} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--suites", default=",".join(SUITES))
    parser.add_argument("--out", type=pathlib.Path)
    args = parser.parse_args()
    results = [replay(suite) for suite in args.suites.split(",")]
    if args.out:
        args.out.write_text(json.dumps(results, indent=1))
    print(markdown(results))
    for one in results:
        print(f"\n{one['suite']}: asked a person or refused: {one['touched']}\n{one['suite']}: executed: {one['executed']}")


if __name__ == "__main__":
    main()
