#!/usr/bin/python3
"""The HTML report before its consumers: html-validate (npm), and Chromium without a network with axe
(npm: axe-core, puppeteer-core), by html_report.mjs.  Screenshots stay in build/interop/html/shots."""
import copy
import json
import os
import pathlib
import shutil
import subprocess
import sys

TOP = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TOP / "tests" / "golden"))
from tap import BUILD, fixtures, run, scan, scratch, write  # noqa: E402

HOME = pathlib.Path(BUILD) / "interop" / "html"
PACKAGES = ("html-validate@9.7.1", "axe-core@4.11.0", "puppeteer-core@24.30.0")
EPOCH = {"SOURCE_DATE_EPOCH": "1767225600"}


def skip(why):
    print("ok 1 - the HTML report in a browser # SKIP " + why)
    sys.exit(0)


def install():
    if not shutil.which("node") or not shutil.which("npm"):
        skip("no node or no npm")
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if not chromium:
        skip("no Chromium (apt-get install chromium)")
    stamp = HOME / ".installed"
    if not stamp.exists() or stamp.read_text() != " ".join(PACKAGES):
        HOME.mkdir(parents=True, exist_ok=True)
        write(HOME / "package.json", b'{"private": true}')
        done = subprocess.run(["npm", "install", "--silent", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix", HOME,
                               *PACKAGES], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=600)
        if done.returncode:
            skip("npm cannot install " + " ".join(PACKAGES))
        stamp.write_text(" ".join(PACKAGES))
    return chromium


def page(report, name):
    """The page made of a stored report."""
    path = HOME / (name + ".html")
    p = run("convert", report, "-o", "html=%s" % path, env=EPOCH)
    assert p.returncode in (0, 1, 3) and not p.stderr, p.stderr
    return path


def many(count):
    """A stored report of so many models."""
    with open(os.path.join(fixtures("report"), "good-rich.json"), encoding="utf-8") as f:
        r = json.load(f)
    (model,) = [m for m in r["models"] if m["identity"] == "models/resnet50-final.pt"]
    r["models"], r["errors"] = [], []
    for i in range(count):
        m = copy.deepcopy(model)
        m["target"] = m["identity"] = "models/m%05d.pt" % i
        m["files"][0]["path"] = "m%05d.pt" % i
        for f in m["findings"]:
            f["path"] = "m%05d.pt" % i
        r["models"].append(m)
    found = r["summary"]["findings"]
    for severity in found:
        found[severity] = count * sum(f["severity"] == severity for f in model["findings"])
    r["summary"].update(models=count, bytes=count * model["files"][0]["size"],
                        files={"complete": count, "incomplete": 0, "skipped": 0, "failed": 0})
    return write(os.path.join(scratch(), "many.json"), json.dumps(r).encode())


def hostile():
    d = scratch()
    text = b"</script><img src=x onerror=alert(1)>\x1b[31m\xe2\x80\xae" * 100
    payload = b"\x80\x02cposix\nsystem\nX" + len(text).to_bytes(4, "little") + text + b"\x85R."
    for name in (b"<\\script><svg onload=alert(1)>.pkl", b"\" onmouseover=alert(1) x=\".pkl", b"a\n<b>.pkl", b"\xff\xfe.pkl"):
        write(os.path.join(os.fsencode(d), b"m", name), payload)
    scan("-o", "json=hostile.json", "m", cwd=d)
    return d + "/hostile.json"


def nothing():
    d = scratch()
    write(d + "/m/notes.txt", b"hello")
    scan("-o", "json=empty.json", "m", cwd=d)
    return d + "/empty.json"


def main():
    chromium = install()
    shots = HOME / "shots"
    shots.mkdir(exist_ok=True)
    rich = page(os.path.join(fixtures("report"), "good-rich.json"), "rich")
    pages = {"rich": rich, "hostile": page(hostile(), "hostile"), "big": page(many(10000), "big"), "empty": page(nothing(), "empty")}
    checked = [pages[n] for n in ("rich", "hostile", "empty")]
    for preset in ("recommended", "standard"):
        p = subprocess.run([HOME / "node_modules/.bin/html-validate", "--preset", preset, *checked], stdout=subprocess.PIPE,
                           stderr=subprocess.DEVNULL, cwd=HOME)
        print("%s - html-validate, preset %s" % ("not ok" if p.returncode else "ok", preset))
        if p.returncode:
            print("# " + p.stdout.decode().strip().replace("\n", "\n# "))
    sys.stdout.flush()
    browser = subprocess.run([shutil.which("node"), TOP / "tests/interop/html_report.mjs", HOME, *(pages[n] for n in ("rich", "hostile", "big", "empty")),
                              shots], env=dict(os.environ, CHROMIUM=chromium), timeout=600)
    return browser.returncode


sys.exit(main())
