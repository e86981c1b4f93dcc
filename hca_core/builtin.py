"""What the core itself contributes, as a plugin like any other."""

from __future__ import annotations

from hca_core.hookspecs import hookimpl
from hca_core.records import CommandSpec, ObjectStoreSpec, SettingSpec

SETTINGS = [
    SettingSpec(
        "auth.audience", "https://dev.data.humancellatlas.org/", "For whom service accounts sign their tokens."
    ),
    SettingSpec(
        "log_level",
        "INFO",
        "How much is logged: DEBUG, INFO, WARNING, ERROR or CRITICAL.",
        choices=("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"),
    ),
    SettingSpec(
        "login.client_id",
        None,
        "As which application hca logs in, if the service does not say so itself.",
        kind="text",
    ),
    SettingSpec(
        "login.issuer", None, "URL of the OpenID provider to log in at, if not the service's own.", kind="text"
    ),
    SettingSpec("login.keyring", False, "Keep the tokens of logins in the system's keyring instead of a file."),
    SettingSpec("network.allow_http", False, "Allow plain http to hosts other than this machine."),
    SettingSpec(
        "network.ca_bundle",
        None,
        "File of certificate authorities to trust instead of the usual ones.",
        kind="text",
    ),
    SettingSpec("network.connect_timeout", 20.0, "Seconds to wait for a connection.", kind="number", minimum=0.001),
    SettingSpec(
        "network.deadline",
        3600.0,
        "Seconds after which one request gives up, waits included; a file may take longer.",
        kind="number",
        minimum=0,
    ),
    SettingSpec("network.proxy", None, "URL of the proxy for all requests; overrides HTTPS_PROXY.", kind="text"),
    SettingSpec(
        "network.read_timeout",
        40.0,
        "Seconds to wait for the next bytes of an answer.",
        kind="number",
        minimum=0.001,
    ),
    SettingSpec("network.retries", 10, "How often a failed request is tried again.", kind="integer", minimum=0),
    SettingSpec("s3.credentials_file", None, "AWS credentials file to use instead of ~/.aws/credentials.", kind="text"),
    SettingSpec("s3.endpoint_url", None, "Address of an S3-compatible object store other than Amazon's.", kind="text"),
    SettingSpec(
        "transfer.jobs",
        None,
        "How many files are transferred at a time; unset: chosen by their sizes.",
        kind="integer",
        minimum=1,
    ),
]


@hookimpl
def hca_commands() -> list[CommandSpec]:
    return [
        CommandSpec("auth-status", "Show who you are for each service.", "hca_core.cli.auth_status:auth_status"),
        CommandSpec("clear-hca-cache", "Forget cached API descriptions.", "hca_core.cli.cache:clear_hca_cache"),
        CommandSpec("config", "Show and change settings.", "hca_core.cli.config:config"),
        CommandSpec("dev", "Tools for developers of plugins.", "hca_core.cli.dev:dev"),
        CommandSpec("help", "Show this help.", "hca_core.cli.root:help_command"),
        CommandSpec("plugins", "List the installed plugins, or begin a new one.", "hca_core.cli.plugins:plugins"),
    ]


@hookimpl
def hca_settings() -> list[SettingSpec]:
    return SETTINGS


@hookimpl
def hca_object_stores() -> list[ObjectStoreSpec]:
    return [ObjectStoreSpec("s3", "hca_core.transfer.s3:S3Store")]
