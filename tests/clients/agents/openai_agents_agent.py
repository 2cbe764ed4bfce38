"""`openai-agents` with the OpenInference instrumentation, over the Responses API."""

import asyncio
import os

from agents import Agent, Runner, function_tool, set_trace_processors
from openinference.instrumentation.openai_agents import OpenAIAgentsInstrumentor

import telemetry

provider = telemetry.start()
set_trace_processors([])
OpenAIAgentsInstrumentor().instrument(tracer_provider=provider)


@function_tool
def get_weather(city: str) -> str:
    """The weather in a city."""
    return f"rain in {city}, 8 degrees"


async def main() -> None:
    agent = Agent(name="weather-agent", instructions="Answer questions about the weather.", tools=[get_weather],
                  model=os.environ["MODEL"])
    whole = await Runner.run(agent, "What is the weather in Bergen?")
    assert "rain in Bergen, 8 degrees" in whole.final_output, whole.final_output
    streamed = Runner.run_streamed(agent, "What is the weather in Bergen?")
    async for _ in streamed.stream_events():
        pass
    assert "rain in Bergen, 8 degrees" in streamed.final_output, streamed.final_output


asyncio.run(main())
provider.shutdown()
