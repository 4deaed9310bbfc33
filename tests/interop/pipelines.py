#!/usr/bin/python3
"""The pre-commit hook in a real pre-commit, and the definitions for pipelines against the
schemas that check-jsonschema carries (both from PyPI, under build/)."""
import os, re, shutil, subprocess, sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "golden"))
from tap import *

BAD = b"cposix\nsystem\n(S'true'\ntR."


def tool(package):
    venv = os.path.join(BUILD, "interop-" + package)
    program = os.path.join(venv, "bin", package)
    if not os.path.exists(program):
        subprocess.run([sys.executable, "-m", "venv", venv], check=True)
        if subprocess.run([os.path.join(venv, "bin", "pip"), "install", "-q", package], stdout=subprocess.DEVNULL,
                          stderr=subprocess.DEVNULL).returncode:
            shutil.rmtree(venv, True)
            raise Skip("cannot install " + package)
    version = subprocess.run([program, "--version"], stdout=subprocess.PIPE, check=True).stdout.decode().strip()
    print("# " + version)
    return program


def git(cwd, *words):
    return subprocess.run(["git", "-c", "user.name=t", "-c", "user.email=t@example.com", *words], cwd=cwd, env=environment(),
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def environment():
    home = os.path.join(BUILD, "interop-home")
    os.makedirs(home, exist_ok=True)
    return {"PATH": os.path.dirname(ASSAY) + ":/usr/local/bin:/usr/bin:/bin", "HOME": home, "LC_ALL": "C.UTF-8"}


def hooks_repository():
    """What pre-commit clones: the manifest, at a revision."""
    d = scratch()
    shutil.copy(os.path.join(TOP, ".pre-commit-hooks.yaml"), d)
    for words in (["init", "-q"], ["add", "."], ["commit", "-qm", "hooks"]):
        assert git(d, *words).returncode == 0
    return d, git(d, "rev-parse", "HEAD").stdout.decode().strip()


@case
def pre_commit_takes_the_manifest():
    program = tool("pre-commit")
    p = subprocess.run([program, "validate-manifest", os.path.join(TOP, ".pre-commit-hooks.yaml")], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert p.returncode == 0, p.stdout


@case
def pre_commit_stops_a_commit_that_brings_code_in_a_model():
    program = tool("pre-commit")
    hooks, revision = hooks_repository()
    d = scratch()
    git(d, "init", "-q")
    write(os.path.join(d, ".pre-commit-config.yaml"), ("repos:\n- repo: %s\n  rev: %s\n  hooks:\n  - id: assay\n" % (hooks, revision)).encode())
    p = subprocess.run([program, "install"], cwd=d, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert p.returncode == 0, p.stdout

    def commit():
        git(d, "add", "-A")
        return git(d, "commit", "-m", "change")
    shutil.copy(os.path.join(TOP, "fixtures/real/linear.safetensors"), d)
    write(os.path.join(d, "notes.txt"), b"words")
    p = commit()
    assert p.returncode == 0 and b"Passed" in p.stdout, p.stdout
    write(os.path.join(d, "readme.txt"), BAD)  # not called like a model
    p = commit()
    assert p.returncode != 0 and b"pickle/dangerous-call" in p.stdout, p.stdout
    write(os.path.join(d, "--exclude=*"), b"x")
    write(os.path.join(d, "--exit-zero"), b"x")
    p = commit()
    assert p.returncode != 0 and b"pickle/dangerous-call" in p.stdout, p.stdout
    for name in ("readme.txt", "--exclude=*", "--exit-zero"):
        os.remove(os.path.join(d, name))
    write(os.path.join(d, "plain.md"), b"# words\n")
    p = commit()
    assert p.returncode == 0, p.stdout


@case
def definitions_fit_the_schemas_of_their_makers():
    program = tool("check-jsonschema")
    d = scratch()
    page = open(os.path.join(TOP, "docs/ci.md")).read()
    checks = [("vendor.github-actions", os.path.join(TOP, "action.yml")),
              ("vendor.gitlab-ci", os.path.join(TOP, "deploy/gitlab/assay.gitlab-ci.yml"))]
    for n, text in enumerate(re.findall(r"```yaml\n(.*?)```", page, re.S)):
        kind = ("vendor.github-workflows" if "\njobs:" in text else "vendor.gitlab-ci" if text.startswith("include:") else
                "vendor.azure-pipelines" if text.startswith("steps:") else None)
        if kind:
            checks.append((kind, write(os.path.join(d, "%d.yml" % n), text.encode())))
    assert len(checks) == 5
    for schema, path in checks:
        flags = ["--data-transform", "azure-pipelines"] if "azure" in schema else ["--data-transform", "gitlab-ci"] if "gitlab" in schema else []
        p = subprocess.run([program, "--builtin-schema", schema, *flags, path], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        print("# %s: %s" % (schema, p.stdout.decode().strip()[-200:]))
        assert p.returncode == 0, p.stdout.decode()


@case
def kserve_s_pods_fit_kubernetes():
    """An InferenceService's predictor is a pod's specification, with more around it."""
    import yaml
    venv_python = os.path.join(os.path.dirname(tool("kubernetes-validate")), "python")
    service = list(yaml.safe_load_all(open(os.path.join(TOP, "deploy/kserve/inferenceservice.yaml"))))
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "x"}, "spec": service[1]["spec"]["predictor"]}
    program = "import json, sys, kubernetes_validate as k; [k.validate(d, k.latest_version(), strict=True) for d in json.load(sys.stdin)]"
    p = subprocess.run([venv_python, "-c", program], input=json.dumps([service[0], pod]).encode(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert p.returncode == 0, p.stdout.decode()[-2000:]


@case
def the_container_builds_and_runs():
    engine = next((e for e in ("docker", "podman", "buildah") if shutil.which(e) and
                   subprocess.run([e, "info"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=60).returncode == 0), None)
    if not engine:
        raise Skip("no container engine answers here: tests/ci checks the recipe, nobody has built it")
    subprocess.run([engine, "build", "-f", "deploy/Dockerfile", "-t", "assay-test", "."], cwd=TOP, check=True, stdout=subprocess.DEVNULL)
    p = subprocess.run([engine, "run", "--rm", "--read-only", "--network", "none", "--cap-drop", "ALL", "--tmpfs", "/tmp", "-v",
                        os.path.join(TOP, "fixtures/real") + ":/models:ro", "assay-test", "scan", "/models/linear.safetensors"], stdout=subprocess.PIPE)
    assert p.returncode == 0, p


main()
