"""All registries of registries.d/, each with one model whose files are there too: what its
case in fixtures/registries/ answers, with storage, a registry of layers and a git server
behind it.  Each play has a port and a home of its own, so that many run at once."""
import base64, hashlib, json, os, shutil, struct, tempfile, threading, urllib.parse, zlib

from git_lab import Repositories
from replay import WEIGHTS, Replay, cases, fit, host_of


def tensors(size=64):
    header = json.dumps({"w": {"dtype": "U8", "shape": [size], "data_offsets": [0, size]}}).encode()
    return struct.pack("<Q", len(header)) + header + bytes(i * 7 & 255 for i in range(size))


MODEL = tensors()
OTHER = MODEL[:-1] + b"!"  # as long, and not the same


def digests(data):
    return {"sha256": hashlib.sha256(data), "md5": hashlib.md5(data), "sha1": hashlib.sha1(b"blob %d\0" % len(data) + data)}


def hexadecimal(name, data):
    return digests(data)[name].hexdigest()


def base64_of(name, data):
    return base64.b64encode(digests(data)[name].digest()).decode()


def rewritten(value, old, new):
    """Answers that promise `old`, made to promise `new`."""
    text = json.dumps(value)
    for name in ("sha256", "md5", "sha1"):
        text = text.replace(hexadecimal(name, old), hexadecimal(name, new))
        text = text.replace(hexadecimal(name, old).upper(), hexadecimal(name, new).upper())
        text = text.replace(base64_of(name, old), base64_of(name, new))
    text = text.replace("%08X" % zlib.crc32(old), "%08X" % zlib.crc32(new))
    return json.loads(text)


# ---- what lies behind a registry: functions of (ask) → None, or (is it a file?, how to answer)


def reply(a, status, body=b""):
    return False, lambda: a.reply(status, body)


def bucket(name, key, data):
    """One object of Amazon S3."""
    def answer(a):
        path, _, query = a.path.partition("?")
        if a.host != name + ".s3.us-east-1.amazonaws.com":
            return None
        if path == "/" and "list-type=2" in query:
            return reply(a, 200, ("<ListBucketResult><IsTruncated>false</IsTruncated><Contents><Key>%s</Key><Size>%d</Size>"
                                  "</Contents></ListBucketResult>" % (key, len(data))).encode())
        if path == "/" + urllib.parse.quote(key):
            return a.method == "GET", lambda: a.serve(data, etag='"%s"' % hexadecimal("md5", data))
        return reply(a, 404, b"<Error><Code>NoSuchKey</Code></Error>")
    return answer


def google(name, key, data):
    """One object of Google Cloud Storage."""
    top = "/storage/v1/b/%s/o" % name
    listing = {"items": [{"name": key, "size": str(len(data)), "generation": "1", "md5Hash": base64_of("md5", data)}]}

    def answer(a):
        path = a.path.partition("?")[0]
        if a.host != "storage.googleapis.com" or not path.startswith(top):
            return None
        if path == top:
            return reply(a, 200, json.dumps(listing).encode())
        if urllib.parse.unquote(path[len(top) + 1:]) == key:
            return True, lambda: a.serve(data)
        return reply(a, 404, b"{}")
    return answer


def azure(host, container, key, data):
    """One blob of Azure Blob Storage."""
    listing = ("<EnumerationResults><Blobs><Blob><Name>%s</Name><Properties><Content-Length>%d</Content-Length>"
               "<Content-MD5>%s</Content-MD5></Properties></Blob></Blobs><NextMarker/></EnumerationResults>"
               % (key, len(data), base64_of("md5", data)))

    def answer(a):
        path, _, query = a.path.partition("?")
        if a.host != host:
            return None
        if path == "/" + container and "comp=list" in query:
            return reply(a, 200, listing.encode())
        if path == "/%s/%s" % (container, key):
            return True, lambda: a.serve(data)
        return reply(a, 404)
    return answer


def web(url, data):
    """One file of a web server."""
    def answer(a):
        if "https://%s%s" % (a.host, a.path) != url:
            return None
        return a.method == "GET", lambda: a.serve(data)
    return answer


