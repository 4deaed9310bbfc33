#!/usr/bin/python3
"""Buckets, containers, OCI repositories and web servers: listed, hashed, loaded; and what a
hostile or broken one can do."""
import base64, hashlib, hmac, json, os, subprocess, sys, urllib.parse, zlib

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lab import BUILD, Lab
from tap import case, main

S3 = "models.s3.us-east-1.amazonaws.com"
S3_NORTH = "models.s3.eu-north-1.amazonaws.com"
AZURE = "acme.blob.core.windows.net"
CHINA, GOVERNMENT, STACK = "acme.blob.core.chinacloudapi.cn", "acme.blob.core.usgovcloudapi.net", "acme.blob.stack.hub.test"
GCS = "storage.googleapis.com"
lab = Lab(S3, S3_NORTH, "s3.us-east-1.amazonaws.com", AZURE, GCS, "login.microsoftonline.com", CHINA, GOVERNMENT, STACK, "login.chinacloudapi.cn", "login.microsoftonline.us",
          "registry-1.docker.io", "auth.docker.io").__enter__()
STORAGE = os.path.join(BUILD, "net", "storage")
caches = iter(range(1 << 30))
DATA = b"model bytes\n" * 1000
SECRETS = ("REGISTRY_AUTH", "DOCKER_", "AWS_", "AZURE_", "STORAGE_", "GOOGLE_", "CLOUDSDK_", "JF")


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def md5(data):
    return hashlib.md5(data).hexdigest()


def crc32c(data):
    value = 0xffffffff
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = value >> 1 ^ (0x82f63b78 if value & 1 else 0)
    return "%08x" % (value ^ 0xffffffff)


def crc64nvme(data):
    value = (1 << 64) - 1
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = value >> 1 ^ (0x9a6c9329ac4bc9b5 if value & 1 else 0)
    return "%016x" % (value ^ (1 << 64) - 1)


def b64(hexadecimal):
    return base64.b64encode(bytes.fromhex(hexadecimal)).decode()


def listed(uri, *options, env=None, ok=True, home=None, load=False, timeout=120):
    clean = {k: v for k, v in os.environ.items() if not k.startswith(SECRETS)}
    command = [STORAGE, "--ca-file", lab.path("ca.pem"), *lab.mapped(), "--home", home or lab.directory, *options]
    if load:
        command += ["--load", "--cache", lab.path("cache%d" % next(caches))]
    lab.asked.clear()
    p = subprocess.run(command + [uri], capture_output=True, timeout=timeout, env=dict(clean, **env or {}))
    assert p.returncode == 0, p.stderr.decode()
    out = json.loads(p.stdout)
    assert out["ok"] == ok, out
    out["by"] = {f["path"]: f for f in out["files"]}
    return out


def by_host(table):
    """Routes by host and path; a value is bytes or a function."""
    @lab.route("*")
    def _(a):
        found = table.get((a.host, a.path.split("?")[0]))
        if found is None:
            a.reply(404, b"<Error><Code>NoSuchKey</Code></Error>")
        elif callable(found):
            found(a)
        else:
            a.serve(found)


# --- OCI ---

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"


def layer(data, media="application/vnd.acme.weights", **annotations):
    return {"mediaType": media, "digest": "sha256:" + sha256(data), "size": len(data),
            "annotations": {k.replace("_", "."): v for k, v in annotations.items()}}


def titled(data, title, **more):
    found = layer(data, **more)
    found["annotations"]["org.opencontainers.image.title"] = title
    return found


class Registry:
    """A repository behind hub.test, as a table for by_host()."""

    def __init__(self, name="team/model", host="hub.test"):
        self.name, self.host, self.table = name, host, {}
        by_host(self.table)

    def blob(self, data):
        self.table[self.host, "/v2/%s/blobs/sha256:%s" % (self.name, sha256(data))] = data

    def push(self, manifest, *references, blobs=(), media=MANIFEST, digest=None):
        body = manifest if isinstance(manifest, bytes) else json.dumps(manifest).encode()
        for data in blobs:
            self.blob(data)

        def answer(a):
            a.reply(200, body, Content_Type=media, Docker_Content_Digest=digest or "sha256:" + sha256(body))
        for reference in references + ("sha256:" + sha256(body),):
            self.table[self.host, "/v2/%s/manifests/%s" % (self.name, reference)] = answer
        return "sha256:" + sha256(body)


def image(*layers, config=b"{\"a\":1}", **more):
    return dict({"schemaVersion": 2, "mediaType": MANIFEST, "config": layer(config, "application/vnd.acme.config"),
                 "layers": list(layers)}, **more)


@case
def an_artifact_is_listed_and_loaded():
    r = Registry()
    digest = r.push(image(titled(DATA, "model.gguf"), artifactType="application/vnd.acme.model",
                          annotations={"org.opencontainers.image.licenses": "MIT"}),
                    "v1", blobs=(DATA, b"{\"a\":1}"))
    for reference in ("oci://hub.test/team/model:v1", "oci://hub.test/team/model@" + digest):
        out = listed(reference, load=True)
        assert out["revision"] == digest and out["listed"]
        assert out["metadata"]["license"] == "MIT" and out["metadata"]["type"] == "application/vnd.acme.model"
        model = out["by"]["model.gguf"]
        assert model["hashes"] == {"sha256": sha256(DATA)} and model["size"] == len(DATA)
        assert model["state"] == "done" and model["sha256"] == sha256(DATA)
        assert len(out["files"]) == 2
    assert "referrers" in "".join(lab.paths())


