"A small local server that speaks as much of the Hugging Face Hub's API as a download needs."

import contextlib
import hashlib
import json
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

SHA = "0123456789abcdef0123456789abcdef01234567"

NO_LOGIN = (
    "Access to model {repo} is restricted. You must have access to it and be authenticated "
    "to access it. Please log in."
)
NO_ACCESS = {  # what the Hub answers, by how a request for access stands
    "rejected": "Your request to access model {repo} has been rejected by the repo's authors.",
    "awaiting": "Your request to access model {repo} is awaiting a review from the repo authors.",
    "new": (
        "Access to model {repo} is restricted and you are not in the authorized list. "
        "Visit the page to ask for access."
    ),
}


class Hub:
    """What the server has and how it answers.

    `repos` is {model id: {file name: bytes}}; `gated` ids answer by token:
    {token: "granted" | "rejected" | "awaiting" | "new"}. `cut` files are broken off half way on
    their first GET; `requests` logs (method, path, Range header).
    """

    def __init__(self, repos, gated=(), tokens=None, cut=()):
        self.repos = repos
        self.gated = gated
        self.tokens = tokens or {}
        self.cut = set(cut)
        self.requests = []

    def refusal(self, repo, token):
        "(status, error code, message) when `token` may not read files of `repo`, else None."
        if token and token not in self.tokens:
            return 401, None, "Invalid credentials in Authorization header"
        if repo not in self.gated or self.tokens.get(token) == "granted":
            return None
        if not token:
            return 401, "GatedRepo", NO_LOGIN.format(repo=repo)
        return 403, "GatedRepo", NO_ACCESS[self.tokens[token]].format(repo=repo)

    def description(self, repo):
        "What the API says about a model."
        return {
            "id": repo,
            "sha": SHA,
            "siblings": [{"rfilename": name} for name in self.repos[repo]],
            "private": False,
            "gated": repo in self.gated,
        }

    def tree(self, repo):
        "What the API says about the files of a model."
        rows = []
        for name, body in self.repos[repo].items():
            oid = hashlib.sha1(body).hexdigest()
            rows.append({"type": "file", "path": name, "size": len(body), "oid": oid})
        return rows


def revision_in(parts):
    "The revision that a path names: after 'revision', 'tree' or 'resolve'."
    for word, following in zip(parts, parts[1:], strict=False):
        if word in ("revision", "tree", "resolve"):
            return following
    return "main"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        "Say nothing."

    def answer(self, status, body=b"", **headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        if "Content_Length" not in headers:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def answer_json(self, status, content, **headers):
        body = json.dumps(content).encode()
        self.answer(status, body, Content_Type="application/json", **headers)

    def fail(self, status, code, message):
        headers = {"X_Error_Message": message}
        if code:
            headers["X_Error_Code"] = code
        self.answer_json(status, {"error": message}, **headers)

    def do_HEAD(self):
        self.do_GET()

    def do_GET(self):
        hub = self.server.hub
        path = self.path.split("?")[0].strip("/")
        hub.requests.append((self.command, path, self.headers.get("Range")))
        token = (self.headers.get("Authorization") or "").removeprefix("Bearer ")
        parts = path.removeprefix("api/models/").removeprefix("cdn/").split("/")
        repo = "/".join(parts[:2])
        revision = revision_in(parts)
        if repo not in hub.repos:
            self.fail(404 if token else 401, "RepoNotFound", "Repository not found")
        elif token and token not in hub.tokens:
            self.fail(*hub.refusal(repo, token))
        elif revision not in ("main", SHA):
            self.fail(404, "RevisionNotFound", f"Invalid rev id: {revision}")
        elif path.startswith("api/"):
            self.answer_json(200, hub.tree(repo) if "tree" in parts else hub.description(repo))
        elif refusal := hub.refusal(repo, token):
            self.fail(*refusal)
        elif parts[-1] not in hub.repos[repo]:
            self.fail(404, "EntryNotFound", "Entry not found")
        else:
            self.send_file(path, parts[-1], hub.repos[repo][parts[-1]])

    def send_file(self, path, name, body):
        "The bytes of a file, from where the Range header says; a download is redirected first."
        info = dict(
            ETag=f'"{hashlib.sha256(body).hexdigest()}"',
            X_Repo_Commit=SHA,
            Accept_Ranges="bytes",
        )
        cut = self.server.hub.cut
        if self.command == "GET" and not path.startswith("cdn/"):
            # The Hub redirects downloads to its file servers.
            self.answer(302, Location=f"/cdn/{path}", **info)
        elif self.command == "GET" and name in cut:
            cut.discard(name)
            self.answer(200, body[: len(body) // 2], Content_Length=str(len(body)), **info)
            self.connection.shutdown(socket.SHUT_RDWR)
        else:
            wanted = self.headers.get("Range") or "bytes=0-"
            start = int(wanted.removeprefix("bytes=").split("-")[0])
            if start:
                info["Content_Range"] = f"bytes {start}-{len(body) - 1}/{len(body)}"
            length = str(len(body) - start)
            self.answer(206 if start else 200, body[start:], Content_Length=length, **info)


@contextlib.contextmanager
def serve(hub: Hub):
    "Run the server on a free port and yield its address."
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.hub = hub
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