def layers(host, name, tag, data):
    """One model of Ollama's: a manifest, a config and layers, by their digests."""
    kind = "application/vnd.ollama.image."
    config = json.dumps({"model_format": "gguf", "model_family": "llama", "model_type": "3B", "file_type": "Q4_K_M"}).encode()
    parts = ((data, kind + "model"), (b"MIT License\nx", kind + "license"), (config, "application/vnd.docker.container.image.v1+json"))
    blobs = {hexadecimal("sha256", d): d for d, _ in parts}
    rows = [{"mediaType": media, "digest": "sha256:" + hexadecimal("sha256", d), "size": len(d)} for d, media in parts]
    manifest = json.dumps({"schemaVersion": 2, "config": rows[2], "layers": rows[:2]}).encode()

    def answer(a):
        if a.host != host:
            return None
        if a.path == "/v2/%s/manifests/%s" % (name, tag):
            return reply(a, 200, manifest)
        blob = blobs.get(a.path.rpartition("sha256:")[2])
        return (blob == data, lambda: a.serve(blob)) if blob else reply(a, 404, b"{}")
    return answer


def repository(repositories, host, top, data):
    """A repository that git serves, with one output of DVC's that the same host keeps."""
    name = hexadecimal("md5", data)

    def answer(a):
        path, _, query = a.path.partition("?")
        if a.host != host:
            return None
        if path == "/store/files/md5/%s/%s" % (name[:2], name[2:]):
            return True, lambda: a.serve(data)
        if path.startswith(top):
            return False, lambda: repositories.backend(a, path, query)
        return reply(a, 404)
    return answer


# ---- the plays -------------------------------------------------------------------------