@case
def every_manifest_of_an_index_counts():
    r = Registry()
    first = r.push(image(titled(DATA, "model.gguf")))
    second = r.push(image(titled(b"other", "model.bin")))
    r.push({"schemaVersion": 2, "mediaType": INDEX, "manifests": [
        {"mediaType": MANIFEST, "digest": first, "platform": {"architecture": "amd64", "os": "linux"}},
        {"mediaType": MANIFEST, "digest": second, "platform": {"architecture": "arm64", "os": "linux"}}]}, "v1")
    assert {"model.gguf", "model.bin"} <= set(listed("oci://hub.test/team/model:v1")["by"])


@case
def a_token_is_asked_for_at_the_same_host_only():
    r = Registry()
    digest = r.push(image(titled(DATA, "m")), "v1")
    plain = r.table["hub.test", "/v2/team/model/manifests/v1"]
    for realm, ok in (("https://hub.test/token", True), ("https://evil.test/token", False)):
        def locked(a):
            if a.headers.get("authorization") == "Bearer t0ken":
                return plain(a)
            a.reply(401, b"{}", WWW_Authenticate='Bearer realm="%s",service="hub",scope="repository:team/model:pull"' % realm)
        r.table["hub.test", "/v2/team/model/manifests/v1"] = locked
        r.table["hub.test", "/token"] = r.table["evil.test", "/token"] = lambda a: a.reply(200, b'{"token":"t0ken"}')
        out = listed("oci://hub.test/team/model:v1", ok=ok)
        assert ok or not [a for a in lab.asked if a.host == "evil.test"], lab.paths()
    assert digest


@case
def the_login_of_docker_is_used_for_its_own_host():
    r = Registry()
    r.push(image(titled(DATA, "m")), "v1")
    plain = r.table["hub.test", "/v2/team/model/manifests/v1"]
    home = lab.path("docker-home")
    os.makedirs(os.path.join(home, ".docker"))
    with open(os.path.join(home, ".docker", "config.json"), "w") as f:
        json.dump({"auths": {"hub.test": {"auth": base64.b64encode(b"ann:pw").decode()}}}, f)

    def token(a):
        a.reply(200 if a.headers.get("authorization") == "Basic " + base64.b64encode(b"ann:pw").decode() else 401,
                b'{"token":"t0ken"}')

    def locked(a):
        if a.headers.get("authorization") == "Bearer t0ken":
            return plain(a)
        a.reply(401, b"{}", WWW_Authenticate='Bearer realm="https://hub.test/token"')
    r.table["hub.test", "/v2/team/model/manifests/v1"] = locked
    r.table["hub.test", "/token"] = token
    listed("oci://hub.test/team/model:v1", home=home)
    listed("oci://hub.test/team/model:v1", ok=False)


@case
def a_credential_helper_of_docker_s_is_not_run_and_that_is_told():
    home, mark = lab.path("helper-home"), lab.path("helper-ran")
    os.makedirs(os.path.join(home, ".docker"), exist_ok=True)
    program = os.path.join(home, "docker-credential-lab")
    with open(program, "w") as f:
        f.write("#!/bin/sh\ntouch %s\n" % mark)
    os.chmod(program, 0o755)
    lab.routes["*"] = lambda a: a.reply(401, b"")

    def config(name, **rows):
        with open(os.path.join(home, name), "w") as f:
            json.dump(rows, f)
        return os.path.join(home, name)
    auth = base64.b64encode(b"me:s3cret").decode()
    env = {"PATH": home + ":" + os.environ["PATH"]}
    for rows in ({"credHelpers": {"hub.test": "lab"}}, {"credsStore": "lab", "auths": {"hub.test": {}}}):
        config(".docker/config.json", **rows)
        error = listed("oci://hub.test/team/model:v1", ok=False, home=home, env=env)["error"]
        assert "docker-credential-lab" in error and "not run" in error and "REGISTRY_AUTH_FILE" in error, error
    config(".docker/config.json", credHelpers={"other.test": "lab"})
    assert "credential" not in listed("oci://hub.test/team/model:v1", ok=False, home=home, env=env)["error"]
    assert not os.path.exists(mark)
    # what the sentence advises, and docker's own variable, hold
    r = Registry()
    r.push(image(titled(DATA, "model.gguf")), "v1", blobs=(DATA, b"{\"a\":1}"))
    served = lab.routes["*"]

    def asking(a):
        if a.path.startswith("/token"):
            good = a.headers.get("authorization") == "Basic " + auth
            return a.reply(200 if good else 401, b'{"token": "t"}')
        if a.headers.get("authorization") != "Bearer t":
            return a.reply(401, b"", WWW_Authenticate='Bearer realm="https://hub.test/token",service="x",scope="y"')
        served(a)
    lab.routes["*"] = asking
    config(".docker/config.json", credsStore="lab")
    assert "not run" in listed("oci://hub.test/team/model:v1", ok=False, home=home)["error"]
    file = config("auth.json", auths={"hub.test": {"auth": auth}})
    listed("oci://hub.test/team/model:v1", home=home, env={"REGISTRY_AUTH_FILE": file})
    os.makedirs(home + "/config", exist_ok=True)
    config("config/config.json", auths={"hub.test": {"auth": auth}})
    listed("oci://hub.test/team/model:v1", home=home, env={"DOCKER_CONFIG": home + "/config"})


@case
def docker_hub_has_other_hosts_than_its_references():
    r = Registry(host="registry-1.docker.io")
    r.push(image(titled(DATA, "m")), "v1")
    plain = r.table["registry-1.docker.io", "/v2/team/model/manifests/v1"]

    def locked(a):
        if a.headers.get("authorization") == "Bearer t0ken":
            return plain(a)
        a.reply(401, b"{}", WWW_Authenticate='Bearer realm="https://auth.docker.io/token",service="registry.docker.io"')
    r.table["registry-1.docker.io", "/v2/team/model/manifests/v1"] = locked
    r.table["auth.docker.io", "/token"] = lambda a: a.reply(200, b'{"token":"t0ken"}')
    listed("oci://docker.io/team/model:v1")


