"""Backstage's own catalog client against Mizzen, which it takes for a Backstage.

    MIZZEN_BIN=target/debug/mizzen python3 tests/peers/catalog-client/run.py [SAMPLES]

SAMPLES is a folder of public `catalog-info.yaml` files; without it that part is skipped, and where CI=true that is a failure.
"""

import json
import os
import pathlib
import subprocess
import sys
import tempfile
import threading
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent.parent / "clients"))

import environment  # noqa: E402
from servers import Server  # noqa: E402

ASK_SECONDS = 60
CLIENT_SECONDS = 300
LOCATED = """apiVersion: backstage.io/v1alpha1
kind: Component
metadata: { name: located, annotations: { example.com/read: "once" } }
spec: { type: service, lifecycle: production, owner: shop }
"""


class Mizzen:
    def __init__(self, folder: pathlib.Path):
        (folder / "mizzen.toml").write_text("")
        self.data = folder / "data"
        self.log = folder / "mizzen.log"
        free = "127.0.0.1:0"
        command = [os.environ["MIZZEN_BIN"], "up", "--config", str(folder / "mizzen.toml"), "--data-dir", str(self.data),
                   "--listen", free, "--otlp-grpc-listen", free, "--otlp-http-listen", free]
        self.server = Server(command, self.log)
        self.url = self.server.url
        self.token = (self.data / "admin-token").read_text().strip()

    def apply(self, source: str, text: str) -> list[dict]:
        request = urllib.request.Request(f"{self.url}/api/v1/catalog/apply?source={source}", text.encode(), method="POST")
        request.add_header("authorization", f"Bearer {self.token}")
        try:
            with urllib.request.urlopen(request, timeout=ASK_SECONDS) as answer:
                said = json.loads(answer.read())
        except urllib.error.HTTPError as error:
            raise SystemExit(f"apply {source}: {error.code} {error.read().decode()}") from error
        return said["items"] if isinstance(said, dict) else said


class Documents(BaseHTTPRequestHandler):
    """A place that a location can name."""

    def do_GET(self):
        is_there = self.path.endswith(".yaml")
        body = LOCATED.encode() if is_there else b"nothing"
        self.send_response(200 if is_there else 404)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def corpora(samples: pathlib.Path | None) -> dict[str, str]:
    found = {"corpus.yaml": (HERE / "corpus.yaml").read_text()}
    if samples is not None:
        for file in sorted(samples.glob("*/*.yaml")):
            found[f"{file.parent.name}/{file.name}"] = file.read_text()
    return found


def client(mizzen: Mizzen, **given) -> dict:
    modules = environment.node_modules(HERE / "package.json", os.environ.get("MIZZEN_PEERS_CATALOG_MODULES"))
    # A module is looked for beside who asks for it, and the clone stays without `node_modules`.
    script = modules.parent / "client.mjs"
    script.write_text((HERE / "client.mjs").read_text())
    node = modules / ".bin/node"
    command = [str(node) if node.exists() else "node", str(script)]
    said = json.dumps({"url": f"{mizzen.url}/api/catalog", "token": mizzen.token, **given})
    done = subprocess.run(command, input=said, capture_output=True, text=True, timeout=CLIENT_SECONDS)
    assert done.returncode == 0, done.stderr[-3000:] + done.stdout[-3000:]
    return json.loads(done.stdout.strip().splitlines()[-1])


def main() -> int:
    samples = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else None
    if samples is None:
        print("SKIPPED the public catalogs: no folder of samples was given", flush=True)
        if os.environ.get("CI") == "true":
            return 1
    documents = ThreadingHTTPServer(("127.0.0.1", 0), Documents)
    threading.Thread(target=documents.serve_forever, daemon=True).start()
    with tempfile.TemporaryDirectory(prefix="mizzen-catalog-") as folder:
        mizzen = Mizzen(pathlib.Path(folder))
        try:
            applied = {}
            for source, text in corpora(samples).items():
                results = mizzen.apply(source, text)
                for result in results:
                    if result["result"] == "rejected" and source == "corpus.yaml":
                        raise SystemExit(f"{source}: {result}")
                accepted = [r["ref"] for r in results if r["result"] != "rejected"]
                applied[source] = accepted
                print(f"{source}: {len(accepted)} of {len(results)} documents", flush=True)
            said = client(mizzen, applied=applied, documents=f"http://127.0.0.1:{documents.server_port}")
        finally:
            mizzen.server.stop()
            documents.shutdown()
        for case in said["cases"]:
            print(f"{'ok' if case['error'] is None else 'FAILED'} {case['name']}" + (f"\n{case['error']}" if case["error"] else ""))
        failed = [case for case in said["cases"] if case["error"]]
        if failed:
            print(mizzen.log.read_text()[-4000:], file=sys.stderr)
    print(f"catalog-client {said['version']}: {len(failed)} of {len(said['cases'])} failed")
    return 1 if failed or not said["cases"] else 0


if __name__ == "__main__":
    sys.exit(main())
