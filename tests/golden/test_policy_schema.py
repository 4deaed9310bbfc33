#!/usr/bin/python3
"""docs/policy.schema.json and the parser of policies: what one accepts the other does, too.

Policies come from the case table, from the schema itself (every key, at random from a fixed
seed) and from changes to those.  What JSON Schema cannot say is a list here, of words of the
parser; all else that it refuses the schema must refuse.
"""
import copy, os, random, re, sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from tap import *

try:
    import jsonschema
except ImportError:
    print("ok 1 - the schema of policies # SKIP python3-jsonschema is not installed")
    sys.exit(0)

SCHEMA = json.load(open(os.path.join(TOP, "docs/policy.schema.json")))
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)
BEYOND = [  # what the parser says of policies that a schema lets pass
    r"is not known; `assay \w+` lists", r"is not known; did you mean", r"no gate is called", r"no registry is called", r"extends: .*: (No such file|Is a directory)", r"no rule is called",
    r"must begin with a registry", r"the pattern ", r"day of the calendar", r"does nothing unless", r"is critical: \"sha256\"",
    r"relative to the target",
]


def no_duplicates(pairs):
    if len({k for k, _ in pairs}) != len(pairs):
        raise ValueError("duplicate key")
    return dict(pairs)


def schema_accepts(text):
    """None: no JSON, of which a schema says nothing."""
    try:
        text.encode()  # UTF-8, or none
        return VALIDATOR.is_valid(json.loads(text, object_pairs_hook=no_duplicates))
    except ValueError:
        return None


def parser_says(texts):
    """For each text "" when it is valid, else its problems."""
    d = scratch()
    paths = [write(os.path.join(d, "%05d.json" % n), t.encode("utf-8", "surrogateescape")) for n, t in enumerate(texts)]
    said = {p: [] for p in paths}
    for start in range(0, len(paths), 500):
        p = run("policy", "check", *paths[start:start + 500])
        assert p.returncode in (0, 4) and not p.stderr, p
        for line in p.stdout.decode("utf-8", "replace").splitlines():
            name, what = line.split(".json:", 1)
            said[name + ".json"].append(what)
    assert all(said.values()), "a file of which nothing is said"
    return ["" if said[p] == [" valid"] else "\n".join(said[p]) for p in paths]


def compare(texts):
    """How many both accept; fails where they differ."""
    both = 0
    for text, problems in zip(texts, parser_says(texts)):
        accepted = schema_accepts(text)
        if accepted is None:
            assert problems, text
        elif accepted and problems:
            beyond = [line for line in problems.splitlines() if not any(re.search(b, line) for b in BEYOND)]
            assert not beyond, "the schema accepts what the parser refuses:\n%s\n%s" % (text[:2000], "\n".join(beyond))
        elif not accepted:
            assert problems, "the parser accepts what the schema refuses:\n%s\n%s" % (text[:2000], list(VALIDATOR.iter_errors(json.loads(text)))[0].message)
        both += bool(accepted) and not problems
    return both


# ---- policies from the schema -----------------------------------------------------------------

WORDS = {
    "registries": ["huggingface", "mlflow", "civitai"], "formats": ["pickle", "safetensors", "zip", "unknown"], "format": ["pickle", "zip"],
    "sources": ["hf:acme/*", "mlflow:**"], "source": ["hf:acme/*", "ollama:**"], "authors": ["j*", "[a-c]?"], "organizations": ["acme"],
    "licenses": ["MIT", "apache-*"], "checks": ["downloads", "license"], "extends": ["ci", "strict"], "rule": ["zip/overlap", "pickle/unknown-call"],
    "keys": ["9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"], "roots": ["9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"],
    "path": ["**", "a/*.pkl", "[!x]/**"], "issuer": ["https://token.example"], "subject": ["https://x/*@main"],
}


