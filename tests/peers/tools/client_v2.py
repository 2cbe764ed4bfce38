"""A client on the Python SDK of the newer era: what it sees at an address, as one line of JSON."""

import asyncio
import json
import sys

from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared._httpx_utils import create_mcp_http_client


async def main(url: str, key: str, calls: list) -> None:
    http = create_mcp_http_client(headers={"authorization": f"Bearer {key}"})
    async with Client(streamable_http_client(url, http_client=http)) as client:
        tools = await client.list_tools()
        results = []
        for name, arguments in calls:
            result = await client.call_tool(name, arguments)
            results.append({"error": bool(result.is_error), "text": "".join(c.text for c in result.content if c.type == "text")})
        print(json.dumps({"version": str(client.protocol_version), "tools": [t.name for t in tools.tools], "results": results}))


asyncio.run(main(sys.argv[1], sys.argv[2], json.loads(sys.argv[3])))
