"""A process of its own that uses a store, for tests that kill or measure it: `store_process.py <what> <root>`."""

from __future__ import annotations

import io
import itertools
import resource
import sys
import threading
from pathlib import Path

from hca_local.s3.store import ObjectStore


class Endless(io.RawIOBase):
    """Bytes without end, announced after the first block."""

    def read(self, size: int = -1, /) -> bytes:
        if self.tell_once():
            sys.stdout.write("half\n")
            sys.stdout.flush()
            sys.stdin.read()
        return b"x" * size

    def tell_once(self) -> bool:
        self.calls = getattr(self, "calls", 0) + 1
        return self.calls == 3


def put_half(store: ObjectStore) -> None:
    store.put("box", "k", Endless())


def put_many(store: ObjectStore) -> None:
    for number in itertools.count():
        store.put("box", f"key-{number % 5}", io.BytesIO(b"%d " % number * 50_000), tags={"number": str(number)})
        if number % 3 == 0:
            store.copy("box", f"key-{number % 5}", "box", "copy")
            store.delete("box", f"key-{(number + 1) % 5}")
        sys.stdout.write(f"{number}\n")
        sys.stdout.flush()


def serve(store: ObjectStore) -> None:
    from cheroot.wsgi import Server

    from hca_local.s3.app import S3App
    from hca_local.s3.signing import AccessKey

    key = AccessKey("ROOTKEY", "root-secret")
    server = Server(("127.0.0.1", 0), S3App(store, {key.id: key}.get), numthreads=4, shutdown_timeout=1)
    server.prepare()
    threading.Thread(target=server.serve).start()
    sys.stdout.write(f"http://127.0.0.1:{server.bind_addr[1]}\n")
    sys.stdout.flush()
    for _ in sys.stdin:
        sys.stdout.write(f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024}\n")
        sys.stdout.flush()
    server.stop()


if __name__ == "__main__":
    {"put_half": put_half, "put_many": put_many, "serve": serve}[sys.argv[1]](ObjectStore(Path(sys.argv[2])))
