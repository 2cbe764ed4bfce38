"""`pydantic-ai` with its own instrumentation: its spans and the gateway's tell of the same model calls."""

import os

from pydantic_ai import Agent
from pydantic_ai.models.openai import OpenAIChatModel

import telemetry

provider = telemetry.start()
Agent.instrument_all()
agent = Agent(OpenAIChatModel(os.environ["MODEL"]), name="weather-agent", instructions="Answer questions about the weather.")

if os.environ.get("WITH_TOOLS"):

    @agent.tool_plain
    def get_weather(city: str) -> str:
        """The weather in a city."""
        return f"rain in {city}, 8 degrees"

    result = agent.run_sync("What is the weather in Bergen?")
    assert "rain in Bergen, 8 degrees" in result.output, result.output
else:
    result = agent.run_sync("The weather in Bergen is", model_settings={"max_tokens": 16})
    assert result.output
provider.shutdown()
