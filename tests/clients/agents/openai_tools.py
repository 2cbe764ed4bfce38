"""The `openai` SDK in a tool loop, uninstrumented: all that is known of it is what the gateway saw."""

import json
import os

from openai import OpenAI

client = OpenAI()
TOOL = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather in a city.",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}
messages = [{"role": "user", "content": "What is the weather in Bergen?"}]
for streamed in (False, True):
    if streamed:
        with client.chat.completions.stream(model=os.environ["MODEL"], messages=messages, tools=[TOOL]) as stream:
            for _ in stream:
                pass
            message = stream.get_final_completion().choices[0].message
    else:
        message = client.chat.completions.create(model=os.environ["MODEL"], messages=messages, tools=[TOOL]).choices[0].message
    if not message.tool_calls:
        break
    messages.append(message.model_dump(exclude_none=True))
    for call in message.tool_calls:
        assert json.loads(call.function.arguments) == {"city": "Bergen"}
        messages.append({"role": "tool", "tool_call_id": call.id, "content": "rain, 8 degrees"})
assert "rain, 8 degrees" in message.content, message
print(json.dumps({"answer": message.content}))
