#!/usr/bin/python3
"""Real servers of what the drivers read: Debian's docker-registry, moto (S3, SageMaker),
Azurite, an emulator of Google Cloud Storage, git and git-lfs, DVC over nginx.  Each is filled
by a tool that is not ours, then scanned by reference.  What cannot be had is skipped and
counted.  No network beyond loopback, but for installing the tools."""
import base64, hashlib, hmac, json, os, subprocess, sys, urllib.error, urllib.parse

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from peers import *


# ---- OCI --------------------------------------------------------------------------------------

def registry(tls=False):
    port, root = free_port(), os.path.join(lab.directory, "oci-%d" % tls)
    secure = "\n  tls:\n    certificate: %s\n    key: %s" % (lab.path("good.pem"), lab.path("good.key")) if tls else ""
    write(root + ".yml", ("version: 0.1\nlog:\n  level: error\nstorage:\n  filesystem:\n    rootdirectory: %s\nhttp:\n"
                          "  addr: 127.0.0.1:%d%s\n" % (root, port, secure)).encode())
    return serve([tool("docker-registry"), "serve", root + ".yml"], port), port, root + "/docker/registry/v2/blobs/sha256/"


def push_blob(base, data, kind, **annotations):
    digest = "sha256:" + hashlib.sha256(data).hexdigest()
    place = request("POST", base + "/blobs/uploads/").headers["Location"]
    request("PUT", place + ("&" if "?" in place else "?") + "digest=" + urllib.parse.quote(digest), data,
            Content_Type="application/octet-stream")
    return {"mediaType": kind, "digest": digest, "size": len(data), "annotations": annotations}


def push(base, tag, config, layers, kind="application/vnd.oci.image.manifest.v1+json", **more):
    body = json.dumps(dict({"schemaVersion": 2, "mediaType": kind, "config": config, "layers": layers}, **more)).encode()
    request("PUT", base + "/manifests/" + tag, body, Content_Type=kind)
    return "sha256:" + hashlib.sha256(body).hexdigest()


@case
def docker_registry_serves_artifacts():
    _, port, _ = registry()
    base = "http://127.0.0.1:%d/v2/team/model" % port
    kinds = {"oras": ("application/vnd.acme.config", "application/vnd.acme.weights", "org.opencontainers.image.title"),
             "kitops": ("application/vnd.kitops.modelkit.config.v1+json", "application/vnd.kitops.modelkit.model.v1.tar",
                        "org.opencontainers.image.title"),
             "modelpack": ("application/vnd.cncf.model.config.v1+json", "application/vnd.cncf.model.weight.v1.raw",
                           "org.cncf.model.filepath")}
    for name, (config, layer, title) in kinds.items():
        digest = push(base, name, push_blob(base, b'{"name":"%s"}' % name.encode(), config),
                      [push_blob(base, TENSORS, layer, **{title: "m/model.safetensors"}), push_blob(base, PICKLE, layer, **{title: "m/x.pkl"})],
                      annotations={"org.opencontainers.image.licenses": "MIT"})
        reference = "oci://127.0.0.1:%d/team/model" % port
        model = check("oci", reference + ":" + name, {"m/model.safetensors": TENSORS, "m/x.pkl": PICKLE}, algorithm="sha256",
                      absent=reference + ":none")
        held("oci", "metadata", {"key": "license", "value": "MIT"} in model["metadata"], model["metadata"])
        assert model["origin"]["revision"] == digest
        assert scan_reference(reference + "@" + digest)[0] == 1


