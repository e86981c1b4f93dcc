"""The names that the documentation of the original uses keep working, and are the same objects."""

import importlib
import pickle
import subprocess
import sys

import pytest


def test_documented_imports() -> None:
    from hca import HCAConfig, get_config
    from hca.auth import AuthClient
    from hca.dss import DSSClient
    from hca.upload import UploadArea, UploadAreaURI, UploadConfig, UploadException, UploadService
    from hca.util import SwaggerAPIException, SwaggerClient, tsv

    assert HCAConfig
    assert get_config
    assert AuthClient
    assert DSSClient
    assert all((UploadArea, UploadAreaURI, UploadConfig, UploadException, UploadService))
    assert SwaggerAPIException
    assert SwaggerClient
    assert tsv.DictWriter


def test_documented_names_are_the_real_objects() -> None:
    import hca.auth
    import hca.dss
    import hca.dss.bundle
    import hca_auth
    import hca_dss
    import hca_dss.bundle

    assert hca.auth is hca_auth
    assert hca.auth.AuthClient is hca_auth.AuthClient
    assert hca.dss is hca_dss
    assert hca.dss.DSSClient is hca_dss.DSSClient
    assert hca.dss.bundle is hca_dss.bundle
    assert hca_dss.__spec__.name == hca_dss.__name__ == "hca_dss"
    assert importlib.reload(hca_dss.bundle) is hca.dss.bundle


def test_documented_names_pickle() -> None:
    from hca.dss import DSSFile

    file = DSSFile("n", "u", "v", "s", 1, True, "aws")
    assert pickle.loads(pickle.dumps(file)) == file


def test_the_first_import_may_be_the_documented_name() -> None:
    code = "import hca.dss.bundle, hca_dss.bundle; assert hca.dss.bundle is hca_dss.bundle"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_configuration_knows_the_defaults_of_plugins() -> None:
    from hca import HCAConfig, get_config

    assert HCAConfig()["DSSClient"].swagger_url.startswith("https://dss.")
    assert HCAConfig()["AuthClient"].swagger_url.startswith("https://auth.")
    assert get_config() is get_config()
    get_config.cache_clear()


def test_a_missing_plugin_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    import hca

    monkeypatch.setitem(sys.modules, "hca_gen3", None)  # as if it were not installed
    monkeypatch.delitem(sys.modules, "hca.gen3", raising=False)
    monkeypatch.delattr(hca, "gen3", raising=False)
    with pytest.raises(ImportError, match="provided by the package hca-gen3, which is not installed"):
        import hca.gen3

    assert not hasattr(hca, "gen3")
    assert not hasattr(hca, "nonsense")
    with pytest.raises(ImportError, match="No module named 'hca.nonsense'"):
        import hca.nonsense


def test_tsv_reads_and_writes_with_line_feeds(tmp_path: object) -> None:
    import io

    from hca.util import tsv

    file = io.StringIO()
    writer = tsv.DictWriter(file, fieldnames=("name", "size"))
    writer.writeheader()
    writer.writerow({"name": 'a "b"\tc', "size": 1})
    assert file.getvalue() == 'name\tsize\n"a ""b""\tc"\t1\n'
    assert list(tsv.DictReader(io.StringIO(file.getvalue()))) == [{"name": 'a "b"\tc', "size": "1"}]
