"""The type stubs that are shipped are current, and type checkers accept right programs and refuse wrong ones."""

import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest
from click.testing import CliRunner

from hca_core.app import App
from hca_core.cli.context import Context
from hca_core.cli.dev import dev

PLUGINS = Path(__file__).parents[2] / "plugins"

RIGHT = """
import hca.dss
import hca_dss
from hca.auth import AuthClient
from hca.dss import DSSClient, DSSFile


def names(client: DSSClient) -> list[str]:
    return [file["name"] for file in client.get_bundle.iterate("u", "aws", version=None, per_page=10)]


with DSSClient(swagger_url="https://dss.example.org/v1/swagger.json") as client:
    print(names(client), client.post_search(es_query={"query": {}}, replica="aws", output_format="raw")["results"])
    print(client.head_file(uuid="u", replica="gcp").headers["X-DSS-SHA256"])
    client.put_bundle(creator_uid=0, uuid="u", version=client.create_version(), replica="aws", files=[{"name": "n"}])
    with client.get_file.stream(uuid="u", replica="aws") as response:
        print(response.raw.read(10))
    for page in client.get_bundles_all.paginate(replica="aws"):
        print(page, client.get_collections.collect(per_page=3, replica="aws"), client.get_subscriptions("aws"))
    print(client.upload("folder", "aws", "bucket", jobs=3)["version"])
    client.download("u", "aws", existing="verify")
    client.clear_cache()

with AuthClient() as auth:
    print(auth.get_v1_user(user_id="ada@lab.example"), list(auth.get_v1_user_owns.iterate("ada@lab.example", "group")))
    auth.put_v1_group_user("microscopists", "add", users=["ada@lab.example"])
    print(auth.get_jwks_json()["keys"])

same: hca_dss.DSSClient = hca.dss.DSSClient()
file: DSSFile = hca_dss.DSSFile("n", "u", "v", "s", 1, True, "aws")
"""

# Each of these lines is wrong, for the reason that mypy calls by the name at its end.
WRONG = """
client.get_bundle(uuid="u", replica="azure")  # arg-type
client.get_bundle(uuid="u", replica="aws", uid="u")  # call-arg
client.get_bundle(uuid=1, replica="aws")  # arg-type
client.get_bundle(uuid="u")  # call-arg
client.get_bundle.iterate("u", "azure")  # arg-type
client.get_bundles_all.paginate("aws", pages=3)  # call-arg
client.get_collections.collect(per_page="many")  # arg-type
client.get_file.stream(uuid="u")  # call-arg
client.head_file("u", "aws").hedders  # attr-defined
client.upload("folder", "aws")  # call-arg
client.download("u", "aws", existing="perhaps")  # arg-type
hca_dss.DSSClient().get_bundle(1, "aws")  # arg-type
AuthClient().put_v1_user("ada@lab.example", "sleepy")  # arg-type
AuthClient().get_v1_roles(per_page="many")  # arg-type
"""


@pytest.mark.parametrize("service", ["auth", "dss"])
def test_the_shipped_stubs_are_current(service: str) -> None:
    found = CliRunner().invoke(dev, ["stubs", service], obj=Context(App)).stdout
    stub = PLUGINS / f"hca_{service}" / f"hca_{service}" / "__init__.pyi"
    assert stub.read_text("utf-8") == found, f"Run `hca dev stubs {service} --output-file {stub}`."


@pytest.fixture(scope="module")
def complaints(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[tuple[str, str]]]:
    """What mypy says about the two programs: by program, the text of the line and the name of the mistake."""
    folder = tmp_path_factory.mktemp("programs")
    head = "import hca_dss\nfrom hca.auth import AuthClient\nfrom hca.dss import DSSClient\n\nclient = DSSClient()\n"
    programs = {"right.py": RIGHT, "wrong.py": head + WRONG}
    for name, program in programs.items():
        (folder / name).write_text(program)
    words = ["--strict", "--config-file=", "--cache-dir=cache", "--no-error-summary", "--hide-error-context"]
    result = subprocess.run(
        [sys.executable, "-m", "mypy", *words, *programs], cwd=folder, capture_output=True, text=True, check=False
    )
    assert result.returncode in (0, 1), result.stdout + result.stderr
    found: dict[str, list[tuple[str, str]]] = {name: [] for name in programs}
    for name, number, mistake in re.findall(r"^(\w+\.py):(\d+): error: .*\[([a-z-]+)\]$", result.stdout, re.MULTILINE):
        found[name].append((programs[name].splitlines()[int(number) - 1], mistake))
    return found


def test_right_programs_are_accepted(complaints: dict[str, list[tuple[str, str]]]) -> None:
    assert complaints["right.py"] == []


def test_wrong_programs_are_refused(complaints: dict[str, list[tuple[str, str]]]) -> None:
    assert complaints["wrong.py"] == [(line, line.partition("  # ")[2]) for line in WRONG.split("\n") if line]


@pytest.mark.parametrize("name", ["auth", "dss", "upload"])
def test_documented_names_are_those_of_the_plugin(name: str) -> None:
    import hca

    text = (Path(hca.__file__).parent / f"{name}.py").read_text("utf-8")
    names = re.findall(rf"^from hca_{name} import (\w+) as \1$", text, re.MULTILINE)
    assert names == import_module(f"hca_{name}").__all__