@case
def names_in_annotations_are_hostile():
    names = ["../../etc/passwd", "/etc/passwd", "a//b", "a\\b", "x\x1b[2J", "C:/x", "a/../b", "", "ok.bin"]
    r = Registry()
    r.push(image(*[titled(DATA + n.encode(), n) for n in names]), "v1")
    out = listed("oci://hub.test/team/model:v1")
    assert out["refused"] == 7 and not out["listed"], out
    assert "ok.bin" in out["by"] and sha256(DATA) in out["by"], list(out["by"])
    assert all(".." not in p and not p.startswith("/") for p in out["by"])
    assert {f[0] for f in out["findings"]} == {"trust/unsafe-listing"}


@case
def one_name_for_two_contents_is_refused():
    r = Registry()
    r.push(image(titled(DATA, "m"), titled(b"x", "m"), titled(DATA, "d"), titled(DATA, "d/e"), titled(DATA, "d-x"),
                 titled(DATA, "twice"), titled(DATA, "twice")), "v1")
    out = listed("oci://hub.test/team/model:v1")
    assert "m" not in out["by"] and "d" not in out["by"] and "d/e" in out["by"] and "twice" in out["by"], out
    assert not out["listed"] and out["refused"] == 2


@case
def a_digest_that_does_not_fit_is_no_answer():
    r = Registry()
    r.push(image(titled(DATA, "m")), "v1", digest="sha256:" + sha256(b"other"))
    assert "digest" in listed("oci://hub.test/team/model:v1", ok=False)["error"]
    wanted = "sha256:" + sha256(b"wanted")
    r = Registry()
    r.push(image(titled(DATA, "m")), wanted, "v2")
    assert "another digest" in listed("oci://hub.test/team/model@" + wanted, ok=False)["error"]
    for bad in (b"[]", b"{", b"null", b'{"schemaVersion":1,"fsLayers":[]}', b'{"schemaVersion":2}',
                json.dumps(image({"digest": "md5:00", "size": 1})).encode(), b"[" * 100000):
        r = Registry()
        r.push(bad, "v1")
        out = listed("oci://hub.test/team/model:v1", ok=False)
        assert out["refusal"] == "malformed", out


@case
def a_blob_with_other_bytes_is_told():
    r = Registry()
    r.push(image(titled(DATA, "m")), "v1")
    r.table["hub.test", "/v2/team/model/blobs/sha256:" + sha256(DATA)] = b"other bytes\n" * 1000
    assert listed("oci://hub.test/team/model:v1", load=True)["by"]["m"]["state"] == "mismatch"


@case
def an_index_without_end_is_refused():
    r = Registry()
    digest = r.push(image(titled(DATA, "m")))
    r.push({"schemaVersion": 2, "manifests": [{"digest": digest}] * 65}, "many")
    assert "more than 64" in listed("oci://hub.test/team/model:many", ok=False)["error"]
    inner = r.push({"schemaVersion": 2, "manifests": [{"digest": digest}]})
    r.push({"schemaVersion": 2, "manifests": [{"digest": inner}]}, "nested")
    assert "index" in listed("oci://hub.test/team/model:nested", ok=False)["error"]


@case
def references_that_are_none_ask_nobody():
    for bad in ("oci://hub.test", "oci://hub.test/", "oci://hub.test/../x", "oci://hub.test/UPPER", "oci://hub.test/a:b:c",
                "oci://hub.test/a@sha256:12", "oci:///a", "oci://hub.test/a b", "oci://hub.test/a:.x", "oci://u@hub.test/a",
                "s3://UPPER/x", "s3://a/x", "s3://bucket/x?acl", "s3://a..b/x", "gs://bucket/x?y", "gs://b%2fc/x",
                "azure://container/x", "wasbs://c@evil.test/x", "abfss://c@acme.dfs.evil.test/x", "https://hub.test/",
                "https://hub.test/a/", "https://hub.test/%2e%2e", "ftp://hub.test/x", "jfrog://hub.test/a/../b"):
        out = listed(bad, ok=False)
        assert not lab.asked and out["refusal"] == "not_asked" or "oci://u@" in bad, (bad, out, lab.paths())


@case
def nothing_there_is_not_found():
    by_host({})
    for uri in ("oci://hub.test/team/none:v1", "s3://models/none", "gs://models/none", "https://hub.test/none"):
        out = listed(uri, ok=False)
        assert out["refusal"] == "not_found", (uri, out)


# --- S3 ---

KEY = {"AWS_ACCESS_KEY_ID": "AKIA", "AWS_SECRET_ACCESS_KEY": "s3cret", "AWS_SESSION_TOKEN": "t"}


def page(*keys, more=None, size=len(DATA)):
    rows = "".join("<Contents><Key>%s</Key><Size>%d</Size><ETag>&quot;x&quot;</ETag></Contents>" % (k, 0 if k.endswith("/") else size) for k in keys)
    rows += "<IsTruncated>%s</IsTruncated>" % ("true" if more else "false")
    if more:
        rows += "<NextContinuationToken>%s</NextContinuationToken>" % more
    return ('<?xml version="1.0"?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">%s</ListBucketResult>'
            % rows).encode()


def bucket(pages, host=S3, head=None, base=""):
    """pages: continuation token (None: the first) → answer."""
    def list_(a):
        query = urllib.parse.parse_qs(urllib.parse.urlsplit(a.path).query)
        answer = pages.get(query.get("continuation-token", [None])[0])
        a.reply(200 if answer else 404, answer or b"")

    @lab.route("*")
    def _(a):
        path = a.path.split("?")[0]
        if a.host != host:
            return a.reply(404, b"")
        if path == base + "/":
            return list_(a)
        if a.method == "HEAD" and head:
            return head(a)
        a.serve(DATA, etag='"%s"' % md5(DATA), x_amz_checksum_sha256=b64(sha256(DATA)))


