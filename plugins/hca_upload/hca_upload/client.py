"""The client of the upload service: one method per operation of its API."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from hca_core.client import ApiClient
from hca_core.errors import AuthError
from hca_core.openapi.model import Api
from hca_upload.errors import UploadException

if TYPE_CHECKING:
    from hca_core.app import App
    from hca_core.settings import Settings

__all__ = ["UploadClient", "api_url"]

_PRODUCTION = "prod"
_VERSION = "/v1"  # the settings have it in the address, the API description in its paths


class UploadClient(ApiClient):
    """Talks to the upload service of one deployment stage, such as `prod`, whose address is in the settings.

    The API description is the one that came with the plugin. `api_token` is the `Api-Key` of those who run the service.
    """

    service = "upload"

    def __init__(
        self,
        deployment_stage: str = _PRODUCTION,
        api_token: str | None = None,
        config: Mapping[str, Any] | None = None,
        *,
        app: App | None = None,
        **session_options: Any,
    ) -> None:
        super().__init__(config, app=app, **session_options)
        self.deployment_stage = check_stage(deployment_stage)
        self.api_token = api_token

    @property
    def api(self) -> Api:
        """The service's API, at the address of the stage."""
        with self._lock:
            if self._api is None:
                from hca_core.openapi.document import bundled
                from hca_core.openapi.parse import parse

                spec = self.app.service(self.service)
                found = parse(bundled(spec.description), safe_posts=spec.safe_posts)
                url = api_url(self.app.settings, self.deployment_stage).rstrip("/")
                self._api = found._replace(base_url=url.removesuffix(_VERSION))
            return self._api

    @contextmanager
    def as_operator(self) -> Iterator[str]:
        """Give the `Api-Key` for a request; a refusal is explained as one of the key.

        Raises:
            UploadException: there is none.
        """
        if not self.api_token:
            raise UploadException(
                "Only those who run the upload service can do this, and there is no Api-Key.",
                hint="They give theirs as UploadService(stage, api_token=…).",
            )
        try:
            yield self.api_token
        except AuthError as error:
            error.hint = "Is the Api-Key that of this deployment stage?"
            raise


def check_stage(stage: str) -> str:
    """Return the name of a deployment stage, which becomes part of an address; an UploadException if it cannot."""
    if not re.fullmatch(r"[a-z0-9]+(\.[a-z0-9]+)*", stage):
        raise UploadException(f"{stage!r} is not a deployment stage.", hint="Stages are called prod, staging, dev …")
    return stage


def api_url(settings: Settings, stage: str) -> str:
    """Return where the API of a deployment stage is."""
    if stage == _PRODUCTION:
        return str(settings.value("upload.production_api_url"))
    return str(settings.value("upload.preprod_api_url_template")).replace("{deployment_stage}", stage)
