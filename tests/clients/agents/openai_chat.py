"""The `openai` SDK: one whole and one streamed chat completion. Prints what the provider said it used."""

import json
import os

from openai import OpenAI

client = OpenAI()
model = os.environ["MODEL"]
messages = [
    {"role": "system", "content": "You continue the text."},
    {"role": "user", "content": "The three largest cities of Norway are Oslo,"},
]

whole = client.chat.completions.create(model=model, messages=messages, max_tokens=24, temperature=0)
assert whole.choices[0].message.content, whole

text = ""
stream = client.chat.completions.create(model=model, messages=messages, max_tokens=24, temperature=0, stream=True)
for chunk in stream:
    # The client did not ask for usage, so no chunk may carry it, and none may come without a choice.
    assert chunk.choices, chunk
    assert getattr(chunk, "usage", None) is None, chunk
    text += chunk.choices[0].delta.content or ""
assert text, "the stream said nothing"

with_usage = client.chat.completions.create(
    model=model, messages=messages, max_tokens=24, temperature=0, stream=True, stream_options={"include_usage": True}
)
usage = [chunk.usage for chunk in with_usage if chunk.usage]
assert len(usage) == 1, usage
print(json.dumps({"input_tokens": whole.usage.prompt_tokens, "output_tokens": whole.usage.completion_tokens,
                  "stream_input_tokens": usage[0].prompt_tokens, "stream_output_tokens": usage[0].completion_tokens}))
