"""The catalog's verdicts and relations beside those of Backstage's own `@backstage/catalog-model`, document by document.

    MIZZEN_VERDICTS=target/debug/examples/verdicts python3 tests/peers/catalog-model/run.py [--cases N] [--seed N] [SAMPLES]

Over documents of every kind, over documents that differ from them in a few places, over texts that are about YAML, and over
SAMPLES, a folder of public catalogs; without it that part is skipped, and where CI=true that is a failure.
"""

import argparse
import json
import os
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1] / "clients"))

import environment  # noqa: E402
import mutations  # noqa: E402

SHOWN = 20


def ask(command: list[str], texts: list[dict]) -> list[list[dict]]:
    lines = "".join(json.dumps(text) + "\n" for text in texts)
    done = subprocess.run(command, input=lines, capture_output=True, text=True, timeout=600)
    if done.returncode:
        raise RuntimeError(done.stderr[-3000:])
    answers = [json.loads(line) for line in done.stdout.split("\n") if line]
    assert len(answers) == len(texts), (len(answers), len(texts))
    return answers


def compare(text: dict, ours: list[dict], theirs: list[dict]) -> list[str]:
    """What differs. A text that is broken somewhere has no more documents for one of the readers, so only whole ones are counted."""
    name = text["source"]
    wrong = []
    if len(ours) != len(theirs) and all(verdict.get("why") != "no YAML" for verdict in theirs):
        wrong.append(f"{name}: {len(ours)} documents, the peer has {len(theirs)}: {ours} {theirs}")
    for place, (mine, peer) in enumerate(zip(ours, theirs)):
        if mine["accepted"] != peer["accepted"]:
            wrong.append(f"{name}[{place}]: {mine} but the peer says {peer}")
        elif mine["accepted"]:
            for part in ("relations", "entity"):
                if mine[part] != peer[part]:
                    wrong.append(f"{name}[{place}]: {part} {mine[part]} but the peer has {peer[part]}")
            if not mine["printed_again"]:
                wrong.append(f"{name}[{place}]: what is printed is not read as the same again")
        elif not mine["placed"]:
            wrong.append(f"{name}[{place}]: refused without a place: {mine}")
    return wrong


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("samples", nargs="?", type=pathlib.Path)
    parser.add_argument("--cases", type=int, default=3_000)
    parser.add_argument("--seed", type=int, default=4)
    arguments = parser.parse_args()
    texts = [{"source": f"{place}.json", "text": json.dumps(document)}
             for place, document in enumerate(mutations.documents(arguments.seed, arguments.cases))]
    texts += [{"source": f"text-{place}.yaml", "text": text} for place, text in enumerate(mutations.TEXTS)]
    if arguments.samples:
        files = sorted(file for file in arguments.samples.rglob("*.yaml"))
        assert files, f"no files in {arguments.samples}"
        texts += [{"source": str(file.relative_to(arguments.samples)), "text": file.read_text()} for file in files]
    elif os.environ.get("CI") == "true":
        raise SystemExit("the public catalogs are missing, and in CI a skipped test is a failure")
    else:
        print("SKIPPED: no public catalogs were given", flush=True)
    modules = environment.node_modules(HERE / "package.json", os.environ.get("MIZZEN_CATALOG_MODEL_NODE_MODULES"))
    node = modules / ".bin/node"
    ours = ask([os.environ["MIZZEN_VERDICTS"]], texts)
    theirs = ask([str(node) if node.exists() else "node", str(HERE / "oracle.mjs"), str(modules)], texts)
    wrong = [line for text, mine, peer in zip(texts, ours, theirs) for line in compare(text, mine, peer)]
    accepted = sum(verdict["accepted"] for verdicts in theirs for verdict in verdicts)
    total = sum(len(verdicts) for verdicts in theirs)
    print(f"{total} documents, {accepted} accepted by the peer, {len(wrong)} differences", flush=True)
    for line in wrong[:SHOWN]:
        print(f"  {line[:1500]}")
    # Neither all nor none may be right, or nothing was compared.
    return 1 if wrong or not 0 < accepted < total else 0


if __name__ == "__main__":
    raise SystemExit(main())
