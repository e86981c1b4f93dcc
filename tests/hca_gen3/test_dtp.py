"""The documented names of the original are ours."""

import importlib
import inspect
import subprocess
import sys

import pytest

import dtp
import hca_gen3

CLASSES = ["Auth", "Downloader", "Exporter", "Gen3Convertor", "Gen3Submitter", "IRODSAPI", "Querier"]
LATER = {
    "IRODS": "IRODSAPI",
    "MetadataExporter": "Exporter",
    "MetadataQuerier": "Querier",
    "MetadataUploader": "Gen3Submitter",
}
MODULES = {
    "dtp.core.downloader": "Downloader",
    "dtp.gen3.auth": "Auth",
    "dtp.gen3.convertor": "Gen3Convertor",
    "dtp.gen3.exporter": "Exporter",
    "dtp.gen3.querier": "Querier",
    "dtp.gen3.submitter": "Gen3Submitter",
    "dtp.irods.irods": "IRODSAPI",
    "dtp.utils.config_loader": "ConfigLoader",
}
SIGNATURES = {
    "Downloader": "data_storage_config, gen3_config=None, data_storage_type='pacs'",
    "Downloader.download_dataset": "self, dataset_id, dest",
    "Auth": (
        "endpoint=None, refresh_file=None, refresh_token=None, idp=None, client_credentials=None, client_scopes=None"
    ),
    "Auth.curl": "self, path, request=None, data=None",
    "Auth.get_access_token": "self",
    "Auth.get_access_token_from_wts": "self, endpoint=None",
    "Auth.refresh_access_token": "self, endpoint=None",
    "Gen3Convertor": "project, experiment, version='2.0.0'",
    "Gen3Convertor.execute": "self, source_dir, dest_dir",
    "Gen3Convertor.read_excel": "path, sheet_name=None",
    "Gen3Convertor.set_schema_dir": "self, path",
    "Exporter": "auth",
    "Exporter.export_node": "self, program, project, node_type, fileformat, filename=None",
    "Exporter.export_record": "self, program, project, uuid, fileformat, filename=None",
    "Exporter.save": "self, data, fileformat, path",
    "Querier": "auth",
    "Querier.get_node_records": "self, node, program, project",
    "Querier.get_programs": "self",
    "Querier.get_projects": "self, program",
    "Querier.graphql_query": "self, query_string, variables=None",
    "Gen3Submitter": "endpoint, credentials",
    "Gen3Submitter.submit_record": "self, program, project, file",
    "IRODSAPI.download_data": "self, data, save_dir=None",
}


@pytest.mark.parametrize("name", [*CLASSES, *LATER])
def test_a_name_is_the_real_class(name: str) -> None:
    assert getattr(dtp, name) is getattr(hca_gen3, LATER.get(name, name))
    assert name in dir(dtp)


@pytest.mark.parametrize("module", MODULES)
def test_a_module_has_its_class(module: str) -> None:
    assert getattr(importlib.import_module(module), MODULES[module]) is getattr(hca_gen3, MODULES[module])


@pytest.mark.parametrize("name", SIGNATURES)
def test_the_documented_arguments_come_first_and_in_order(name: str) -> None:
    kind, _, method = name.partition(".")
    target = getattr(getattr(dtp, kind), method) if method else getattr(dtp, kind)
    found = [
        parameter.name if parameter.default is parameter.empty else f"{parameter.name}={parameter.default!r}"
        for parameter in inspect.signature(target).parameters.values()
        if parameter.kind is not parameter.KEYWORD_ONLY
    ]
    documented = SIGNATURES[name].split(", ")
    assert found[: len(documented)] == documented
    assert all("=" in further for further in found[len(documented) :])


def test_other_names_are_unknown() -> None:
    with pytest.raises(AttributeError, match="module 'dtp' has no attribute 'Nonsense'"):
        _ = dtp.Nonsense
    with pytest.raises(AttributeError, match="module 'hca_gen3' has no attribute 'Nonsense'"):
        _ = hca_gen3.Nonsense


def test_a_name_brings_only_its_own_module() -> None:
    code = "import sys, dtp; dtp.Auth; print(*(name for name in sys.modules if name.startswith('hca_gen3.')))"
    output = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert set(output.split()) <= {
        f"hca_gen3.{module}" for module in ("auth", "choice", "errors", "keys", "sources", "tokens", "workspace")
    }


def test_hca_gen3_is_the_same_package() -> None:
    import hca.gen3

    assert hca.gen3 is hca_gen3
