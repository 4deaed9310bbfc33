#!/usr/bin/python3
"""`mlflow server` of PyPI with models that the real client logs and registers: every form of
reference, as Assay resolves, loads and judges it; with artifacts that the server hands out, and
with artifacts in moto's S3, where a Databricks workspace, whose registry speaks the same
dialect, keeps them too.  Skipped when MLflow cannot be installed."""
import glob, json, os, sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from peers import *

# version 1 is honest, version 2 runs code when it is loaded; a run has files of its own too
TRAIN = """
import json, os, sys, mlflow
from sklearn.linear_model import LogisticRegression

class Payload(LogisticRegression):
    def __reduce__(self):
        return os.system, ("true",)

X, y = [[0., 1.], [1., 0.], [2., 2.], [3., 1.]], [0, 1, 0, 1]
mlflow.set_experiment("interop")
out = []
for kind in (LogisticRegression, Payload):
    with mlflow.start_run() as run:
        model = kind().fit(X, y) if kind is LogisticRegression else kind()
        info = mlflow.sklearn.log_model(model, name="model", registered_model_name="fraud detector",
                                        serialization_format="cloudpickle")
        os.makedirs("plain/deep", exist_ok=True)
        open("plain/deep/notes.pkl", "wb").write(b"cos\\nsystem\\n(S'true'\\ntR.")
        mlflow.log_artifacts("plain", "plain")
        open("lone.pkl", "wb").write(open("plain/deep/notes.pkl", "rb").read())
        mlflow.log_artifact("lone.pkl")
        out.append({"run": run.info.run_id, "logged": info.model_id, "experiment": run.info.experiment_id})
client = mlflow.MlflowClient()
client.set_registered_model_alias("fraud detector", "champion", "1")
client.set_registered_model_alias("fraud detector", "challenger", "2")
client.set_model_version_tag("fraud detector", "1", "license", "mit")
client.update_model_version("fraud detector", "1", description="Card fraud")
client.create_registered_model("empty")
json.dump(out, open("trained.json", "w"))
"""


class Server:
    """Started by the first test that asks for it: artifacts in a directory of its own, or in a bucket."""
    started = {}

    def __init__(self, name):
        self.python = python_with("mlflow", "scikit-learn", "boto3", venv="mlflow")
        self.store, port, self.env = lab.path(name), free_port(), {}
        where = ["--artifacts-destination", self.store]
        if name == "bucket":
            self.env = bucket("models")
            where = ["--no-serve-artifacts", "--default-artifact-root", "s3://models/mlflow"]
        quiet = {"MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
                 "HOME": lab.directory, "GIT_PYTHON_REFRESH": "quiet", "MLFLOW_S3_ENDPOINT_URL": self.env.get("AWS_ENDPOINT_URL_S3", "")}
        self.process = serve([os.path.join(os.path.dirname(self.python), "mlflow"), "server", "--host", "127.0.0.1", "--port", str(port),
                              "--workers", "1", "--backend-store-uri", "sqlite:///" + self.store + ".sqlite", *where], port,
                             **quiet, **self.env)
        self.url = "http://127.0.0.1:%d" % port
        self.env["MLFLOW_TRACKING_URI"] = self.url
        ran(self.python, "-c", TRAIN, cwd=lab.directory, **quiet, **self.env)
        self.honest, self.evil = json.load(open(lab.path("trained.json")))
        self.experiment = self.honest["experiment"]

    @classmethod
    def start(cls, name="artifacts"):
        if name not in cls.started:
            cls.started[name] = cls(name)
        return cls.started[name]

    def stored(self, logged):
        """What the server has of a model: path → bytes."""
        top, = glob.glob(os.path.join(self.store, "*", "models", logged, "artifacts"))
        return {os.path.relpath(os.path.join(d, n), top): open(os.path.join(d, n), "rb").read()
                for d, _, names in os.walk(top) for n in names}


def bucket(name):
    """A bucket of moto's; what leads to it."""
    python = python_with("moto[server,s3]", "boto3")
    port = free_port()
    serve([os.path.join(os.path.dirname(python), "moto_server"), "-H", "127.0.0.1", "-p", str(port)], port)
    env = {"AWS_ACCESS_KEY_ID": "AKIAINTEROP", "AWS_SECRET_ACCESS_KEY": "s3cret", "AWS_DEFAULT_REGION": "us-east-1",
           "AWS_ENDPOINT_URL_S3": "http://127.0.0.1:%d" % port}
    ran(python, "-c", "import boto3; boto3.client('s3', endpoint_url=%r).create_bucket(Bucket=%r)" % (env["AWS_ENDPOINT_URL_S3"], name), **env)
    return env


