"""Orthanc, a real PACS, for the tests: installed, or put into .venv/orthanc by tests/install_orthanc.sh."""

from __future__ import annotations

import base64
import json
import os
import shutil
import socket
import subprocess
import time
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import Request, urlopen

PRIVATE = Path(__file__).parents[1] / ".venv" / "orthanc"
TITLE = "ORTHANC"
USER, PASSWORD = "tester", "only-here"


def find() -> Path | None:
    """Return Orthanc's program, if there is one."""
    places = (os.environ.get("ORTHANC_BIN"), shutil.which("Orthanc"), "/usr/sbin/Orthanc", PRIVATE / "usr/sbin/Orthanc")
    return next((Path(place) for place in places if place and Path(place).is_file()), None)


class Orthanc:
    """A server with an empty store in a folder; it is gone when the block ends.

    `url` and `web` are its own API and DICOMweb, for `USER` and `PASSWORD`; `port` speaks DICOM, for `TITLE`.
    """

    def __init__(self, program: Path, folder: Path) -> None:
        self._program, self._folder = program, folder
        self.port, http = free_port(), free_port()
        self.url = f"http://127.0.0.1:{http}"
        self.web = f"{self.url}/dicom-web"
        self._config = {
            "StorageDirectory": str(folder / "store"),
            "IndexDirectory": str(folder / "store"),
            "HttpPort": http,
            "DicomPort": self.port,
            "DicomAet": TITLE,
            "DicomCheckCalledAet": True,
            "DicomAlwaysAllowEcho": False,
            "DicomAlwaysAllowStore": False,
            "RemoteAccessAllowed": False,
            "AuthenticationEnabled": True,
            "RegisteredUsers": {USER: PASSWORD},
            "Plugins": [str(plugin) for plugin in plugins(program)],
            "DicomWeb": {"Enable": True, "Root": "/dicom-web/"},
        }

    def __enter__(self) -> Orthanc:
        file = self._folder / "orthanc.json"
        file.write_text(json.dumps(self._config))
        with (self._folder / "orthanc.log").open("ab") as log:
            self._process = subprocess.Popen(
                [self._program, file], stdout=log, stderr=log, env=environment(self._program), cwd=self._folder
            )
        latest = time.monotonic() + 30
        while not self._answers():
            assert self._process.poll() is None, (self._folder / "orthanc.log").read_text()[-2000:]
            assert time.monotonic() < latest, "Orthanc does not answer"
            time.sleep(0.05)
        return self

    def __exit__(self, *_: object) -> None:
        # It takes seconds to end by itself, and what it has stored is thrown away.
        self._process.kill()
        self._process.wait()

    @property
    def has_web(self) -> bool:
        """Whether it speaks DICOMweb."""
        return bool(self._config["Plugins"])

    def know(self, title: str, port: int) -> None:
        """Make another application of this machine known, as those that may ask and be sent to."""
        self.send("PUT", f"/modalities/{title}", json.dumps({"AET": title, "Host": "127.0.0.1", "Port": port}).encode())

    def send(self, method: str, path: str, body: bytes | None = None) -> Any:
        """Return what its own API answers."""
        token = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        request = Request(self.url + path, body, {"Authorization": f"Basic {token}"}, method=method)
        with urlopen(request, timeout=10) as answer:
            content = answer.read()
        return json.loads(content) if content else None

    def _answers(self) -> bool:
        try:
            return bool(self.send("GET", "/system"))
        except (URLError, ConnectionError):
            return False


def plugins(program: Path) -> list[Path]:
    """Return the plugin for DICOMweb that belongs to a program, if it is there."""
    return sorted((program.parents[2] / "usr/share/orthanc/plugins").glob("libOrthancDicomWeb.so"))


def environment(program: Path) -> dict[str, str]:
    """Return the environment in which a program that is not installed finds what it needs."""
    root = program.parents[2]
    if root == Path("/"):
        return dict(os.environ)
    folders = [*root.glob("usr/lib/*-linux-gnu*"), *root.glob("lib/*-linux-gnu*")]
    dictionaries = [str(file) for file in root.glob("usr/share/libdcmtk*/*.dic")]
    libraries = os.pathsep.join(str(folder) for folder in folders)
    return os.environ | {"LD_LIBRARY_PATH": libraries, "DCMDICTPATH": os.pathsep.join(dictionaries)}


def free_port() -> int:
    """Return a port on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
