"""Reads an agent card as clients of A2A do: `read_card.py BASE_URL [PATH]` prints what the SDK made of it."""

import asyncio
import json
import sys

import httpx
from a2a.client.card_resolver import A2ACardResolver
from google.protobuf.json_format import MessageToDict


async def main(base: str, *path: str) -> None:
    async with httpx.AsyncClient() as client:
        card = await A2ACardResolver(client, base, *path).get_agent_card()
    print(json.dumps(MessageToDict(card)))


asyncio.run(main(*sys.argv[1:]))
