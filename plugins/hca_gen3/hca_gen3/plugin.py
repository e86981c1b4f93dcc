"""What this plugin adds to hca."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hca_core.hookspecs import hookimpl
from hca_core.records import CommandSpec, Credentials, ServiceSpec, SettingSpec

GEN3 = [
    SettingSpec("gen3.client_id", None, "ID of an OIDC client that gets tokens instead of a user."),
    SettingSpec("gen3.client_scopes", "user data openid", "What the tokens of the OIDC client are for."),
    SettingSpec("gen3.client_secret", None, "Secret of the OIDC client.", secret=True),
    SettingSpec(
        "gen3.endpoint", None, "Address of the Gen3 commons; unset: that of the one that gave out the API key."
    ),
    SettingSpec("gen3.idp", None, "In a workspace: what its token service calls the commons."),
    SettingSpec("gen3.key_file", None, "File with the API key, or its name in ~/.gen3."),
    SettingSpec("gen3.program", None, "Program of the commons that is meant where none is named."),
    SettingSpec("gen3.project", None, "Project of the program that is meant where none is named."),
    SettingSpec(
        "gen3.workspace_token_service", None, "Address of the workspace's token service, if not the usual one."
    ),
]
IRODS = [
    SettingSpec("irods.host", None, "Name of the iRODS server in which datasets are."),
    SettingSpec("irods.port", 1247, "Port of the iRODS server."),
    SettingSpec("irods.user", None, "User name in iRODS."),
    SettingSpec("irods.password", None, "Password in iRODS.", secret=True),
    SettingSpec("irods.zone", None, "Zone to which the iRODS user belongs."),
    SettingSpec("irods.project_root", None, "Collection in iRODS whose collections are the datasets."),
    SettingSpec("irods.authentication_scheme", None, "`native`, `pam` or `pam_password`; unset: `native`."),
    SettingSpec("irods.client_server_negotiation", None, "`request_server_negotiation` asks iRODS for encryption."),
    SettingSpec("irods.client_server_policy", None, "`CS_NEG_REQUIRE` insists on encryption, `CS_NEG_REFUSE` on none."),
    SettingSpec(
        "irods.ssl_verify_server", None, "`hostname`, `cert` or `none`: what of iRODS's certificate is checked."
    ),
    SettingSpec("irods.ssl_ca_certificate_file", None, "File of authorities that certify the iRODS server."),
    SettingSpec("irods.ssl_ca_certificate_path", None, "Folder of authorities that certify the iRODS server."),
    SettingSpec("irods.encryption_algorithm", None, "Of iRODS's own encryption; unset: `AES-256-CBC`."),
    SettingSpec("irods.encryption_key_size", None, "Of iRODS's own encryption, in bytes; unset: 32."),
    SettingSpec("irods.encryption_num_hash_rounds", None, "Of iRODS's own encryption; unset: 16."),
    SettingSpec("irods.encryption_salt_size", None, "Of iRODS's own encryption, in bytes; unset: 8."),
]
PACS = [
    SettingSpec("pacs.ip", None, "Name or address of the PACS in which images are."),
    SettingSpec("pacs.port", None, "Port of the PACS; unset: 104."),
    SettingSpec("pacs.aec", None, "Title (AE) of the PACS; unset: `ANY-SCP`."),
    SettingSpec("pacs.aet", None, "Our own title (AE), to which C-MOVE sends; unset: `HCA`."),
    SettingSpec("pacs.route", None, "`get`, `move` or `dicomweb`; unset: whatever the PACS offers."),
    SettingSpec("pacs.move_port", None, "Port at which we receive what C-MOVE sends."),
    SettingSpec("pacs.senders", None, "List of addresses besides that of the PACS from which C-MOVE may send."),
    SettingSpec("pacs.dicomweb_url", None, "Address of the PACS's DICOMweb service."),
    SettingSpec("pacs.user", None, "User name for DICOMweb."),
    SettingSpec("pacs.password", None, "Password for DICOMweb.", secret=True),
    SettingSpec("pacs.connect_timeout", None, "Seconds to wait for a connection to the PACS; unset: 20."),
    SettingSpec("pacs.read_timeout", None, "Seconds of silence after which the PACS is given up; unset: 120."),
    SettingSpec("pacs.tls", None, "Whether the PACS is spoken to with encryption; unset: no."),
    SettingSpec("pacs.ca_bundle", None, "File of certificate authorities to trust for the PACS."),
    SettingSpec("pacs.certificate", None, "File with our certificate and its key, for a PACS that asks for one."),
]


@hookimpl
def hca_commands() -> list[CommandSpec]:
    return [CommandSpec("gen3", "Work with a Gen3 data commons and with SPARC datasets.", "hca_gen3.cli.root:gen3")]


@hookimpl
def hca_services() -> list[ServiceSpec]:
    return [
        ServiceSpec(
            name="gen3",
            client="hca_gen3.auth:Auth",
            title="Gen3 data commons",
            address="hca_gen3.auth:known_endpoint",
        )
    ]


@hookimpl
def hca_settings() -> list[SettingSpec]:
    return [*GEN3, *IRODS, *PACS]


@hookimpl
def hca_credentials(service: str, url: str, settings: Mapping[str, Any], rejected: str | None) -> Credentials | None:
    if service != "gen3":
        return None
    from hca_gen3.auth import offered

    return offered(url, settings, rejected)
