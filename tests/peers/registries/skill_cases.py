"""SKILL.md files, right and wrong in many ways, and what the reference implementation (PyPI skills-ref) says of each.

    python3 skill_cases.py FILE [COUNT [SEED]]

writes them as JSON: [{"folder", "text", "accepted"}], COUNT of them made by chance. The same seed gives the same files.
"""

import json
import pathlib
import random
import sys
import tempfile

NAMES = [
    "pdf-tools", "a", "x1", "PDF", "pdf--tools", "-pdf", "pdf-", "pdf_tools", "pdf tools", "pdf.tools", "données", "技能",
    "ﬁles", "ümlaut", "Ⅷ", "a" * 64, "a" * 65, "1", "123", "true", "null", "1.0", "résumé-2", "naïve", "हिन्दी", "é", "Straße",
    "tools²", "café\u0301",
]
VALUES = [
    "", " ", "plain", "1", "1.5", "true", "null", "~", "'quoted'", '"double"', '"esc\\n\\u00e9"', "'it''s'", "a: b", "a:b",
    "a #b", "a#b", "#b", "[a, b]", "{a: b}", "- a", "-a", "&anchor x", "*alias", "!tag x", "!!str x", "@at", "`tick`", "%pct",
    "|\n  line one\n  line two", ">\n  folded\n  text", ">-\n  folded\n  text", "|2\n  kept", "first\n  second",
    "first\n second\n third", "\n  a: b", "\n  - a\n  - b", "\n- a", "\n  a: b\n  c:\n    d: e", "\n  a:\n    x: 1\n  b:\n      y: 2",
    "a --- b", "\"a\n  b\"", "? a", "<<", "x" * 500, "x" * 501, "d" * 1024, "d" * 1025, "é" * 1024, "a\tb", "\ta", "a\u0001b",
    "it's", 'say "x"', "a, b", "Bash(git:*) Read", "=", "> x", "| x", "a:", "a : b", ": a", "'", '"', "\\", "…", "😀",
    "https://example.com/a?b=c#d", "1_000", "0x1f", "2026-11-25", "yes", "No", ".inf", "-", "--", "-- x", "...", "a\u0085b",
]
FIELDS = ["license", "compatibility", "allowed-tools", "metadata", "version", "Name", "tags", "model", "description", "name"]
BODIES = ["\n\n# Title\n\nText.\n", "", "\n", "\n---\n", "\r\nText\r\n", "no line break", "\n```\n---\n```\n"]


def plain(folder, fields, body="\n\n# Title\n\nText.\n"):
    lines = "".join(f"{name}:{'' if value.startswith(chr(10)) or value == '' else ' '}{value}\n" for name, value in fields)
    return {"folder": folder, "text": f"---\n{lines}---{body}"}


