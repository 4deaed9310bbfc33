#!/usr/bin/python3
"""The pages docs/rules/yara/NAME.md are made from the meta of rules/yara/*.yar.

    tests/lint/yara_pages.py            write them; pages of rules that are gone are removed
    tests/lint/yara_pages.py --check    one line for each that is missing or out of date

The compiler of the rules (scanner/worker/yara_meta.c) has checked already that no meta is
missing; here are the words that all rules of a file have in common.
"""
import re
import sys
import textwrap
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGES = ROOT / "docs/rules/yara"

# file -> why it matters, what to do, what an honest hit looks like
FAMILIES = {
    "execution": (
        "Weights have no use for commands. Such text in a model file is a payload, or a part of one; beside "
        "the model it is what somebody will paste into a terminal.",
        "Read the place that the finding names. In a model file: do not load it, and ask its publisher. In a "
        "document or script: follow the address and see what would run.",
        "Installation guides, tests and documentation of security tools quote such commands.",
    ),
    "shells": (
        "A reverse shell gives whoever listens a terminal on the machine that loads the model, behind its "
        "firewall and with its credentials.",
        "Do not load the model. Keep the file, note the address in the evidence and look for connections to "
        "it from machines that have loaded it.",
        "Lists of payloads, training data about security, documentation of attacks.",
    ),
    "encoded": (
        "Encoding hides code from whoever reads or searches the file; honest code has no reason to.",
        "Decode it without running it (`base64 -d`, `xxd -r -p`) and read what comes out. In a model file: "
        "do not load it.",
        "Notebooks and test data that embed programs or scripts as text.",
    ),
    "network": (
        "Stolen data needs a place to go to and a second stage a place to come from. The addresses here are "
        "those that attackers use because they cost nothing and name nobody.",
        "Find out what the address is used for by the code around it. In a model file: do not load it. If a "
        "token of your own is part of it, revoke it.",
        "Client libraries and documentation of the services themselves; examples.",
    ),
    "secrets": (
        "Whoever can download the model can use the credential: to publish under its owner's name, to read "
        "the owner's data, to spend the owner's money.",
        "If it is yours, revoke it now: deleting the file is not enough. If it is the publisher's, tell them. "
        "The report shows only the first bytes.",
        "Test keys, and examples that follow the real structure. Revoked credentials look like live ones.",
    ),
    "programs": (
        "Native code and compiled scripts cannot be read, and do not belong in tensors, configuration or "
        "text. Something must be there to start them.",
        "Take the program out at the offset of the finding and examine it by itself. Look for what would "
        "load it. Do not load the model before you know.",
        "Archives and installers that carry programs lawfully; look at the member's name.",
    ),
    "miners": (
        "Machines that load models have processors worth stealing.",
        "Do not load the model. Look for the process, and for connections to the pool, on machines that "
        "have.",
        "Documentation of mining software, lists of domains, training data.",
    ),
    "prompts": (
        "Chat templates are programs that every server renders, and text in a model's files ends up in the "
        "model's context: both act without anything that looks like code.",
        "Read the template or the text around the finding. Serve the model with a template of your own, in "
        "a sandboxed environment of a current version.",
        "Documentation and training data about these very attacks.",
    ),
}

def rules():
    for path in sorted((ROOT / "rules/yara").glob("*.yar")):
        text = path.read_text()
        for body in re.findall(r"^rule \w+\n\{\n(.*?)^\}", text, re.M | re.S):
            meta = dict(re.findall(r'^        (\w+) = "?(.*?)"?$', body.split("    strings:")[0], re.M))
            yield path.stem, meta


def where(applies):
    words = applies.split(", ")
    if words == ["any"]:
        return "Looked for in every file and every part of one, tensor bulk excepted (`--depth deep` includes it)."
    names = {"text": "text", "binary": "what is not text", "model": "files of a model format, and what is inside them"}
    return "Looked for in %s." % ", ".join(names.get(w, w) for w in words)


def fill(text):
    return textwrap.fill(text, 96, break_long_words=False, break_on_hyphens=False)


def page(family, meta):
    why, do, false = map(fill, FAMILIES[family])
    cwe = meta["cwe"]
    link = "[CWE-%s](https://cwe.mitre.org/data/definitions/%s.html)" % (cwe, cwe) if cwe != "0" else "none"
    shown = "\nThe report shows the first bytes of what was found, never all of it.\n" if "secret" in meta else ""
    return f"""# {meta["id"]}

{meta["title"]}.

**Severity** {meta["severity"]} - **Confidence** {meta["confidence"]} - **CWE** {link}

## What it finds
{fill(meta["title"] + ". " + where(meta["applies"]))}

The patterns are in [rules/yara/{family}.yar](../../../rules/yara/{family}.yar).
Background: <{meta["reference"]}>.
{shown}
## Why it matters
{why}

## What to do
{do}

## False positives
{false}
"""


def main():
    check = sys.argv[1:] == ["--check"]
    wanted = {PAGES / (meta["id"].split("/")[1] + ".md"): page(family, meta) for family, meta in rules()}
    bad = 0
    for path in sorted(set(wanted) | set(PAGES.glob("*.md"))):
        name = path.relative_to(ROOT)
        if path in wanted and path.exists() and path.read_text() == wanted[path]:
            continue
        bad += 1
        if check:
            print(f"{name}: not what its rule says; run tests/lint/yara_pages.py" if path in wanted
                  else f"{name}: no such rule")
        elif path in wanted:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(wanted[path])
        else:
            path.unlink()
    return 1 if check and bad else 0


if __name__ == "__main__":
    sys.exit(main())
