#!/usr/bin/python3
"""The Kubeflow Model Registry, built from its Go module, over MariaDB of Debian; filled by its
own Python client, with the artifacts in moto's S3.  Skipped when one of them is not there."""
import atexit, json, os, shutil, subprocess, sys, tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from peers import *

# the two modules of the release, and what the Go command says their trees hash to
VERSION = "v0.3.0"
MODULES = {"github.com/kubeflow/model-registry": ("", "h1:03w2GX14Y/psOqrF2mWwxKIUxWekJ20igQQvbCKLTas="),
           "github.com/kubeflow/model-registry/pkg/openapi": ("pkg/openapi", "h1:ioNr/dm37J6eW63DQAcIHIPZ8zDF4v5GJwMHfs9doUM=")}

FILL = """
import sys, warnings
warnings.simplefilter("ignore")
from model_registry import ModelRegistry
from model_registry.types import ModelVersionState
r = ModelRegistry("http://127.0.0.1", %d, author="ann", is_secure=False)
for version, key in (("v1", "fraud/v1/model.safetensors"), ("v2", "fraud/v2/model.pkl")):
    r.register_model("fraud", "s3://models/" + key, version=version, model_format_name="sklearn", model_format_version="1",
                     description="Card fraud", owner="team", model_source_id="run-7", model_source_kind="pipeline")
r.register_model("old", "s3://models/fraud/v1/model.safetensors", version="v1", model_format_name="x", model_format_version="1")
m = r.get_model_version("old", "v1")
m.state = ModelVersionState.ARCHIVED
r.update(m)
"""


def program():
    """Built once into build/; the release's own go.sum holds for what it needs."""
    top = os.path.join(BUILD, "interop-go")
    path = os.path.join(top, "bin", "model-registry")
    if os.path.exists(path):
        return path
    go = shutil.which("go") or "/usr/local/go/bin/go"
    if not os.path.exists(go):
        raise Skip("no Go to build the Kubeflow Model Registry with")
    env = dict(os.environ, GOPATH=top, GOCACHE=os.path.join(BUILD, "interop-go-cache"), GOWORK="off", GOFLAGS="-modcacherw -buildvcs=false",
               GONOSUMDB=",".join(MODULES))
    source = os.path.join(top, "src", "model-registry")
    shutil.rmtree(source, True)
    for module, (place, wanted) in MODULES.items():
        p = subprocess.run([go, "mod", "download", "-json", module + "@" + VERSION], cwd=lab.directory, env=env, capture_output=True)
        got = json.loads(p.stdout or "{}")
        if p.returncode:
            raise Skip("cannot load %s: %s" % (module, got.get("Error", p.stderr.decode())[-200:]))
        assert got["Sum"] == wanted, (module, got["Sum"])
        shutil.copytree(got["Dir"], os.path.join(source, place), dirs_exist_ok=True)
    p = subprocess.run([go, "build", "-p", "2", "-o", path, "."], cwd=source, env=env, capture_output=True, timeout=1500)
    if p.returncode:
        raise Skip("the Kubeflow Model Registry cannot be built: " + p.stderr.decode()[-200:].replace("\n", " "))
    return path


def database():
    """MariaDB, never as root; its address.  The release cannot list versions over PostgreSQL: it
    does not quote the names of its tables, whose capitals PostgreSQL then folds."""
    server = shutil.which("mariadbd", path="/usr/bin:/usr/sbin")
    if not server:
        raise Skip("no MariaDB")
    user = "nobody" if os.geteuid() == 0 else None
    top, port = tempfile.mkdtemp(prefix="assay-mariadb-"), free_port()
    atexit.register(shutil.rmtree, top, True)
    os.mkdir(top + "/data")
    write(top + "/first.sql", b"CREATE DATABASE registry;")
    for path in (top, top + "/data") if user else ():
        shutil.chown(path, user)
    serve([server, "--no-defaults", "--skip-grant-tables", "--datadir=" + top + "/data", "--socket=" + top + "/socket",
           "--bind-address=127.0.0.1", "--port=%d" % port, "--init-file=" + top + "/first.sql", "--pid-file=" + top + "/pid",
           "--innodb-buffer-pool-size=32M"], port, user=user, directory=top)
    return "assay@tcp(127.0.0.1:%d)/registry" % port


