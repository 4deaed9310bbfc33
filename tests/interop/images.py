#!/usr/bin/python3
"""Images that cosign signs at a real registry (Debian's docker-registry), verified there by Assay: its older signatures
and attestations, which are tags, and its bundles, which refer to the image.  No network beyond loopback, but for building
cosign."""
import hashlib, json, os, sys, time, urllib.parse

sys.dont_write_bytecode = True
sys.path[:0] = [os.path.join(os.path.dirname(os.path.abspath(__file__)), d) for d in ("lib", "../pki")]
from peers import *
from cosign import SIGN, VERSION, cosign

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
TABLE = []


def registry():
    port, root = free_port(), os.path.join(lab.directory, "images")
    write(root + ".yml", ("version: 0.1\nlog:\n  level: error\nstorage:\n  filesystem:\n    rootdirectory: %s\nhttp:\n"
                          "  addr: 127.0.0.1:%d\n" % (root, port)).encode())
    serve([tool("docker-registry"), "serve", root + ".yml"], port)
    return "127.0.0.1:%d/team/model" % port, "http://127.0.0.1:%d/v2/team/model" % port


def blob(base, data, kind, **more):
    digest = "sha256:" + hashlib.sha256(data).hexdigest()
    place = request("POST", base + "/blobs/uploads/").headers["Location"]
    request("PUT", place + ("&" if "?" in place else "?") + "digest=" + urllib.parse.quote(digest), data,
            Content_Type="application/octet-stream")
    return dict({"mediaType": kind, "digest": digest, "size": len(data)}, **more)


def push(base, tag, value, kind=MANIFEST):
    body = json.dumps(dict({"schemaVersion": 2, "mediaType": kind}, **value)).encode()
    request("PUT", base + "/manifests/" + tag, body, Content_Type=kind)
    return {"mediaType": kind, "digest": "sha256:" + hashlib.sha256(body).hexdigest(), "size": len(body)}


def push_image(base, tag):
    """One of its own for each tag."""
    config = blob(base, b'{"tag": "%s"}' % tag.encode(), "application/vnd.oci.image.config.v1+json")
    weights = blob(base, TENSORS, "application/vnd.acme.weights", annotations={"org.opencontainers.image.title": "model.safetensors"})
    return push(base, tag, {"config": config, "layers": [weights]})


def ok(p):
    assert p.returncode == 0, (p.args, p.stdout.decode()[-800:], p.stderr.decode()[-800:])


def verified(reference, *who):
    p = run("verify", "-o", "json", *SCAN_FLAGS, *who, "oci://" + reference)
    assert p.stdout, p.stderr
    return p.returncode, json.loads(p.stdout)["state"]


def signed(reference, *who):
    """Do a scan's files count as signed?"""
    p = run("scan", "-o", "json", *SCAN_FLAGS, *who, "oci://" + reference)
    return [f["signed"] for f in json.loads(p.stdout)["models"][0]["files"]]


def check(title, repository, tag, public, other, *more):
    reference = repository + ":" + tag
    assert verified(reference, "--key", public, *more) == (0, "verified"), title
    assert verified(reference, "--key", other, *more)[0] == 1 and verified(reference)[0] == 1, title
    assert signed(reference, "--key", public) == [True, True] and not any(signed(reference, "--key", other)), title
    TABLE.append((title, "verified; other key, no key: refused"))


@case
def cosign_signs_images_at_a_registry():
    (call, home), (repository, base) = cosign(), registry()
    public, other = home + "/cosign.pub", cosign()[1] + "/cosign.pub"
    write(home + "/predicate", b'{"buildDefinition":{"buildType":"x"},"runDetails":{"builder":{"id":"https://b.example/1"}}}')
    attest = ["attest", *SIGN, "--predicate", home + "/predicate", "--type", "slsaprovenance1"]
    builder = ("--builder-id", "https://b.example/1")
    for tag, command, more, title in (("old", ["sign", *SIGN], (), "sign: the tag sha256-….sig"),
                                      ("new", ["sign", *SIGN, "--new-bundle-format=true"], (), "sign: a bundle that refers to the image"),
                                      ("att", attest, builder, "attest: the tag sha256-….att"),
                                      ("natt", [*attest, "--new-bundle-format=true"], builder, "attest: a bundle")):
        image = push_image(base, tag)
        assert verified(repository + ":" + tag, "--key", public) == (1, "unsigned")
        ok(call(*command, repository + "@" + image["digest"]))
        check(title, repository, tag, public, other, *more)
        if more:
            assert verified(repository + ":" + tag, "--key", public, "--builder-id", "https://b.example/2") == (1, "untrusted")