@case
def a_model_that_runs_code_is_found_under_every_reference():
    s = Server.start()
    files = s.stored(s.evil["logged"])
    assert "model.pkl" in files, list(files)
    for reference in ("models:/fraud%20detector/2", "models:/fraud%20detector@challenger", "models:/fraud%20detector/latest",
                      "models:/" + s.evil["logged"], "mlflow:fraud%20detector/2", "mlflow://fraud%20detector@challenger",
                      "runs:/%s/model" % s.evil["run"], s.url + "/#/models/fraud%20detector/versions/2"):
        model = check("mlflow", reference, files, algorithm=None, absent="models:/fraud%20detector/9", **s.env)
        assert model["origin"]["registry"] == "mlflow" and model["trust"] == "internal", (reference, model["trust"])
        assert model["origin"]["basis"] == "fetched", model["origin"]
    code, report, _ = scan_reference("models:/fraud%20detector/2/model.pkl", **s.env)
    assert code == 1 and [f["path"] for f in report["models"][0]["files"]] == ["model.pkl"]


@case
def an_honest_model_passes_and_its_metadata_is_told():
    s = Server.start()
    code, report, stderr = scan_reference("models:/fraud%20detector@champion", **s.env)
    assert code == 0, (code, stderr, report and report["models"][0]["findings"])
    model, = report["models"]
    wanted = {"id": "fraud detector", "version": "1", "license": "mit", "card": "Card fraud", "status": "READY",
              "lineage.run": s.honest["run"], "lineage.status": "FINISHED", "source": "models:/" + s.honest["logged"]}
    held("mlflow", "metadata", wanted.items() <= rows(model["metadata"]).items(), model["metadata"])
    results = {c["check"]: c["result"] for c in model["provenance"]}
    held("mlflow", "checks", results == {"source-run": "pass", "run-finished": "pass", "source-commit": "fail", "ready": "pass",
                                         "approved": "fail", "model-card": "pass", "transport": "pass", "file-hash": "fail"}, results)
    p = assay("metadata", "-o", "json", "models:/fraud%20detector/1", **s.env)
    told = json.loads(p.stdout)
    assert p.returncode == 0 and told["trust"] == "internal" and told["pinned"], told
    assert {f["path"] for f in told["files"]} == set(s.stored(s.honest["logged"])), told["files"]


@case
def the_files_of_a_run_are_read_where_they_are():
    s = Server.start()
    code, report, _ = scan_reference("runs:/%s/plain" % s.honest["run"], **s.env)
    files = [f["path"] for f in report["models"][0]["files"]]
    assert code == 1 and files == ["deep/notes.pkl"], (code, files)
    assert scan_reference("runs:/%s/none" % s.honest["run"], **s.env)[0] == 2
    assert scan_reference("runs:/%s/model" % ("0" * 32), **s.env)[0] == 4
    one_run(s, "mlflow-artifacts:/%s/%s/artifacts/plain" % (s.experiment, s.honest["run"]),
            "mlflow-artifacts://%s/%s/%s/artifacts/plain" % (s.url.split("/")[-1], s.experiment, s.honest["run"]))


def one_run(s, *more):
    """Every way to name what one run logged, beside its model: a directory, one file, all of it."""
    page = "%s/#/experiments/%s/runs/%s" % (s.url, s.experiment, s.honest["run"])
    run = "runs:/" + s.honest["run"]
    for reference, wanted in ((run + "/plain", {"deep/notes.pkl"}), (run + "/plain/deep", {"deep/notes.pkl"}),
                              (run + "/plain/deep/notes.pkl", {"deep/notes.pkl"}), (page + "/artifacts/plain", {"deep/notes.pkl"}),
                              (run + "/lone.pkl", {"lone.pkl"}), (run, {"lone.pkl", "plain/deep/notes.pkl"}),
                              (page, {"lone.pkl", "plain/deep/notes.pkl"}), *((r, {"deep/notes.pkl"}) for r in more)):
        code, report, stderr = scan_reference(reference, **s.env)
        assert report and report["models"], (reference, code, stderr)
        model, = report["models"]
        found = {f["path"] for f in model["files"]}
        held("mlflow", "files", code == 1 and found == wanted, (reference, code, found, stderr))
        assert "pickle/dangerous-call" in {f["rule"] for f in model["findings"]}, (reference, model["findings"])
        assert model["origin"]["registry"] == "mlflow" and model["trust"] == "internal", (reference, model["trust"])
    code, report, _ = scan_reference("%s/#/experiments/%s/models/%s" % (s.url, s.experiment, s.evil["logged"]), **s.env)
    assert code == 1 and "model.pkl" in {f["path"] for f in report["models"][0]["files"]}, code


