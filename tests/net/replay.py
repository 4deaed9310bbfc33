"""The registries of fixtures/registries/, played over TLS under their real names: what a
case says its registry answers, and the bytes `weights` for every file.  --connect-to and
a throw-away authority lead assay here."""
import glob, json, os, subprocess, sys
from urllib.parse import urlsplit

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import lab as network
from tap import ASSAY, SCAN_FLAGS, TOP

WEIGHTS = b"weights"


def cases():
    """(registry, case) for all of them."""
    for path in sorted(glob.glob(os.path.join(TOP, "fixtures/registries/*.json"))):
        with open(path, encoding="utf-8") as f:
            for c in json.load(f):
                yield os.path.basename(path)[:-5], c


def fit(case, data=WEIGHTS):
    """The case, with the sizes of its files as they are: those of `data`."""
    sizes = {f["size"] for f in case.get("expect", {}).get("files", []) if f.get("url") and f.get("size")}

    def change(value, key=""):
        if isinstance(value, dict):
            return {k: change(v, k) for k, v in value.items()}
        if isinstance(value, list):
            return [change(v, key) for v in value]
        if "size" in key.lower() and not isinstance(value, bool):
            if key == "sizeKB" and value and value * 1024 in sizes:
                return len(data) / 1024
            if isinstance(value, (int, str)) and str(value).isdigit() and int(value) in sizes:
                return type(value)(len(data))
        return value

    return dict(case, answers=change(case["answers"]), expect=change(case.get("expect", {})))


def driver(registry):
    with open(os.path.join(TOP, "registries.d", registry + ".json"), encoding="utf-8") as f:
        return [line.split('"')[3] for line in f if line.strip().startswith('"driver"')][0]


def host_of(url):
    return urlsplit(url).hostname


class Replay(network.Lab):
    """A lab whose hosts are those of the registries.  `case` is the one being played,
    `files` what downloads answer (a URL, or a function of the Ask); WEIGHTS otherwise."""

    def __init__(self, extra=()):
        super().__init__()
        self.hosts = sorted(set(self.all_hosts()) | set(extra))
        self.case, self.files, self.fault, self.answered = {}, {}, None, set()
        self.routes["*"] = self.play

    @staticmethod
    def all_hosts():
        for _, c in cases():
            yield host_of(c["endpoint"])
            for key in c["answers"]:
                if " https://" in key:
                    yield host_of(key.split(" ", 1)[1])
            for f in c.get("expect", {}).get("files", []):
                if f.get("url"):
                    yield host_of(f["url"])

    def make_authority(self):
        saved, network.HOSTS = network.HOSTS, tuple(self.hosts)
        try:
            super().make_authority()
        finally:
            network.HOSTS = saved

    # --- answering ---

    def found(self, ask, key):
        found = self.case["answers"].get(key)
        if isinstance(found, list):
            found = next((a for a in found if a["when_body_has"].encode() in ask.body), None)
        return found

    def play(self, ask):
        url = "https://%s%s" % (ask.host, ask.path)
        if self.fault and self.fault(ask, url):
            return
        answer = self.found(ask, "%s %s" % (ask.method, url))
        if url in self.urls() and url in self.answered:
            answer = None  # the interpreter has read it; now it is a file
        self.answered.add(url)
        if answer is None:
            file = self.files.get(url)
            if file is None and url in self.urls():
                file = WEIGHTS
            if callable(file):
                return file(ask)
            return ask.serve(file) if file is not None else ask.reply(404, b"{}")
        if "unreachable" in answer:
            ask.cut()
        body = answer.get("text")
        if body is None:
            body = json.dumps(answer["body"]) if "body" in answer else ""
        fields = {k.replace("-", "_"): v for k, v in answer.get("headers", {}).items()}
        ask.reply(answer.get("status", 200), body.encode(), **fields)

    def urls(self):
        return {f["url"] for f in self.case.get("expect", {}).get("files", []) if f.get("url")}

    # --- asking ---

    def needed_hosts(self):
        found = {host_of(self.case["endpoint"])} if "endpoint" in self.case else set()
        found |= {host_of(k.split(" ", 1)[1]) for k in self.case.get("answers", {}) if " https://" in k}
        return found | {host_of(u) for u in list(self.urls()) + list(self.files)}

    def command(self, command, words, env, hosts, tries):
        """Words and environment, with nothing of the caller's environment but PATH."""
        environment = {"PATH": os.environ["PATH"], "HOME": self.directory,
                       "XDG_CACHE_HOME": os.path.join(self.directory, "cache")}
        # whatever is not played here is not reached at all
        known = ",".join(sorted(hosts or self.needed_hosts()))
        environment.update(https_proxy="http://127.0.0.1:9", no_proxy=known)
        environment.update(self.case.get("environment", {}))
        environment.update(env or {})
        network_words = ["--tries", tries, "--ca-file", self.path("ca.pem")]
        for h in sorted(hosts or self.needed_hosts()):
            network_words += ["--connect-to", "%s:443:127.0.0.1:%d" % (h, self.port)]
        flags = SCAN_FLAGS if command in ("scan", "lock") else []
        with self.lock:
            self.asked.clear()
            self.answered.clear()
        return [ASSAY, command, *flags, *map(str, [*network_words, *words])], environment

    def assay(self, command, *words, env=None, hosts=None, tries=1, timeout=120):
        """The finished process."""
        line, environment = self.command(command, words, env, hosts, tries)
        return subprocess.run(line, capture_output=True, env=environment, timeout=timeout)

    def start(self, command, *words):
        """A process that runs, silent."""
        line, environment = self.command(command, words, None, None, 1)
        return subprocess.Popen(line, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment)

    def credentials(self):
        return [(a.host, a.headers["authorization"]) for a in self.asked if "authorization" in a.headers]

    def scan(self, reference, *words, **more):
        """The process and its JSON report (None: there is none)."""
        p = self.assay("scan", "-o", "json", *words, reference, **more)
        return p, json.loads(p.stdout) if p.stdout else None