@case
def skopeo_copies_an_image_that_is_read():
    tool("skopeo")
    (_, port, _), layout = registry(), lab.path("layout")
    os.makedirs(os.path.join(layout, "blobs/sha256"))

    def blob(data, kind, **more):
        digest = hashlib.sha256(data).hexdigest()
        write(os.path.join(layout, "blobs/sha256", digest), data)
        return dict({"mediaType": kind, "digest": "sha256:" + digest, "size": len(data)}, **more)
    import io, tarfile
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as t:
        info = tarfile.TarInfo("models/x.pkl")
        info.size = len(PICKLE)
        t.addfile(info, io.BytesIO(PICKLE))
    layer = archive.getvalue()
    config = json.dumps({"architecture": "amd64", "os": "linux", "rootfs": {
        "type": "layers", "diff_ids": ["sha256:" + hashlib.sha256(layer).hexdigest()]}, "config": {}}).encode()
    manifest = json.dumps({"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
                           "config": blob(config, "application/vnd.oci.image.config.v1+json"),
                           "layers": [blob(layer, "application/vnd.oci.image.layer.v1.tar")]}).encode()
    write(os.path.join(layout, "oci-layout"), b'{"imageLayoutVersion":"1.0.0"}')
    write(os.path.join(layout, "index.json"), json.dumps({"schemaVersion": 2, "manifests": [
        blob(manifest, "application/vnd.oci.image.manifest.v1+json", annotations={"org.opencontainers.image.ref.name": "v1"})]}).encode())
    write(lab.path("policy.json"), b'{"default":[{"type":"insecureAcceptAnything"}]}')
    ran("skopeo", "--policy", lab.path("policy.json"), "copy", "--dest-tls-verify=false", "oci:%s:v1" % layout,
        "docker://127.0.0.1:%d/image/model:v1" % port)
    code, report, stderr = scan_reference("oci://127.0.0.1:%d/image/model:v1" % port)
    # skopeo compresses the layer; the pickle lies in a tar in gzip
    held("oci", "resolve", code == 1, (code, stderr))
    held("oci", "checks", "pickle/dangerous-call" in {f["rule"] for m in report["models"] for f in m["findings"]})
    held("oci", "hashes", all(("sha256", "verified") in {(e["algorithm"], e["state"]) for e in f["expected"]}
                                     for f in report["models"][0]["files"]))


@case
def docker_registry_serves_models_of_ollama():
    server, port, blobs = registry(tls=True)
    base = "https://localhost:%d/v2/library/tiny" % port
    kind = "application/vnd.docker.distribution.manifest.v2+json"
    config = push_blob(base, json.dumps({"model_format": "safetensors", "model_family": "x", "file_type": "F32"}).encode(),
                       "application/vnd.docker.container.image.v1+json")
    layers = [push_blob(base, data, "application/vnd.ollama.image." + k)
              for data, k in ((TENSORS, "model"), (PICKLE, "adapter"), (b"MIT License\n", "license"))]
    for row in [config] + layers:
        del row["annotations"]
    push(base, "latest", config, layers, kind)
    way = ("--connect-to", "%s:443:127.0.0.1:%d" % (OLLAMA, port))
    names = {hashlib.sha256(d).hexdigest(): d for d in (TENSORS, PICKLE)}
    model = check("ollama", "ollama:tiny", names, *way, algorithm="sha256", absent="ollama:none")
    held("ollama", "metadata", {"license": "MIT License", "format": "safetensors"}.items()
         <= {m["key"]: m["value"] for m in model["metadata"]}.items(), model["metadata"])
    assert model["trust"] == "medium" and model["origin"]["registry"] == "ollama"
    name = hashlib.sha256(TENSORS).hexdigest()
    write(blobs + "%s/%s/data" % (name[:2], name), TENSORS[:-1] + b"!")
    code, report, _ = scan_reference("ollama:tiny", *way)
    found = {f["rule"] for m in report["models"] for f in m["findings"]}
    held("ollama", "faults", code == 1 and "integrity/digest-mismatch" in found, (code, found))
    stop(server)
    code, report, _ = scan_reference("ollama:tiny", "--tries", "1", *way)
    held("ollama", "faults", code == 2 and report["errors"][0]["retryable"], code)


# ---- buckets -----------------------------------------------------------------------------------

FILES = {"a.safetensors": TENSORS, "sub/b c.pkl": PICKLE}


