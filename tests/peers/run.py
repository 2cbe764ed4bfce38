"""Scores beside those of agentevals: over generated cases, and over the public samples when they are there.

    MIZZEN_BIN=target/debug/mizzen python3 tests/peers/run.py [--cases N] [--seed N] [SAMPLES]

SAMPLES is the folder of agentevals' samples; without it that part is skipped, and where CI=true that is a failure.
Scores must agree to 1e-9, and so must verdicts and, for the samples, exit codes. Needs nothing but Python 3.11.
"""

import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "clients"))

import environment  # noqa: E402
import generate  # noqa: E402

VERDICTS = {"PASSED": "pass", "FAILED": "fail", "NOT_EVALUATED": None}
MODES = ["EXACT", "IN_ORDER", "ANY_ORDER"]
TOLERANCE = 1e-9
SAMPLES = [("helm.json", "eval_set_helm.json"), ("helm_2.json", "eval_set_helm.json"), ("k8s.json", "eval_set_helm.json"),
           ("k8s.json", "evalset_k8s_2026-02-20.json"), ("helm.json", "evalset_k8s_2026-02-20.json")]


def ours(eval_set, files, evaluators) -> tuple[list[dict], int]:
    command = [os.environ["MIZZEN_BIN"], "eval", "run", "--set", eval_set, "--runs", *files, "-o", "json"]
    for evaluator in evaluators:
        command += ["-e", evaluator]
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True)
    if done.returncode not in (0, 1, 2):
        raise RuntimeError(f"mizzen ended with {done.returncode}: {done.stderr}")
    return json.loads(done.stdout), done.returncode


def theirs(python: str, eval_set, files, metrics) -> list[dict]:
    with tempfile.NamedTemporaryFile("w", suffix=".json") as request:
        json.dump({"set": str(eval_set), "files": [str(f) for f in files], "metrics": metrics}, request)
        request.flush()
        done = subprocess.run([python, "-W", "ignore", HERE / "oracle.py", "scores", request.name], capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(done.stderr)
    return json.loads(done.stdout.strip().splitlines()[-1])


def compare(where: str, own: list[dict], peer: list[dict]) -> list[str]:
    """What differs, by case and evaluator."""
    def key(s):
        return s["run_id"], s["evaluator"]

    by_key = {key(s): s for s in own}
    wrong = [] if len(own) == len(peer) == len(by_key) else [f"{where}: {len(own)} scores, the peer has {len(peer)}"]
    for score in peer:
        mine = by_key.get(key(score))
        if mine is None:
            wrong.append(f"{where}: no score for {key(score)}")
            continue
        same = mine["score"] == score["score"] or (
            None not in (mine["score"], score["score"]) and abs(mine["score"] - score["score"]) <= TOLERANCE)
        if not same or mine["verdict"] != VERDICTS[score["status"]] or (score["case"] and mine["case"] != score["case"]):
            wrong.append(f"{where}: {mine} but the peer says {score}")
    return wrong


def generated(python: str, seed: int, cases: int, turns: int) -> tuple[int, list[str]]:
    with tempfile.TemporaryDirectory() as folder:
        eval_set, files = generate.write(pathlib.Path(folder), seed, cases, turns)
        compared, wrong = 0, []
        for mode in MODES:
            metrics = [{"name": "tool_trajectory_avg_score", "trajectory_match_type": mode}]
            evaluators = [f"tool_trajectory:mode={mode.lower()}"]
            if mode == "EXACT":
                metrics.append({"name": "response_match_score"})
                evaluators.append("response_match")
            peer = theirs(python, eval_set, files, metrics)
            own, _ = ours(eval_set, files, evaluators)
            compared += len(peer)
            wrong += compare(f"seed {seed}, up to {turns} turns, {mode}", own, peer)
        return compared, wrong


def samples(python: str, folder: pathlib.Path) -> tuple[int, list[str]]:
    compared, wrong = 0, []
    for trace, eval_set in SAMPLES:
        where = f"{trace} with {eval_set}"
        metrics = [{"name": "tool_trajectory_avg_score"}, {"name": "response_match_score"}]
        peer = theirs(python, folder / eval_set, [folder / trace], metrics)
        own, code = ours(folder / eval_set, [folder / trace], ["tool_trajectory", "response_match"])
        compared += len(peer)
        wrong += compare(where, own, peer)
        program = pathlib.Path(python).parent / "agentevals"
        their_code = subprocess.run([program, "run", folder / trace, "-e", folder / eval_set, "-m", "tool_trajectory_avg_score", "-m",
                                     "response_match_score"], capture_output=True).returncode
        if code != their_code:
            wrong.append(f"{where}: exit code {code}, the peer's is {their_code}")
    return compared, wrong


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--cases", type=int, default=300)
    parser.add_argument("--seed", type=int, default=20261125)
    parser.add_argument("samples", nargs="?", type=pathlib.Path)
    args = parser.parse_args()
    python = os.environ.get("MIZZEN_PEERS_PYTHON") or environment.python(HERE / "requirements.txt")
    compared, wrong = generated(python, args.seed, args.cases, 1)
    more, also = generated(python, args.seed + 1, args.cases // 3, 3)
    compared, wrong = compared + more, wrong + also
    if args.samples:
        more, also = samples(python, args.samples)
        compared, wrong = compared + more, wrong + also
    else:
        print("agentevals' samples are not there: SKIPPED", flush=True)
        if os.environ.get("CI") == "true":
            return 1
    for line in wrong[:20]:
        print(line)
    print(f"{compared} scores compared with agentevals, {len(wrong)} differ")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