def systematic():
    for name in NAMES:
        yield plain(name, [("name", name), ("description", "What it does.")])
        yield plain("other", [("name", name), ("description", "What it does.")])
        yield plain(name, [("name", f'"{name}"'), ("description", "What it does.")])
    for value in VALUES:
        yield plain("one", [("name", "one"), ("description", value)])
        yield plain("one", [("name", "one"), ("description", "x"), ("license", value)])
        yield plain("one", [("name", "one"), ("description", "x"), ("compatibility", value)])
        yield plain("one", [("name", "one"), ("description", "x"), ("metadata", f"\n  key: {value}")])
        yield plain("one", [("name", value), ("description", "x")])
        yield plain("one", [("name", "one"), ("description", "x"), ("metadata", value)])
    for field in FIELDS:
        yield plain("one", [("name", "one"), ("description", "x"), (field, "one")])
    for body in BODIES:
        yield plain("one", [("name", "one"), ("description", "x")], body)
    whole = [
        "", "---", "------", "---\n---\n", "---\n\n---\n", "# no front matter\n", "---\nname: one\ndescription: x\n",
        " ---\nname: one\ndescription: x\n---\n", "\n---\nname: one\ndescription: x\n---\n", "----\nname: one\ndescription: x\n----\n",
        "--- \nname: one\ndescription: x\n---\n", "---\r\nname: one\r\ndescription: x\r\n---\r\n", "---\rname: one\rdescription: x\r---\r",
        "\ufeff---\nname: one\ndescription: x\n---\n", "---name: one\ndescription: x\n---", "---\n- a\n- b\n---\n", "---\njust text\n---\n",
        "---\n# comment\nname: one # comment\n\ndescription: x\n---\n", "---\n  name: one\n  description: x\n---\n",
        "---\n  name: one\n description: x\n---\n", "---\nname: one\n  description: x\n---\n", "---\nname:one\ndescription: x\n---\n",
        "---\nname: one\ndescription: x\n...\n---\n", "---\n%YAML 1.2\nname: one\ndescription: x\n---\n", "---\n{name: one, description: x}\n---\n",
        "---\nname: one\ndescription: x\nname: one\n---\n", "---\n\"name\": one\n'description': x\n---\n", "---\n? name\n: one\n? description\n: x\n---\n",
        "---\nname: &a one\ndescription: *a\n---\n", "---\nname: one\ndescription: x\n<<: y\n---\n", "---\nname: one\ndescription: x\n\tlicense: y\n---\n",
        "---\nname: one\ndescription:\n  - a\n---\n", "---\nname:\n  a: one\ndescription: x\n---\n", "---\nname: one\ndescription: x\nmetadata:\n  a: 1\n  a: 2\n---\n",
        "---\nname: one\ndescription: x\nmetadata:\n    a:\n      b: c\n    d:\n        e: f\n---\n", "---\nname: one\ndescription: x\n1: 2\n---\n",
        "---\nname: one\ndescription: x\n: y\n---\n", "---\nname: one\ndescription: x\n\"\": y\n---\n",
    ]
    for text in whole:
        yield {"folder": "one", "text": text}


def random_cases(count, seed):
    chance = random.Random(seed)
    for _ in range(count):
        folder = chance.choice(NAMES)
        fields = [("name", folder if chance.random() < 0.8 else chance.choice(VALUES)), ("description", chance.choice(VALUES))]
        for _ in range(chance.randrange(4)):
            fields.append((chance.choice(FIELDS[:8] if chance.random() < 0.5 else FIELDS[:4]), chance.choice(VALUES)))
        chance.shuffle(fields)
        case = plain(folder, fields, chance.choice(BODIES))
        for _ in range(chance.choice([0, 0, 0, 1, 2])):
            text = case["text"]
            place = chance.randrange(len(text) + 1)
            if chance.random() < 0.5:
                text = text[:place] + text[place + 1 :]
            else:
                text = text[:place] + chance.choice("-:#\n \t'\"[]{}&*!|>%@,?aé") + text[place:]
            case["text"] = text
        yield case


def judged(cases):
    from skills_ref.validator import validate

    for case in cases:
        with tempfile.TemporaryDirectory() as base:
            folder = pathlib.Path(base) / case["folder"]
            folder.mkdir()
            (folder / "SKILL.md").write_bytes(case["text"].encode())
            try:
                accepted = not validate(folder)
            except Exception:
                # It ends with a traceback: so does `agentskills validate`, with a status that is not 0.
                accepted = False
        yield {**case, "accepted": accepted}


def main(path, count="250", seed="7"):
    cases = {(case["folder"], case["text"]): case for case in [*systematic(), *random_cases(int(count), int(seed))]}
    verdicts = list(judged(cases.values()))
    accepted = sum(case["accepted"] for case in verdicts)
    lines = ",\n".join(json.dumps(case, ensure_ascii=True) for case in verdicts)
    pathlib.Path(path).write_text(f"[\n{lines}\n]\n")
    print(f"{len(verdicts)} files, {accepted} accepted")


if __name__ == "__main__":
    main(*sys.argv[1:])
