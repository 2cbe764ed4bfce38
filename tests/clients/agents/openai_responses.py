"""The `openai` SDK's Responses API: whole and streamed; unless STATELESS, also continued, retrieved and deleted."""

import json
import os

from openai import NotFoundError, OpenAI

client = OpenAI()
model = os.environ["MODEL"]
first = client.responses.create(model=model, input="Say something about ships.", max_output_tokens=24)
assert first.output_text, first

stateless = bool(os.environ.get("STATELESS"))
before = {} if stateless else {"previous_response_id": first.id}
kinds = []
text = ""
for event in client.responses.create(model=model, input="And about lamps?", max_output_tokens=24, stream=True, **before):
    kinds.append(event.type)
    if event.type == "response.output_text.delta":
        text += event.delta
    if event.type == "response.completed":
        second = event.response
assert text, kinds
assert kinds[0] == "response.created" and kinds[-1] == "response.completed", kinds
if not stateless:
    assert second.usage.input_tokens > first.usage.input_tokens, "the first response is part of the second's input"
    assert client.responses.retrieve(second.id).id == second.id
    client.responses.delete(second.id)
    try:
        client.responses.retrieve(second.id)
        raise SystemExit("a deleted response is still there")
    except NotFoundError:
        pass
usages = [first.usage, second.usage]
print(json.dumps({"input_tokens": sum(u.input_tokens for u in usages), "output_tokens": sum(u.output_tokens for u in usages)}))
