#!/usr/bin/python3
"""Signatures and lists of digests that lie in a scanned target: whom they convince, and of what."""
import base64, hashlib, json, os, shutil, signal, subprocess, sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from tap import *

WEIGHTS = open(os.path.join(TOP, "fixtures", "real", "linear.safetensors"), "rb").read()


def keys():
    d = scratch()
    quiet = dict(check=True, stderr=subprocess.DEVNULL)
    subprocess.run(["openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", d + "/k"], **quiet)
    subprocess.run(["openssl", "ec", "-in", d + "/k", "-pubout", "-out", d + "/p"], **quiet)
    return d + "/k", d + "/p"


PRIVATE, PUBLIC = keys()


def model(signed=True):
    d = os.path.join(scratch(), "m")
    write(os.path.join(d, "model.safetensors"), WEIGHTS)
    write(os.path.join(d, "config.json"), b'{"model_type": "linear"}\n')
    write(os.path.join(d, "notes/README.md"), b"# a model\n")
    if signed:
        p = run("sign", "key", d, "--private-key", PRIVATE, "--signature", d + "/model.sig")
        assert p.returncode == 0, p.stderr
    return d


def signature(r):
    (m,) = r["models"]
    (s,) = m["signatures"]
    return s


def accepted(d, *arguments, expect=0):
    return report("--public-key", PUBLIC, *arguments, d, expect=expect)


@case
def an_accepted_signature_verifies_every_file():
    d = model()
    r = accepted(d)
    s = signature(r)
    assert (s["kind"], s["state"]) == ("oms", "verified"), s
    assert s["identity"].startswith("sha256:") and s["covers"] == "3 files"
    for path, f in files(r).items():
        states = {e["state"] for e in f["expected"]}
        assert states == (set() if path == "model.sig" else {"verified"}), (path, f["expected"])
    assert not {x for x in rules(r) if x.startswith("integrity/")}


@case
def without_anybody_to_accept_it_is_untrusted_and_only_consistent():
    d = model()
    r = report(d, expect=0)
    assert signature(r)["state"] == "untrusted", signature(r)
    assert {e["state"] for f in files(r).values() for e in f["expected"]} == {"consistent"}
    shutil.copy(PUBLIC, d + "/cosign.pub")
    assert signature(report(d, expect=0))["state"] == "untrusted"
    other = keys()[1]
    r = report("--public-key", other, d)
    assert signature(r)["state"] != "verified", signature(r)


@case
def a_changed_file_is_found_whoever_signed():
    d = model()
    write(d + "/config.json", b"{}")
    r = accepted(d, expect=1)
    assert signature(r)["state"] == "invalid" and signature(r)["check"] == "file-digest"
    assert {"integrity/signature-invalid", "integrity/digest-mismatch"} <= rules(r)
    r = report(d, expect=1)
    assert "integrity/digest-inconsistent" in rules(r)


@case
def a_missing_file_is_found():
    d = model()
    os.unlink(d + "/notes/README.md")
    s = signature(accepted(d, expect=1))
    assert (s["state"], s["check"]) == ("invalid", "file-missing"), s
    r = report(d, expect=0)
    assert "integrity/missing-file" in rules(r)


@case
def files_that_were_not_signed_weigh_by_what_loading_does_with_them():
    d = model()
    write(d + "/notes.txt", b"hello")
    r = accepted(d, expect=1)
    assert "integrity/unsigned-file" in rules(r) and signature(r)["check"] == "file-unsigned"
    r = accepted(d, "--ignore-unsigned-files", expect=0)
    assert signature(r)["state"] == "verified" and "integrity/unsigned-file" not in rules(r)
    write(d + "/modeling_linear.py", b"import os\n")
    for arguments in ([], ["--ignore-unsigned-files"]):
        assert "integrity/unsigned-loadable-file" in rules(accepted(d, *arguments, expect=1))


