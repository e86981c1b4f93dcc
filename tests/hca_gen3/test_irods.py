from __future__ import annotations

import base64
import hashlib
import json
import logging
import random
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme
from irods_double import IrodsDouble

from hca_core.app import App
from hca_core.errors import (
    AuthError,
    ConfigError,
    IntegrityError,
    NetworkError,
    NotFoundError,
    PluginError,
    TransferError,
)
from hca_core.testing import Clock
from hca_core.transfer.job import Silent
from hca_core.transfer.quota import Quota
from hca_gen3.irods import IRODSAPI
from hca_gen3.irods.catalog import IrodsFile
from hca_gen3.irods.zone import Zone

ROOT = "/tempZone/home/datasets"
DATASET = f"{ROOT}/ds"
BIG = random.Random(7).randbytes(3_000_000)
SOON = Quota(retries=3, min_delay=0.0)


@pytest.fixture
def double() -> Iterator[IrodsDouble]:
    with IrodsDouble() as server:
        server.add_collection(DATASET)
        yield server


@pytest.fixture
def clock() -> Clock:
    return Clock()


def api(double: IrodsDouble, folder: Path, clock: Clock | None = None, **settings: Any) -> IRODSAPI:
    file = folder / "irods.json"
    file.write_text(json.dumps({**double.settings(ROOT), **settings}))
    file.chmod(0o600)
    return IRODSAPI(file, sleep=(clock or Clock()).sleep)


def md5(data: bytes) -> str:
    return hashlib.md5(data).hexdigest()


def failures(error: TransferError) -> dict[str, str]:
    return {failure.name: str(failure.error) for failure in error.report.failures}


def test_a_collection_with_all_that_is_in_it_becomes_a_folder(double: IrodsDouble, tmp_path: Path) -> None:
    double.add(f"{DATASET}/manifest.xlsx", b"PK metadata")
    double.add(f"{DATASET}/primary/sub-1/sam-1/1.dcm", BIG)
    double.add(f"{DATASET}/primary/empty.txt", b"")
    double.add_collection(f"{DATASET}/docs")
    double.add(f"{ROOT}/ds2/other.txt", b"another dataset")

    result = api(double, tmp_path).download_data("ds", tmp_path / "out")

    folder = tmp_path / "out" / "ds"
    assert {path.relative_to(folder).as_posix() for path in folder.rglob("*")} == {
        *("manifest.xlsx", "primary", "primary/sub-1", "primary/sub-1/sam-1", "docs"),
        *("primary/sub-1/sam-1/1.dcm", "primary/empty.txt"),
    }
    assert (folder / "primary/sub-1/sam-1/1.dcm").read_bytes() == BIG
    assert (folder / "manifest.xlsx").read_bytes() == b"PK metadata"
    assert result["directory"] == str(folder)
    assert (result["files"], result["fetched"]) == (3, 3)


def test_without_a_folder_it_becomes_one_here(double: IrodsDouble, tmp_path: Path, home: Path) -> None:
    double.add(f"{DATASET}/a", b"a")
    api(double, tmp_path).download_data("ds")
    assert (home / "ds" / "a").read_bytes() == b"a"


def test_a_collection_with_more_files_than_a_page_is_fetched_whole(double: IrodsDouble, tmp_path: Path) -> None:
    for number in range(1, 701):
        double.add(f"{DATASET}/{number}.txt", b"%d" % number if number % 100 == 0 else b"")
    result = api(double, tmp_path).download_data("ds", tmp_path)
    assert result["fetched"] == 700
    found = {path.name: path.read_text() for path in (tmp_path / "ds").iterdir()}
    assert set(found) == {f"{number}.txt" for number in range(1, 701)}
    assert found["700.txt"] == "700"


def test_a_second_run_reads_nothing(double: IrodsDouble, tmp_path: Path) -> None:
    double.add(f"{DATASET}/a", BIG)
    double.add(f"{DATASET}/b", b"", "")
    api(double, tmp_path).download_data("ds", tmp_path)
    sent = double.read.total()
    result = api(double, tmp_path).download_data("ds", tmp_path)
    assert (result["present"], double.read.total()) == (2, sent)


