#!/usr/bin/python3
"""Bills of materials and verification summaries, by the libraries that consume them.

cyclonedx-library (npm) and cyclonedx-python-lib, the SPDX project's own Python model (which
checks types, required properties and cardinalities), check-jsonschema, securesystemslib and
in-toto-attestation, from PyPI, in virtual environments under build/.  What cannot be had is
skipped and says so.
"""
import base64, json, os, shutil, subprocess, sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "golden"))
from tap import *

EVIL = b"cposix\nsystem\n(S'true'\ntR."
CLEAN = bytes([2, 0, 0, 0, 0, 0, 0, 0]) + b"{}"
PEERS = {  # command or module by the packages it comes from
    "python": ["cyclonedx-python-lib[json-validation]==11.12.0", "spdx-python-model==0.0.6", "check-jsonschema==0.39.0",
               "securesystemslib==1.6.0", "in-toto-attestation==0.9.3", "cryptography"],
    "npm": ["@cyclonedx/cyclonedx-library@10.3.0", "ajv@8", "ajv-formats@3", "ajv-formats-draft2019@1"],
}


def documents():
    d = scratch()
    subprocess.run([os.path.join(BUILD, "unit/test_report"), "--write", d], check=True, cwd=TOP)
    t = scratch()
    for name, data in {"m/\u202ea\n.pkl": EVIL, "m/b.safetensors": CLEAN, "m/c.pt": b"PK\x03\x04" + bytes(60)}.items():
        write(os.path.join(t, name), data)
    for kind in ("cyclonedx", "spdx", "vsa"):
        scan("-o", "%s=%s/scanned.%s" % (kind, d, kind), "--origin", "hf:acme/x", "m", cwd=t)
    return d


DOCUMENTS = documents()


def of(kind):
    return sorted(os.path.join(DOCUMENTS, n) for n in os.listdir(DOCUMENTS) if n.endswith("." + kind))


def python(text, *arguments):
    """Run by the Python of a virtual environment that has the peers."""
    venv = os.path.join(BUILD, "interop-bom")
    program = os.path.join(venv, "bin", "python")
    if not os.path.exists(program + ".done"):
        shutil.rmtree(venv, True)
        subprocess.run([sys.executable, "-m", "venv", venv], check=True)
        if subprocess.run([os.path.join(venv, "bin", "pip"), "install", "-q", *PEERS["python"]],
                          stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode:
            raise Skip("cannot install " + ", ".join(PEERS["python"]))
        write(program + ".done")
    command = [program, "-c", text] if "\n" in text else [os.path.join(venv, "bin", text)]
    p = subprocess.run([*command, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=300)
    assert p.returncode == 0, (p.stdout.decode()[-1500:], p.stderr.decode()[-1500:])
    return p.stdout.decode()


@case
def cyclonedx_library_of_npm_validates():
    home = os.path.join(BUILD, "interop-bom-npm")
    if not shutil.which("npm"):
        raise Skip("npm is not installed")
    if not os.path.exists(home + "/done"):
        os.makedirs(home, exist_ok=True)
        if subprocess.run(["npm", "install", "--prefix", home, "--no-audit", "--no-fund", "--silent", "--ignore-scripts", *PEERS["npm"]],
                          stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode:
            raise Skip("cannot install " + ", ".join(PEERS["npm"]))
        write(home + "/done")
    write(home + "/validate.mjs", b"""
import * as CDX from '@cyclonedx/cyclonedx-library'
import fs from 'node:fs'
const validator = new CDX.Validation.JsonStrictValidator(CDX.Spec.Version.v1dot6)
for (const name of process.argv.slice(2)) {
  const error = await validator.validate(fs.readFileSync(name, 'utf8'))
  if (error !== null) { console.error(name, JSON.stringify(error).slice(0, 2000)); process.exit(1) }
}
""")
    p = subprocess.run(["node", home + "/validate.mjs", *of("cyclonedx")], stderr=subprocess.PIPE)
    assert p.returncode == 0, p.stderr.decode()


@case
def cyclonedx_python_lib_validates_and_reads():
    python("""
import json, sys
from cyclonedx.model.bom import Bom
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
for name in sys.argv[1:]:
    text = open(name, encoding="utf-8").read()
    error = JsonStrictValidator(SchemaVersion.V1_6).validate_str(text)
    assert error is None, (name, error)
    bom = Bom.from_json(json.loads(text))
    bom.validate()
    raw = json.loads(text)
    assert len(bom.components) == len(raw["components"]) and len(bom.vulnerabilities) == len(raw["vulnerabilities"]), name
""", *of("cyclonedx"))


@case
def spdx_python_model_reads_and_checks():
    python("""
import sys
from spdx_python_model import v3_0_1 as spdx
for name in sys.argv[1:]:
    objects = spdx.SHACLObjectSet()
    with open(name, "rb") as f:
        spdx.JSONLDDeserializer().read(f, objects)
    assert not objects.missing_ids, (name, objects.missing_ids)
    (document,) = objects.foreach_type(spdx.SpdxDocument)
    assert document.rootElement
""", *of("spdx"))


@case
def check_jsonschema_validates_spdx():
    python("check-jsonschema", "--schemafile", os.path.join(TOP, "tests/schemas/spdx-3.0.1.schema.json"),
           *[f for f in of("spdx") if "rich" not in f])  # those take a minute each: every type is tried for every element


@case
def check_jsonschema_validates_our_json():
    python("check-jsonschema", "--schemafile", os.path.join(TOP, "docs/report.schema.json"), *of("json"))


def signed_summary():
    d = scratch()
    subprocess.run(["openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", d + "/k"], check=True, stderr=subprocess.DEVNULL)
    subprocess.run(["openssl", "ec", "-in", d + "/k", "-pubout", "-out", d + "/p"], check=True, stderr=subprocess.DEVNULL)
    write(d + "/m.safetensors", CLEAN)
    p = scan("-o", "vsa=" + d + "/v.jsonl", "--sign-key", d + "/k", "m.safetensors", cwd=d)
    assert p.returncode == 0, p.stderr
    return d + "/v.jsonl", d + "/p"


@case
def securesystemslib_verifies_the_envelope():
    python("""
import json, sys
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from securesystemslib.dsse import Envelope
from securesystemslib.signer import SSlibKey
raw = json.loads(open(sys.argv[1]).readline())
public = load_pem_public_key(open(sys.argv[2], "rb").read())
key = SSlibKey.from_crypto(public, keyid=raw["signatures"][0]["keyid"])
envelope = Envelope.from_dict(raw)
assert envelope.verify([key], 1)
envelope.payload += b" "
try:
    envelope.verify([key], 1)
except Exception:
    pass
else:
    raise SystemExit("a changed payload verifies")
""", *signed_summary())


@case
def in_toto_attestation_reads_the_statements():
    python("""
import base64, json, sys
from google.protobuf import json_format
from in_toto_attestation.v1 import statement_pb2
from in_toto_attestation.v1.statement import Statement
for name in sys.argv[1:]:
    for line in open(name, encoding="utf-8"):
        one = json.loads(line)
        text = base64.b64decode(one["payload"]) if "payload" in one else line
        message = json_format.Parse(text, statement_pb2.Statement())
        Statement.copy_from_pb(message).validate()
        assert message.predicate["verificationResult"] in ("PASSED", "FAILED")
""", signed_summary()[0], *of("vsa"))


main()