@case
def what_the_signer_left_out_and_loading_runs_is_found():
    d = model(signed=False)
    write(d + "/extra/modeling.py", b"import os\n")
    p = run("sign", "key", d, "--private-key", PRIVATE, "--signature", d + "/model.sig", "--ignore-paths", d + "/extra")
    assert p.returncode == 0
    r = accepted(d, expect=1)
    assert signature(r)["state"] == "verified" and "integrity/unsigned-loadable-file" in rules(r)


@case
def a_link_in_the_place_of_a_signed_file_is_found():
    d = model()
    os.rename(d + "/config.json", d + "/notes/config.json")
    os.symlink("notes/config.json", d + "/config.json")
    r = accepted(d, expect=1)
    assert signature(r)["check"] in ("file-link", "file-unsigned"), signature(r)


@case
def a_signature_beside_the_model_counts():
    top = scratch()
    d = os.path.join(top, "linear")
    os.rename(model(signed=False), d)
    p = run("sign", "key", d, "--private-key", PRIVATE, "--signature", top + "/model.sig")
    assert p.returncode == 0
    r = accepted(top, "--one-model")
    assert signature(r)["state"] == "verified", signature(r)
    assert "verified" in {e["state"] for e in files(r)["linear/config.json"]["expected"]}


@case
def bundles_are_known_by_content_not_by_name():
    d = model()
    os.rename(d + "/model.sig", d + "/attestation")
    assert signature(accepted(d))["state"] == "verified"


@case
def a_damaged_signature_is_shown_and_never_verifies():
    text = open(model() + "/model.sig", "rb").read()
    for damaged in (text[:-40], text.replace(b'"payload":"ey', b'"payload":"fy', 1), b"{}" + text, text + text, b"junk"):
        d = model(signed=False)
        write(d + "/model.sig", damaged)
        r = accepted(d, expect=None)
        assert signature(r)["state"] in ("invalid", "unsupported"), signature(r)
        assert all(e["state"] != "verified" for f in files(r).values() for e in f["expected"])


@case
def the_gate_strict_takes_an_accepted_signature():
    d = model()
    origin = "hf:example/linear@" + "0" * 40
    code = lambda *a: scan("--gate", "strict", "--origin", origin, *a, d).returncode
    assert code() == 1
    assert code("--public-key", PUBLIC) == 0, scan("--gate", "strict", "--origin", origin, "--public-key", PUBLIC, d).stdout.decode()


@case
def lists_of_digests_are_consistent_or_not():
    for text in ("%s  model.safetensors\n", "%s *./model.safetensors\n", "SHA256 (model.safetensors) = %s\n", "# x\n\n%s  model.safetensors"):
        d = model(signed=False)
        write(d + "/SHA256SUMS", (text % hashlib.sha256(WEIGHTS).hexdigest()).encode())
        r = report(d, expect=0)
        assert [e["state"] for e in files(r)["model.safetensors"]["expected"]] == ["consistent"], text
        write(d + "/SHA256SUMS", (text % ("0" * 64)).encode())
        assert "integrity/digest-inconsistent" in rules(report(d, expect=1))
    d = model(signed=False)
    write(d + "/SHA256SUMS", ("%s  ../outside\n" % ("0" * 64)).encode())
    r = report(d, expect=2)
    assert files(r)["SHA256SUMS"]["status"] == "incomplete"


def listed(name, text):
    d = model(signed=False)
    write(os.path.join(d, name), text if isinstance(text, bytes) else text.encode())
    return d


def said_of_weights(d, expect=0):
    return {(e["algorithm"], e["state"]) for e in files(report(d, expect=expect))["model.safetensors"]["expected"]}


def digest(name, data=WEIGHTS):
    return hashlib.new(name, data).hexdigest()


