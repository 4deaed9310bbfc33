"""A web of its own for the network tests: a throw-away CA, and a server on loopback that
misbehaves on demand.  Standard library and the openssl command only.

    with Lab() as lab:
        @lab.route("/file")
        def _(ask):
            ask.reply(200, b"bytes")
        lab.get("https://hub.test/file")      # build/net/client, told to trust the CA
        lab.asked                             # what arrived: host, path, headers
"""
import json, os, shutil, socket, ssl, subprocess, sys, tempfile, threading

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.join(TOP, "tests", "golden"))
BUILD = os.environ.get("BUILD", os.path.join(TOP, "build"))
CLIENT = os.path.join(BUILD, "net", "client")
HOSTS = ("hub.test", "cdn.test", "evil.test", "auth.hub.test", "oauth2.googleapis.com", "localhost")


class Closed(Exception):
    """The client is gone, or the route wants the connection cut."""


class Ask:
    """One request that came in, and how to answer it."""

    def __init__(self, lab, connection, method, path, headers, body):
        self.lab, self.connection = lab, connection
        self.method, self.path, self.headers, self.body = method, path, headers, body
        self.host = headers.get("host", "")
        self.plain = not isinstance(connection, ssl.SSLSocket)

    def send(self, data):
        try:
            self.connection.sendall(data)
        except OSError:
            raise Closed

    def head(self, status, **fields):
        lines = ["HTTP/1.1 %d X" % status]
        lines += ["%s: %s" % (k.replace("_", "-"), v) for k, v in fields.items()]
        self.send(("\r\n".join(lines) + "\r\n\r\n").encode("latin-1"))

    def reply(self, status, body=b"", **fields):
        fields.setdefault("Content_Length", len(body))
        self.head(status, **fields)
        if self.method != "HEAD":
            self.send(body)

    def redirect(self, location, status=302):
        self.reply(status, b"moved", Location=location)

    def cut(self):
        raise Closed

    def serve(self, data, etag='"v1"', ranges=True, **fields):
        """A file, as a good server sends it: Range and If-Range."""
        start, asked = 0, self.headers.get("range", "")
        if ranges and asked.startswith("bytes=") and self.headers.get("if-range", etag) == etag:
            start = int(asked[6:].split("-")[0])
        if etag:
            fields["ETag"] = etag
        if start >= len(data) > 0:
            return self.reply(416, Content_Range="bytes */%d" % len(data))
        if start:
            fields["Content_Range"] = "bytes %d-%d/%d" % (start, len(data) - 1, len(data))
        self.reply(206 if start else 200, data[start:], **fields)


