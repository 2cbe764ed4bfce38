#!/usr/bin/env python3
"""A tool server: MCP over Streamable HTTP with the standard library. Add tools to TOOLS."""

import datetime
import http.server
import json
import sys

PROTOCOLS = ["2025-06-18", "2025-03-26"]
BODY_BYTES_MAX = 1 << 20


def now(arguments):
    """The time in UTC."""
    return datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds")


# Name -> description, schema of the arguments, whether it only reads, function.
TOOLS = {"now": (now.__doc__, {"type": "object", "properties": {}, "additionalProperties": False}, True, now)}


def described(name):
    description, schema, reads, _ = TOOLS[name]
    hints = {"readOnlyHint": reads, "openWorldHint": False}
    return {"name": name, "description": description, "inputSchema": schema, "annotations": hints}


def answer(method, params):
    if method == "initialize":
        asked = params.get("protocolVersion")
        return {
            "protocolVersion": asked if asked in PROTOCOLS else PROTOCOLS[0],
            "capabilities": {"tools": {}},
            "serverInfo": {"name": "tools", "version": "1.0.0"},
        }
    if method == "ping":
        return {}
    if method == "tools/list":
        return {"tools": [described(name) for name in TOOLS]}
    if method == "tools/call":
        if params.get("name") not in TOOLS:
            raise KeyError(f"there is no tool `{params.get('name')}`")
        try:
            text, failed = TOOLS[params["name"]][3](params.get("arguments") or {}), False
        except Exception as error:  # What a tool does wrong is told to the model.
            text, failed = str(error), True
        return {"content": [{"type": "text", "text": text}], "isError": failed}
    raise KeyError(f"there is no method `{method}`")


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        length = int(self.headers.get("content-length", 0))
        if self.path != "/mcp" or not 0 < length <= BODY_BYTES_MAX:
            return self.reply(404 if self.path != "/mcp" else 413, None)
        try:
            message = json.loads(self.rfile.read(length))
        except ValueError:
            return self.reply(400, None)
        if "id" not in message:
            return self.reply(202, None)
        try:
            result = {"result": answer(message.get("method"), message.get("params") or {})}
        except KeyError as error:
            result = {"error": {"code": -32602, "message": error.args[0]}}
        return self.reply(200, {"jsonrpc": "2.0", "id": message["id"], **result})

    def do_GET(self):
        self.reply(405, None)

    def reply(self, status, body):
        content = b"" if body is None else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_):
        pass


if __name__ == "__main__":
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 8800
    http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler).serve_forever()
