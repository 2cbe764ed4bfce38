"""Documents of every kind, and hundreds of others that differ from them in one or two places. The same seed gives the same."""

import copy
import random

META = {
    "name": "shop", "namespace": "selling", "title": "Shop", "description": "Sells.", "labels": {"example.com/tier": "1", "b": ""},
    "annotations": {"backstage.io/view-url": "https://example.com", "note": "any text at all"}, "tags": ["java", "c++", "a-b", "k:v"],
    "links": [{"url": "https://example.com/x", "title": "X", "icon": "web", "type": "docs"}], "own": {"a": [1, None]},
}
COMMON = {"lifecycle": "production", "owner": "group:default/shop-team", "system": "store"}


def entity(kind, spec, version="backstage.io/v1alpha1"):
    return {"apiVersion": version, "kind": kind, "metadata": copy.deepcopy(META), "spec": spec}


def originals():
    profile = {"displayName": "Ann", "email": "ann@example.com", "picture": "https://example.com/ann.png"}
    yield entity("Component", {"type": "service", **COMMON, "subcomponentOf": "all", "providesApis": ["orders", "api:x/pay"],
                               "consumesApis": ["Pay"], "dependsOn": ["resource:db", "component:a/b"], "dependencyOf": ["component:c"]})
    yield entity("API", {"type": "openapi", **COMMON, "definition": "openapi: 3.1.0"}, "backstage.io/v1beta1")
    yield entity("API", {"type": "mcp-server", **COMMON, "remotes": [{"type": "streamable-http", "url": "https://example.com/mcp"}]})
    yield entity("Resource", {"type": "database", "owner": "user:ann", "system": "store", "dependsOn": ["resource:disk"], "dependencyOf": ["component:x"]})
    yield entity("System", {"owner": "shop-team", "domain": "selling", "type": "product"})
    yield entity("Domain", {"owner": "shop-team", "subdomainOf": "all", "type": "area"})
    yield entity("Group", {"type": "team", "profile": profile, "parent": "all", "children": ["a", "user:b"], "members": ["ann", "group:c"]})
    yield entity("User", {"profile": profile, "memberOf": ["shop-team", "group:x/y"]})
    yield entity("Location", {"type": "url", "target": "https://example.com/a.yaml", "targets": ["./b.yaml"], "presence": "optional"})
    yield entity("AiResource", {"type": "skill", **COMMON, "disciplines": ["web"], "categories": ["pdf"], "agents": ["a"],
                                "dependsOn": ["other", "component:x"], "allowedTools": "Bash", "license": "MIT", "compatibility": "any"})
    yield entity("AiResource", {"type": "rule", **COMMON, "disciplines": ["web"], "category": "style", "rationale": "so"})
    yield entity("AiResource", {"type": "plugin", **COMMON, "skills": ["pdf", "airesource:x/y"], "version": "1"})
    yield entity("AiResource", {"type": "marketplace", **COMMON, "plugins": ["p"], "version": "1"})
    yield entity("AiResource", {"type": "prompt", **COMMON})
    permissions = {"tags": ["a"]}
    yield entity("Template", {
        "type": "service", "owner": "shop-team", "lifecycle": "production",
        "parameters": [{"title": "A", "when": True, "backstage:permissions": permissions}],
        "secrets": {"schema": {"type": "object"}}, "presentation": {"buttonLabels": {"backButtonText": "Back"}},
        "EXPERIMENTAL_recovery": {"EXPERIMENTAL_strategy": "startOver"}, "formDecorators": [{"id": "d", "input": {}}],
        "steps": [{"id": "f", "name": "F", "action": "fetch:plain", "input": {"url": "."}, "if": "${{ x }}", "backstage:permissions": permissions}],
        "output": {"links": [{"if": True, "url": "x", "entityRef": "y", "title": "t", "icon": "i"}], "text": [{"title": "t", "content": ""}], "more": "x"},
    }, "scaffolder.backstage.io/v1beta3")


