#!/usr/bin/python3
"""What pipelines use: each definition fits its schema, and its commands are really run."""
import ast, os, re, shutil, stat, sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "golden"))
from tap import *

try:
    import jsonschema, yaml
except ImportError as missing:
    print("ok 1 - pipelines # SKIP %s" % missing)
    sys.exit(0)

SAFE = os.path.join(TOP, "fixtures/real/linear.safetensors")
BAD = b"cposix\nsystem\n(S'true'\ntR."
CUT = b"PK\x03\x04" + b"\0" * 40
SCHEMAS = json.load(open(os.path.join(TOP, "tests/ci/schemas.json")))


def load(path):
    return list(yaml.safe_load_all(open(os.path.join(TOP, path))))


def fits(value, name):
    schema = dict(SCHEMAS[name], **{"$defs": SCHEMAS["$defs"]})
    problems = list(jsonschema.Draft202012Validator(schema).iter_errors(value))
    assert not problems, "%s: %s: %s" % (name, list(problems[0].absolute_path), problems[0].message)


def program():
    """Directory with an `assay` that takes the flags of this build."""
    d = scratch()
    path = write(os.path.join(d, "assay"), ('#!/bin/sh\nverb=$1; shift\nexec "%s" "$verb" %s "$@"\n' % (ASSAY, " ".join(SCAN_FLAGS))).encode())
    os.chmod(path, 0o755)
    return d


def models(**files):
    d = os.path.join(scratch(), "work")
    os.mkdir(d)
    for name, data in files.items():
        write(os.path.join(d, name.replace("__", ".").replace("_S_", "/")), data)
    return d


def safe():
    return open(SAFE, "rb").read()


def sh(script, cwd, shell=("bash", "-eo", "pipefail", "-c"), **env):
    environment = {"PATH": program() + ":/usr/local/bin:/usr/bin:/bin", "HOME": cwd, "LC_ALL": "C.UTF-8", **env}
    return subprocess.run([*shell, script], cwd=cwd, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, timeout=300)


def blocks(page, language):
    text = open(os.path.join(TOP, page)).read()
    return re.findall(r"```%s\n(.*?)```" % language, text, re.S)


# ---- GitHub ------------------------------------------------------------------------------------

ACTION = load("action.yml")[0]


@case
def the_action_fits_and_lets_nothing_into_its_scripts():
    fits(ACTION, "action")
    used = set()
    for step in ACTION["runs"]["steps"]:
        assert "${{" not in step["run"] and step["shell"] == "bash", step
        for name, value in step["env"].items():
            m = re.fullmatch(r"\$\{\{ (inputs|steps|github)\.([\w.-]+) \}\}", value)
            assert m, value
            if m[1] == "inputs":
                used.add(m[2])
                assert name == "INPUT_" + m[2].upper().replace("-", "_")
    assert used == set(ACTION["inputs"])
    script = open(os.path.join(TOP, ".ci/action")).read()
    for name in ACTION["inputs"]:
        assert "INPUT_" + name.upper().replace("-", "_") in script, name
    assert "eval" not in script


class Job:
    """A runner, as far as the steps of a composite action see one."""

    def __init__(self, cwd, **inputs):
        self.outputs, self.log, self.failed, self.cwd = {}, "", None, cwd
        self.summary = write(os.path.join(scratch(), "summary"))
        temp = scratch()
        given = {name: str(i.get("default", "")) for name, i in ACTION["inputs"].items()}
        given.update({k.replace("_", "-"): v for k, v in inputs.items()})
        assert set(given) == set(ACTION["inputs"]), inputs
        for step in ACTION["runs"]["steps"]:
            out = write(os.path.join(scratch(), "output"))
            context = {"inputs." + k: v for k, v in given.items()}
            context.update({"github.action_path": TOP}, **self.outputs)
            env = {k: context.get(v[4:-3], "") for k, v in step["env"].items()}
            p = sh(step["run"], cwd, ("bash", "--noprofile", "--norc", "-eo", "pipefail", "-c"), GITHUB_OUTPUT=out, RUNNER_TEMP=temp,
                   GITHUB_STEP_SUMMARY=self.summary, GITHUB_ACTIONS="true", **env)
            self.log += p.stdout.decode("utf-8", "replace")
            for line in open(out).read().splitlines():
                name, value = line.split("=", 1)
                self.outputs["steps.%s.outputs.%s" % (step.get("id"), name)] = value
            if p.returncode:
                self.failed = p.returncode
                break
        self.results = {name: self.outputs.get(o["value"][4:-3], "") for name, o in ACTION["outputs"].items()}

    def commands(self):
        """The lines that the runner takes for commands."""
        found, token = [], None
        for line in self.log.splitlines():
            m = re.match(r"\s*::([^\s:]+).*?::(.*)", line)
            if token:
                token = None if line.strip() == "::%s::" % token else token
            elif m and m[1] == "stop-commands":
                token = m[2]
            elif m:
                found.append(m[1])
        return found


