"""A small local server that speaks as much of the Hugging Face Hub's API as downloading a model needs."""

import contextlib
import hashlib
import json
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

SHA = "0123456789abcdef0123456789abcdef01234567"


class Hub:
    """`repos` is {model id: {file name: bytes}}; `gated` ids answer by token: {token: "granted" | "rejected" | "awaiting"}.
    `cut` files are broken off half way on their first GET; `requests` logs (method, path, Range header)."""

    def __init__(self, repos, gated=(), tokens=None, cut=()):
        self.repos, self.gated, self.tokens, self.cut, self.requests = (
            repos,
            gated,
            tokens or {},
            set(cut),
            [],
        )

    def refusal(self, repo, token):
        "(status, error code, message) when `token` may not read files of `repo`, else None."
        if token and token not in self.tokens:
            return 401, None, "Invalid credentials in Authorization header"
        if repo not in self.gated or self.tokens.get(token) == "granted":
            return None
        if not token:
            return (
                401,
                "GatedRepo",
                f"Access to model {repo} is restricted. You must have access to it and be authenticated to access it. Please log in.",
            )
        reason = {
            "rejected": f"Your request to access model {repo} has been rejected by the repo's authors.",
            "awaiting": f"Your request to access model {repo} is awaiting a review from the repo authors.",
        }
        return (
            403,
            "GatedRepo",
            reason.get(
                self.tokens[token],
                f"Access to model {repo} is restricted and you are not in the authorized list. Visit the page to ask for access.",
            ),
        )


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def answer(self, status, body=b"", **headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        if "Content_Length" not in headers:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def fail(self, status, code, message):
        self.answer(
            status,
            json.dumps({"error": message}).encode(),
            X_Error_Message=message,
            Content_Type="application/json",
            **({"X_Error_Code": code} if code else {}),
        )

    def do_HEAD(self):
        self.do_GET()

    def do_GET(self):
        hub, path = self.server.hub, self.path.split("?")[0].strip("/")
        hub.requests.append((self.command, path, self.headers.get("Range")))
        token = (self.headers.get("Authorization") or "").removeprefix("Bearer ")
        parts = path.removeprefix("api/models/").removeprefix("cdn/").split("/")
        repo = "/".join(parts[:2])
        if repo not in hub.repos:
            return self.fail(404 if token else 401, "RepoNotFound", "Repository not found")
        if token and token not in hub.tokens:
            return self.fail(*hub.refusal(repo, token))
        revision = next(
            (
                parts[i + 1]
                for i, part in enumerate(parts)
                if part in ("revision", "tree", "resolve")
            ),
            "main",
        )
        if revision not in ("main", SHA):
            return self.fail(404, "RevisionNotFound", f"Invalid rev id: {revision}")
        files = hub.repos[repo]
        if path.startswith("api/"):
            if "tree" in parts:
                body = [
                    {"type": "file", "path": n, "size": len(b), "oid": hashlib.sha1(b).hexdigest()}
                    for n, b in files.items()
                ]
            else:
                body = {
                    "id": repo,
                    "sha": SHA,
                    "siblings": [{"rfilename": n} for n in files],
                    "private": False,
                    "gated": repo in hub.gated,
                }
            return self.answer(200, json.dumps(body).encode(), Content_Type="application/json")
        name = parts[-1]
        if refusal := hub.refusal(repo, token):
            return self.fail(*refusal)
        if name not in files:
            return self.fail(404, "EntryNotFound", "Entry not found")
        body, info = (
            files[name],
            dict(
                ETag=f'"{hashlib.sha256(files[name]).hexdigest()}"',
                X_Repo_Commit=SHA,
                Accept_Ranges="bytes",
            ),
        )
        if (
            not path.startswith("cdn/") and self.command == "GET"
        ):  # the Hub redirects downloads to its file servers
            return self.answer(302, Location=f"/cdn/{path}", **info)
        start = int((self.headers.get("Range") or "bytes=0-").removeprefix("bytes=").split("-")[0])
        if name in hub.cut and self.command == "GET":
            hub.cut.discard(name)
            self.answer(200, body[: len(body) // 2], Content_Length=str(len(body)), **info)
            return self.connection.shutdown(socket.SHUT_RDWR)
        if start:
            info["Content_Range"] = f"bytes {start}-{len(body) - 1}/{len(body)}"
        self.answer(
            206 if start else 200, body[start:], Content_Length=str(len(body) - start), **info
        )


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
