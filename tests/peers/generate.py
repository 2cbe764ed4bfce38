"""Generated cases: an eval set, and a trace for each of its turns, from a seed."""

import dataclasses
import json
import pathlib
import random

WORDS = """the release releases released running runs ran ties dying lying skies news flies dies died spied agreed feed
relational conditional rational valenci hesitanci digitizer conformabli radicalli differentli vileli analogousli
vietnamization predication operator feudalism decisiveness hopefulness callousness formaliti sensitiviti sensibiliti
triplicate formative formalize electriciti electrical hopeful goodness revival allowance inference airliner gyroscopic
adjustable defensible irritant replacement adjustment dependent adoption homologou communism activate angulariti
homologous effective bowdlerize probate rate cease controll roll hopping hoping falling hissing fizzed failing filing
happy sky enjoy enjoyment spy fly try syzygy yyyy yes geology theologi archaeologi usefulli carefully really alli
kagent kagent-crds 0.7.14 2026-11-25 1,234.5 99% $5 v1 x 42 007 user_id node.js C++ don't it's e.g. U.S.A. http://a.b/c?d=e
Müller naïve façade ÀÉÎ straße İstanbul Ωμέγα ΣΊΣΥΦΟΣ Москва עברית العربية हिन्दी 日本語 中文字符 カタカナ ひらがな 한국어 ภาษาไทย
ກຂຄ ភាសាខ្មែរ မြန်မာ ﬁne ① ½ Ⅷ ｆｕｌｌ ２３ é e\u0301 a\u0300b 👍 🅰 👩‍💻 — … “quoted” zero\u200bwidth non\u00a0breaking ٣٤ ß x² ⓐ _under_
""".split()
TOOLS = ["search", "list_releases", "get_pod", "delete", "send_mail"]
STRINGS = ["", "default", "Default", "ünïcode", "a b", "1", "日本", "null", "{}", "[1, 2]"]


@dataclasses.dataclass
class Turn:
    user: str
    expected: str
    said: str | None
    expected_calls: list[dict]
    calls: list[dict]


def text(rng: random.Random, longest: int = 25) -> str:
    words = [rng.choice(WORDS) for _ in range(rng.randrange(longest))]
    words = [w.upper() if rng.random() < 0.05 else w.capitalize() if rng.random() < 0.1 else w for w in words]
    return "".join(w + rng.choice([" ", " ", " ", ", ", ". ", "\n", "-", " — ", "\t"]) for w in words).strip()


def changed(rng: random.Random, original: str) -> str:
    """A text that shares words with another."""
    words = original.split(" ")
    for _ in range(rng.randrange(1, 6)):
        at = rng.randrange(len(words) + 1)
        action = rng.random()
        if action < 0.4:
            words.insert(at, rng.choice(WORDS))
        elif action < 0.7 and at < len(words):
            del words[at]
        else:
            rng.shuffle(words)
    return " ".join(words)


def value(rng: random.Random, depth: int = 0):
    kinds = ["text", "integer", "float", "boolean", "null", "large"] + (["list", "object"] if depth < 2 else [])
    match rng.choice(kinds):
        case "text":
            return rng.choice(STRINGS)
        case "integer":
            return rng.choice([0, 1, 2, -3, 10**12])
        case "float":
            return rng.choice([0.0, 1.0, 2.5, -3.0, 1e12, 0.1])
        case "large":
            return rng.choice([2**53, 2**53 + 1, float(2**53), 2**63 - 1])
        case "boolean":
            return rng.random() < 0.5
        case "list":
            return [value(rng, depth + 1) for _ in range(rng.randrange(3))]
        case "object":
            return {rng.choice("abc"): value(rng, depth + 1) for _ in range(rng.randrange(3))}
    return None


def call(rng: random.Random) -> dict:
    return {"name": rng.choice(TOOLS), "args": {rng.choice("abc"): value(rng) for _ in range(rng.randrange(3))}}


def calls_like(rng: random.Random, expected: list[dict]) -> list[dict]:
    calls = json.loads(json.dumps(expected))
    for _ in range(rng.choice([0, 0, 0, 1, 2])):
        at = rng.randrange(len(calls) + 1)
        action = rng.random()
        if action < 0.4:
            calls.insert(at, call(rng))
        elif action < 0.6 and at < len(calls):
            del calls[at]
        elif action < 0.8:
            rng.shuffle(calls)
        elif at < len(calls):
            calls[at]["args"] = call(rng)["args"]
    return calls


def turn(rng: random.Random, user: str) -> Turn:
    expected = text(rng)
    said = rng.choice([expected, changed(rng, expected), changed(rng, expected), text(rng)])
    expected_calls = [call(rng) for _ in range(rng.choice([0, 1, 1, 2, 3, 4]))]
    return Turn(user, expected, said if rng.random() < 0.95 else None, expected_calls, calls_like(rng, expected_calls))