def action(cwd, **inputs):
    return Job(cwd, assay=os.path.join(program(), "assay"), **inputs)


@case
def the_action_passes_on_what_the_scan_says():
    good, bad, cut, none = models(models_S_a__safetensors=safe()), models(models_S_a__pkl=BAD), models(models_S_a__zip=CUT), models(models_S_a__png=b"\x89PNG\r\n\x1a\n")
    for cwd, gate, verdict, code in ((good, "default", "pass", 0), (good, "", "fail", 1), (good, "ci", "fail", 1), (bad, "default", "fail", 1),
                                     (cut, "default", "incomplete", 2), (none, "default", "empty", 3), (bad, "audit", "fail", 0)):
        j = action(cwd, targets="models", gate=gate)
        assert (j.failed or 0) == code and j.results["exit-code"] == str(code) and j.results["verdict"] == verdict, (verdict, j.log, j.results)
        assert open(j.summary).read().strip(), "no summary"
        assert json.load(open(os.path.join(cwd, j.results["report"])))["verdict"] == verdict
        assert json.load(open(os.path.join(cwd, j.results["sarif"])))["version"] == "2.1.0"
        assert ("error" in j.commands()) == (verdict == "fail"), j.log


@case
def the_action_takes_policies_options_and_several_targets():
    cwd = models(a_S_a__safetensors=safe(), b_S_b__pkl=BAD)
    policy = write(os.path.join(cwd, "policy.json"), b'{"schema": "assay-policy/1", "name": "team", "fail_on": "never"}')
    assert action(cwd, targets="a\nb\n", policy=policy).failed is None
    assert action(cwd, targets="a\n\nb", gate="default").failed == 1
    assert action(cwd, targets="a", policy=policy, fail_on="high").failed is None
    assert action(cwd, targets="b", policy=policy, fail_on="high").failed == 1
    assert action(cwd, targets="a\nb", gate="default", options="--exclude=*.pkl\n").failed is None
    assert action(cwd, targets="a", gate="default", sarif="out.sarif", report="r.json").results["sarif"] == "out.sarif"
    lock = os.path.join(cwd, "lock.json")
    assert run("lock", "a", "-o", lock, cwd=cwd).returncode == 0
    j = action(cwd, targets="a", gate="strict", lockfile=lock, origin="hf:acme/m@0123456789abcdef0123456789abcdef01234567")
    assert j.failed is None, j.log
    assert json.load(open(os.path.join(cwd, "assay.json")))["gate"] == "strict"


@case
def the_action_refuses_what_it_cannot_mean():
    cwd = models(models_S_a__safetensors=safe())
    for inputs in ({"targets": ""}, {"targets": "\n\n"}, {"targets": "models", "gate": "strickt"}, {"targets": "models", "fail_on": "bad"},
                   {"targets": "models", "gate": "ci", "policy": "p.json"}, {"targets": "models", "sarif": "a\nverdict=pass"},
                   {"targets": "models", "policy": "a\nb"}, {"targets": "models", "options": "--gate ci"}, {"targets": "models", "options": "x"},
                   {"targets": "models", "sarif": ""}):
        j = action(cwd, **inputs)
        assert j.failed == 4 and j.results["verdict"] in ("", "error") and "error" in j.commands(), (inputs, j.log)
    for inputs in ({"targets": "nothing"}, {"targets": "models", "policy": "none.json"}, {"targets": "--gate=audit"}):
        j = action(cwd, **inputs)
        assert j.failed == 4 and j.results["verdict"] == "error" and j.results["sarif"] == "", (inputs, j.log)
    assert Job(cwd, assay="/nothing/here", targets="models").failed == 4