@case
def artifacts_in_a_bucket_are_loaded_from_there():
    s = Server.start("bucket")
    p = assay("fetch", "models:/fraud%20detector/2", "--to", lab.path("loaded"), **s.env)
    assert p.returncode == 0, p.stderr
    files = {n: open(os.path.join(lab.path("loaded"), n), "rb").read() for n in ("MLmodel", "model.pkl")}
    ran(s.python, "-c", "import mlflow; mlflow.artifacts.download_artifacts('models:/fraud detector/2', dst_path=%r)" % lab.path("bucket-theirs"),
        HOME=lab.directory, MLFLOW_S3_ENDPOINT_URL=s.env["AWS_ENDPOINT_URL_S3"], **s.env)
    for name, data in files.items():
        with open(os.path.join(lab.path("bucket-theirs"), name), "rb") as f:
            assert f.read() == data, name
    for reference in ("models:/fraud%20detector/2", "models:/" + s.evil["logged"], "runs:/%s/model" % s.evil["run"]):
        check("mlflow", reference, files, algorithm="md5", absent="models:/fraud%20detector/9", **s.env)


@case
def the_files_of_a_run_in_a_bucket_are_loaded_from_there():
    s = Server.start("bucket")
    one_run(s)
    code, report, _ = scan_reference("runs:/%s/plain" % s.honest["run"], **s.env)
    told = [(e["algorithm"], e["state"]) for f in report["models"][0]["files"] for e in f["expected"]]
    held("mlflow", "hashes", ("md5", "verified") in told, told)
    assert scan_reference("runs:/%s/none" % s.honest["run"], **s.env)[0] in (2, 4)


@case
def the_dialect_of_databricks_workspaces():
    s = Server.start("bucket")
    env = dict(s.env, DATABRICKS_HOST=s.url, DATABRICKS_TOKEN="dapi-interop")
    files = {"model.pkl": open(os.path.join(lab.path("loaded"), "model.pkl"), "rb").read()}
    for reference in ("databricks:fraud%20detector/2", "databricks:fraud%20detector@challenger"):
        model = check("databricks", reference, files, algorithm="md5", absent="databricks:fraud%20detector/9", **env)
        assert model["origin"]["registry"] == "databricks" and model["trust"] == "internal", model["origin"]
        wanted = {"id": "fraud detector", "version": "2", "status": "READY", "lineage.run": s.evil["run"]}
        held("databricks", "metadata", wanted.items() <= rows(model["metadata"]).items(), model["metadata"])
        results = {c["check"]: c["result"] for c in model["provenance"]}
        held("databricks", "checks", {"ready": "pass", "source-run": "pass", "transport": "fail"}.items() <= results.items(), results)
    assert "dapi-interop" not in json.dumps(model)


@case
def fetch_writes_what_the_client_downloads():
    s = Server.start()
    p = assay("fetch", "models:/fraud%20detector/1", "--to", lab.path("ours"), **s.env)
    assert p.returncode == 0, p.stderr
    ran(s.python, "-c", "import mlflow; mlflow.artifacts.download_artifacts('models:/fraud detector/1', dst_path=%r)" % lab.path("theirs"),
        HOME=lab.directory, **s.env)
    for name, data in s.stored(s.honest["logged"]).items():
        for folder in ("ours", "theirs"):
            with open(os.path.join(lab.path(folder), name), "rb") as f:
                assert f.read() == data, (folder, name)


@case
def a_file_that_changes_after_it_was_locked_is_noticed():
    s = Server.start()
    lock = lab.path("mlflow.lock.json")
    p = assay("lock", "models:/fraud%20detector/1", "-o", lock, **s.env)
    assert p.returncode == 0, p.stderr
    code, report, _ = scan_reference("models:/fraud%20detector/1", "--lockfile", lock, **s.env)
    states = [{(e["algorithm"], e["by"], e["state"]) for e in f["expected"]} for f in report["models"][0]["files"]]
    held("mlflow", "hashes", code == 0 and all(("sha256", "lockfile", "verified") in s for s in states), (code, states))
    path, = glob.glob(os.path.join(s.store, "*", "models", s.honest["logged"], "artifacts", "model.pkl"))
    data = open(path, "rb").read()
    write(path, data.replace(b"lbfgs", b"sbfgl"))
    assert open(path, "rb").read() != data
    code, report, _ = scan_reference("models:/fraud%20detector/1", "--lockfile", lock, **s.env)
    write(path, data)
    held("mlflow", "faults", code == 1 and "integrity/digest-mismatch" in {f["rule"] for f in report["models"][0]["findings"]}, code)


@case
def a_server_that_is_gone_is_never_a_pass():
    s = Server.start()
    stop(s.process)
    code, report, _ = scan_reference("models:/fraud%20detector/1", "--tries", "1", **s.env)
    held("mlflow", "faults", code == 2 and report["errors"][0]["retryable"], code)


main()