@pytest.mark.parametrize("checksum", [None, md5(BIG)], ids=["sha2", "md5"])
def test_verifying_fetches_what_has_changed_at_the_same_size(
    checksum: str | None, double: IrodsDouble, tmp_path: Path
) -> None:
    double.add(f"{DATASET}/a", BIG, checksum)
    double.add(f"{DATASET}/b", b"fine", checksum and md5(b"fine"))
    api(double, tmp_path).download_data("ds", tmp_path)
    (tmp_path / "ds" / "a").write_bytes(BIG[::-1])
    result = api(double, tmp_path).download_data("ds", tmp_path, existing="verify")
    assert (result["present"], result["fetched"]) == (1, 1)
    assert (tmp_path / "ds" / "a").read_bytes() == BIG


@pytest.mark.parametrize("checksum", [None, md5(BIG), "", "adler32:00"], ids=["sha2", "md5", "none", "unknown"])
def test_a_cut_connection_is_continued_from_where_it_broke(
    checksum: str | None, double: IrodsDouble, tmp_path: Path
) -> None:
    double.add(f"{DATASET}/a", BIG, checksum)
    double.cut(f"{DATASET}/a", after=2_500_000)
    api(double, tmp_path).download_data("ds", tmp_path, quota=SOON)
    assert (tmp_path / "ds" / "a").read_bytes() == BIG
    assert 0 < double.continued[f"{DATASET}/a"] < len(BIG)
    assert double.read[f"{DATASET}/a"] < 2 * len(BIG)


def test_a_later_run_continues_what_an_earlier_one_left(double: IrodsDouble, tmp_path: Path) -> None:
    double.add(f"{DATASET}/a", BIG, "")
    double.cut(f"{DATASET}/a", after=2_500_000, times=1)
    with pytest.raises(TransferError) as error:
        api(double, tmp_path).download_data("ds", tmp_path, quota=Quota(retries=0))
    assert isinstance(error.value.report.failures[0].error, NetworkError)
    assert not (tmp_path / "ds" / "a").exists()
    before = double.read.total()
    result = api(double, tmp_path).download_data("ds", tmp_path)
    assert result["resumed"] == 1
    assert (tmp_path / "ds" / "a").read_bytes() == BIG
    assert double.read.total() - before < len(BIG)


def test_a_file_that_has_changed_since_is_fetched_from_its_beginning(double: IrodsDouble, tmp_path: Path) -> None:
    double.add(f"{DATASET}/a", BIG, "")
    double.cut(f"{DATASET}/a", after=2_500_000)
    with pytest.raises(TransferError):
        api(double, tmp_path).download_data("ds", tmp_path, quota=Quota(retries=0))
    double.add(f"{DATASET}/a", BIG[::-1], "", modified=1_700_000_001)
    result = api(double, tmp_path).download_data("ds", tmp_path)
    assert (result["fetched"], double.continued) == (1, {})
    assert (tmp_path / "ds" / "a").read_bytes() == BIG[::-1]


@pytest.mark.parametrize("data", [BIG, b"little"], ids=["big", "little"])
@pytest.mark.parametrize("kind", ["sha2", "sha512", "sha1", "md5"])
def test_content_that_is_not_that_of_the_catalog_never_gets_its_name(
    kind: str, data: bytes, double: IrodsDouble, tmp_path: Path
) -> None:
    double.add(f"{DATASET}/a", data, md5(data) if kind == "md5" else encoded(kind, data))
    double.add(f"{DATASET}/b", b"fine")
    double.spoil(f"{DATASET}/a", times=2)
    with pytest.raises(TransferError, match="1 of 2 files failed") as error:
        api(double, tmp_path).download_data("ds", tmp_path)
    assert isinstance(error.value.report.failures[0].error, IntegrityError)
    assert [path.name for path in (tmp_path / "ds").iterdir()] == ["b"]


def test_content_that_is_wrong_once_is_fetched_once_more(double: IrodsDouble, tmp_path: Path) -> None:
    double.add(f"{DATASET}/a", b"little", md5(b"little"))
    double.spoil(f"{DATASET}/a", times=1)
    api(double, tmp_path).download_data("ds", tmp_path)
    assert (tmp_path / "ds" / "a").read_bytes() == b"little"


