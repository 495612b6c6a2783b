"""A proxy in front of the embedding service that counts what is asked of it."""

import http.server
import json
import threading
import urllib.error
import urllib.request


class CountingProxy:
    def __init__(self, target):
        self.target = target.rstrip("/")
        self.inputs = []
        self.broken = False
        owner = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["content-length"]))
                self._answer(*owner._forward(self.path, body))

            def do_GET(self):
                self._answer(*owner._forward(self.path, None))

            def _answer(self, status, body):
                self.send_response(status)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}/v1"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def _forward(self, path, body):
        if self.broken:
            return 503, b'{"error": {"message": "out of order"}}'
        if body is not None:
            asked = json.loads(body)["input"]
            self.inputs += [asked] if isinstance(asked, str) else asked
        request = urllib.request.Request(self.target.removesuffix("/v1") + path, data=body,
                                         headers={"content-type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()

    def close(self):
        self._server.shutdown()
        self._server.server_close()
