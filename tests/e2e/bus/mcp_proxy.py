"""A proxy between the MCP conformance suite and a gateway: the suite sends no token, and speaks one revision only."""

import http.client
import http.server
import json
import threading


class McpProxy:
    """Adds the token, and makes clients that ask for the newest revision ask for `revision`.

    Two scenarios try what they are about only where the server gave out a session; the gateway has none and resumes
    streams without, so the proxy answers initialize with one. Their requests made by hand name a revision older than both,
    which the gateway does not speak; the proxy names the one under test."""

    def __init__(self, gateway, token, revision):
        self.gateway, self.token, self.revision = gateway, token, revision
        self.revisions = set()  # agreed on
        owner = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                owner._forward(self, self.rfile.read(int(self.headers.get("content-length") or 0)))

            def do_GET(self):
                owner._forward(self, None)

            do_DELETE = do_GET

            def log_message(self, *_):
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}/mcp"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def _forward(self, handler, body):
        first = False
        if body:
            message = json.loads(body)
            first = message.get("method") == "initialize"
            if first:
                message["params"]["protocolVersion"] = self.revision
                body = json.dumps(message).encode()
        headers = {name: value for name, value in handler.headers.items()
                   if name.lower() not in ("content-length", "connection", "authorization")}
        for name in [n for n in headers if n.lower() == "mcp-protocol-version" and headers[n] == "2025-03-26"]:
            headers[name] = self.revision
        connection = http.client.HTTPConnection("127.0.0.1", self.gateway.port, timeout=60)
        try:
            connection.request(handler.command, handler.path, body, headers | {"Authorization": f"Bearer {self.token}"})
            answer = connection.getresponse()
            handler.send_response(answer.status)
            for name, value in answer.getheaders():
                if name.lower() not in ("transfer-encoding", "connection", "content-length", "date", "server"):
                    handler.send_header(name, value)
            if first:
                handler.send_header("mcp-session-id", "of-the-proxy")
            handler.send_header("connection", "close")
            handler.end_headers()
            handler.close_connection = True
            if first and answer.status == 200:
                whole = answer.read()
                self.revisions.add(json.loads(whole)["result"]["protocolVersion"])
                handler.wfile.write(whole)
            while part := answer.read1(65536):
                handler.wfile.write(part)
                handler.wfile.flush()
        except (BrokenPipeError, ConnectionResetError):
            handler.close_connection = True  # the client has left a stream
        finally:
            connection.close()

    def close(self):
        self._server.shutdown()
        self._server.server_close()