def test_without_a_checksum_a_file_of_another_size_is_refused(double: IrodsDouble, tmp_path: Path) -> None:
    stored = double.add(f"{DATASET}/a", b"12345", "", statuses=("0",), stale_size=7)
    assert stored.statuses == ("0",)
    with pytest.raises(TransferError, match="5 of 7 bytes"):
        api(double, tmp_path).download_data("ds", tmp_path, quota=Quota(retries=0))
    assert list((tmp_path / "ds").iterdir()) == []


def test_the_size_and_checksum_of_a_good_replica_count(double: IrodsDouble, tmp_path: Path) -> None:
    double.add(f"{DATASET}/a", b"12345", statuses=("0", "1", "1"), stale_size=3)
    assert api(double, tmp_path).download_data("ds", tmp_path)["fetched"] == 1
    assert (tmp_path / "ds" / "a").read_bytes() == b"12345"


def test_what_one_file_lacks_does_not_stop_the_others(double: IrodsDouble, tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        double.add(f"{DATASET}/{name}", name.encode())
    client = api(double, tmp_path)
    double.cut(f"{DATASET}/b", after=0, times=9)
    report = tmp_path / "report.jsonl"
    with pytest.raises(TransferError, match="1 of 3 files failed: b: "):
        client.download_data("ds", tmp_path, quota=Quota(retries=1, min_delay=0.0), report=report)
    assert {path.name for path in (tmp_path / "ds").iterdir()} == {"a", "c"}
    written = {line["name"]: line["status"] for line in map(json.loads, report.read_text().splitlines())}
    assert written == {"a": "fetched", "b": "failed", "c": "fetched"}


@pytest.mark.parametrize(
    "name", ["..", "a\x01b", "a\x7fb", "a\\b", "con", "x.", "~", "-rf", "a/../../b", "ends in space "]
)
def test_a_hostile_name_writes_nothing_outside_and_stops_nobody(name: str, double: IrodsDouble, tmp_path: Path) -> None:
    double.add(f"{DATASET}/fine", b"fine")
    stored = double.add(f"{DATASET}/placeholder", b"evil")
    del double.files[stored.path]
    stored.path = f"{DATASET}/{name}"
    double.add_collection(stored.path.rpartition("/")[0])
    double.files[stored.path] = stored
    out = tmp_path / "out"
    if name in ("~", "-rf"):
        assert api(double, tmp_path).download_data("ds", out)["fetched"] == 2
    else:
        with pytest.raises(TransferError, match="Unsafe"):
            api(double, tmp_path).download_data("ds", out)
    assert (out / "ds" / "fine").read_bytes() == b"fine"
    assert [path.name for path in out.iterdir()] == ["ds"]
    assert {path.name for path in tmp_path.iterdir()} == {"irods.json", "out"}


@pytest.mark.parametrize("name", ["a & b <c>.txt", "50 %.txt", "`tick`.txt", "肺 ü.txt", '"quoted".txt', "it's.txt"])
def test_an_unusual_name_is_kept(name: str, double: IrodsDouble, tmp_path: Path) -> None:
    double.add(f"{DATASET}/{name}", b"content")
    api(double, tmp_path).download_data("ds", tmp_path)
    assert (tmp_path / "ds" / name).read_bytes() == b"content"


def test_names_that_differ_only_in_case_are_not_saved_over_each_other(double: IrodsDouble, tmp_path: Path) -> None:
    double.add(f"{DATASET}/Scan.dcm", b"upper")
    double.add(f"{DATASET}/scan.dcm", b"lower")
    double.add(f"{DATASET}/SCAN.DCM/inner", b"a collection")
    with pytest.raises(TransferError, match="2 of 3 files failed") as error:
        api(double, tmp_path).download_data("ds", tmp_path)
    assert set(failures(error.value)) == {"scan.dcm", "SCAN.DCM"}
    assert (tmp_path / "ds" / "Scan.dcm").read_bytes() == b"upper"


def test_a_link_in_the_way_is_not_followed(double: IrodsDouble, tmp_path: Path) -> None:
    double.add(f"{DATASET}/primary/a", b"new")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "ds").mkdir()
    (tmp_path / "ds" / "primary").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(TransferError, match="symbolic link"):
        api(double, tmp_path).download_data("ds", tmp_path)
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_a_collection_whose_name_is_a_condition_is_named_and_the_rest_saved(
    double: IrodsDouble, tmp_path: Path
) -> None:
    double.add(f"{DATASET}/x' || like '%/a", b"a")
    double.add(f"{DATASET}/fine", b"fine")
    with pytest.raises(TransferError, match="apostrophe"):
        api(double, tmp_path).download_data("ds", tmp_path)
    assert (tmp_path / "ds" / "fine").exists()