@case
def hostile_inputs_and_names_run_nothing():
    trap = "$(touch RUN)`touch RUN`;touch RUN;'\"\\ & | touch RUN"
    cwd = models(**{"models_S_a__pkl": BAD})
    os.mkdir(os.path.join(cwd, trap.replace("/", "")))
    shutil.copy(SAFE, os.path.join(cwd, trap))
    for inputs in ({"targets": trap}, {"targets": "models", "policy": trap}, {"targets": "models", "origin": trap}, {"targets": "models", "baseline": trap},
                   {"targets": "models", "options": "--exclude=" + trap}, {"targets": "models", "report": trap + ".json"}, {"targets": "models", "gate": trap}):
        action(cwd, **inputs)
        assert not any("RUN" == f for _, _, fs in os.walk(cwd) for f in fs), inputs
    assert action(cwd, targets=trap, gate="default").failed is None
    # a model whose name is a command of the runner
    for name in ("::set-output name=verdict::pass.pkl", "x\n::error::y.pkl", "::stop-commands::x.pkl", "%0A::add-mask::x.pkl"):
        d = models()
        write(os.path.join(d, "models", name), BAD)
        j = action(d, targets="models", gate="default")
        assert j.failed == 1 and j.results["verdict"] == "fail" and set(j.commands()) <= {"error", "warning", "notice"}, (name, j.log)


# ---- GitLab, Jenkins, Azure ----------------------------------------------------------------------


@case
def the_gitlab_job_scans_and_keeps_its_reports():
    ci = load("deploy/gitlab/assay.gitlab-ci.yml")[0]
    fits(ci, "gitlab")
    job = ci["assay"]
    for given, files, code in (({}, {"models_S_a__safetensors": safe()}, 1), ({"ASSAY_GATE": "default"}, {"models_S_a__safetensors": safe()}, 0),
                               ({"ASSAY_GATE": "default"}, {"models_S_a__pkl": BAD}, 1), ({"ASSAY_GATE": "default"}, {"models_S_a__zip": CUT}, 2),
                               ({"ASSAY_POLICY": "policy.json"}, {"models_S_a__pkl": BAD}, 0),
                               ({"ASSAY_GATE": "default", "ASSAY_TARGETS": "one two"}, {"one_S_a__safetensors": safe(), "two_S_a__pkl": BAD}, 1)):
        cwd = models(**files)
        write(os.path.join(cwd, "policy.json"), b'{"schema": "assay-policy/1", "name": "p", "fail_on": "never"}')
        p = sh("\n".join(job["script"]), cwd, **{**ci["variables"], **given})
        assert p.returncode == code, (given, p.stdout.decode())
        for kept in (*job["artifacts"]["paths"], *job["artifacts"]["reports"].values()):
            assert os.path.getsize(os.path.join(cwd, kept)) > 100, kept


def snippet_workplace():
    cwd = models(models_S_a__safetensors=safe())
    write(os.path.join(cwd, "policy/production.json"), b'{"schema": "assay-policy/1", "name": "production", "extends": "default"}')
    return cwd


def runs_as_documented(script, shell):
    cwd = snippet_workplace()
    assert sh(script, cwd, shell).returncode == 0
    assert os.path.exists(cwd + "/assay.json") and os.path.exists(cwd + "/assay-junit.xml")
    write(cwd + "/models/b.pkl", BAD)
    assert sh(script, cwd, shell).returncode == 1
    write(cwd + "/models/b.pkl", CUT)
    assert sh(script, cwd, shell).returncode == 2


@case
def the_jenkins_snippet_runs():
    (snippet,) = blocks("docs/ci.md", "groovy")
    assert all(snippet.count(a) == snippet.count(b) for a, b in ("{}", "()", "[]")) and snippet.count("'") % 2 == 0
    (command,) = re.findall(r"sh '([^']*)'", snippet)
    runs_as_documented(command, ("sh", "-xe", "-c"))