@case
def cosign_signs_an_index_and_all_that_is_in_it():
    (call, home), (repository, base) = cosign(), registry()
    public, other = home + "/cosign.pub", cosign()[1] + "/cosign.pub"
    for recursive in (False, True):
        tag = "deep" if recursive else "top"
        images = [push_image(base, tag + "a"), push_image(base, tag + "b")]
        index = push(base, tag, {"manifests": images}, INDEX)
        ok(call("sign", *SIGN, *(["--recursive"] if recursive else []), repository + "@" + index["digest"]))
        assert verified(repository + ":" + tag, "--key", public) == (0, "verified")
        assert verified(repository + ":" + tag, "--key", other)[0] == 1
        assert all(signed(repository + ":" + tag, "--key", public))
        inside = verified(repository + "@" + images[0]["digest"], "--key", public)
        assert inside == ((0, "verified") if recursive else (1, "unsigned")), inside
    TABLE.append(("sign: an index; --recursive", "verified; its images alone: only with --recursive"))


@case
def cosign_signs_images_by_an_identity():
    try:
        import mock, services
    except ImportError as missing:
        raise Skip("no mock Sigstore: %s" % missing)
    (call, home), (repository, base) = cosign(), registry()
    token = lambda: ["--identity-token", services.token(email_verified=True), "--yes"]
    with services.Services(at=int(time.time())) as s:
        root = ["--trusted-root", write(home + "/root.json", json.dumps(s.instance.trusted_root()).encode())]
        who = [*root, "--certificate-identity", mock.MAIL, "--certificate-oidc-issuer", mock.ISSUER]
        other = [*root, "--certificate-identity", mock.MAIL[1:], "--certificate-oidc-issuer", mock.ISSUER]
        write(home + "/predicate", b'{"buildDefinition":{"buildType":"x"},"runDetails":{"builder":{"id":"https://b.example/1"}}}')
        attest = ["attest", "--predicate", home + "/predicate", "--type", "slsaprovenance1"]
        old = ["--fulcio-url", s.url, "--rekor-url", s.url]
        config = lambda *logs: ["--new-bundle-format=true", "--signing-config", write(
            home + "/config%d.json" % logs, json.dumps(s.signing_config(logs)).encode())]
        new, checks = ["--new-bundle-format=true"], ["verify-attestation", "--type", "slsaprovenance1"]
        for tag, command, theirs, title in (
                ("id-old", ["sign", *old], ["verify"], "sign: the tag sha256-….sig"),
                ("id-att", [*attest, *old], None, "attest: the tag sha256-….att"),
                ("id-one", ["sign", *config(1)], ["verify", *new], "sign: a bundle, log version 1"),
                ("id-two", ["sign", *config(2)], ["verify", *new, "--use-signed-timestamps"], "sign: a bundle, log version 2"),
                ("id-new", [*attest, *config(2)], [*checks, *new, "--use-signed-timestamps"], "attest: a bundle, log version 2")):
            image = repository + "@" + push_image(base, tag)["digest"]
            reference = repository + ":" + tag
            assert verified(reference, *who) == (1, "unsigned")
            ok(call(*command, *root, *token(), image))
            if theirs:  # older attestations it verifies with its own roots only
                ok(call(*theirs, *who, image))
                assert call(*theirs, *other, image).returncode != 0
            assert verified(reference, *who) == (0, "verified"), title
            assert verified(reference, *other) == (1, "untrusted") and verified(reference, *root) == (1, "untrusted"), title
            assert signed(reference, *who) == [True, True] and not any(signed(reference, *other)), title
            TABLE.append(("keyless " + title, "verified%s; another identity: refused" % (", by cosign too" if theirs else "")))


try:
    main()
finally:
    for title, found in TABLE:
        print("# cosign %s | %s | %s" % (VERSION, title, found))
