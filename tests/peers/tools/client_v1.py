"""A client on the Python SDK of the older era: what it sees at an address, as one line of JSON."""

import asyncio
import json
import sys

from mcp import ClientSession
from mcp.client.streamable_http import streamablehttp_client


async def main(url: str, key: str, calls: list) -> None:
    async with streamablehttp_client(url, headers={"authorization": f"Bearer {key}"}) as (read, write, _):
        async with ClientSession(read, write) as session:
            about = await session.initialize()
            tools = await session.list_tools()
            results = []
            for name, arguments in calls:
                result = await session.call_tool(name, arguments)
                results.append({"error": result.isError, "text": "".join(c.text for c in result.content if c.type == "text")})
            print(json.dumps({"version": about.protocolVersion, "tools": [t.name for t in tools.tools], "results": results}))


asyncio.run(main(sys.argv[1], sys.argv[2], json.loads(sys.argv[3])))
