#!/usr/bin/env python3
"""Runs every case of set.json through the agent, each as a run of its own. Start it under no other `mizzen run`."""

import json
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
SETTINGS = json.loads((HERE.parent / "settings.json").read_text(encoding="utf-8"))


def main():
    cases = json.loads((HERE / "set.json").read_text(encoding="utf-8"))["eval_cases"]
    failed = 0
    for case in cases:
        question = case["conversation"][0]["user_content"]["parts"][0]["text"]
        command = ["mizzen", "run", "--quiet", "--agent", SETTINGS["name"], "--", "python3", "agent.py", question]
        done = subprocess.run(command, cwd=HERE.parent, stdout=subprocess.DEVNULL, check=False)
        failed += done.returncode != 0
    print(f"{len(cases)} cases were run, {failed} did not end well")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
