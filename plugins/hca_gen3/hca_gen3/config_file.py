"""Where a PACS, an iRODS zone or a Gen3 commons is: configuration files, then the environment, then hca's settings."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable, Mapping
from configparser import ConfigParser, DuplicateOptionError, DuplicateSectionError, MissingSectionHeaderError
from configparser import Error as IniError
from configparser import ParsingError as IniParsingError
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hca_core.errors import ConfigError
from hca_core.paths import check_private

if TYPE_CHECKING:
    from hca_core.app import App

__all__ = ["ConfigLoader", "Gen3File", "configured", "host", "missing", "read_config", "read_gen3_file"]

logger = logging.getLogger(__name__)

_JSON_SUFFIXES = (".json",)
_INI_SUFFIXES = (".ini", ".cfg", ".conf")
_SECTIONS = ("gen3", "irods", "pacs")
_PATHS = (
    "gen3_cred_file",
    "gen3_ssl_cert",
    "irods_ssl_ca_certificate_file",
    "irods_ssl_ca_certificate_path",
    "pacs_ca_bundle",
    "pacs_certificate",
)
_OTHER_VARIABLES = {"irods_project_root": "IRODS_COLLECTION_ROOT"}  # all others are the key in capitals


class ConfigLoader:
    """Reads configuration files; `values` is what `file` says, by key, or nothing."""

    def __init__(self, file: str | os.PathLike[str] | None = None) -> None:
        self.values: dict[str, Any] = {} if file is None else self.load_from_json(file)

    @staticmethod
    def load_from_json(file: str | os.PathLike[str]) -> dict[str, Any]:
        """Return what a file says, by key; an INI file is read, too. See `read_config`."""
        return read_config(file)


@dataclass(frozen=True)
class Gen3File:
    """What a configuration file says about a commons; the paths are absolute."""

    endpoint: str | None = None
    program: str | None = None
    project: str | None = None
    key_file: Path | None = None
    ca_bundle: Path | None = None


def read_config(file: str | os.PathLike[str]) -> dict[str, Any]:
    """Return what a JSON or INI file says by keys such as `irods_host`; relative paths start from its folder.

    A key in a section or object `gen3`, `irods` or `pacs` is told with that prefix. What the name of the file leaves
    open is decided by whether its content begins with a brace.

    Raises:
        ConfigError: the file cannot be read, or is neither; file and line are named, its content is not.
    """
    path = Path(file)
    values = _read_json(path) if _is_json(path) else _read_ini(path)
    values |= {key: str(_beside(path, values[key])) for key in _PATHS if values.get(key)}
    if any("password" in key and value for key, value in values.items()):
        _warn_of_readers(path)
    return values


def configured(keys: Iterable[str], file: str | os.PathLike[str] | None, app: App) -> dict[str, Any]:
    """Return what is known of `keys`, such as `irods_host`; what is set nowhere is left out.

    The file wins over the environment (`IRODS_HOST`), which wins over the settings (`irods.host`).

    Raises:
        ConfigError: the file or the settings cannot be used.
    """
    said = read_config(file) if file is not None else {}
    found = {key: _first(said.get(key), app.environ.get(variable(key)), key, app) for key in keys}
    return {key: value for key, value in found.items() if value is not None}


def variable(key: str) -> str:
    """Return the environment variable for a key: `IRODS_HOST` for `irods_host`."""
    return _OTHER_VARIABLES.get(key, key.upper())


def missing(key: str, file: str | os.PathLike[str] | None) -> ConfigError:
    """Return the error for a key that is set nowhere; it tells where it can be set."""
    places = f"`{key}` in {file}" if file is not None else f"`{key}` in a configuration file"
    hint = f"Set {places}, or the environment variable {variable(key)}, or the setting {_setting(key)}."
    return ConfigError(f"{key} is not set.", file=None if file is None else str(file), key=key, hint=hint)


def host(key: str, value: object) -> str:
    """Return a value as the name or address of a host; nobody is asked whether it exists.

    Raises:
        ConfigError: it can be none.
    """
    try:
        if isinstance(value, str) and value.strip() and value.isprintable():
            value.strip().encode("idna")  # as sockets do; it minds parts that are empty or too long
            return value.strip()
    except UnicodeError:
        pass
    raise ConfigError(f"{key} is {str(value)[:100]!r}, which is not the name or address of a host.", key=key)


def read_gen3_file(file: str | os.PathLike[str]) -> Gen3File:
    """Return what a file says about a Gen3 commons.

    Raises:
        ConfigError: as `read_config`, or it says nothing about a commons.
    """
    values = read_config(file)
    found = Gen3File(
        endpoint=values.get("gen3_endpoint"),
        program=values.get("gen3_program"),
        project=values.get("gen3_project"),
        key_file=_path(values.get("gen3_cred_file")),
        ca_bundle=_path(values.get("gen3_ssl_cert")),
    )
    if found == Gen3File():
        raise ConfigError(
            f"{file} says nothing about a Gen3 commons.",
            file=str(file),
            hint='It may hold {"gen3_endpoint": "https://…", "gen3_cred_file": "credentials.json"}.',
        )
    return found


def _first(said: Any, variable_value: str | None, key: str, app: App) -> Any:
    for value in (said, variable_value):
        if value not in (None, ""):
            return value
    return app.settings.value(_setting(key))


def _setting(key: str) -> str:
    return key.replace("_", ".", 1)


def _beside(file: Path, name: Any) -> Path:
    return file.absolute().parent / Path(str(name)).expanduser()


def _path(name: str | None) -> Path | None:
    return Path(name) if name else None


def _is_json(path: Path) -> bool:
    suffix = path.suffix.lower()
    if suffix in _JSON_SUFFIXES or suffix in _INI_SUFFIXES:
        return suffix in _JSON_SUFFIXES
    return _text(path).lstrip().startswith("{")


def _text(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError as error:
        raise ConfigError(f"There is no configuration file {path}.", file=str(path)) from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path} is not UTF-8 text (byte {error.start}).", file=str(path)) from error
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror or error}.", file=str(path)) from error


def _read_json(path: Path) -> dict[str, Any]:
    from hca_core.settings.files import read_object

    data = read_object(path)
    if data is None:
        raise ConfigError(f"There is no configuration file {path}.", file=str(path))
    sections = {key: value for key, value in data.items() if key in _SECTIONS and isinstance(value, Mapping)}
    flat = {key: value for key, value in data.items() if key not in sections}
    for name, section in sections.items():
        flat |= {_prefixed(name, key): value for key, value in section.items()}
    for key, value in flat.items():
        if isinstance(value, Mapping):
            raise ConfigError(f"{path}: {key} must be one value, not an object.", file=str(path), key=key)
    return flat


def _read_ini(path: Path) -> dict[str, Any]:
    parser = ConfigParser(interpolation=None, default_section="")
    try:
        parser.read_string(_text(path))
    except IniError as error:
        line, problem = _ini_problem(error)
        raise ConfigError(f"{path}:{line}: {problem}.", file=str(path)) from None  # the cause quotes the line
    return {
        _prefixed(section, key) if section in _SECTIONS else key: value
        for section in parser.sections()
        for key, value in parser.items(section)
    }


def _ini_problem(error: IniError) -> tuple[int, str]:
    if isinstance(error, MissingSectionHeaderError):
        return error.lineno, "this is neither JSON nor a section such as [irods]"
    if isinstance(error, DuplicateSectionError):
        return error.lineno or 1, f"section {error.section!r} is there twice"
    if isinstance(error, DuplicateOptionError):
        return error.lineno or 1, f"{error.option!r} is there twice"
    line = error.errors[0][0] if isinstance(error, IniParsingError) and error.errors else 1
    return line, "this is neither a section such as [irods] nor `key = value`"


def _prefixed(section: str, key: str) -> str:
    return key if key.startswith(f"{section}_") else f"{section}_{key}"


def _warn_of_readers(path: Path) -> None:
    try:
        check_private(path)
    except ConfigError as error:
        logger.warning("%s It holds a password. %s", error.message, error.hint)
