"""Which upload areas this user knows, and which one is selected: remembered in the user's settings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from hca_upload.area_uri import UploadAreaURI
from hca_upload.errors import UploadException

if TYPE_CHECKING:
    from hca_core.app import App
    from hca_core.settings import HCAConfig

__all__ = ["UploadConfig", "match", "shortest_alias"]

_SELECT = "Select it with `hca upload select s3://BUCKET/AREA_UUID/`."


class UploadConfig:
    """The upload section of the settings. What `add_area` and the like change is written at once; reading never is.

    `app` says whose settings; by default they are those of every new `hca`.
    """

    def __init__(self, app: App | None = None) -> None:
        if app is None:
            from hca_core.app import App

            app = App()
        self._app = app
        self._config = self._read()

    @property
    def areas(self) -> list[str]:
        """UUIDs of the areas that were selected once and not forgotten, the oldest first."""
        return [uuid for uuid in self._areas if self._uri(uuid)]

    @property
    def current_area(self) -> str | None:
        """UUID of the selected area."""
        return self._text("current_area") or None

    @property
    def bucket_name_template(self) -> str:
        """How the buckets of upload areas are called; has `{deployment_stage}` in it."""
        return self._text("bucket_name_template")

    @property
    def preprod_api_url_template(self) -> str:
        """Address of the service's API in all stages but `prod`; may have `{deployment_stage}` in it."""
        return self._text("preprod_api_url_template")

    @property
    def production_api_url(self) -> str:
        """Address of the service's API in the stage `prod`."""
        return self._text("production_api_url")

    def save(self) -> None:
        """Write what changed to the user's settings."""
        self._config.save()

    def bucket_name(self, stage: str) -> str:
        """Return the bucket that the areas of a deployment stage are usually in."""
        return self.bucket_name_template.replace("{deployment_stage}", stage)

    def area_uri(self, uuid: str) -> UploadAreaURI:
        """Return where an area is.

        Raises:
            UploadException: it is not known here.
        """
        uri = self._uri(uuid)
        if not uri:
            raise UploadException(f"There is no upload area {uuid!r} among those you selected.", hint=_SELECT)
        return UploadAreaURI(uri)

    def selected_uri(self) -> UploadAreaURI:
        """Return where the selected area is.

        Raises:
            UploadException: none is selected.
        """
        if not self.current_area:
            raise UploadException("No upload area is selected.", hint=_SELECT)
        return self.area_uri(self.current_area)

    def add_area(self, uri: UploadAreaURI) -> None:
        """Remember an area; an area that is known already is from now on where `uri` says."""
        self._config["upload"].setdefault("areas", {})[uri.area_uuid] = {"uri": uri.uri}
        self._save_and_check(f"upload.areas.{uri.area_uuid}.uri", uri.uri)

    def select_area(self, uuid: str) -> None:
        """Make a known area the current one.

        Raises:
            UploadException: it is not known, or a stronger layer of settings selects another one.
        """
        self.area_uri(uuid)
        self._config["upload"]["current_area"] = uuid
        self._save_and_check("upload.current_area", uuid)

    def forget_area(self, uuid: str) -> None:
        """Forget an area; nothing happens on the server.

        Raises:
            UploadException: it is not known.
        """
        self.area_uri(uuid)
        del self._config["upload"]["areas"][uuid]
        if self.current_area == uuid:
            self._config["upload"]["current_area"] = None
        self._save_and_check(f"upload.areas.{uuid}.uri", None)

    def area_uuid_from_partial_uuid(self, partial_uuid: str) -> str:
        """Return the UUID of the one known area that begins with `partial_uuid`, in any case.

        Raises:
            UploadException: there is none, or more than one.
        """
        return match(partial_uuid, self.areas)

    def unique_prefix(self, uuid: str) -> str:
        """Return the shortest alias of a known area."""
        return shortest_alias(uuid, self.areas)

    def _read(self) -> HCAConfig:
        from hca_core.settings import HCAConfig

        app = self._app
        return HCAConfig(
            app.plugins.settings(),
            profile=app.settings.chosen_profile,
            profiles=app.plugins.profiles() if app.settings.chosen_profile else (),
            environ=app.environ,
        )

    @property
    def _areas(self) -> Any:
        return self._config.value("upload.areas")

    def _uri(self, uuid: str) -> str:
        area = self._areas.get(uuid)
        found = area.get("uri") if isinstance(area, Mapping) else ""
        return found if isinstance(found, str) else ""

    def _text(self, name: str) -> str:
        found = self._config.value(f"upload.{name}")
        return found if isinstance(found, str) else ""

    def _save_and_check(self, key: str, wanted: str | None) -> None:
        """Write what changed; raise an UploadException if that does not count because another file says otherwise."""
        self.save()
        self._config = self._read()
        if self._config.value(key) != wanted:
            raise UploadException(
                f"Your own settings were changed, but {key} comes from the {self._config.origin(key)}.",
                hint="Change it there.",
            )


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
    ends = range(1, len(uuid))
    prefixes = (uuid[:end] for end in ends if not any(other.startswith(uuid[:end].lower()) for other in others))
    return next(prefixes, uuid)