@case
def moto_serves_a_bucket():
    python = python_with("moto[server,s3]", "boto3")
    port = free_port()
    env = {"AWS_ACCESS_KEY_ID": "AKIAINTEROP", "AWS_SECRET_ACCESS_KEY": "s3cret", "AWS_DEFAULT_REGION": "us-east-1",
           "AWS_ENDPOINT_URL_S3": "http://127.0.0.1:%d" % port}
    serve([os.path.join(VENV, "bin", "moto_server"), "-H", "127.0.0.1", "-p", str(port)], port)
    for name, data in FILES.items():
        write(lab.path("up/" + name), data)
    code = ("import boto3\nc = boto3.client('s3', endpoint_url=%r)\nc.create_bucket(Bucket='models')\n"
            "for n in %r:\n    c.put_object(Bucket='models', Key='fraud/v1/' + n, Body=open(%r + '/' + n, 'rb').read(), ChecksumAlgorithm='SHA256')\n"
            "for i in range(1500):\n    c.put_object(Bucket='models', Key='many/%%04d' %% i, Body=b'x')\n"
            % (env["AWS_ENDPOINT_URL_S3"], list(FILES), lab.path("up")))
    ran(python, "-c", code, **env)
    check("s3", "s3://models/fraud/v1", FILES, algorithm="md5", absent="s3://models/none", **env)
    check("s3", "s3://models/fraud/v1/", FILES, algorithm="sha256", absent="s3://absent/x", **env)
    code, report, stderr = scan_reference("s3://models/many", **env)
    held("s3", "files", len(report["models"]) and sum(len(m["files"]) for m in report["models"]) == 1500, stderr)


@case
def moto_serves_model_packages_of_sagemaker():
    python = python_with("moto[server,s3]", "boto3")
    port = free_port()
    env = {"AWS_ACCESS_KEY_ID": "AKIAINTEROP", "AWS_SECRET_ACCESS_KEY": "s3cret", "AWS_DEFAULT_REGION": "us-east-1",
           "AWS_ENDPOINT_URL": "http://127.0.0.1:%d" % port}
    server = serve([os.path.join(VENV, "bin", "moto_server"), "-H", "127.0.0.1", "-p", str(port)], port)
    write(lab.path("x.pkl"), PICKLE)
    ran(python, "-c", (
        "import boto3\ns = boto3.client('s3', endpoint_url=%r)\ns.create_bucket(Bucket='models')\n"
        "s.put_object(Bucket='models', Key='fraud/model.pkl', Body=open(%r, 'rb').read())\n"
        "m = boto3.client('sagemaker', endpoint_url=%r)\nm.create_model_package_group(ModelPackageGroupName='fraud')\n"
        "m.create_model_package(ModelPackageGroupName='fraud', ModelApprovalStatus='Approved', InferenceSpecification={'Containers': ["
        "{'Image': '1.dkr.ecr.us-east-1.amazonaws.com/x:1', 'ModelDataUrl': 's3://models/fraud/model.pkl'}],"
        "'SupportedContentTypes': ['text/csv'], 'SupportedResponseMIMETypes': ['text/csv']})\n")
        % (env["AWS_ENDPOINT_URL"], lab.path("x.pkl"), env["AWS_ENDPOINT_URL"]), **env)
    for reference in ("sagemaker:fraud/1", "sagemaker:fraud"):
        model = check("sagemaker-registry", reference, {"model.pkl": PICKLE}, algorithm="md5", absent="sagemaker:none/1", **env)
        held("sagemaker-registry", "metadata", "Approved" in {m["value"] for m in model["metadata"]}, model["metadata"])
        assert model["trust"] == "internal", model["trust"]
    stop(server)
    code, report, _ = scan_reference("sagemaker:fraud/1", "--tries", "1", **env)
    held("sagemaker-registry", "faults", code == 2 and report["errors"][0]["retryable"], code)


@case
def an_emulator_serves_a_bucket_of_google():
    python = python_with("gcp-storage-emulator")
    port = free_port()
    serve([python, "-m", "gcp_storage_emulator", "start", "--host=127.0.0.1", "--port=%d" % port, "--in-memory",
           "--default-bucket=models"], port)
    for name, data in FILES.items():
        request("POST", "http://127.0.0.1:%d/upload/storage/v1/b/models/o?uploadType=media&name=%s"
                % (port, urllib.parse.quote("fraud/" + name, safe="")), data, Content_Type="application/octet-stream")
    check("gcs", "gs://models/fraud", FILES, algorithm="md5", absent="gs://models/none",
          STORAGE_EMULATOR_HOST="http://127.0.0.1:%d" % port)


