"""Tools behind Mizzen's tool gateway, over MCP's Streamable HTTP. Standard library only."""

import fnmatch
import json
import os
import urllib.request

PROTOCOL = "2025-06-18"


class ToolServer:
    """Lists and calls the granted tools; the gateway decides on every call again."""

    def __init__(self, base_url, headers, granted):
        self.url = os.environ.get("MIZZEN_MCP_URL", base_url.removesuffix("/v1") + "/mcp")
        self.headers = {**headers, "accept": "application/json, text/event-stream"}
        self.granted = granted
        self.id = 0
        self.request(
            "initialize",
            {"protocolVersion": PROTOCOL, "capabilities": {}, "clientInfo": {"name": "agent", "version": "1"}},
        )
        self.headers["mcp-protocol-version"] = PROTOCOL
        self.send({"jsonrpc": "2.0", "method": "notifications/initialized"})

    def tools(self):
        """Name -> (description, schema) of the tools that were granted; the gateway calls `server/tool` `server__tool`."""
        listed = self.request("tools/list", {})["tools"]
        return {
            tool["name"]: (tool.get("description", ""), tool["inputSchema"])
            for tool in listed
            if any(fnmatch.fnmatch(tool["name"], one.replace("/", "__")) for one in self.granted)
        }

    def call(self, name, arguments):
        """The text that a tool returns, or why the call was refused."""
        try:
            result = self.request("tools/call", {"name": name, "arguments": arguments})
        except RuntimeError as error:
            return f"refused: {error}"
        return "\n".join(part.get("text", "") for part in result.get("content", []))

    def request(self, method, params):
        self.id += 1
        for message in self.send({"jsonrpc": "2.0", "id": self.id, "method": method, "params": params}):
            if message.get("id") == self.id:
                if "error" in message:
                    raise RuntimeError(message["error"].get("message", "no reason was given"))
                return message["result"]
        raise RuntimeError(f"no answer to {method}")

    def send(self, message):
        request = urllib.request.Request(self.url, json.dumps(message).encode(), self.headers)
        with urllib.request.urlopen(request, timeout=300) as response:
            session = response.headers.get("mcp-session-id")
            if session:
                self.headers["mcp-session-id"] = session
            text = response.read().decode()
        if response.headers.get_content_type() == "text/event-stream":
            return [json.loads(line[5:]) for line in text.splitlines() if line.startswith("data:")]
        return [json.loads(text)] if text.strip() else []
