"""An HTTP server on a free port of loopback, for tests that play a service to the product."""

import contextlib
import http.server
import json
import threading
import types
import urllib.error
import urllib.request

PASSED_ON = ("content-type", "api-key")


class SmallServer:
    """Each request is answered by `answer(request)`, in a thread per connection: a status, a body (bytes, text or what becomes
    JSON) and, if any, headers; None to hang up. A request has `method`, `path`, `headers` and `body`."""

    def __init__(self, answer):
        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True
            wbufsize = -1  # head and body in one packet

            def _serve(self):
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                answered = answer(types.SimpleNamespace(method=self.command, path=self.path, headers=self.headers, body=body))
                if answered is None:
                    self.close_connection = True
                    return
                status, said, headers = answered if len(answered) == 3 else (*answered, {})
                data = said if isinstance(said, bytes) else (said if isinstance(said, str) else json.dumps(said)).encode()
                self.send_response(status)
                for name, value in {"content-type": "application/json", "content-length": str(len(data)), **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(data)

            do_GET = do_PUT = do_POST = do_PATCH = do_DELETE = _serve

            def finish(self):
                with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                    super().finish()

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 128

            def handle_error(self, *_):
                pass  # clients give up, or are killed

        self._server = Server(("127.0.0.1", 0), Handler)
        self.port = self._server.server_port
        self.url = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self):
        self._server.shutdown()
        self._server.server_close()


def pass_on(target, request):
    """-> what the service at `target` answers to the request."""
    headers = {name: value for name, value in request.headers.items() if name.lower() in PASSED_ON}
    call = urllib.request.Request(target + request.path, data=request.body or None, headers=headers, method=request.method)
    try:
        with urllib.request.urlopen(call, timeout=60) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()