def parts(role: str, content: str | None, calls: list[dict] = (), ids: bool = True) -> dict:
    listed = [] if content is None else [{"type": "text", "content": content}]
    for at, made in enumerate(calls):
        listed.append({"type": "tool_call", "id": f"call_{at}" if ids else None, "name": made["name"],
                       "arguments": made["args"]})
    return {"role": role, "parts": listed}


class Trace:
    """One trace as OTLP JSON."""

    def __init__(self, rng: random.Random, at: int):
        self.rng, self.now, self.spans = rng, 1_760_000_000_000_000_000 + at * 10**10, []
        self.trace_id = f"{rng.getrandbits(128) | 1:032x}"

    def span(self, name: str, parent: str | None, attributes: dict, start: int, end: int) -> str:
        span_id = f"{self.rng.getrandbits(64) | 1:016x}"
        self.spans.append({
            "traceId": self.trace_id, "spanId": span_id, "name": name, **({"parentSpanId": parent} if parent else {}),
            "kind": 1, "startTimeUnixNano": str(self.now + start), "endTimeUnixNano": str(self.now + end),
            "attributes": [{"key": k, "value": {"stringValue": v}} for k, v in attributes.items()], "status": {"code": 1},
        })
        return span_id

    def document(self) -> dict:
        resource = {"attributes": [{"key": "service.name", "value": {"stringValue": "generated"}}]}
        return {"resourceSpans": [{"resource": resource, "scopeSpans": [{"scope": {"name": "g"}, "spans": self.spans}]}]}


def trace(rng: random.Random, at: int, told: Turn, case: str | None, conversation: str | None) -> dict:
    """An agent that calls a model, tools, and the model again; how much of it is in spans differs."""
    made = Trace(rng, at)
    common = {"gen_ai.conversation.id": conversation} if conversation else {}
    named = {"agentevals.eval.case.id": case} if case else {}
    has_agent, has_tool_spans, ids = rng.random() < 0.7, rng.random() < 0.7, rng.random() < 0.7
    top = {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "a"} if has_agent else {}
    root = made.span("invoke_agent a" if has_agent else "POST /", None, top | common | named, 0, 9_000_000_000)
    question = [parts("user", told.user)]
    start = 1_000_000_000
    if told.calls:
        asks = parts("assistant", None, told.calls, ids)
        chat(made, root, question, [asks], common, start)
        if has_tool_spans:
            for number, tool in enumerate(told.calls):
                begun = start + 600_000_000 + number * 1_000_000
                made.span(f"execute_tool {tool['name']}", root, common | {
                    "gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": tool["name"],
                    "gen_ai.tool.call.id": f"call_{number}" if ids else f"other_{number}",
                    "gen_ai.tool.call.arguments": json.dumps(tool["args"]), "gen_ai.tool.call.result": "ok",
                }, begun, begun + 500_000)
        results = [{"role": "tool", "parts": [
            {"type": "tool_call_response", "id": f"call_{n}" if ids else None, "response": "ok"}
            for n in range(len(told.calls))]}]
        question = question + [asks] + results
        start += 2_000_000_000
    chat(made, root, question, [parts("assistant", told.said)] if told.said is not None else [], common, start)
    return made.document()


def chat(made: Trace, parent: str, asked: list, answered: list, common: dict, start: int) -> None:
    attributes = common | {"gen_ai.operation.name": "chat", "gen_ai.request.model": "m",
                           "gen_ai.input.messages": json.dumps(asked)}
    if answered:
        attributes["gen_ai.output.messages"] = json.dumps(answered)
    made.span("chat m", parent, attributes, start, start + 500_000_000)


def content(role: str, said: str) -> dict:
    return {"role": role, "parts": [{"text": said}]}


def write(folder: pathlib.Path, seed: int, cases: int, turns_max: int) -> tuple[pathlib.Path, list[pathlib.Path]]:
    """The set and the trace files."""
    rng = random.Random(seed)
    listed, files = [], []
    for number in range(cases):
        case = f"case_{number}"
        turns = [turn(rng, f"question {number} {at} {text(rng, 5)}") for at in range(rng.randint(1, turns_max))]
        listed.append({"eval_id": case, "conversation": [{
            "invocation_id": f"{case}_{at}", "user_content": content("user", t.user),
            "final_response": content("model", t.expected),
            "intermediate_data": {"tool_uses": [{"name": c["name"], "args": c["args"], "id": f"x{n}"}
                                                for n, c in enumerate(t.expected_calls)]},
        } for at, t in enumerate(turns)]})
        for at, told in enumerate(turns):
            file = folder / f"{case}_{at}.json"
            named = case if rng.random() < 0.5 and at == 0 else None
            conversation = f"conversation-{seed}-{number}" if turns_max > 1 else None
            file.write_text(json.dumps(trace(rng, number * 10 + at, told, named, conversation)))
            files.append(file)
    eval_set = folder / "set.json"
    eval_set.write_text(json.dumps({"eval_set_id": f"generated_{seed}", "eval_cases": listed}))
    return eval_set, files