@pytest.mark.parametrize("data", ["..", "../secrets", "/etc", "", "a\0b", "x' || like '%"])
def test_a_dataset_id_that_is_no_name_is_refused(data: str, double: IrodsDouble, tmp_path: Path) -> None:
    double.add(f"{DATASET}/a", b"a")
    with pytest.raises(TransferError):
        api(double, tmp_path).download_data(data, tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"irods.json"}


def test_a_missing_collection_is_not_found(double: IrodsDouble, tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match=f"{ROOT}/nope") as error:
        api(double, tmp_path).download_data("nope", tmp_path)
    assert ROOT in str(error.value.hint)
    assert {path.name for path in tmp_path.iterdir()} == {"irods.json"}


def test_a_wrong_password_is_refused_and_not_shown(
    double: IrodsDouble, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    client = api(double, tmp_path, irods_password="Wr0ng-secret")
    with pytest.raises(AuthError, match="rods") as error:
        client.download_data("ds", tmp_path)
    told = f"{error.value} {error.value.hint} {client.zone!r} {caplog.text}"
    assert "Wr0ng-secret" not in told
    assert double.logins == 0


def test_an_unknown_user_is_refused(double: IrodsDouble, tmp_path: Path) -> None:
    with pytest.raises(AuthError, match="nobody"):
        api(double, tmp_path, irods_user="nobody").download_data("ds", tmp_path)


def test_where_nobody_listens_it_is_soon_given_up(double: IrodsDouble, tmp_path: Path, clock: Clock) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # nobody listens here
        client = api(double, tmp_path, clock, irods_port=taken.getsockname()[1])
        with pytest.raises(NetworkError, match=r"127\.0\.0\.1:.*\(Connection refused\)\.$") as error:
            client.download_data("ds", tmp_path)
    assert error.value.attempts == 4
    assert sum(clock.sleeps) < 1
    assert "irods_host and irods_port" in (error.value.hint or "")


def test_a_long_wait_is_told(double: IrodsDouble, tmp_path: Path, clock: Clock) -> None:
    class Notes(Silent):
        def note(self, message: str) -> None:
            notes.append(message)

    notes: list[str] = []
    double.refuse(99)
    with pytest.raises(NetworkError) as error:
        api(double, tmp_path, clock).download_data("ds", tmp_path, progress=Notes())
    assert error.value.attempts == 11
    assert len(notes) == len([seconds for seconds in clock.sleeps if seconds > 1]) > 5
    assert notes[-1].startswith("Waiting ")
    assert f"irods://127.0.0.1:{double.settings(ROOT)['irods_port']}" in notes[-1]


@pytest.mark.parametrize("api_number", [702, 602, 674])
def test_a_connection_that_is_lost_between_files_is_made_again(
    api_number: int, double: IrodsDouble, tmp_path: Path, clock: Clock
) -> None:
    double.add(f"{DATASET}/a", BIG)
    double.cut(f"{DATASET}/a", after=2_500_000)
    client = api(double, tmp_path, clock)
    double.forget_answer(api_number, times=2)
    client.download_data("ds", tmp_path, quota=SOON)
    assert (tmp_path / "ds" / "a").read_bytes() == BIG
    assert len(clock.sleeps) == 2


@pytest.mark.parametrize("api_number", [703, 702, 675])
def test_a_server_that_falls_silent_is_given_up(api_number: int, double: IrodsDouble, tmp_path: Path) -> None:
    double.add(f"{DATASET}/a", b"a")
    double.fall_silent(api_number)
    api(double, tmp_path)
    app = App(config={"network.read_timeout": 0.05, "network.retries": 1})
    client = IRODSAPI(tmp_path / "irods.json", app=app, sleep=Clock().sleep)
    with pytest.raises((NetworkError, TransferError), match="no usable answer"):
        client.download_data("ds", tmp_path, quota=Quota(retries=0))


def test_a_server_that_hangs_up_at_first_is_asked_again(double: IrodsDouble, tmp_path: Path, clock: Clock) -> None:
    double.add(f"{DATASET}/a", b"a")
    double.refuse(3)
    api(double, tmp_path, clock).download_data("ds", tmp_path)
    assert (tmp_path / "ds" / "a").read_bytes() == b"a"
    assert len(clock.sleeps) == 3


def test_a_part_of_the_tree_that_cannot_be_listed_is_a_failure(double: IrodsDouble, tmp_path: Path) -> None:
    double.add(f"{DATASET}/a/b", b"b")
    double.add(f"{DATASET}/c", b"c")
    double.collections[f"{DATASET}/a/{'x' * 1100}"] = 999
    with pytest.raises(TransferError, match="lists collection"):
        api(double, tmp_path).download_data("ds", tmp_path)
    assert (tmp_path / "ds" / "c").read_bytes() == b"c"


def test_without_the_client_it_is_told_how_to_get_it(
    double: IrodsDouble, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "irods.session", None)
    with pytest.raises(PluginError, match="need python-irodsclient") as error:
        api(double, tmp_path).download_data("ds", tmp_path)
    assert error.value.hint == "Run: pip install 'hca-gen3[irods]'"


def test_several_files_are_read_at_once_on_connections_of_their_own(double: IrodsDouble, tmp_path: Path) -> None:
    for number in range(12):
        double.add(f"{DATASET}/{number}", BIG[:100_000])
    api(double, tmp_path).download_data("ds", tmp_path, jobs=3)
    assert 2 <= double.logins <= 4


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


def secured(authority: trustme.CA, folder: Path, name: str = "127.0.0.1") -> tuple[IrodsDouble, Path]:
    issued = authority.issue_cert(name)
    certificate, key, trusted = folder / "cert.pem", folder / "key.pem", folder / "ca.pem"
    issued.cert_chain_pems[0].write_to_path(str(certificate))
    issued.private_key_pem.write_to_path(str(key))
    authority.cert_pem.write_to_path(str(trusted))
    return IrodsDouble(certificate=(certificate, key)), trusted


def test_a_server_that_wants_tls_is_spoken_to_with_it(authority: trustme.CA, tmp_path: Path) -> None:
    server, trusted = secured(authority, tmp_path)
    with server as double:
        double.add(f"{DATASET}/a", BIG)
        settings: dict[str, Any] = {
            "irods_client_server_policy": "CS_NEG_REQUIRE",
            "irods_ssl_ca_certificate_file": str(trusted),
        }
        api(double, tmp_path, **settings).download_data("ds", tmp_path)
    assert (tmp_path / "ds" / "a").read_bytes() == BIG


def test_tls_without_an_authority_trusts_nobody(authority: trustme.CA, tmp_path: Path) -> None:
    server, _ = secured(authority, tmp_path)
    with server as double:
        clock = Clock()
        client = api(double, tmp_path, clock, irods_client_server_negotiation="request_server_negotiation")
        with pytest.raises(NetworkError, match="(?i)certificate"):
            client.download_data("ds", tmp_path)
        assert (double.logins, clock.sleeps) == (0, [])


@pytest.mark.parametrize(("verify", "succeeds"), [("hostname", False), ("cert", True), ("none", True)])
def test_how_much_of_a_certificate_is_checked_can_be_chosen(
    verify: str, succeeds: bool, authority: trustme.CA, tmp_path: Path
) -> None:
    server, trusted = secured(authority, tmp_path, "other.example")
    settings: dict[str, Any] = {
        "irods_client_server_policy": "CS_NEG_REQUIRE",
        "irods_ssl_ca_certificate_file": str(trusted),
    }
    with server as double:
        double.add(f"{DATASET}/a", b"a")
        client = api(double, tmp_path, irods_ssl_verify_server=verify, **settings)
        if succeeds:
            client.download_data("ds", tmp_path)
        else:
            with pytest.raises(NetworkError):
                client.download_data("ds", tmp_path)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"irods_host": None}, "irods_host is not set"),
        ({"irods_host": 5}, "irods_host is '5', which is not the name or address of a host"),
        ({"irods_host": "a..b"}, "irods_host is 'a..b', which is not"),
        ({"irods_host": "x" * 64 + ".org"}, "irods_host is 'xxx"),
        ({"irods_host": "a\0b"}, "irods_host is .* which is not"),
        ({"irods_port": "many"}, "irods_port must be a whole number"),
        ({"irods_port": 70000}, "irods_port must be a whole number"),
        ({"irods_project_root": "home"}, "absolute path"),
        ({"irods_project_root": "/a/../b"}, "absolute path"),
        ({"irods_client_server_policy": "CS_NEG_DONT_CARE"}, "CS_NEG_REFUSE, CS_NEG_REQUIRE"),
        ({"irods_ssl_verify_server": "maybe"}, "hostname, cert, none"),
    ],
)
def test_settings_that_make_no_sense_are_named(
    wrong: dict[str, Any], words: str, double: IrodsDouble, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match=words):
        api(double, tmp_path, **wrong)


