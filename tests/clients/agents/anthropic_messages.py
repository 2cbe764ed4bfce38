"""The `anthropic` SDK: whole, streamed, with a tool, and counting tokens."""

import json
import os

from anthropic import Anthropic

client = Anthropic()
model = os.environ["MODEL"]
question = [{"role": "user", "content": "Tell me about harbours."}]
counted = client.messages.count_tokens(model=model, messages=question)
assert counted.input_tokens > 0

whole = client.messages.create(model=model, max_tokens=24, messages=question)
assert whole.content[0].text and whole.usage.output_tokens > 0, whole

with client.messages.stream(model=model, max_tokens=24, messages=question) as stream:
    text = "".join(stream.text_stream)
    streamed = stream.get_final_message()
assert text and streamed.usage.output_tokens > 0, streamed


def total_input(usage) -> int:
    return usage.input_tokens + (usage.cache_read_input_tokens or 0) + (usage.cache_creation_input_tokens or 0)


usages = [whole.usage, streamed.usage]
if os.environ.get("WITH_TOOLS"):
    tool = {"name": "get_weather", "description": "The weather.", "input_schema": {
        "type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}}
    messages = [{"role": "user", "content": "What is the weather in Bergen?"}]
    asked = client.messages.create(model=model, max_tokens=100, messages=messages, tools=[tool])
    call = next(block for block in asked.content if block.type == "tool_use")
    assert call.input == {"city": "Bergen"}, call
    messages += [
        {"role": "assistant", "content": [block.model_dump(exclude_none=True) for block in asked.content]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": call.id, "content": "rain, 8 degrees"}]},
    ]
    answer = client.messages.create(model=model, max_tokens=100, messages=messages, tools=[tool])
    assert "rain, 8 degrees" in answer.content[0].text, answer
    usages += [asked.usage, answer.usage]
print(json.dumps({"input_tokens": sum(map(total_input, usages)), "output_tokens": sum(u.output_tokens for u in usages)}))