class Registry:
    """Started once, by the first test that asks for it."""
    env = None

    @classmethod
    def start(cls):
        if cls.env:
            return cls
        path = program()
        client = python_with("model-registry==" + VERSION[1:], venv="kubeflow")
        python = python_with("moto[server,s3]", "boto3")
        dsn = database()
        store, port = free_port(), free_port()
        serve([os.path.join(VENV, "bin", "moto_server"), "-H", "127.0.0.1", "-p", str(store)], store)
        cls.process = serve([path, "proxy", "--hostname", "127.0.0.1", "--port", str(port), "--embedmd-database-type", "mysql",
                             "--embedmd-database-dsn", dsn], port, HOME=lab.directory)
        aws = {"AWS_ACCESS_KEY_ID": "AKIAINTEROP", "AWS_SECRET_ACCESS_KEY": "s3cret", "AWS_DEFAULT_REGION": "us-east-1",
               "AWS_ENDPOINT_URL_S3": "http://127.0.0.1:%d" % store}
        write(lab.path("model.safetensors"), TENSORS)
        write(lab.path("model.pkl"), PICKLE)
        ran(python, "-c", "import boto3\nc = boto3.client('s3', endpoint_url=%r)\nc.create_bucket(Bucket='models')\n"
            "c.upload_file('model.safetensors', 'models', 'fraud/v1/model.safetensors')\n"
            "c.upload_file('model.pkl', 'models', 'fraud/v2/model.pkl')\n" % aws["AWS_ENDPOINT_URL_S3"], cwd=lab.directory, **aws)
        until(lambda: request("GET", "http://127.0.0.1:%d/api/model_registry/v1alpha3/registered_models" % port).status == 200)
        ran(client, "-c", FILL % port, HOME=lab.directory)
        cls.env = dict(aws, MODEL_REGISTRY_BASE_URL="http://127.0.0.1:%d" % port)
        return cls


@case
def versions_are_resolved_and_their_artifacts_loaded():
    r = Registry.start()
    for reference in ("kubeflow:fraud/v2", "kubeflow:fraud", "model-registry://fraud/v2",
                      "model-registry://%s/fraud/v2" % r.env["MODEL_REGISTRY_BASE_URL"][7:]):
        model = check("kubeflow", reference, {"model.pkl": PICKLE}, algorithm="md5", absent="kubeflow:none/v1", **r.env)
        assert model["origin"]["registry"] == "kubeflow" and model["trust"] == "internal", (reference, model["trust"])
        found = rows(model["metadata"])
        wanted = {"id": "fraud", "version": "v2", "author": "ann", "status": "LIVE", "format": "sklearn", "card": "Card fraud",
                  "location": "s3://models/fraud/v2/model.pkl"}
        held("kubeflow", "metadata", wanted.items() <= found.items(), found)


@case
def what_the_registry_says_is_judged():
    r = Registry.start()
    code, report, stderr = scan_reference("kubeflow:fraud/v1", **r.env)
    assert code == 0, (code, stderr)
    model, = report["models"]
    results = {c["check"]: c["result"] for c in model["provenance"]}
    held("kubeflow", "checks", results == {"live": "pass", "author": "pass", "license": "fail", "model-card": "pass",
                                           "lineage": "pass"}, results)
    code, report, _ = scan_reference("kubeflow:old/v1", **r.env)
    assert report["models"][0]["trust"] == "low", report["models"][0]["trust"]
    assert scan_reference("kubeflow:fraud/v9", **r.env)[0] == 4


@case
def a_server_that_is_gone_is_never_a_pass():
    r = Registry.start()
    stop(r.process)
    code, report, _ = scan_reference("kubeflow:fraud/v1", "--tries", "1", **r.env)
    held("kubeflow", "faults", code == 2 and report["errors"][0]["retryable"], code)


main()
