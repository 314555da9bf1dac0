"""The part of the openai package that exported workflows use, where the package itself is not installed."""
import asyncio
import json
import types
import urllib.request


class APIError(Exception):
    pass


class Reply(types.SimpleNamespace):
    def __getattr__(self, name):
        """Members that the server left out."""
        return None


class AsyncOpenAI:
    def __init__(self, *, base_url, api_key, max_retries):
        self.url, self.key, self.max_retries = base_url, api_key, max_retries
        self.chat = types.SimpleNamespace(completions=self)

    async def create(self, *, extra_body=None, **body):
        return await asyncio.to_thread(self._post, {**body, **(extra_body or {})})

    def _post(self, body):
        request = urllib.request.Request(
            self.url + "/chat/completions",
            json.dumps(body).encode(),
            {"content-type": "application/json", "authorization": "Bearer " + self.key},
        )
        try:
            with urllib.request.urlopen(request) as reply:
                return json.load(reply, object_hook=lambda value: Reply(**value))
        except urllib.error.URLError as error:
            raise APIError(str(error)) from error