def test_a_zone_does_not_show_its_password() -> None:
    zone = Zone("h", 1, "u", "Open-5esame", "z", "/z")
    assert "Open-5esame" not in repr(zone)


@pytest.mark.parametrize("path", ["/z/a b/ü?#%.dcm", "/z/&=+"])
def test_an_address_gives_back_the_file_it_was_made_of(path: str) -> None:
    file = IrodsFile(path, 5, 1_700_000_000, "sha2:ab+/=")
    assert IrodsFile.from_url(file.url(Zone("h", 1, "u", "p", "z", "/z"))) == file


def encoded(scheme: str, data: bytes) -> str:
    """The checksum as iRODS writes it."""
    name = "sha256" if scheme == "sha2" else scheme
    return f"{scheme}:{base64.b64encode(hashlib.new(name, data).digest()).decode()}"


@pytest.mark.parametrize(
    ("checksum", "digest"),
    [
        ("sha2:" + "A" * 43 + "=", {"sha256": "00" * 32}),
        (encoded("sha512", b"a"), {"sha512": hashlib.sha512(b"a").hexdigest()}),
        (encoded("sha1", b"a"), {"sha1": hashlib.sha1(b"a").hexdigest()}),
        ("D41D8CD98F00B204E9800998ECF8427E", {"md5": "d41d8cd98f00b204e9800998ecf8427e"}),
        ("adler32:00000001", {}),
        ("", {}),
    ],
)
def test_checksums_of_the_catalog_are_understood(checksum: str, digest: dict[str, str]) -> None:
    assert IrodsFile("/z/a", 1, 1, checksum).digest() == digest