@case
def a_bucket_is_listed_page_by_page_and_loaded():
    bucket({None: page("dir/a.bin", "dir/", more="t+/1"), "t+/1": page("dir/sub/b c.bin")})
    out = listed("s3://models/dir", load=True)
    assert set(out["by"]) == {"a.bin", "sub/b c.bin"} and out["listed"], out
    for f in out["files"]:
        assert f["hashes"] == {"md5": md5(DATA), "sha256": sha256(DATA)} and f["state"] == "done", f
    assert not [a for a in lab.asked if "authorization" in a.headers]
    assert "/dir/sub/b%20c.bin" in lab.paths()


@case
def a_key_signs_and_goes_to_its_host_only():
    bucket({None: page("a.bin")}, head=lambda a: a.redirect("https://evil.test/a.bin"))
    out = listed("s3://models/", ok=False, env=KEY)
    assert "status 302" in out["error"], out
    first = lab.asked[0]
    assert first.headers["authorization"].startswith("AWS4-HMAC-SHA256 Credential=AKIA/")
    assert first.headers["x-amz-security-token"] == "t" and first.headers["x-amz-content-sha256"] == "UNSIGNED-PAYLOAD"
    assert "SignedHeaders=host;x-amz-checksum-mode;x-amz-content-sha256;x-amz-date;x-amz-security-token" in first.headers["authorization"]
    assert not [a for a in lab.asked if a.host == "evil.test"]
    bucket({None: page("a.bin")})
    plain = lab.routes["*"]

    def elsewhere(a):
        if a.method == "GET" and a.path == "/a.bin" and a.host == S3:
            return a.redirect("https://cdn.test/a.bin")
        if a.host == "cdn.test":
            return a.serve(DATA)
        plain(a)
    lab.routes["*"] = elsewhere
    assert listed("s3://models/", env=KEY, load=True)["by"]["a.bin"]["state"] == "done"
    strayed = [a for a in lab.asked if a.host == "cdn.test"]
    assert strayed and not [h for h in strayed[0].headers if h.startswith("x-amz") or h == "authorization"], strayed[0].headers


@case
def a_bucket_of_another_region_says_where_it_is():
    bucket({None: page("a.bin")}, host=S3_NORTH)
    plain = lab.routes["*"]

    def moved(a):
        if a.host == S3:
            return a.reply(301, b"<Error><Code>PermanentRedirect</Code></Error>", x_amz_bucket_region="eu-north-1")
        plain(a)
    lab.routes["*"] = moved
    assert listed("s3://models/", env=KEY, load=True)["by"]["a.bin"]["state"] == "done"
    assert "/eu-north-1/s3/" in lab.asked[-1].headers["authorization"]

    def nonsense(a):
        a.reply(301, b"", x_amz_bucket_region="evil.test/")
    lab.routes["*"] = nonsense
    listed("s3://models/", env=KEY, ok=False)
    assert {a.host for a in lab.asked} == {S3}


@case
def an_etag_is_a_hash_only_where_it_is_one():
    def head(encryption=None, etag=md5(b"not the bytes"), checksum=None):
        def answer(a):
            fields = {"ETag": '"%s"' % etag, "Content_Length": len(DATA)}
            if encryption:
                fields["x_amz_server_side_encryption"] = encryption
            if checksum:
                fields["x_amz_checksum_sha256"] = checksum
            a.head(200, **fields)
        return answer
    for how, wanted in ((head(), {"md5": md5(b"not the bytes")}), (head("AES256"), {"md5": md5(b"not the bytes")}),
                        (head("aws:kms"), {}), (head(etag=md5(DATA) + "-3"), {}),
                        (head("aws:kms", checksum=b64(sha256(DATA)) + "-3"), {}),
                        (head("aws:kms", checksum=b64(sha256(DATA))), {"sha256": sha256(DATA)})):
        bucket({None: page("a.bin")}, head=how)
        assert listed("s3://models/")["by"]["a.bin"]["hashes"] == wanted


@case
def a_weak_checksum_counts_where_there_is_nothing_else():
    zlib_crc = "%08x" % zlib.crc32(DATA)
    sums = {"sha1": hashlib.sha1(DATA).hexdigest(), "crc64nvme": crc64nvme(DATA), "crc32c": crc32c(DATA), "crc32": zlib_crc}
    for name, value in sums.items():
        for wrong in (False, True):
            sent = "0" * len(value) if wrong else value
            fields = {"ETag": '"%s-3"' % md5(DATA), "Content_Length": len(DATA), "x_amz_checksum_" + name: b64(sent)}
            bucket({None: page("a.bin")}, head=lambda a: a.head(200, **fields))
            one = listed("s3://models/", env=KEY, load=True)["by"]["a.bin"]
            assert one["hashes"] == {name: sent} and one["state"] == ("mismatch" if wrong else "done"), one
    # of parts and not of the object; beside a digest that proves more
    for fields, wanted in (({"x_amz_checksum_crc32c": b64(crc32c(DATA)) + "-3"}, {}),
                           ({"x_amz_checksum_crc64nvme": b64(crc64nvme(DATA)) + "-3"}, {}), ({"x_amz_checksum_crc64nvme": b64(crc32c(DATA))}, {}),
                           ({"x_amz_checksum_crc32c": b64(crc32c(DATA)), "x_amz_checksum_sha256": b64(sha256(DATA))},
                            {"sha256": sha256(DATA)})):
        bucket({None: page("a.bin")}, head=lambda a: a.head(200, ETag='"%s-3"' % md5(DATA), Content_Length=len(DATA), **fields))
        assert listed("s3://models/")["by"]["a.bin"]["hashes"] == wanted