@case
def lists_are_read_however_tools_write_them():
    sha = digest("sha256")
    forms = [("%s  model.safetensors\r\n" % sha), "\ufeff%s  model.safetensors\n" % sha, "%s model.safetensors\n" % sha,
             "%s\tmodel.safetensors\n" % sha, "  %s *model.safetensors" % sha.upper(), "SHA256(model.safetensors)= %s\n" % sha,
             "SHA2-256(model.safetensors)= %s\n" % sha]
    for form in forms:
        assert said_of_weights(listed("SHA256SUMS", form)) == {("sha256", "consistent")}, form
    for name, algorithm in (("SHA1SUMS", "sha1"), ("MD5SUMS.txt", "md5"), ("sha512sum.txt", "sha512"), ("B2SUMS", "blake2b"),
                            ("x.sha384", "sha384")):
        line = "%s  model.safetensors\n" % digest(algorithm)
        assert said_of_weights(listed(name, line)) == {(algorithm, "consistent")}, name
        assert said_of_weights(listed(name, line.replace(line[:8], "0" * 8)), expect=1) == {(algorithm, "inconsistent")}, name


@case
def a_lone_digest_is_of_the_file_that_its_name_tells():
    for text in ("%s\n", "%s", "%s  -\n"):
        good, bad = text % digest("sha256"), text % digest("sha256", b"")
        assert said_of_weights(listed("model.safetensors.sha256", good)) == {("sha256", "consistent")}
        assert said_of_weights(listed("model.safetensors.sha256", bad), expect=1) == {("sha256", "inconsistent")}
        r = report(listed("SHA256SUMS", good), expect=2)
        assert files(r)["SHA256SUMS"]["status"] == "incomplete" and not files(r)["model.safetensors"]["expected"]


@case
def a_list_that_lists_itself_is_no_alarm():
    d = listed("SHA256SUMS", "%s  SHA256SUMS\n%s  model.safetensors\n" % (digest("sha256", b""), digest("sha256")))
    r = report(d, expect=0)
    assert files(r)["SHA256SUMS"]["expected"] == [] and not rules(r), rules(r)
    assert said_of_weights(d) == {("sha256", "consistent")}


@case
def lists_name_files_of_any_bytes():
    d = model(signed=False)
    text = "%s  model.safetensors\n" % digest("sha256")
    for name in (b"back\\slash", b"two\nlines", b"a\xffb", b"\x1b[31m"):
        with open(os.path.join(os.fsencode(d), name), "wb") as f:
            f.write(b"x")
        shown = name.replace(b"\\", b"\\\\").replace(b"\n", b"\\n")
        text += ("\\" if shown != name else "") + digest("sha256", b"x") + "  " + os.fsdecode(shown) + "\n"
    write(d + "/SHA256SUMS", os.fsencode(text))
    expected = [f["expected"] for f in files(report(d, expect=0)).values() if f["expected"]]
    assert len(expected) == 5 and {e[0]["state"] for e in expected} == {"consistent"}, expected


@case
def a_list_that_says_nothing_is_not_taken_for_one_that_agrees():
    good = "%s  model.safetensors\n" % digest("sha256")
    for text in (good.encode() + b"hello\n", good.encode() * 2):
        r = report(listed("SHA256SUMS", text), expect=2)
        f = files(r)["SHA256SUMS"]
        assert f["status"] == "incomplete" and "digest" in f["reason"], (text, f)
        assert not files(r)["model.safetensors"]["expected"]
    certutil = "SHA256 hash of model.safetensors:\r\n%s\r\nCertUtil: -hashfile command completed successfully.\r\n" % digest("sha256")
    for text in (good.encode("utf-16"), b"hello\n" + good.encode(), b"# nothing\n", certutil.encode(),
                 digest("sha224").encode() + b"  model.safetensors\n"):
        r = report(listed("SHA256SUMS", text), expect=0)
        (f,) = findings(r)
        assert (f["rule"], f["severity"], f["path"]) == ("integrity/unread-list", "low", "SHA256SUMS"), (text, f)
        assert not files(r)["model.safetensors"]["expected"]


