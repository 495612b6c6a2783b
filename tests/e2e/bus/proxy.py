"""A proxy in front of the embedding service that counts what is asked of it."""

import json
import urllib.error
import urllib.request

from .small_server import SmallServer


class CountingProxy:
    def __init__(self, target):
        self.target = target.rstrip("/")
        self.inputs = []
        self.broken = False
        self._server = SmallServer(self._forward)
        self.url = self._server.url + "/v1"

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
        self._server.close()