@pytest.mark.parametrize(
    "checksum", ["sha2:AAAA", "sha2:", "sha2:!!", "sha512:" + "A" * 44, "sha2:\xe4", "d41d8cd9", ":"]
)
def test_a_malformed_checksum_is_no_checksum(checksum: str) -> None:
    with pytest.raises(TransferError, match="What the catalog has as its checksum is none"):
        IrodsFile("/z/a", 1, 1, checksum).digest()


def test_a_file_with_a_malformed_checksum_is_named_and_the_rest_saved(double: IrodsDouble, tmp_path: Path) -> None:
    double.add(f"{DATASET}/a", b"a", "sha2:AAAA")
    double.add(f"{DATASET}/b", b"b")
    with pytest.raises(TransferError, match="1 of 2 files failed: a: .* is none: 'sha2:AAAA'"):
        api(double, tmp_path).download_data("ds", tmp_path)
    assert [path.name for path in (tmp_path / "ds").iterdir()] == ["b"]


def test_what_only_the_sizes_of_were_compared_is_told_once(
    double: IrodsDouble, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for name in ("a", "b", "primary/c"):
        double.add(f"{DATASET}/{name}", b"a", "adler32:00620062")
    double.add(f"{DATASET}/d", b"a", "crc64:xyz")
    for name in ("sha2", "sha512", "sha1"):
        double.add(f"{DATASET}/{name}", b"a", encoded(name, b"a"))
    double.add(f"{DATASET}/none", b"a", "")
    assert api(double, tmp_path).download_data("ds", tmp_path)["fetched"] == 8
    assert caplog.messages == [
        "3 files were compared by size only: adler32 is no checksum that hca knows.",
        "One file was compared by size only: crc64 is no checksum that hca knows.",
    ]