@case
def a_list_that_is_swapped_for_the_signed_one_verifies_nothing():
    """It is read for what it says before files are hashed: somebody swaps it in between."""
    d = model(signed=False)
    with open(d + "/0.txt", "wb") as f:
        f.truncate(1 << 30)
    signed = ("%s  config.json\n" % hashlib.sha256(b"another").hexdigest()).encode()
    subprocess.run(["openssl", "dgst", "-sha256", "-sign", PRIVATE, "-out", d + "/../s", write(d + "/../l", signed)], check=True)
    write(d + "/SHA256SUMS.sig", base64.b64encode(open(d + "/../s", "rb").read()))
    write(d + "/SHA256SUMS", ("%s  model.safetensors\n" % hashlib.sha256(WEIGHTS).hexdigest()).encode())
    p = subprocess.Popen([ASSAY, "scan", *SCAN_FLAGS, "-j", "1", "-o", "json", "--public-key", PUBLIC, d], stdout=subprocess.PIPE)
    hashed = lambda: int(open("/proc/%d/io" % p.pid).read().split()[1])
    while p.poll() is None and hashed() < 256 << 20:  # the first file is being hashed
        pass
    os.kill(p.pid, signal.SIGSTOP)
    write(d + "/SHA256SUMS", signed)
    os.kill(p.pid, signal.SIGCONT)
    r = json.loads(p.communicate()[0])
    assert {e["state"] for f in files(r).values() for e in f["expected"]} == {"consistent"}, files(r)["model.safetensors"]["expected"]
    assert "integrity/changed-during-scan" in rules(r) and files(r)["SHA256SUMS"]["status"] == "incomplete", rules(r)
    assert p.returncode in (1, 2) and signature(r)["state"] != "verified"


@case
def what_purports_to_be_a_signature_and_is_none_is_shown():
    clear = b"-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\nx\n-----BEGIN PGP SIGNATURE-----\n\nAAAA\n-----END PGP SIGNATURE-----\n"
    for name, text in (("model.safetensors.sig", b"junk"), ("model.safetensors.asc", b"junk"), ("model.safetensors.gpg", b"junk"),
                       ("model.safetensors.asc", clear), ("notes/x.asc", clear)):
        s = signature(report(listed(name, text), expect=0))
        assert s["state"] == "unsupported" and s["path"] == name and s["kind"] in ("gpg", "unknown") and s["reason"], s
    for name in ("notes/x.asc", "keys.gpg"):
        assert report(listed(name, b"= AsciiDoc\n"), expect=0)["models"][0]["signatures"] == []


@case
def detached_signatures_cover_their_file():
    d = model(signed=False)
    subprocess.run(["openssl", "dgst", "-sha256", "-sign", PRIVATE, "-out", d + "/../s", d + "/model.safetensors"], check=True)
    write(d + "/model.safetensors.sig", base64.b64encode(open(d + "/../s", "rb").read()))
    s = signature(accepted(d))
    assert (s["kind"], s["state"]) == ("cosign", "verified"), s
    assert signature(report(d, expect=0))["state"] == "untrusted"
    write(d + "/model.safetensors", WEIGHTS[:-1] + b"\0\0"[:1])
    if WEIGHTS[-1:] != b"\0":
        assert signature(accepted(d, expect=None))["state"] == "invalid"


@case
def a_wrong_option_is_a_usage_error():
    d = model()
    for option in ("--public-key", "--certificate-chain", "--keyring", "--trusted-root"):
        for path in (d + "/none", d, d + "/config.json"):
            for command in (scan, lambda *a: run("verify", *a)):
                p = command(option, path, d)
                assert p.returncode == 4 and path.encode() in p.stderr and p.stdout == b"", (option, path, p)
    assert scan("--public-key", d + "/config.json", d).returncode == 4
    assert scan("--identity", "a@b", d).returncode == 4


main()
