"""One suite's tools as an MCP server on standard input and output.

Every call works on the suite's own, fresh environment: what is replayed is whether a call may be made, not what it adds up to.
"""

import copy
import sys

import anyio
from agentdojo.functions_runtime import FunctionsRuntime
from agentdojo.task_suite.load_suites import get_suites
from mcp.server.lowlevel import Server
from mcp.server.stdio import stdio_server
from mcp.types import TextContent, Tool

VERSION = "v1.2.1"


def serve(suite_name: str) -> Server:
    suite = get_suites(VERSION)[suite_name]
    environment = suite.load_and_inject_default_environment({})
    runtime = FunctionsRuntime(suite.tools)
    server = Server(f"agentdojo-{suite_name}")

    @server.list_tools()
    async def list_tools() -> list[Tool]:
        return [
            Tool(name=tool.name, description=tool.description, inputSchema=tool.parameters.model_json_schema())
            for tool in suite.tools
        ]

    # Ground truth leaves out what has a default; the tool itself checks the rest.
    @server.call_tool(validate_input=False)
    async def call_tool(name: str, arguments: dict) -> list[TextContent]:
        result, error = runtime.run_function(copy.deepcopy(environment), name, arguments)
        if error is not None:
            raise ValueError(error)
        return [TextContent(type="text", text=str(result))]

    return server


async def main() -> None:
    server = serve(sys.argv[1])
    async with stdio_server() as (reader, writer):
        await server.run(reader, writer, server.create_initialization_options())


if __name__ == "__main__":
    anyio.run(main)