AZURITE_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="


def shared_access(permissions="rlwac"):
    """An account SAS, as the documentation of Azure Storage computes it."""
    start, end, version = "2020-01-01T00:00:00Z", "2099-01-01T00:00:00Z", "2020-08-04"
    text = "\n".join(["devstoreaccount1", permissions, "b", "sco", start, end, "", "https,http", version, ""])
    signature = base64.b64encode(hmac.new(base64.b64decode(AZURITE_KEY), text.encode(), hashlib.sha256).digest()).decode()
    return urllib.parse.urlencode({"sv": version, "ss": "b", "srt": "sco", "sp": permissions, "st": start, "se": end,
                                   "spr": "https,http", "sig": signature})


@case
def azurite_serves_a_container():
    tool("npm")
    bin_ = os.path.join(VENV, "npm", "node_modules", ".bin", "azurite-blob")
    if not os.path.exists(bin_) and subprocess.run(["npm", "install", "--silent", "--prefix", os.path.join(VENV, "npm"), "azurite"],
                                                   capture_output=True).returncode:
        raise Skip("cannot install azurite")
    port, sas = free_port(), shared_access()
    serve([bin_, "--blobHost", "127.0.0.1", "--blobPort", str(port), "--location", lab.path("azurite"), "--skipApiVersionCheck", "--loose"], port)
    base = "http://127.0.0.1:%d/devstoreaccount1" % port
    try:
        request("PUT", "%s/models?restype=container&%s" % (base, sas), x_ms_version="2020-08-04")
        for name, data in FILES.items():
            md5 = base64.b64encode(hashlib.md5(data).digest()).decode()
            request("PUT", "%s/models/fraud/%s?%s" % (base, urllib.parse.quote(name), sas), data, x_ms_version="2020-08-04",
                    x_ms_blob_type="BlockBlob", x_ms_blob_content_md5=md5, Content_Type="application/octet-stream")
    except urllib.error.HTTPError as e:
        raise AssertionError(e.read().decode()[:800])
    check("azblob", "azure://models/fraud", FILES, algorithm="md5", absent="azure://none/x",
          AZURE_STORAGE_CONNECTION_STRING="BlobEndpoint=%s;SharedAccessSignature=%s" % (base, sas))
    check("azblob, key", "azure://models/fraud", FILES, algorithm="md5", absent="azure://none/x",
          AZURE_STORAGE_CONNECTION_STRING="AccountName=%s;AccountKey=%s;BlobEndpoint=%s" % ("devstoreaccount1", AZURITE_KEY, base))


# ---- git ---------------------------------------------------------------------------------------

@case
def git_and_git_lfs_serve_a_repository():
    tool("git-lfs")
    commit = lab.repository("lfs", {"README.md": b"# x\n"})
    work, bare = lab.path("work-lfs"), os.path.join(lab.root, "lfs")
    git(work, "lfs", "install", "--local")
    git(work, "lfs", "track", "*.pkl")
    git(work, "remote", "set-url", "origin", "file://" + bare)  # objects go beside the repository
    commit = lab.repository("lfs", {"a.safetensors": TENSORS, "sub/b c.pkl": PICKLE})
    for folder, _, names in os.walk(os.path.join(bare, "lfs", "objects")):
        for n in names:
            lab.lfs[n] = open(os.path.join(folder, n), "rb").read()
    assert list(lab.lfs.values()) == [PICKLE], "git-lfs pushed %d objects" % len(lab.lfs)
    reference = "git+https://hub.test/git/lfs@" + commit
    model = check("git+lfs", reference, {"sub/b c.pkl": PICKLE}, algorithm="sha256", absent="git+https://hub.test/git/none")
    held("git+lfs", "metadata", model["origin"]["revision"] == commit)


