"""What this plugin adds to hca."""

from __future__ import annotations

from hca_core.hookspecs import hookimpl
from hca_core.records import CommandSpec, ObjectStoreSpec, ServiceSpec, SettingSpec


@hookimpl
def hca_commands() -> list[CommandSpec]:
    return [CommandSpec("dss", "Interact with the HCA Data Storage System.", "hca_dss.cli:dss")]


@hookimpl
def hca_services() -> list[ServiceSpec]:
    return [
        ServiceSpec(
            name="dss",
            client="hca_dss.client:DSSClient",
            title="HCA Data Storage System",
            description_url="https://dss.data.humancellatlas.org/v1/swagger.json",
            description="hca_dss:data/dss-api.json",
            safe_posts=frozenset({"post_search"}),
        )
    ]


@hookimpl
def hca_settings() -> list[SettingSpec]:
    return [
        SettingSpec(
            "DSSClient.swagger_url",
            "https://dss.data.humancellatlas.org/v1/swagger.json",
            "Where the DSS publishes its API description; decides which DSS is used.",
        ),
        SettingSpec("creator_uid", 0, "Numeric user id recorded as the creator of uploaded files and bundles."),
    ]


@hookimpl
def hca_object_stores() -> list[ObjectStoreSpec]:
    return [ObjectStoreSpec("gs", "hca_dss.gcs:GCSStore")]
