"""The upload service as its users know it: something that has upload areas."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from hca_core.errors import ApiError
from hca_upload.area import UploadArea
from hca_upload.area_uri import UploadAreaURI
from hca_upload.client import UploadClient
from hca_upload.selection import UploadConfig

if TYPE_CHECKING:
    from hca_core.app import App

__all__ = ["UploadService"]


class UploadService:
    """The upload service of a deployment stage. Making one reads and sends nothing.

    `api_token` is the `Api-Key` of those who run the service: only they make and delete areas, store files through
    the service, and have files validated. `config` overrides the settings, `app` says whose they are.
    """

    def __init__(
        self,
        deployment_stage: str = "prod",
        api_token: str | None = None,
        *,
        config: Mapping[str, Any] | None = None,
        app: App | None = None,
    ) -> None:
        self.deployment_stage = deployment_stage
        self.api_token = api_token
        self.api_client = UploadClient(deployment_stage, api_token, config, app=app)

    @staticmethod
    def config() -> UploadConfig:
        """Return the upload section of the user's settings: which areas are known, and which is selected."""
        return UploadConfig()

    def create_area(self, area_uuid: str) -> UploadArea:
        """Make an upload area; one that exists stays as it is.

        Raises:
            UploadException: there is no `api_token`.
            AuthError: it is wrong.
        """
        with self.api_client.as_operator() as token:
            answer = self.api_client.post_v1_area(upload_area_uuid=area_uuid, Api_Key=token)
        uri = answer.get("uri") if isinstance(answer, Mapping) else None
        if not isinstance(uri, str):
            raise ApiError("The upload service made an area, but does not tell where.", status=201)
        return UploadArea(UploadAreaURI(uri), self)

    def upload_area(self, area_uri: UploadAreaURI) -> UploadArea:
        """Return the area at a URI; the service is not asked."""
        return UploadArea(area_uri, self)