@case
def an_endpoint_of_the_operator_s_may_be_private_and_plain():
    bucket({None: page("a.bin")}, host="127.0.0.1:%d" % lab.plain_port, base="/models")
    env = dict(KEY, AWS_ENDPOINT_URL_S3="http://127.0.0.1:%d" % lab.plain_port)
    assert listed("s3://models/", env=env, load=True)["by"]["a.bin"]["state"] == "done"
    assert lab.asked[0].path.startswith("/models/?list-type=2") and lab.asked[0].plain


@case
def a_version_is_one_object():
    bucket({})
    out = listed("s3://models/dir/a.bin?versionId=v%2F1", load=True)
    assert out["revision"] == "v%2F1" and out["by"]["a.bin"]["state"] == "done", out


@case
def keys_are_hostile():
    names = ["dir/../../x", "dir//x", "/x", "dir/ok", "dir/" + "n" * 2000, "dir/a\\b", "elsewhere/y"]
    bucket({None: page(*names)})
    out = listed("s3://models/dir")
    assert set(out["by"]) == {"ok"} and out["refused"] == 4 and not out["listed"], out


@case
def xml_is_hostile():
    bomb = b'<?xml version="1.0"?><!DOCTYPE l [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]><ListBucketResult>&b;</ListBucketResult>'
    for bad in (bomb, b"<a>" * 100, b"<ListBucketResult>", b"\x00\x01", b"<ListBucketResult><Contents><Key>%s</Key></Contents></ListBucketResult>" % (b"k" * 100000),
                page("a", more="same"), b'<ListBucketResult><IsTruncated>true</IsTruncated></ListBucketResult>',
                b'<!DOCTYPE l SYSTEM "https://evil.test/x.dtd"><ListBucketResult/>'):
        bucket({None: bad, "same": page("a", more="same")})
        assert listed("s3://models/", ok=False)["refusal"] in ("malformed", "not_found"), bad[:80]
        assert not [a for a in lab.asked if a.host == "evil.test"]


@case
def too_many_objects_are_an_error_in_bounded_memory():
    numbers = iter(range(1 << 30))

    @lab.route("*")
    def _(a):
        if a.method == "HEAD":
            return a.reply(200, b"")
        n = next(numbers)
        a.reply(200, page(*["k%09d" % (n * 1000 + i) for i in range(1000)], more="t%d" % n))
    command = [STORAGE, "--ca-file", lab.path("ca.pem"), *lab.mapped(), "s3://models/"]
    # not by a limit of addresses: the sanitizers reserve far more than they use
    p = subprocess.run(["/usr/bin/python3", "-c", "import resource,subprocess,sys\nstatus = subprocess.call(sys.argv[1:])\n"
                        "sys.stderr.write(str(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss))\nsys.exit(status)", *command],
                       capture_output=True, timeout=600)
    out = json.loads(p.stdout)
    assert int(p.stderr.split()[-1]) < 1 << 20, p.stderr # KiB
    assert not out["ok"] and "more than 200000 files" in out["error"], out["error"]


# --- Google ---

def gcs(items, base="/storage/v1/b/models/o", host=GCS):
    def answer(a):
        query = urllib.parse.parse_qs(urllib.parse.urlsplit(a.path).query)
        token = query.get("pageToken", [""])[0]
        n = int(token or 0)
        body = {"items": items[n:n + 2]}
        if n + 2 < len(items):
            body["nextPageToken"] = str(n + 2)
        a.reply(200, json.dumps(body).encode())

    @lab.route("*")
    def _(a):
        path = a.path.split("?")[0]
        if a.host != host:
            return a.reply(404)
        return answer(a) if path == base else a.serve(DATA)


def item(name, **more):
    return dict({"name": name, "size": str(len(DATA)), "md5Hash": b64(md5(DATA)), "generation": "17"}, **more)


@case
def objects_of_google_are_listed_and_loaded():
    gcs([item("dir/a b.bin"), item("dir/sub/c.bin"), item("dir/", size="0"), item("dir2/x"), item("dir/composite", md5Hash=None)])
    out = listed("gs://models/dir", load=True, env={"CLOUDSDK_AUTH_ACCESS_TOKEN": "t0ken"})
    assert set(out["by"]) == {"a b.bin", "sub/c.bin", "composite"}, out
    assert out["by"]["a b.bin"]["hashes"] == {"md5": md5(DATA)} and out["by"]["composite"]["hashes"] == {}
    assert "crc32c" in urllib.parse.unquote(lab.asked[0].path)
    assert all(f["state"] == "done" for f in out["files"])
    assert "/storage/v1/b/models/o/dir%2Fa%20b.bin?alt=media&generation=17" in lab.paths()
    assert all(a.headers["authorization"] == "Bearer t0ken" for a in lab.asked)


@case
def a_credentials_file_of_google_s_is_exchanged_for_a_token():
    gcs([item("a.bin")])
    objects = lab.routes["*"]

    @lab.route("/token")
    def _(a):
        assert b"grant_type=refresh_token" in a.body and a.host == "oauth2.googleapis.com"
        a.reply(200, b'{"access_token": "t-user", "expires_in": 3600}')
    path = lab.path("adc.json")
    with open(path, "w") as f:
        json.dump({"type": "authorized_user", "client_id": "c", "client_secret": "s", "refresh_token": "r"}, f)
    lab.routes["*"] = objects
    out = listed("gs://models/", load=True, env={"GOOGLE_APPLICATION_CREDENTIALS": path})
    assert out["by"]["a.bin"]["state"] == "done"
    assert {a.headers["authorization"] for a in lab.asked if a.host == GCS} == {"Bearer t-user"}
    assert not [a for a in lab.asked if path in a.headers.get("authorization", "")]
    del lab.routes["/token"]


