"""An HTTP server on a free port of loopback, for tests that play a service to the product."""

import contextlib
import http.server
import json
import threading


class SmallServer:
    """Each request is answered by `answer(path, body)`, in a thread per connection: a status, a body (bytes, text or what
    becomes JSON) and, if any, headers; None to hang up. `body` is None for GET."""

    def __init__(self, answer):
        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True
            wbufsize = -1  # head and body in one packet

            def do_POST(self):
                self._serve(self.rfile.read(int(self.headers["content-length"])))

            def do_GET(self):
                self._serve(None)

            def _serve(self, body):
                answered = answer(self.path, body)
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