class Lab:
    def __init__(self, *hosts):
        self.hosts = HOSTS + hosts
        self.directory = tempfile.mkdtemp(prefix="assay-net-")
        self.routes, self.asked, self.lock = {}, [], threading.Lock()
        self.connections = 0

    def __enter__(self):
        self.make_authority()
        self.contexts = {name: self.context(name) for name in ("good", "wrong", "expired", "self")}
        self.contexts["good"].sni_callback = self.choose
        self.port, self.socket = self.listen(True)
        self.plain_port, self.plain_socket = self.listen(False)
        return self

    def __exit__(self, *_):
        self.socket.close()
        self.plain_socket.close()
        shutil.rmtree(self.directory, True)

    # --- certificates ---

    def path(self, name):
        return os.path.join(self.directory, name)

    def openssl(self, *words):
        subprocess.run(["openssl", *words], cwd=self.directory, check=True, capture_output=True)

    def make_authority(self):
        new = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
        self.openssl("req", "-x509", *new, "-keyout", "ca.key", "-out", "ca.pem", "-days", "2",
                     "-subj", "/CN=Lab CA", "-addext", "basicConstraints=critical,CA:TRUE")
        self.openssl("req", "-x509", *new, "-keyout", "self.key", "-out", "self.pem", "-days", "2",
                     "-subj", "/CN=self.test", "-addext", "subjectAltName=DNS:self.test")
        with open(self.path("ca.cnf"), "w") as f:
            f.write("[ca]\ndefault_ca=d\n[d]\ndatabase=index\nserial=serial\nnew_certs_dir=.\n"
                    "default_md=sha256\npolicy=p\ncopy_extensions=copy\n[p]\ncommonName=supplied\n")
        open(self.path("index"), "w").close()
        with open(self.path("serial"), "w") as f:
            f.write("01\n")
        for name, hosts, end in (("good", self.hosts, "20991231235959Z"), ("wrong", ["other.test"], "20991231235959Z"),
                                 ("expired", ["expired.test"], "20210101000000Z")):
            names = ",".join("DNS:" + h for h in hosts) + ",IP:127.0.0.1"
            self.openssl("req", *new, "-keyout", name + ".key", "-out", name + ".csr",
                         "-subj", "/CN=" + hosts[0], "-addext", "subjectAltName=" + names)
            self.openssl("ca", "-batch", "-config", "ca.cnf", "-cert", "ca.pem", "-keyfile", "ca.key", "-notext",
                         "-in", name + ".csr", "-out", name + ".pem", "-startdate", "20200101000000Z", "-enddate", end)

    def context(self, name):
        c = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        c.load_cert_chain(self.path(name + ".pem"), self.path(name + ".key"))
        return c

    def choose(self, connection, name, _):
        for kind in ("wrong", "expired", "self"):
            if name == kind + ".test":
                connection.context = self.contexts[kind]

    # --- serving ---

    def listen(self, tls):
        s = socket.create_server(("127.0.0.1", 0), backlog=128)
        threading.Thread(target=self.accept, args=(s, tls), daemon=True).start()
        return s.getsockname()[1], s

    def accept(self, s, tls):
        while True:
            try:
                connection, _ = s.accept()
            except OSError:
                return
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.connections += 1
            threading.Thread(target=self.converse, args=(connection, tls), daemon=True).start()

    def converse(self, connection, tls):
        try:
            if tls:
                connection = self.contexts["good"].wrap_socket(connection, server_side=True)
            stream = connection.makefile("rb")
            while self.answer(connection, stream):
                pass
        except (Closed, OSError, ValueError):
            pass
        finally:
            connection.close()

    def answer(self, connection, stream):
        first = stream.readline().split()
        if len(first) != 3:
            return False
        headers = {}
        while (line := stream.readline().strip()):
            name, _, value = line.decode("latin-1").partition(":")
            headers[name.lower()] = value.strip()
        body = stream.read(int(headers.get("content-length", 0)))
        method, target = first[0].decode(), first[1].decode()
        ask = Ask(self, connection, method, target, headers, body)
        with self.lock:
            self.asked.append(ask)
        route = self.routes.get(target.split("?")[0]) or self.routes.get("*")
        if route:
            route(ask)
        else:
            ask.reply(404, b"no such thing")
        return True

    def route(self, path):
        def keep(function):
            self.routes[path] = function
            return function
        return keep

    # --- the client ---

    def mapped(self, *hosts):
        return [w for h in hosts or self.hosts + ("wrong.test", "expired.test", "self.test")
                for w in ("--connect-to", "%s:443:127.0.0.1:%d" % (h, self.port))]

    def run(self, *words, trust=True, connect=True, env=None, status=0, timeout=120):
        command = [CLIENT] + (["--ca-file", self.path("ca.pem")] if trust else [])
        command += (self.mapped() if connect else []) + [str(w) for w in words]
        self.asked.clear()
        p = subprocess.run(command, capture_output=True, timeout=timeout,
                           env=dict(os.environ, **env or {}))
        self.output = (p.stdout + p.stderr).decode(errors="replace")
        assert p.returncode == status, (p.returncode, self.output)
        return [json.loads(line) for line in p.stdout.splitlines()]

    def get(self, url, *options, **more):
        return self.run(*options, "get", url, **more)[0]

    def paths(self):
        return [a.path for a in self.asked]


def expect(answer, **wanted):
    for key, value in wanted.items():
        assert answer[key] == value, "%s is %r, not %r\n%s" % (key, answer[key], value, answer)
