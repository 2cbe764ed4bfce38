"""Real clients as ordinary agents under `mizzen run`, and what Mizzen then knows about their runs.

    MIZZEN_BIN=target/debug/mizzen python3 tests/clients/run.py [NAME…]

Names choose cases by their beginning. With MIZZEN_REAL_MODEL (a program that serves a language model and prints
`ready URL`) cases that end in `-real` talk to it; without it they are counted as skipped, and where CI=true that is a
failure. Everything else talks to the simulated model. Needs nothing but Python 3.11; `uv` is installed when missing.
"""

import dataclasses
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Callable

import environment
from servers import HERE, Fixture

# Spans of a run may come up to an exporter's interval after the process has ended.
SETTLE_SECONDS = 20
AGENT_SECONDS = 240


@dataclasses.dataclass
class Run:
    """One run as `mizzen runs show -o json` tells it, and what its agent printed."""

    whole: dict
    printed: dict

    @property
    def summary(self) -> dict:
        return self.whole["summary"]

    @property
    def usage(self) -> dict:
        return self.summary["usage"]

    def steps(self, kind: str, counted: bool = True) -> list[dict]:
        """Steps of a kind that count; or their twins, the same calls told by somebody else."""
        return [s for s in self.whole["steps"] if s["kind"] == kind and (s.get("counted_as") is None) == counted]

    def story(self) -> str:
        return json.dumps(self.whole["story"], ensure_ascii=False)


@dataclasses.dataclass
class Case:
    name: str
    agent: str
    check: Callable[[Run], None]
    env: dict[str, str] = dataclasses.field(default_factory=dict)
    exit_code: int = 0


def equal(got, expected, what: str) -> None:
    assert got == expected, f"{what}: expected {expected!r}, got {got!r}"


def gateway_saw(run: Run, calls: int) -> None:
    """The gateway's record: so many calls, none failed, an unknown price is no price."""
    models = run.steps("model_call")
    equal(len(models), calls, "model calls")
    equal({step["source"] for step in models}, {"gateway"}, "sources")
    equal(run.summary["model_calls"], calls, "model calls of the summary")
    equal(run.summary["errors"], 0, "errors")
    equal((run.summary["cost_usd"], run.summary["unpriced_calls"]), (None, calls), "cost and unpriced calls")
    assert all(step["usage"]["input_tokens"] > 0 and step["usage"]["output_tokens"] > 0 for step in models), models


def tokens_agree(run: Run) -> None:
    """What the SDK was told it used is what was recorded."""
    for name in ("input_tokens", "output_tokens"):
        equal(run.usage[name], run.printed[name], name)


def check_chat(run: Run) -> None:
    gateway_saw(run, 3)
    # The second call did not ask for usage: the gateway did, and kept it from the client.
    for name in ("input_tokens", "output_tokens"):
        equal(run.usage[name], run.printed[name] + 2 * run.printed[f"stream_{name}"], name)
    assert "largest cities of Norway" in run.story()


def check_openai_tools(run: Run) -> None:
    gateway_saw(run, 2)
    story = run.story()
    for part in ("get_weather", "Bergen", run.printed["answer"]):
        assert part in story, f"`{part}` is not in the story: {story}"


def check_sums(calls: int) -> Callable[[Run], None]:
    def check(run: Run) -> None:
        gateway_saw(run, calls)
        tokens_agree(run)

    return check


def check_by_hand(run: Run) -> None:
    equal([step["agent"] for step in run.steps("agent_call") if step["source"] == "sdk" and step["agent"] == "librarian"],
          ["librarian"], "agent steps")
    (model,) = run.steps("model_call")
    equal((model["model"], model["usage"]["input_tokens"], model["usage"]["output_tokens"]), ("gpt-4o", 1200, 34), "model call")
    equal(model["source"], "sdk", "source")
    (tool,) = run.steps("tool_call")
    equal((tool["tool"], tool["outcome"], tool["error_message"]), ("find_book", "error", "no such shelf"), "tool call")
    equal(run.whole["first_error"], tool["span_id"], "first error")
    assert run.summary["cost_usd"] > 0, "the price of gpt-4o is known"


def check_instrumented(calls: int, tools: int) -> Callable[[Run], None]:
    """The SDK reports the calls that the gateway saw too: each counts once, and the gateway's word stands."""

    def check(run: Run) -> None:
        gateway_saw(run, calls)
        twins = run.steps("model_call", counted=False)
        equal((len(twins), {step["source"] for step in twins}), (calls, {"sdk"}), "twins")
        equal([step["tool"] for step in run.steps("tool_call")], ["get_weather"] * tools, "tool calls")
        assert any(step["agent"] == "weather-agent" for step in run.steps("agent_call")), "the agent has no step"
        story = run.story()
        assert story.count("weather") > 0, story

    return check