@case
def a_composite_object_of_google_is_checked_by_its_crc32c():
    assert crc32c(b"123456789") == "e3069283"
    gcs([item("good", md5Hash=None, crc32c=b64(crc32c(DATA))), item("bad", md5Hash=None, crc32c=b64(crc32c(b"other"))),
         item("odd", md5Hash=None, crc32c="AAAAAAA="), item("both", crc32c=b64(crc32c(DATA)))])
    by = listed("gs://models/", load=True, env={"CLOUDSDK_AUTH_ACCESS_TOKEN": "t0ken"})["by"]
    assert by["good"]["hashes"] == {"crc32c": crc32c(DATA)} and by["good"]["state"] == "done", by
    assert by["bad"]["state"] == "mismatch" and by["odd"]["hashes"] == {}, by
    assert by["both"]["hashes"] == {"md5": md5(DATA)}


@case
def an_emulator_is_asked_where_it_is_configured():
    gcs([item("a.bin")], host="127.0.0.1:%d" % lab.plain_port)
    env = {"STORAGE_EMULATOR_HOST": "127.0.0.1:%d" % lab.plain_port}
    assert listed("gs://models/", load=True, env=env)["by"]["a.bin"]["state"] == "done"


@case
def a_list_of_google_s_that_does_not_end_is_refused():
    @lab.route("*")
    def _(a):
        a.reply(200, json.dumps({"items": [], "nextPageToken": "same"}).encode())
    assert "does not go on" in listed("gs://models/", ok=False)["error"]
    for bad in (b"[", b"{\"items\":[{}]}", b"[" * 1000000):
        lab.routes["*"] = lambda a: a.reply(200, bad)
        listed("gs://models/", ok=False)


# --- Azure ---

def azure(pages, host=AZURE, base="/models"):
    @lab.route("*")
    def _(a):
        url = urllib.parse.urlsplit(a.path)
        query = urllib.parse.parse_qs(url.query)
        if a.host != host:
            return a.reply(404)
        if url.path == base and query.get("comp") == ["list"]:
            return a.reply(200, pages[query.get("marker", [""])[0]])
        a.serve(DATA)


def blobs(*names, marker="", digest=True):
    rows = "".join("<Blob><Name>%s</Name><Properties><Content-Length>%d</Content-Length>%s</Properties></Blob>"
                   % (n, len(DATA), "<Content-MD5>%s</Content-MD5>" % b64(md5(DATA)) if digest else "") for n in names)
    return ("\ufeff<?xml version=\"1.0\" encoding=\"utf-8\"?><EnumerationResults><Blobs>%s</Blobs><NextMarker>%s</NextMarker></EnumerationResults>"
            % (rows, marker)).encode()


@case
def blobs_of_azure_are_listed_and_loaded():
    azure({"": blobs("dir/a.bin", marker="m 1"), "m 1": blobs("dir/sub/b.bin", digest=False)})
    for uri, env in (("wasbs://models@acme.blob.core.windows.net/dir", {}), ("abfss://models@acme.dfs.core.windows.net/dir", {}),
                     ("azure://models/dir", {"AZURE_STORAGE_ACCOUNT": "acme"}), ("https://acme.blob.core.windows.net/models/dir", {})):
        out = listed(uri, load=True, env=env)
        assert set(out["by"]) == {"a.bin", "sub/b.bin"} and all(f["state"] == "done" for f in out["files"]), out
        assert out["by"]["a.bin"]["hashes"] == {"md5": md5(DATA)}


@case
def a_signature_of_azure_s_is_for_the_operator_s_account():
    azure({"": blobs("a.bin")})
    env = {"AZURE_STORAGE_ACCOUNT": "acme", "AZURE_STORAGE_SAS_TOKEN": "?sv=1&sig=s3cret"}
    out = listed("azure://models/", load=True, env=env)
    assert out["by"]["a.bin"]["state"] == "done" and "s3cret" not in json.dumps(out)
    assert all(a.path.endswith("sv=1&sig=s3cret") for a in lab.asked), lab.paths()
    listed("wasbs://models@acme.blob.core.windows.net/", load=True, env=dict(env, AZURE_STORAGE_ACCOUNT="other"))
    assert not [p for p in lab.paths() if "s3cret" in p]
    lab.routes["*"] = lambda a: a.reply(403, b"<Error><Code>AuthenticationFailed</Code></Error>")
    out = listed("azure://models/", ok=False, env=env)
    assert out["refusal"] == "forbidden" and "AuthenticationFailed" in out["error"] and "s3cret" not in out["error"], out


def shared_key(a, account, key):
    """What Azure would make of the request: the Authorization of whoever has the key."""
    url = urllib.parse.urlsplit(a.path)
    lines = [a.method] + [a.headers.get(n, "") for n in (
        "content-encoding", "content-language", "content-length", "content-md5", "content-type", "date", "if-modified-since",
        "if-match", "if-none-match", "if-unmodified-since", "range")]
    lines += ["%s:%s" % h for h in sorted(a.headers.items()) if h[0].startswith("x-ms-")]
    lines += ["/" + account + url.path]
    lines += ["%s:%s" % (n.lower(), v) for n, v in sorted(urllib.parse.parse_qsl(url.query, keep_blank_values=True))]
    digest = hmac.new(base64.b64decode(key), "\n".join(lines).encode(), hashlib.sha256).digest()
    return "SharedKey %s:%s" % (account, base64.b64encode(digest).decode())