class Play(Replay):
    """One registry with its model, behind a port of its own.  `fault(ask)`: True when it has
    answered; ask.step counts requests that are not for the bytes of a file, for which
    ask.file is true."""

    def __init__(self, stage, case, data, behind=None):
        self.directory, self.contexts, self.hosts = stage.directory, stage.contexts, stage.hosts
        self.routes, self.asked, self.lock = {"*": self.play}, [], threading.Lock()
        self.connections, self.files, self.answered, self.fault = 0, {}, set(), None
        self.case, self.data, self.behind = case, data, behind
        self.steps, self.misplay = 0, None
        self.home = tempfile.mkdtemp(dir=stage.directory)
        self.port, self.socket = self.listen(True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()
        shutil.rmtree(self.home, True)

    def find(self, ask):
        """Is it for the bytes of a file, and how to answer."""
        found = self.behind(ask) if self.behind else None
        if found:
            return found
        url = "https://%s%s" % (ask.host, ask.path)
        answer = self.found(ask, "%s %s" % (ask.method, url))
        if url in self.urls() and (answer is None or url in self.answered):
            return True, lambda: ask.serve(self.data)
        return False, lambda: super(Play, self).play(ask)

    def play(self, ask):
        with self.lock:
            ask.file, answer = self.find(ask)
            ask.step = self.steps
            self.steps += not ask.file
        if not (self.misplay and self.misplay(ask)):
            answer()

    def asking(self, command, *words, env=None):
        """What Popen needs to run the command on this play's reference, at its port."""
        own = {"HOME": self.home, "XDG_CACHE_HOME": os.path.join(self.home, "cache"), **(env or {})}
        with self.lock:
            self.steps = 0
        return self.command(command, words, own, self.hosts, 1)


def case_of(registry, about):
    return next(c for r, c in cases() if r == registry and c["about"] == about)


def moved_to_kaggle():
    """TensorFlow Hub sends on to Kaggle, and there is the model."""
    there = case_of("kaggle", "a version, two pages")
    moved = case_of("tfhub", "forwarded to Kaggle")
    text = json.dumps(moved["answers"])
    old = moved["expect"]["rematch"]
    owner, model, framework, variation, version = there["reference"].split(":")[1].split("/")
    assert old in text
    text = text.replace(old, "https://www.kaggle.com/models/%s/%s/%s/%s/%s" % (owner, model, framework, variation, version))
    return dict(there, answers=dict(there["answers"], **json.loads(text)), endpoint=moved["endpoint"], reference=moved["reference"])


# registry → which case; what is renamed in it; where its files lie
ROWS = {
    "azureml-catalog": ("a version", {}, None),
    "azureml-registry": ("a version", {}, lambda s, d: azure("acmeblob.blob.core.windows.net", "azureml-assets-1",
                                                            "fraud/3/model.safetensors", d)),
    "civitai": ("by number", {".pt": ".safetensors"}, None),
    "clearml": ("a model and its task", {"model.pkl": "model.safetensors"},
                lambda s, d: web("https://files.clear.ml/fraud/train.9c1d/models/model.safetensors", d)),
    "databricks": ("Unity Catalog", {}, lambda s, d: bucket("uc-bucket", "models/5c1f/versions/8a2b/model.safetensors", d)),
    "dvc": ("an output", {"fraud.pkl": "fraud.safetensors"},
            lambda s, d: repository(s.repositories(d), "git.acme.example", "/ml/registry/", d)),
    "gitlab": ("a semantic version", {"model.pkl": "model.safetensors"}, None),
    "huggingface": ("two pages of files; nothing raises the level", {}, None),
    "jumpstart": ("the newest of the manifest", {".tar.gz": ".safetensors"}, None),
    "kaggle": ("a version, two pages", {"model.weights.h5": "model.safetensors"}, None),
    "kubeflow": ("a version", {"model.json": "model.safetensors"},
                 lambda s, d: bucket("acme-models", "fraud/v1/model.safetensors", d)),
    "mlflow": ("a version, with directories", {"model.pth": "model.safetensors"}, None),
    "modelhub-ai": ("the default branch", {".onnx": ".safetensors"}, None),
    "ngc": ("two numbered pages", {"bert_large_qa.pt": "bert_large_qa.safetensors"}, None),
    "ollama": ("manifest, config and a layer of text", {},
               lambda s, d: layers("registry.ollama.ai", "library/llama3.2", "3b", d)),
    "pytorch-hub": ("the default branch", {}, None),
    "replicate": ("a version; the history has two pages", {}, None),
    "roboflow": ("a trained version", {}, None),
    "sagemaker-registry": ("by its ARN", {"model.tar.gz": "model.safetensors"},
                           lambda s, d: bucket("acme-models", "fraud/3/model.safetensors", d)),
    "tfhub": (None, {"model.weights.h5": "model.safetensors"}, None),
    "vertex-garden": ("a model in Google storage", {},
                      lambda s, d: google("vertex-model-garden-restricted-us", "gemma3/model.safetensors", d)),
    "vertex-registry": ("a version", {}, lambda s, d: google("acme-models", "fraud/3/model.safetensors", d)),
    "wandb": ("pages by a token in the body", {"model.pt": "model.safetensors"}, None),
}


class Stage(Replay):
    """The certificates and repositories that all plays share."""

    def __init__(self, extra=()):
        super().__init__(extra=tuple(extra) + (
            "acmeblob.blob.core.windows.net", "files.clear.ml", "uc-bucket.s3.us-east-1.amazonaws.com", "git.acme.example",
            "acme-models.s3.us-east-1.amazonaws.com", "storage.googleapis.com", "registry.ollama.ai"))
        self.git = {}

    def repositories(self, data):
        """The git server whose repository tracks `data`."""
        with self.lock:
            name = hexadecimal("md5", data)
            if name not in self.git:
                self.git[name] = Repositories(tempfile.mkdtemp(dir=self.directory))
                self.git[name].repository("ml/registry", {
                    ".dvc/config": b"[core]\n    remote = store\n['remote \"store\"']\n    url = https://git.acme.example/store\n",
                    "models/fraud.safetensors.dvc": b"outs:\n- md5: %s\n  size: %d\n  hash: md5\n  path: fraud.safetensors\n"
                    % (name.encode(), len(data))})
                self.git[name].tag("ml/registry", "v1.2.0")
            return self.git[name]

    def play_of(self, registry, data=MODEL):
        about, renamed, behind = ROWS[registry]
        case = rewritten(fit(case_of(registry, about) if about else moved_to_kaggle(), data), WEIGHTS, data)
        text = json.dumps(case)
        for old, new in renamed.items():
            text = text.replace(old, new)
        return Play(self, json.loads(text), data, behind and behind(self, data))