@case
def the_yaml_snippets_fit_and_run():
    kinds = []
    for text in blocks("docs/ci.md", "yaml"):
        value = yaml.safe_load(text)
        kind = "workflow" if "jobs" in value else "gitlab-use" if "include" in value else "pre-commit-use" if "repos" in value else "azure"
        kinds.append(kind)
        fits({"on" if k is True else k: v for k, v in value.items()}, kind)  # YAML 1.1 reads on: as true
        if kind == "workflow":
            for step in value["jobs"]["assay"]["steps"]:
                if "assay@" in step.get("uses", ""):
                    assert set(step["with"]) <= set(ACTION["inputs"])
                assert "run" not in step
        if kind == "gitlab-use":
            job = load("deploy/gitlab/assay.gitlab-ci.yml")[0]
            assert set(value["variables"]) <= set(job["variables"])
            assert os.path.exists(os.path.join(TOP, value["include"][0]["file"]))
        if kind == "azure":
            runs_as_documented(value["steps"][0]["script"], ("bash", "--noprofile", "--norc", "-c"))
        if kind == "pre-commit-use":
            ids = {h["id"] for h in load(".pre-commit-hooks.yaml")[0]}
            assert {h["id"] for h in value["repos"][0]["hooks"]} <= ids
    assert sorted(kinds) == ["azure", "gitlab-use", "pre-commit-use", "workflow"]


# ---- pre-commit -----------------------------------------------------------------------------------