@case
def a_key_of_azure_s_signs_what_goes_to_its_account_only():
    key = base64.b64encode(bytes(range(64))).decode()
    azure({"": blobs("dir/a b.bin", marker="m 1/+"), "m 1/+": blobs("dir/c.bin")})
    served, wrong = lab.routes["*"], []

    def account(a):
        if a.headers.get("authorization") != shared_key(a, "acme", key):
            wrong.append(a.headers)
            return a.reply(403, b"<Error><Code>AuthenticationFailed</Code></Error>")
        served(a)
    lab.routes["*"] = account
    env = {"AZURE_STORAGE_ACCOUNT": "acme", "AZURE_STORAGE_KEY": key}
    for env in (env, {"AZURE_STORAGE_CONNECTION_STRING": "DefaultEndpointsProtocol=https;AccountName=acme;AccountKey=%s" % key}):
        out = listed("azure://models/dir", load=True, env=env)
        assert [f["state"] for f in out["files"]] == ["done", "done"] and not wrong, (out, wrong)
        assert key not in json.dumps(out)
    lab.routes["*"] = served
    listed("wasbs://models@acme.blob.core.windows.net/dir", load=True, env=dict(env, AZURE_STORAGE_CONNECTION_STRING="",
                                                                              AZURE_STORAGE_ACCOUNT="other", AZURE_STORAGE_KEY=key))
    assert lab.asked and not [a for a in lab.asked if "authorization" in a.headers]
    out = listed("azure://models/dir", ok=False, env={"AZURE_STORAGE_ACCOUNT": "acme", "AZURE_STORAGE_KEY": "s3cret?"})
    assert "AZURE_STORAGE_KEY" in out["error"] and "s3cret" not in out["error"], out


@case
def a_connection_string_of_azure_s_names_the_endpoint():
    azure({"": blobs("a.bin")}, host="127.0.0.1:%d" % lab.plain_port, base="/dev/models")
    env = {"AZURE_STORAGE_CONNECTION_STRING": "AccountName=dev;BlobEndpoint=http://127.0.0.1:%d/dev/;SharedAccessSignature=sv=2&sig=x"
           % lab.plain_port}
    assert listed("azure://models/", load=True, env=env)["by"]["a.bin"]["state"] == "done"


@case
def a_client_of_entra_gets_a_token():
    azure({"": blobs("a.bin")})
    plain = lab.routes["*"]

    def with_token(a):
        if a.host == "login.microsoftonline.com":
            assert b"client_secret=s3cret" in a.body
            return a.reply(200, b'{"access_token":"t0ken","expires_in":3600}')
        if a.headers.get("authorization") != "Bearer t0ken":
            return a.reply(401)
        plain(a)
    lab.routes["*"] = with_token
    env = {"AZURE_STORAGE_ACCOUNT": "acme", "AZURE_TENANT_ID": "ten", "AZURE_CLIENT_ID": "id", "AZURE_CLIENT_SECRET": "s3cret"}
    assert listed("azure://models/", load=True, env=env)["by"]["a.bin"]["state"] == "done"


@case
def accounts_in_other_clouds_are_found_and_get_their_own_credentials_only():
    key = base64.b64encode(bytes(range(64))).decode()
    for host, suffix, login in ((CHINA, "core.chinacloudapi.cn", "login.chinacloudapi.cn"), (STACK, "stack.hub.test", "login.microsoftonline.com"),
                                (GOVERNMENT, "core.usgovcloudapi.net", "login.microsoftonline.us")):
        azure({"": blobs("a.bin")}, host=host)
        served = lab.routes["*"]

        def guarded(a):
            if a.host == login:
                return a.reply(200, b'{"access_token":"t0ken","expires_in":3600}')
            if a.headers.get("authorization") not in ("Bearer t0ken", shared_key(a, "acme", key)):
                return a.reply(403, b"<Error><Code>AuthenticationFailed</Code></Error>")
            served(a)
        lab.routes["*"] = guarded
        signed = {"AZURE_STORAGE_CONNECTION_STRING": "AccountName=acme;AccountKey=%s;EndpointSuffix=%s" % (key, suffix)}
        token = {"AZURE_STORAGE_CONNECTION_STRING": "AccountName=acme;EndpointSuffix=" + suffix, "AZURE_TENANT_ID": "ten",
                 "AZURE_CLIENT_ID": "id", "AZURE_CLIENT_SECRET": "s3cret"}
        for env in (signed, token):
            for uri in ("azure://models/", "wasbs://models@%s/" % host, "abfss://models@%s/" % host.replace(".blob.", ".dfs."),
                        "https://%s/models" % host):
                assert listed(uri, load=True, env=env)["by"]["a.bin"]["state"] == "done", (uri, env)
        assert login in {a.host for a in lab.asked}
        # an account of that name in another cloud is another account
        listed("wasbs://models@%s/" % AZURE, ok=False, env=signed)
        assert {a.host for a in lab.asked} == {AZURE} and not [a for a in lab.asked if "authorization" in a.headers]
        lab.routes["*"] = served
        if host != STACK:
            assert listed("wasbs://models@%s/" % host, load=True)["by"]["a.bin"]["state"] == "done"
    out = listed("wasbs://models@%s/" % STACK, ok=False)
    assert "is expected" in out["error"] and not lab.asked, out


@case
def a_connection_string_that_leads_astray_is_refused():
    lab.routes["*"] = lambda a: a.reply(500)
    parts = ["EndpointSuffix=" + s for s in (
        "core.windows.net/x", "core.windows.net@evil.test", "evil.test:443", "evil.test?", "evil.test#", ".evil.test", "evil.test.", "evil..test",
        "evil", "EVIL.test", "evil.test\r\nX: y", "e%76il.test", "evil test", "\u0435vil.test", "a." * 70 + "test")]
    parts += ["BlobEndpoint=" + e for e in (
        "https://user@evil.test/", "https://evil.test/?sig=x", "https://evil.test/#x", "ftp://evil.test/", "https://", "https://evil.test:0/",
        "https://ev il.test/", "https://evil.test\\@acme.test/", "file:///etc/passwd", "https://evil.test/\r\nX: y")]
    for part in parts:
        for uri in ("azure://models/x", "wasbs://models@acme.blob.core.windows.net/x"):
            out = listed(uri, ok=False, env={"AZURE_STORAGE_CONNECTION_STRING": "AccountName=acme;AccountKey=AAAA;" + part})
            assert "AZURE_STORAGE_CONNECTION_STRING: " in out["error"] and "AAAA" not in out["error"] and not lab.asked, (part, out, lab.paths())
    for host in ("acme.blob.core.windows.net.evil.test", "evil.test", "acme.blob.core.chinacloudapi.cn.evil.test", "blob.core.windows.net",
                 ".blob.core.windows.net", "acme.blob.core.windows.net:8443", "acme.dfs.core.evil.test"):
        out = listed("wasbs://models@%s/x" % host, ok=False)
        assert not lab.asked, (host, out)


