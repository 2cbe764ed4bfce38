"""The MCP conformance suite, directly and through the gateway: no scenario may be lost on the way.

    MIZZEN_BIN=target/debug/mizzen python3 tests/peers/tools/conformance.py

Both requirement sets, against the fixture itself, through a profile with one server, and through one with two. Across
eras, where a suite of one era meets a server of the other, what both eras can express must pass.
"""

import json
import pathlib
import re
import subprocess
import sys
import tempfile

import gateway

# With how many scenarios each suite has.
REQUIREMENTS = {"2025-11-25": 33, "2026-07-28": 50}
SUITE_SECONDS = 600
# Across eras: what a server of the other era cannot express, by requirement set, with the reason.
NOT_EXPRESSIBLE = json.loads((pathlib.Path(__file__).parent / "not-expressible.json").read_text())


def scenarios(url: str, requirements: str) -> dict[str, dict]:
    """Scenarios with how many checks passed and what failed."""
    suite = gateway.node_modules() / "@modelcontextprotocol/conformance/dist/index.js"
    with tempfile.TemporaryDirectory() as folder:
        command = [gateway.node(), str(suite), "server", "--url", url, "--requirements", requirements, "-o", folder]
        done = subprocess.run(command, capture_output=True, text=True, timeout=SUITE_SECONDS)
        found = {}
        for file in pathlib.Path(folder).rglob("checks.json"):
            checks = json.loads(file.read_text())
            name = re.sub(r"-20\d\d-\d\d-\d\dT.*$", "", file.parent.name.removeprefix("server-"))
            failed = [f"{c['id']}: {c.get('errorMessage', '')[:300]}" for c in checks if c["status"] == "FAILURE"]
            passed = sum(c["status"] == "SUCCESS" for c in checks)
            found[name] = {"passed": passed, "failed": failed}
    if not found:
        raise RuntimeError(f"the suite gave no results: {done.stdout[-2000:]}{done.stderr[-2000:]}")
    return found


def told(where: str, requirements: str, found: dict[str, dict]) -> str:
    passed = sum(s["passed"] for s in found.values())
    failed = sum(len(s["failed"]) for s in found.values())
    clean = sum(not s["failed"] for s in found.values())
    return f"{where}, {requirements}: {passed} checks passed, {failed} failed; {clean} of {len(found)} scenarios"


def lost(direct: dict[str, dict], through: dict[str, dict]) -> list[str]:
    """Scenarios that are clean directly and not on the way, with the first reason. Fewer checks are only told: what the
    suite recommends and does not require may differ. No check that passes is a scenario that was skipped."""
    wrong = []
    for name, before in sorted(direct.items()):
        after = through.get(name, {"passed": 0, "failed": ["it was not run"]})
        if not before["failed"] and after["failed"]:
            wrong.append(f"{name}: {after['failed'][0]}")
        elif before["passed"] and not after["passed"]:
            wrong.append(f"{name}: no check passed")
        elif after["passed"] < before["passed"] and not after["failed"]:
            print(f"  {name}: {after['passed']} checks passed, directly {before['passed']}")
    return wrong


def main() -> int:
    wrong = []
    with gateway.Gateway() as mizzen:
        fixture = mizzen.fixture("first")
        mizzen.add_http("first", fixture)
        mizzen.add_http("second", mizzen.fixture("second", "--prefix", "other-"))
        ways = {"one server": mizzen.profile("one", "first"), "two servers": mizzen.profile("two", "first", "second")}
        across = {}
        for era in ("stateful", "stateless"):
            mizzen.add_http(era, mizzen.fixture(era, "--eras", era))
            for tool in mizzen.ask("GET", f"/api/v1/tool-servers/{era}")["definitions"]:
                # They look like the first one, as they are meant to.
                mizzen.ask("POST", f"/api/v1/tool-servers/{era}/tools/{tool['tool']}/pin", {"digest": tool["digest"]})
            across[era] = mizzen.profile(era, era)
        for requirements, count in REQUIREMENTS.items():
            direct = scenarios(fixture, requirements)
            print(told("directly", requirements, direct), flush=True)
            if len(direct) < count:
                wrong.append(f"directly, {requirements}: {len(direct)} of {count} scenarios were run")
            wrong += [f"directly, {requirements}, {name}: {s['failed'][0]}" for name, s in direct.items() if s["failed"]]
            for where, url in ways.items():
                through = scenarios(url, requirements)
                print(told(where, requirements, through), flush=True)
                wrong += [f"{where}, {requirements}, {name}" for name in lost(direct, through)]
            other = "stateless" if requirements == "2025-11-25" else "stateful"
            through = scenarios(across[other], requirements)
            print(told(f"a {other} server", requirements, through), flush=True)
            known = NOT_EXPRESSIBLE[requirements]
            missing = lost(direct, through)
            wrong += [f"a {other} server, {requirements}, {name}" for name in missing if name.split(":")[0] not in known]
            expressible = sorted(set(known) - {name.split(":")[0] for name in missing})
            wrong += [f"a {other} server, {requirements}, {name}: passes, and is listed as not expressible" for name in expressible]
        if wrong:
            print(mizzen.log(), file=sys.stderr)
    for line in wrong:
        print(f"LOST {line}")
    print(f"{len(wrong)} scenarios lost")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