def check_exit(run: Run) -> None:
    equal(run.summary["outcome"], "error", "outcome")


SIM = {"MODEL": "sim-1"}
REAL = {"MODEL": "gemma-3-270m"}
TOOLS = {"WITH_TOOLS": "1"}
CASES = [
    Case("openai-chat", "openai_chat.py", check_chat, SIM),
    Case("openai-tools", "openai_tools.py", check_openai_tools, SIM),
    Case("openai-responses", "openai_responses.py", check_sums(2), SIM),
    Case("anthropic-messages", "anthropic_messages.py", check_sums(4), SIM | TOOLS),
    Case("opentelemetry-http", "otel_sdk.py", check_by_hand, {"OTLP_TRANSPORT": "http"}),
    Case("opentelemetry-grpc", "otel_sdk.py", check_by_hand, {"OTLP_TRANSPORT": "grpc"}),
    Case("pydantic-ai-tools", "pydantic_ai_agent.py", check_instrumented(2, 1), SIM | TOOLS),
    Case("openai-agents-tools", "openai_agents_agent.py", check_instrumented(4, 2), SIM),
    Case("exit-code", "ends.py", check_exit, {"EXIT_CODE": "3"}, exit_code=3),
    Case("signal", "ends.py", check_exit, {}, exit_code=7),
    Case("openai-chat-real", "openai_chat.py", check_chat, REAL),
    Case("openai-responses-real", "openai_responses.py", check_sums(2), REAL | {"STATELESS": "1"}),
    Case("anthropic-messages-real", "anthropic_messages.py", check_sums(2), REAL),
    Case("pydantic-ai-real", "pydantic_ai_agent.py", check_instrumented(1, 0), REAL),
]


def start(fixture: Fixture, python: str, case: Case) -> tuple[str, dict]:
    """Runs the agent to its end; returns the run's id and the last JSON object that the agent printed."""
    grpc = f"http://{fixture.addresses['otlp_grpc'].removeprefix('http://')}"
    script = str(HERE / "agents" / case.agent)
    command, env = fixture.client("run", "--agent", case.name, "--", python, script, OTLP_GRPC_ENDPOINT=grpc, **case.env)
    process = subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if case.name == "signal":
        equal(process.stdout.readline(), "waiting\n", "first line")
        process.send_signal(signal.SIGTERM)
    try:
        out, err = process.communicate(timeout=AGENT_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        raise
    assert process.returncode == case.exit_code, f"exit code {process.returncode}\n{out[-2000:]}\n{err[-4000:]}"
    link = re.search(r"/runs/([\w.:-]+)", err)
    assert link, f"`mizzen run` printed no link to the run:\n{err[-4000:]}"
    objects = [json.loads(line) for line in out.splitlines() if line.startswith("{")]
    return link[1], objects[-1] if objects else {}


def examine(fixture: Fixture, python: str, case: Case) -> None:
    run_id, printed = start(fixture, python, case)
    deadline = time.monotonic() + SETTLE_SECONDS
    while True:
        try:
            return case.check(Run(fixture.json("runs", "show", run_id), printed))
        except (AssertionError, KeyError, ValueError):
            if time.monotonic() > deadline:
                raise
            time.sleep(0.5)


def main() -> int:
    wanted = sys.argv[1:]
    binary = os.environ.get("MIZZEN_BIN") or str(HERE.parent.parent / "target/debug/mizzen")
    if not pathlib.Path(binary).is_file():
        sys.exit(f"there is no binary at `{binary}`; build it, or say where it is with MIZZEN_BIN")
    python = environment.python()
    fixture = Fixture(binary)
    passed, failed, skipped = 0, 0, 0
    try:
        for case in CASES:
            if wanted and not case.name.startswith(tuple(wanted)):
                continue
            if case.name.endswith("-real") and not fixture.real_model:
                print(f"SKIPPED {case.name}: MIZZEN_REAL_MODEL is not set", flush=True)
                skipped += 1
                continue
            began = time.monotonic()
            try:
                examine(fixture, python, case)
                passed += 1
                print(f"ok      {case.name} ({time.monotonic() - began:.1f} s)", flush=True)
            except Exception:
                failed += 1
                print(f"FAILED  {case.name}\n{traceback.format_exc()}", flush=True)
        if failed:
            print(fixture.logs())
    finally:
        fixture.stop()
    if os.environ.get("CI") == "true":
        failed, skipped = failed + skipped, 0
    print(f"{passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else ""))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