# --- Artifactory ---

@case
def artifactory_is_listed_and_loaded():
    files = [{"uri": "/a.bin", "size": len(DATA), "folder": False, "sha1": "x", "sha2": sha256(DATA)},
             {"uri": "/sub/b.bin", "size": str(len(DATA)), "folder": "false", "sha1": hashlib.sha1(DATA).hexdigest()}, {"uri": "/sub", "size": "-1", "folder": True},
             {"uri": "/../../x", "size": 1, "folder": False}]
    info = {"repo": "models", "path": "/one.bin", "size": str(len(DATA)), "createdBy": "ann",
            "checksums": {"md5": md5(DATA), "sha256": sha256(DATA).upper()}, "originalChecksums": {"sha256": sha256(DATA).upper()}}

    def folder(a):
        a.reply(200, json.dumps({"files": files} if "?list" in a.path else {"children": []}).encode())
    table = {("hub.test", "/artifactory/api/storage/models/dir"): folder,
             ("hub.test", "/artifactory/api/storage/models/one.bin"): lambda a: a.reply(200, json.dumps(info).encode()),
             ("hub.test", "/artifactory/models/dir/a.bin"): DATA, ("hub.test", "/artifactory/models/dir/sub/b.bin"): DATA,
             ("hub.test", "/artifactory/models/one.bin"): DATA}
    by_host(table)
    env = {"JF_URL": "https://hub.test/", "JF_ACCESS_TOKEN": "t0ken"}
    out = listed("jfrog://hub.test/models/dir", load=True, env=env)
    assert set(out["by"]) == {"a.bin", "sub/b.bin"} and out["refused"] == 1, out
    assert out["by"]["sub/b.bin"]["hashes"] == {"sha1": hashlib.sha1(DATA).hexdigest()}
    assert out["by"]["a.bin"]["hashes"] == {"sha256": sha256(DATA)} and all(f["state"] == "done" for f in out["files"])
    assert all(a.headers["authorization"] == "Bearer t0ken" for a in lab.asked)
    out = listed("https://hub.test/artifactory/models/one.bin", load=True, env=dict(env, JF_URL="https://cdn.test"))
    assert out["by"]["one.bin"]["hashes"] == {"sha256": sha256(DATA), "md5": md5(DATA)} and out["metadata"]["author"] == "ann"
    assert not [a for a in lab.asked if "authorization" in a.headers]
    info["originalChecksums"]["sha256"] = sha256(b"x")
    assert "another SHA-256" in listed("jfrog://hub.test/models/one.bin", ok=False)["error"]


# --- the web ---

@case
def one_file_of_a_web_server():
    lines = {"plain": sha256(DATA), "named": sha256(DATA) + "  named\n", "starred": sha256(DATA) + " *starred\n"}
    for name, line in lines.items():
        by_host({("hub.test", "/m/" + name): DATA, ("hub.test", "/m/" + name + ".sha256"): line.encode()})
        out = listed("https://hub.test/m/" + name, load=True)
        assert out["by"][name]["hashes"] == {"sha256": sha256(DATA)} and out["by"][name]["state"] == "done", out
    by_host({("hub.test", "/m/x"): DATA, ("hub.test", "/m/x.sha256"): (sha256(DATA) + "  other\n").encode()})
    assert listed("https://hub.test/m/x")["by"]["x"]["hashes"] == {}
    by_host({("hub.test", "/m/x"): lambda a: a.reply(200, DATA, Repr_Digest="sha-512=:AAAA:, sha-256=:%s:" % b64(sha256(DATA)),
                                                     Content_MD5=b64(md5(DATA)))})
    assert listed("https://hub.test/m/x?sig=y")["by"]["x"]["hashes"] == {"sha256": sha256(DATA), "md5": md5(DATA)}
    assert not [p for p in lab.paths() if ".sha256" in p]


@case
def a_registry_cannot_send_us_into_our_own_network():
    by_host({("127.0.0.1:%d" % lab.port, "/x"): DATA, ("127.0.0.1:%d" % lab.plain_port, "/x"): DATA})
    for uri in ("https://127.0.0.1:%d/x" % lab.port, "http://127.0.0.1:%d/x" % lab.plain_port, "https://169.254.169.254/x",
                "oci://127.0.0.1:%d/a/b:c" % lab.port, "jfrog://127.0.0.1:%d/a/b" % lab.port):
        out = listed(uri, "--named", ok=False)
        assert not lab.asked, (uri, out)
    listed("https://127.0.0.1:%d/x" % lab.port, load=True)


@case
def faults_are_told_and_never_a_shorter_list():
    def cut(a):
        a.head(200, Content_Length=100000)
        a.send(page("a")[:50])
        a.cut()
    for fault, refusal in ((cut, "unreachable"), (lambda a: a.reply(500), "server_error"), (lambda a: a.reply(429), "rate_limited"),
                           (lambda a: a.redirect("http://hub.test/"), None), (lambda a: a.redirect(a.path), None),
                           (lambda a: a.reply(200, b"x" * (9 << 20)), None)):
        lab.routes["*"] = fault
        out = listed("s3://models/", ok=False)
        assert refusal in (None, out["refusal"]), (out, refusal)


main()