def make(schema, rng, trail):
    """A value that fits; `trail`: the keys that lead to it."""
    while "$ref" in schema:
        name = schema["$ref"].split("/")[-1]
        if name == "sha256":
            return "%064x" % rng.getrandbits(256)
        if name == "day":
            return rng.choice(["2030-02-28", "2031-12-31"])
        schema = SCHEMA["$defs"][name]
    if "const" in schema:
        return schema["const"]
    if "enum" in schema:
        return rng.choice(schema["enum"])
    kind = schema["type"]
    if kind == "boolean":
        return rng.random() < 0.5
    if kind == "integer":
        return rng.randint(schema["minimum"], schema["maximum"])
    if kind == "string":
        return rng.choice(next((WORDS[k] for k in reversed(trail) if k in WORDS), ["some text"]))
    if kind == "array":
        return [make(schema["items"], rng, trail) for _ in range(rng.randint(schema.get("minItems", 0), 3))]
    assert kind == "object", schema
    keys = [k for k in schema["properties"] if k in schema.get("required", []) or rng.random() < 0.4]
    if len(keys) < schema.get("minProperties", 0):
        keys = [rng.choice(list(schema["properties"]))]
    return {k: make(schema["properties"][k], rng, trail + [k]) for k in keys}


def policy(rng):
    value = make(SCHEMA, rng, [])
    for place in [value] + [o["demand"] for o in value.get("overrides", [])]:
        if isinstance(place.get("signature"), dict) and place["signature"]:
            place["signature"]["required"] = True  # the rest means nothing without it
    return value


def places(value, trail=()):
    yield trail
    for key, child in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else []:
        yield from places(child, trail + (key,))


def changed(value, rng):
    """One thing is different: another type, another word, a key too many, a key less."""
    value = copy.deepcopy(value)
    trail = rng.choice([t for t in places(value) if t])
    place = value
    for key in trail[:-1]:
        place = place[key]
    what = rng.randrange(5)
    if what == 0:
        place[trail[-1]] = rng.choice([None, 7, -1, 1.5, True, [], {}, "", "zzz", ["x"], {"x": 1}, "x" * 501, ["x" * 600], 10 ** 9])
    elif what == 1 and isinstance(place, dict):
        place["no_such_key"] = 1
    elif what == 2:
        del place[trail[-1]]
    elif what == 3 and isinstance(place, dict):
        place[str(trail[-1]) + "s"] = place.pop(trail[-1])
    else:
        place[trail[-1]] = [place[trail[-1]]]
    return value


@case
def every_policy_of_the_case_table():
    out = subprocess.run([os.path.join(BUILD, "unit/test_policy_cases"), "print"], stdout=subprocess.PIPE, check=True, cwd=TOP).stdout
    texts = [t.decode("utf-8", "surrogateescape") for t in out.split(b"\0")[:-1]]
    good = [t[1:] for t in texts if t[0] == "+"]
    assert len(good) >= 150 and len(texts) - len(good) >= 60
    assert compare(good) == len(good)
    assert compare([t[1:] for t in texts if t[0] == "-"]) == 0


@case
def what_the_schema_makes_the_parser_takes():
    rng = random.Random(7)
    values = [policy(rng) for _ in range(400)]
    texts = [json.dumps(v) for v in values]
    assert compare(texts) == len(texts)
    used = {".".join(str(k) for k in t if isinstance(k, str)) for v in values for t in places(v)}
    for section, key in re.findall(r'^KEY\(\w+, "(\w*)", "(\w+)"', open(os.path.join(TOP, "scanner/policy/keys.def")).read(), re.M):
        assert (section + "." + key if section else key) in used, (section, key)


@case
def what_is_wrong_is_wrong_for_both():
    rng = random.Random(8)
    texts = [json.dumps(changed(policy(rng), rng)) for _ in range(2000)]
    both = compare(texts)
    assert 100 < both < 1500, both  # some changes keep a policy valid, most do not


main()