def nginx(folder):
    """https://registry.test, with the files of a folder; how Assay is led there."""
    port, top = free_port(), os.path.join(lab.directory, "nginx")
    os.makedirs(top)
    temporary = " ".join("%s_temp_path %s/%s;" % (k, top, k) for k in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    write(top + "/conf", ("daemon off; pid %s/pid; error_log %s/log; %s\nevents {}\nhttp { access_log off; %s\n"
                          "server { listen 127.0.0.1:%d ssl; ssl_certificate %s; ssl_certificate_key %s; root %s; } }\n"
                          % (top, top, "user root;" if os.geteuid() == 0 else "", temporary, port, lab.path("good.pem"),
                             lab.path("good.key"), folder)).encode())
    serve([tool("nginx"), "-c", top + "/conf", "-e", top + "/log"], port)
    return "--connect-to", "registry.test:443:127.0.0.1:%d" % port


@case
def dvc_pushes_what_is_read():
    home = os.path.dirname(python_with("dvc", "dvc-s3", "moto[server,s3]", venv="dvc"))  # dvc-s3 wants an older boto3
    dvc, port = os.path.join(home, "dvc"), free_port()
    env = {"AWS_ACCESS_KEY_ID": "AKIAINTEROP", "AWS_SECRET_ACCESS_KEY": "s3cret", "AWS_DEFAULT_REGION": "us-east-1",
           "AWS_ENDPOINT_URL_S3": "http://127.0.0.1:%d" % port}
    serve([os.path.join(home, "moto_server"), "-H", "127.0.0.1", "-p", str(port)], port)
    ran(os.path.join(home, "python"), "-c",
        "import boto3; boto3.client('s3', endpoint_url=%r).create_bucket(Bucket='store')" % env["AWS_ENDPOINT_URL_S3"], **env)
    lab.repository("dvc", {"README.md": b"# x\n"})
    work, store = lab.path("work-dvc"), lab.path("dvc-store")

    def run(*words):
        p = subprocess.run([dvc, *words], cwd=work, capture_output=True, timeout=300,
                           env=dict(os.environ, HOME=lab.directory, DVC_NO_ANALYTICS="1", **env))
        assert p.returncode == 0, (words, p.stderr.decode()[-800:])
    run("init", "-q")
    run("remote", "add", "-d", "disk", store)
    run("remote", "add", "s3", "s3://store/dvc")
    run("remote", "modify", "s3", "endpointurl", env["AWS_ENDPOINT_URL_S3"])
    for name, data in FILES.items():
        write(os.path.join(work, "data", name), data)
    write(os.path.join(work, "model.pkl"), PICKLE)
    run("add", "-q", "data", "model.pkl")
    write(os.path.join(work, "dvc.yaml"), b"artifacts:\n  fraud:\n    path: model.pkl\n    type: model\n")
    run("push", "-q", "-r", "disk")
    run("push", "-q", "-r", "s3")
    way = nginx(store)
    config = os.path.join(work, ".dvc", "config")
    text = open(config, "rb").read()
    for remote in (text.replace(store.encode(), b"https://registry.test"), text.replace(b"remote = disk", b"remote = s3")):
        write(config, remote)
        lab.repository("dvc", {"round": hashlib.md5(remote).hexdigest().encode()})
        reference = "dvc:https://hub.test/git/dvc//"
        wanted = {"data/" + n: d for n, d in FILES.items()}
        check("dvc", reference + "data", wanted, *way, algorithm="md5", absent=reference + "none", **env)
        model = check("dvc", reference + "model.pkl", {"model.pkl": PICKLE}, *way, algorithm="md5",
                      absent=reference + "model.pkl@v9", **env)
        held("dvc", "metadata", {"key": "type", "value": "model"} in model["metadata"], model["metadata"])
    write(config, text.replace(store.encode(), b"https://registry.test"))
    lab.repository("dvc", {"round": b"altered"})
    name = hashlib.md5(PICKLE).hexdigest()
    path = os.path.join(store, "files", "md5", name[:2], name[2:])
    os.chmod(path, 0o644)
    write(path, PICKLE[:-1] + b"0")
    code, report, _ = scan_reference(reference + "model.pkl", *way, **env)
    held("dvc", "faults", code == 1 and "integrity/digest-mismatch" in {f["rule"] for m in report["models"] for f in m["findings"]}, code)


main()
