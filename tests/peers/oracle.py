"""What the peers say; runs in their environment.

    oracle.py scores REQUEST.json     the scores of an eval set and trace files, as a list
    oracle.py golden SEED             texts, stems and trajectories with their scores; `golden 7` made
                                      crates/eval/tests/data/peers.json, which the Rust tests check
"""

import asyncio
import json
import logging
import random
import sys

import generate

OURS = {"tool_trajectory_avg_score": "tool_trajectory", "response_match_score": "response_match"}


def scores(request: dict) -> list[dict]:
    from agentevals.config import BuiltinMetricDef, EvalRunConfig
    from agentevals.runner import run_evaluation

    logging.disable(logging.CRITICAL)
    evaluators = [BuiltinMetricDef(**metric) for metric in request["metrics"]]
    config = EvalRunConfig(trace_files=request["files"], eval_set_file=request["set"], evaluators=evaluators)
    result = asyncio.run(run_evaluation(config))
    if result.errors:
        raise RuntimeError(result.errors)
    return [
        {"case": trace.eval_case_id, "run_id": trace.trace_id, "evaluator": OURS[metric.metric_name],
         "score": metric.score, "status": metric.eval_status, "error": metric.error}
        for trace in result.trace_results for metric in trace.metric_results
    ]


def golden(seed: int) -> dict:
    from google.adk.evaluation.eval_case import IntermediateData, Invocation
    from google.adk.evaluation.eval_metrics import EvalMetric, ToolTrajectoryCriterion
    from google.adk.evaluation.final_response_match_v1 import _calculate_rouge_1_scores
    from google.adk.evaluation.trajectory_evaluator import TrajectoryEvaluator
    from google.genai import types
    from nltk.stem import porter

    rng = random.Random(seed)
    stemmer = porter.PorterStemmer()
    words = {w.lower() for w in generate.WORDS if w.isascii() and w.isalnum() and len(w) > 3}
    letters = "aeiouybcdlmnrstz"
    suffixes = "s ies ied eed ed ing y alli ational izer bli logi fulli icate ative ful ness ance ement ion ize e ll".split()
    words |= {"".join(rng.choices(letters, k=rng.randint(2, 6))) + rng.choice(suffixes) for _ in range(1500)}
    texts = []
    for _ in range(400):
        reference = generate.text(rng)
        candidate = rng.choice([reference, generate.changed(rng, reference), generate.text(rng)])
        score = _calculate_rouge_1_scores(candidate, reference)
        texts.append({"reference": reference, "candidate": candidate, "precision": score.precision,
                      "recall": score.recall, "f_measure": score.fmeasure})

    def invocation(calls: list[dict]) -> Invocation:
        uses = [types.FunctionCall(name=c["name"], args=c["args"]) for c in calls]
        return Invocation(user_content=types.Content(parts=[]), intermediate_data=IntermediateData(tool_uses=uses))

    trajectories = []
    for _ in range(400):
        expected = [generate.call(rng) for _ in range(rng.choice([0, 1, 2, 3, 4]))]
        actual = generate.calls_like(rng, expected)
        found = {}
        for mode in ["exact", "in_order", "any_order"]:
            for ignore in [False, True]:
                criterion = ToolTrajectoryCriterion(threshold=0.5, ignore_args=ignore,
                                                    match_type=ToolTrajectoryCriterion.MatchType[mode.upper()])
                metric = EvalMetric(metric_name="tool_trajectory_avg_score", threshold=0.5, criterion=criterion)
                result = TrajectoryEvaluator(eval_metric=metric).evaluate_invocations(
                    [invocation(actual)], [invocation(expected)])
                found[f"{mode}{'_ignore' if ignore else ''}"] = result.overall_score
        trajectories.append({"expected": expected, "actual": actual, "scores": found})
    return {"made_by": "tests/peers/oracle.py golden", "seed": seed,
            "stems": {w: stemmer.stem(w) for w in sorted(words)}, "texts": texts, "trajectories": trajectories}


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["scores", request]:
            with open(request, encoding="utf-8") as file:
                print(json.dumps(scores(json.load(file))))
        case ["golden", seed]:
            made = golden(int(seed))
            # One entry a line, so that a difference can be read.
            rows = {k: "[\n" + ",\n".join(map(json.dumps, v)) + "\n]" if isinstance(v, list) else json.dumps(v) for k, v in made.items()}
            print("{\n" + ",\n".join(f"{json.dumps(k)}: {row}" for k, row in rows.items()) + "\n}")
        case _:
            sys.exit(__doc__)
