"""Which upload areas this user knows, and which one is selected: remembered in the user's settings."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from hca_core.plugins import Plugins
from hca_core.settings import HCAConfig
from hca_upload.area_uri import UploadAreaURI
from hca_upload.errors import UploadException

__all__ = ["UploadConfig", "match", "shortest_alias"]


class UploadConfig:
    """The upload section of the settings. What `add_area` and the like change is written at once; reading never is."""

    def __init__(self, config: HCAConfig | None = None) -> None:
        self._config = config if config is not None else HCAConfig(Plugins().settings())

    @property
    def areas(self) -> list[str]:
        """UUIDs of the areas that were selected once and not forgotten, the oldest first."""
        return list(self._section.get("areas") or {})

    @property
    def current_area(self) -> str | None:
        """UUID of the selected area."""
        found: str | None = self._section.get("current_area")
        return found

    @property
    def bucket_name_template(self) -> str:
        """How the buckets of upload areas are called; has `{deployment_stage}` in it."""
        return str(self._section["bucket_name_template"])

    @property
    def preprod_api_url_template(self) -> str:
        """Address of the service's API in all stages but `prod`; may have `{deployment_stage}` in it."""
        return str(self._section["preprod_api_url_template"])

    @property
    def production_api_url(self) -> str:
        """Address of the service's API in the stage `prod`."""
        return str(self._section["production_api_url"])

    def save(self) -> None:
        """Write what changed to the user's settings."""
        self._config.save()

    def area_uri(self, uuid: str) -> UploadAreaURI:
        """Return where an area is.

        Raises:
            UploadException: it is not known here.
        """
        area = (self._section.get("areas") or {}).get(uuid)
        if not area:
            raise UploadException(f"There is no upload area {uuid!r} among those you selected.", hint=_SELECT)
        return UploadAreaURI(area["uri"])

    def add_area(self, uri: UploadAreaURI) -> None:
        """Remember an area; an area that is known already is from now on where `uri` says."""
        self._section.setdefault("areas", {})[uri.area_uuid] = {"uri": uri.uri}
        self.save()

    def select_area(self, uuid: str) -> None:
        """Make a known area the current one.

        Raises:
            UploadException: it is not known, or a stronger layer of settings selects another one.
        """
        self.area_uri(uuid)
        origin = self._config.origin("upload.current_area")
        self._section["current_area"] = uuid
        self.save()
        found = HCAConfig(Plugins().settings())["upload"].get("current_area")
        if found != uuid:
            raise UploadException(
                f"{uuid} was selected in your own settings, but {origin} selects {found}, and that counts more.",
                hint="Remove upload.current_area there.",
            )

    def forget_area(self, uuid: str) -> None:
        """Forget an area; nothing happens on the server.

        Raises:
            UploadException: it is not known.
        """
        self.area_uri(uuid)
        del self._section["areas"][uuid]
        if self.current_area == uuid:
            self._section["current_area"] = None
        self.save()

    def area_uuid_from_partial_uuid(self, partial_uuid: str) -> str:
        """Return the UUID of the one known area that begins with `partial_uuid`, in any case.

        Raises:
            UploadException: there is none, or more than one.
        """
        return match(partial_uuid, self.areas)

    def unique_prefix(self, uuid: str) -> str:
        """Return the shortest alias of a known area."""
        return shortest_alias(uuid, self.areas)

    @property
    def _section(self) -> Any:
        return self._config["upload"]


_SELECT = "Select it with `hca upload select s3://BUCKET/AREA_UUID/`."


def match(alias: str, areas: Iterable[str]) -> str:
    """Return the one of `areas` that `alias` is, or is the beginning of, in any case.

    Raises:
        UploadException: there is none, or more than one.
    """
    wanted = alias.lower()
    found = [uuid for uuid in areas if wanted and uuid.lower().startswith(wanted)]
    exact = [uuid for uuid in found if uuid.lower() == wanted]
    if not found:
        raise UploadException(
            f"No upload area that you selected begins with {alias!r}.",
            hint="`hca upload areas` lists them. A new one is selected by its URI: s3://BUCKET/AREA_UUID/.",
        )
    if len(found) > 1 and not exact:
        raise UploadException(
            f"{alias!r} matches more than one area: {', '.join(found)}.", hint="Give more of the UUID."
        )
    return (exact or found)[0]


def shortest_alias(uuid: str, areas: Iterable[str]) -> str:
    """Return the shortest beginning of `uuid`, one character at least, that no other of `areas` begins with."""
    others = [other.lower() for other in areas if other != uuid]
    return next(
        (uuid[:end] for end in range(1, len(uuid)) if not any(other.startswith(uuid[:end].lower()) for other in others)),
        uuid,
    )
