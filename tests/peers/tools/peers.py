"""Real clients in front of the gateway, real tool servers behind it, nobody of whom knows that it is there.

    MIZZEN_BIN=target/debug/mizzen python3 tests/peers/tools/peers.py

Clients: the Python SDK of both eras, the inspector's command line. Servers, over standard input and output: everything,
filesystem and memory from npm.
"""

import json
import os
import pathlib
import subprocess
import sys
import tempfile
import traceback

import gateway
from gateway import environment

HERE = pathlib.Path(__file__).resolve().parent
CLIENT_SECONDS = 120


def python_client(sdk: str, script: str, url: str, key: str, calls: list) -> dict:
    python = os.environ.get(f"MIZZEN_PEERS_{sdk.upper()}") or environment.python(HERE.parent / sdk / "requirements.txt")
    command = [python, str(HERE / script), url, key, json.dumps(calls)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=CLIENT_SECONDS)
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.strip().splitlines()[-1])


def inspector(url: str, key: str, *arguments: str) -> dict:
    program = gateway.node_modules() / "@modelcontextprotocol/inspector/clients/launcher/build/index.js"
    command = [gateway.node(), str(program), "--cli", url, "--transport", "http", "--header", f"authorization: Bearer {key}", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=CLIENT_SECONDS)
    assert done.returncode == 0, done.stderr[-3000:] + done.stdout[-3000:]
    return json.loads(done.stdout)


def npm_server(package: str, *arguments: str) -> dict:
    module = gateway.node_modules() / package
    entry = json.loads((module / "package.json").read_text())["bin"]
    entry = entry if isinstance(entry, str) else next(iter(entry.values()))
    return {"kind": "stdio", "command": gateway.node(), "args": [str(module / entry), *arguments]}


def set_up(mizzen: gateway.Gateway, folder: str) -> str:
    """Three servers of npm behind one address; what looks alike among them is approved by hand."""
    (pathlib.Path(folder) / "note.txt").write_text("what the file says")
    memory = npm_server("@modelcontextprotocol/server-memory")
    memory["env"] = {"MEMORY_FILE_PATH": str(pathlib.Path(folder) / "memory.json")}
    mizzen.add("files", npm_server("@modelcontextprotocol/server-filesystem", folder))
    mizzen.add("memory", memory)
    mizzen.add("everything", npm_server("@modelcontextprotocol/server-everything", "stdio"))
    for server in ("files", "memory", "everything"):
        shown = mizzen.ask("GET", f"/api/v1/tool-servers/{server}")
        about = shown["server"]
        print(f"{server}: {about['server_name']} {about['server_version']}, {about['protocol_version']}, {about['tools']} tools, "
              f"{about['withheld']} withheld", flush=True)
        assert about["state"] == "ready" and about["tools"] > 5, about
        for tool in shown["definitions"]:
            if tool["state"] == "withheld":
                print(f"  {tool['tool']}: {tool['withheld']['detail']}")
                mizzen.ask("POST", f"/api/v1/tool-servers/{server}/tools/{tool['tool']}/pin", {"digest": tool["digest"]})
    mizzen.ask("PUT", "/api/v1/tool-profiles/npm", {"names": "prefixed", "servers": [{"server": s} for s in ("files", "memory", "everything")]})
    return f"{mizzen.url}/mcp/npm"


def check_python(sdk: str, script: str, mizzen: gateway.Gateway, url: str, folder: str) -> None:
    calls = [
        ["files__read_text_file", {"path": f"{folder}/note.txt"}],
        ["memory__create_entities", {"entities": [{"name": sdk, "entityType": "client", "observations": ["it was here"]}]}],
        ["memory__search_nodes", {"query": sdk}],
        ["everything__echo", {"message": f"hello from {sdk}"}],
        ["files__read_text_file", {"path": "/etc/passwd"}],
    ]
    seen = python_client(sdk, script, url, mizzen.key, calls)
    assert {"files__read_text_file", "memory__search_nodes", "everything__echo"} <= set(seen["tools"]), seen["tools"]
    read, made, found, echo, outside = seen["results"]
    assert "what the file says" in read["text"], read
    assert not made["error"] and "it was here" in found["text"], (made, found)
    assert f"hello from {sdk}" in echo["text"], echo
    assert outside["error"], "the file server's own refusal comes through as one"
    print(f"{sdk}: {seen['version']}, {len(seen['tools'])} tools, {len(calls)} calls", flush=True)


def check_inspector(mizzen: gateway.Gateway, url: str) -> None:
    tools = inspector(url, mizzen.key, "--method", "tools/list")["tools"]
    assert any(tool["name"] == "everything__echo" for tool in tools), tools
    called = inspector(url, mizzen.key, "--method", "tools/call", "--tool-name", "everything__echo", "--tool-arg", "message=hello")
    assert "hello" in json.dumps(called["content"]), called
    print(f"inspector: {len(tools)} tools, 1 call", flush=True)


def main() -> int:
    failed = 0
    with gateway.Gateway() as mizzen, tempfile.TemporaryDirectory() as folder:
        folder = os.path.realpath(folder)
        url = set_up(mizzen, folder)
        cases = {
            "mcp1": lambda: check_python("mcp1", "client_v1.py", mizzen, url, folder),
            "mcp2": lambda: check_python("mcp2", "client_v2.py", mizzen, url, folder),
            "inspector": lambda: check_inspector(mizzen, url),
        }
        for name, case in cases.items():
            try:
                case()
            except Exception:
                failed += 1
                print(f"FAILED {name}\n{traceback.format_exc()}", flush=True)
        if failed:
            print(mizzen.log(), file=sys.stderr)
    print(f"{failed} of {len(cases)} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
