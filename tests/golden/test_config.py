#!/usr/bin/python3
"""Configurations that name code, however they are written, and those that name none."""
import os, subprocess, sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from tap import *

FIXTURES = scratch()
subprocess.run(["/usr/bin/python3", os.path.join(TOP, "fixtures/config/make.py"), FIXTURES], check=True)


def told(name):
    d = scratch()
    with open(os.path.join(FIXTURES, name), "rb") as f:
        write(os.path.join(d, name), f.read())
    p = scan("-o", "json", d)
    return rules(json.loads(p.stdout))


@case
def code_that_is_named_is_told():
    for name in ("bad-auto-map-config.json", "bad-escaped-config.json", "bad-trust-config.json"):
        assert told(name) == {"config/named-code"}, (name, told(name))


@case
def code_that_runs_unasked_is_high():
    for name in ("evil-attention-config.json",):
        assert told(name) == {"config/forced-code"}, (name, told(name))


@case
def other_configurations_raise_nothing():
    for name in ("good-config.json", "good-number-config.json"):
        assert not told(name), (name, told(name))


main()
