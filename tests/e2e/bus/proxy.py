"""A proxy in front of the embedding service that counts what is asked of it."""

import json

from .small_server import SmallServer, pass_on


class CountingProxy:
    def __init__(self, target):
        self.target = target.rstrip("/").removesuffix("/v1")
        self.inputs = []
        self.broken = False
        self._server = SmallServer(self._forward)
        self.url = self._server.url + "/v1"

    def _forward(self, request):
        if self.broken:
            return 503, b'{"error": {"message": "out of order"}}'
        if request.body:
            asked = json.loads(request.body)["input"]
            self.inputs += [asked] if isinstance(asked, str) else asked
        return pass_on(self.target, request)

    def close(self):
        self._server.close()
