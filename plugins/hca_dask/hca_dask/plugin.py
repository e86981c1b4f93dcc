"""What this plugin adds to hca."""

from __future__ import annotations

from hca_core.hookspecs import hookimpl
from hca_core.records import ExecutorSpec, SettingSpec


@hookimpl
def hca_executors() -> list[ExecutorSpec]:
    return [ExecutorSpec("dask", "The workers of a Dask cluster.", "hca_dask.executor:connect")]


@hookimpl
def hca_settings() -> list[SettingSpec]:
    return [SettingSpec("dask.scheduler", None, "Address of the Dask scheduler for `--executor dask`.", kind="text")]
