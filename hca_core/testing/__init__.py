"""What tests of hca and its plugins need: an HTTP server that does as it is told, a proxy that spoils what passes it, a
clock that waits for nobody, `hca` inside the test, and a check of everything that hca expects of a plugin.

```python
with FakeServer() as server:
    server.on("GET", "/v1/things/1", Answer.problem(503, "busy", "come back later"), Answer.json({"id": 1}))
    blob = server.serve_bytes("/blob", b"content", etag='"v1"')
    blob.cut(3)
    client = ThingClient(server.url)
    ...
    assert server.count("GET", "/v1/things/1") == 2
```

Any other server gets its faults from a `FaultProxy` before it (`hca_core.testing.faults` has those to choose from):

```python
with FaultProxy(server.url) as proxy:
    proxy.fail(faults.cut(1000), path="/v1/files/*")
    client = ThingClient(proxy.url)
    ...
    assert proxy.count("GET", "/v1/files/*") == 2
```

`pytest_plugins = ["hca_core.testing.fixtures"]` in a conftest.py gives every test an empty home and only the loopback
network, and the fixture `hca` to those that ask for it:

```python
def test_the_plugin_conforms():
    assert_plugin_conforms("hello")


def test_it_greets(hca):
    assert hca("hello", "--name", "Ada").json == {"greeting": "Hello, Ada!"}
```
"""

from __future__ import annotations

from hca_core.testing import faults
from hca_core.testing.answers import Answer, Blob, Request
from hca_core.testing.clock import Clock
from hca_core.testing.conformity import assert_plugin_conforms
from hca_core.testing.proxy import FaultProxy
from hca_core.testing.runner import Result, run
from hca_core.testing.server import FakeServer

__all__ = [
    "Answer",
    "Blob",
    "Clock",
    "FakeServer",
    "FaultProxy",
    "Request",
    "Result",
    "assert_plugin_conforms",
    "faults",
    "run",
]
