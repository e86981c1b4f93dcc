"""Talks to a local stack without the comforts of a client library: no retries, every answer as it came."""

from __future__ import annotations

import http.client
import io
import json
import re
from dataclasses import asdict
from email.message import Message
from functools import lru_cache
from typing import Any
from urllib.parse import urlencode

import boto3
from botocore.config import Config

from hca_core.transfer.digest import checksums
from hca_local.root import Root, read_secrets
from hca_local.state import State

__all__ = ["StackClient"]

Answer = tuple[int, Any]  # status, and the JSON body


class StackClient:
    """One client of a stack, for one thread; all operations are those of its owner."""

    def __init__(self, root: Root, state: State, *, timeout: float = 30) -> None:
        self._secrets = read_secrets(root)
        key = self._secrets.access_key_id, self._secrets.secret_access_key
        self.s3 = _object_store(state.url("s3"), *key, timeout)
        self.headers = {"Authorization": f"Bearer {self._secrets.owner_token}", "Content-Type": "application/json"}
        self._connection = http.client.HTTPConnection("127.0.0.1", state.ports["dss"], timeout=timeout)

    def send(self, method: str, path: str, body: Any = None, **query: Any) -> Answer:
        """Ask the DSS."""
        return self._send(method, f"/v1{path}?{urlencode(query)}", body)[:2]

    def location(self, path: str, **query: Any) -> str:
        """Return where the DSS redirects to."""
        status, _, headers = self._send("GET", f"/v1{path}?{urlencode(query)}")
        assert status == 302, status
        return str(headers["Location"])

    def pages(self, method: str, path: str, key: str, body: Any = None, **query: Any) -> list[Any]:
        """Return all items of a list, which is at `key` in its pages."""
        found: list[Any] = []
        target: str | None = f"/v1{path}?{urlencode(query)}"
        while target:
            status, page, headers = self._send(method, target, body)
            assert status in (200, 206), page
            found += page[key]
            target = _following(headers)
        return found

    def _send(self, method: str, target: str, body: Any = None) -> tuple[int, Any, Message]:
        text = None if body is None else json.dumps(body)
        self._connection.request(method, target, body=text, headers=self.headers)
        answer = self._connection.getresponse()
        content = answer.read()
        return answer.status, json.loads(content) if content else None, answer.headers

    def stage(self, key: str, content: bytes, content_type: str = "application/octet-stream") -> str:
        """Put an object with its checksums into the staging bucket; return its address."""
        sums = asdict(checksums(io.BytesIO(content), len(content)))
        metadata = {f"hca-dss-{name}": value for name, value in sums.items()}
        self.s3.put_object(Bucket="staging", Key=key, Body=content, ContentType=content_type, Metadata=metadata)
        return f"s3://staging/{key}"


@lru_cache
def _object_store(url: str, key_id: str, secret_key: str, timeout: float) -> Any:
    """A client of an object store, for any number of threads, that tries everything once."""
    config = Config(
        retries={"total_max_attempts": 1}, connect_timeout=timeout, read_timeout=timeout, max_pool_connections=200
    )
    return boto3.client(
        "s3",
        endpoint_url=url,
        aws_access_key_id=key_id,
        aws_secret_access_key=secret_key,
        region_name="us-east-1",
        config=config,
    )


def _following(headers: Message) -> str | None:
    found = re.match(r"<http://[^/]*([^>]*)>", headers.get("Link", ""))
    return found[1] if found else None
