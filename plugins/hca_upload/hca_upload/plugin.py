"""What this plugin adds to hca."""

from __future__ import annotations

from hca_core.hookspecs import hookimpl
from hca_core.records import CommandSpec, ServiceSpec, SettingSpec


@hookimpl
def hca_commands() -> list[CommandSpec]:
    return [CommandSpec("upload", "Upload files to an area of the HCA upload service.", "hca_upload.cli:upload")]


@hookimpl
def hca_services() -> list[ServiceSpec]:
    return [
        ServiceSpec(
            name="upload",
            client="hca_upload.client:UploadClient",
            title="HCA Upload Service",
            description_url="https://upload.data.humancellatlas.org/v1/swagger.json",
            description="hca_upload:data/upload-api.json",
            # An area is made once, however often that is asked for; so is what follows from an announcement.
            safe_posts=frozenset({"post_v1_area", "post_v1_area_credential"}),
        )
    ]


@hookimpl
def hca_settings() -> list[SettingSpec]:
    return [
        SettingSpec("upload.areas", {}, "Upload areas that were selected, by UUID, each with its `uri`."),
        SettingSpec("upload.current_area", None, "UUID of the upload area that commands use."),
        SettingSpec(
            "upload.bucket_name_template",
            "org-humancellatlas-upload-{deployment_stage}",
            "Bucket in which the upload areas of a deployment are.",
        ),
        SettingSpec(
            "upload.production_api_url",
            "https://upload.data.humancellatlas.org/v1",
            "Address of the upload service for areas of the stage `prod`.",
        ),
        SettingSpec(
            "upload.preprod_api_url_template",
            "https://upload.{deployment_stage}.data.humancellatlas.org/v1",
            "Address of the upload service for areas of all other stages.",
        ),
        SettingSpec(
            "upload.s3_endpoint_url",
            None,
            "Address of the object store that upload areas are in, if it is not Amazon's.",
        ),
    ]