@case
def the_pre_commit_hook_cannot_be_switched_off_by_a_file():
    import shlex
    hooks = load(".pre-commit-hooks.yaml")[0]
    fits(hooks, "pre-commit")
    (hook,) = hooks
    documented = [h["entry"] for t in blocks("docs/ci.md", "yaml") for r in yaml.safe_load(t).get("repos", []) for h in r["hooks"] if "entry" in h]
    for entry in (hook["entry"], *documented):
        assert shlex.split(entry)[-1] == "--"
    command = hook["entry"] + ' "$@"'

    def commit(cwd, *names):
        return sh(command, cwd, ("bash", "-c"), ) if not names else subprocess.run(
            ["bash", "-c", command, "hook", *names], cwd=cwd, env={"PATH": program() + ":/usr/bin:/bin", "HOME": cwd}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    cwd = models(**{"a__txt": b"words", "m__safetensors": safe(), "b__txt": BAD})
    assert commit(cwd, "a.txt").returncode == 0 and commit(cwd, "a.txt", "m.safetensors").returncode == 0
    assert commit(cwd, "b.txt").returncode == 1  # told by content
    for name in ("--exclude=*", "--exit-zero", "--fail-on=never", "-q", "--gate=audit"):
        write(os.path.join(cwd, name), b"x")
        assert commit(cwd, name, "b.txt").returncode == 1, name
    lenient = b'{"schema": "assay-policy/1", "name": "x", "fail_on": "never"}'
    write(os.path.join(cwd, "--policy=p.json"), b"x"), write(os.path.join(cwd, "p.json"), lenient)
    assert commit(cwd, "--policy=p.json", "b.txt").returncode == 1


# ---- container, KServe ------------------------------------------------------------------------------


def dockerfile():
    """(instruction, argument) of each, continuation lines joined."""
    text = re.sub(r"^\s*#.*\n", "", open(os.path.join(TOP, "deploy/Dockerfile")).read(), flags=re.M)
    return [tuple(line.split(None, 1)) for line in re.sub(r"\\\n", " ", text).splitlines() if line.strip()]


@case
def the_container_recipe_is_sound():
    lines = dockerfile()
    known = {"ARG", "FROM", "SHELL", "RUN", "WORKDIR", "COPY", "LABEL", "USER", "ENTRYPOINT", "CMD"}
    assert {i for i, _ in lines} <= known
    starts = [n for n, (i, _) in enumerate(lines) if i == "FROM"]
    assert len(starts) == 2, "one stage builds, one runs"
    final = lines[starts[-1]:]
    assert not re.search(r":latest\b|\b(curl|wget|sudo)\b|ADD ", " ".join(a for _, a in lines if "--from" not in a))
    users = [a for i, a in final if i == "USER"]
    assert users and re.fullmatch(r"[1-9]\d*:[1-9]\d*", users[-1]), "a number, so that runAsNonRoot can see it"
    for i, a in lines:
        if i in ("ENTRYPOINT", "CMD", "SHELL"):
            assert isinstance(ast.literal_eval(a), list)
        if i == "RUN" and "apt-get install" in a:
            assert "--no-install-recommends" in a and "rm -rf /var/lib/apt/lists/*" in a and a.startswith("apt-get update")
    assert [a for i, a in final if i == "COPY"] == ["--from=build /out/ /"], "nothing but what was installed"
    after_user = final[[i for i, _ in final].index("USER"):]
    assert not any(i in ("RUN", "COPY") for i, _ in after_user)


@case
def the_container_holds_every_library():
    (installed,) = [a for i, a in dockerfile()[4:] if i == "RUN" and "libcurl" in a]
    packages = set(re.findall(r"\blib[\w.+-]+|zlib1g", installed))
    if SCAN_FLAGS:
        raise Skip("a build with sanitizers needs more libraries")
    if not shutil.which("dpkg"):
        raise Skip("no dpkg: which package a library is of, nobody can say")
    for name in ("assay", "assay-worker"):
        out = subprocess.run(["ldd", os.path.join(BUILD, "bin", name)], stdout=subprocess.PIPE, check=True).stdout.decode()
        for path in re.findall(r"=> (/\S+)", out):
            real = os.path.realpath(path)
            asked = ["dpkg", "-S", real, real[4:] if real.startswith("/usr/") else real]  # where dpkg put it before /usr was merged
            owners = subprocess.run(asked, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout.decode()
            package = owners.split(":")[0]
            if package in ("libc6", "libgcc-s1") or "san" in package:
                continue  # of the base, or of a build with sanitizers
            assert package in packages or depends(packages, package), (path, package)


def depends(packages, wanted):
    """Does one of the packages need it?"""
    out = subprocess.run(["dpkg-query", "-W", "-f", "${Depends}\n", *sorted(packages)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout.decode()
    return re.search(r"(^|[ ,|])%s\b" % re.escape(wanted), out, re.M) is not None


@case
def kserve_serves_only_what_passes():
    documents = load("deploy/kserve/inferenceservice.yaml")
    fits(documents, "kserve")
    config, service = documents
    spec = service["spec"]["predictor"]
    (scanner,) = spec["initContainers"]
    (server,) = spec["containers"]
    assert "storageUri" not in json.dumps(service)
    volumes = {v["name"] for v in spec["volumes"]}
    mounts = {c["name"]: {m["name"]: m for m in c["volumeMounts"]} for c in (scanner, server)}
    assert all(set(m) <= volumes for m in mounts.values())
    assert all(m["models"]["readOnly"] for m in mounts.values())
    assert mounts["assay"]["models"]["mountPath"] in scanner["args"]
    # the very arguments, on a volume of ours
    pod = scratch()
    places = {m["mountPath"]: os.path.join(pod, n) for n, m in mounts["assay"].items()}
    for name, text in config["data"].items():
        write(os.path.join(pod, "assay-policy", name), text.encode())
    model = os.path.join(pod, "models", "model.safetensors")
    write(model, safe())

    def start():
        words = [re.sub("^(--[a-z]+=)?(/[^=]*)$", lambda m: (m[1] or "") + next(
            (real + m[2][len(p):] for p, real in places.items() if m[2].startswith(p)), m[2]), a) for a in scanner["args"]]
        assert not any("/mnt/" in w or "/etc/" in w for w in words), words
        return run(words[0], *SCAN_FLAGS, *words[1:], cwd=pod)
    assert run("policy", "check", os.path.join(pod, "assay-policy/policy.json")).returncode == 0
    assert start().returncode == 4, "the lockfile of the manifest is none: nothing starts before there is one"
    lock = os.path.join(pod, "assay-policy/models.lock.json")
    os.remove(lock)
    assert run("lock", "-o", lock, os.path.join(pod, "models")).returncode == 0
    p = start()
    assert p.returncode == 0, p.stdout.decode()
    write(model, safe()[:-1] + b"\1")
    assert start().returncode == 1
    write(model, safe())
    write(os.path.join(pod, "models", "new.pkl"), BAD)
    assert start().returncode == 1
    os.remove(os.path.join(pod, "models", "new.pkl")), os.remove(model)
    assert start().returncode != 0


main()