VALUES = [
    None, "", " ", "\ufeff", "\u0085", 0, 1.5, True, False, [], {}, "x", "a b", "a" * 63, "a" * 64, "A.b_c-D", "-a", "a-", "a--b", ["x"], [""], [None], [1],
    ["x", "x"], {"a": 1}, {"a": "b"}, [{}], [[]], "example.com/a", "Example.com/a", "a/b/c", "/a", "a/", "https://example.com", "mailto:x", "example",
    "//x", "c:d", "http://[", "é", "a\nb", "x" * 500, "x" * 501, "é" * 500, "required", "skill", "mcp-server", "backstage.io/v1alpha1", "backstage.io/v1beta1",
    "scaffolder.backstage.io/v1beta3", "Component", "component", "API", "group:", ":x", "a:b/c/d", "a:b:c", "user:Ann", "system:x", "${{ x }}",
]
KEYS = ["a", "A", "", "a b", "example.com/a", "Example.com/a", "a/b/c", "/", "a" * 63, "a" * 64, "x." * 120 + "x/a", "$text", "type", "relations", "status", "é"]


def places(value, path=()):
    """Every path into a document."""
    yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, member in items:
        yield from places(member, (*path, key))


def mutate(document, rng: random.Random):
    path = rng.choice([path for path in places(document) if path])
    parent = document
    for step in path[:-1]:
        parent = parent[step]
    if isinstance(parent, list) and rng.random() < 0.3:
        parent.append(copy.deepcopy(rng.choice(VALUES)))
        return
    how = rng.random()
    if how < 0.2:
        del parent[path[-1]]
    elif how < 0.35 and isinstance(parent, dict):
        parent[rng.choice(KEYS)] = parent.pop(path[-1])
    elif how < 0.45 and isinstance(parent, dict):
        parent[rng.choice(KEYS)] = copy.deepcopy(rng.choice(VALUES))
    else:
        parent[path[-1]] = copy.deepcopy(rng.choice(VALUES))


def documents(seed: int, count: int):
    rng = random.Random(seed)
    whole = list(originals())
    yield from whole
    for _ in range(count):
        document = copy.deepcopy(rng.choice(whole))
        for _ in range(rng.choice([1, 1, 1, 2, 3])):
            if isinstance(document, dict) and document:
                mutate(document, rng)
        yield document


# Texts that are about YAML rather than about entities.
HEAD = "apiVersion: backstage.io/v1alpha1\nkind: User\nmetadata:\n  name: ann\n"
TEXTS = [
    HEAD + f"  own: {value}\nspec: {{ memberOf: [] }}\n" for value in [
        "yes", "no", "on", "True", "FALSE", "null", "~", "Null", "0o17", "017", "0x1F", "1_000", "1e3", "-0", "+1", ".5", "5.", "12:30", "2026-11-25",
        "'a'", '"\\u00e9\\n"', "|\n    a\n    b\n", ">-\n    a\n    b\n", "[a, b]", "{ a: 1 }", "a: b", "- a", "*x", "&x a", "!!str 1", "@a", "`a", "%a", "a #b", "a#b",
        "1.10", "1.0", "100000000000000000000", "''", "\"\"", "<<", "=", "? a", "a\n    b", "\n    - a\n    - b",
    ]
] + [
    HEAD + "spec: { memberOf: [] }\n---\n---\n# nothing\n---\n" + HEAD + "spec: {}\n",
    HEAD + "spec: { memberOf: [] }\n...\n" + HEAD + "spec: { memberOf: [] }\n",
    HEAD + "kind: Group\nspec: { memberOf: [] }\n",
    "\ufeff" + HEAD + "spec: { memberOf: [] }\n", HEAD + "spec:\n\tmemberOf: []\n", "%YAML 1.2\n---\n" + HEAD + "spec: { memberOf: [] }\n",
    HEAD.replace("\n", "\r\n") + "spec: { memberOf: [] }\r\n", "# only a comment\n", "", "a\n", "- a\n", "1\n",
    HEAD + "  1: x\n  true: y\nspec: { memberOf: [a, b] }\n", HEAD + "  annotations:\nspec: { memberOf: [] }\n", HEAD + "  tags:\nspec: { memberOf: [] }\n",
]
