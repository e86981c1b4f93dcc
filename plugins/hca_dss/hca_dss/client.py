"""The Python client of the DSS: the methods of its API description, and those that need more than one request."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from os import PathLike
from typing import TYPE_CHECKING, Any

from hca_core.client import ApiClient
from hca_dss import download, upload
from hca_dss.collection import download_collection
from hca_dss.manifest import download_manifest
from hca_dss.version import create_version

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from hca_core.transfer.fetch import Existing
    from hca_core.transfer.job import Progress
    from hca_dss.manifest import Layout


class DSSClient(ApiClient):
    """Talks to the Data Storage System. Every operation of its API description is a method (`get_bundle`, …)."""

    service = "dss"
    tolerated: Mapping[str, frozenset[str]] = {"get_collections": frozenset({"replica"})}

    def create_version(self) -> str:
        """Return a new DSS_VERSION: now in UTC, and greater than every one this process made before."""
        return create_version()

    def upload(
        self,
        src_dir: str | PathLike[str],
        replica: str,
        staging_bucket: str,
        timeout_seconds: float = 1200,
        no_progress: bool = False,
        bundle_uuid: str | None = None,
        *,
        jobs: int | None = None,
        dry_run: bool = False,
        report: str | PathLike[str] | None = None,
        progress: Progress | None = None,
    ) -> dict[str, Any]:
        """Upload the files below a folder and make a bundle of them; see `hca_dss.upload.upload`."""
        return upload.upload(
            self,
            src_dir,
            replica,
            staging_bucket,
            timeout_seconds,
            bundle_uuid=bundle_uuid,
            jobs=jobs,
            dry_run=dry_run,
            report=report,
            progress=None if no_progress else progress,
        )

    def download(
        self,
        bundle_uuid: str,
        replica: str,
        version: str = "",
        download_dir: str | PathLike[str] = "",
        metadata_filter: Iterable[str] = ("*",),
        data_filter: Iterable[str] = ("*",),
        no_metadata: bool = False,
        no_data: bool = False,
        num_retries: int = 10,
        min_delay_seconds: float = 0.25,
        *,
        jobs: int | None = None,
        limit_rate: str | None = None,
        dry_run: bool = False,
        existing: Existing = "skip",
        report: str | PathLike[str] | None = None,
        fail_fast: bool = False,
        progress: Progress | None = None,
    ) -> dict[str, Any]:
        """Download a bundle and save it as a folder; see `hca_dss.download.download`."""
        return download.download(
            self,
            bundle_uuid,
            replica,
            version,
            download_dir,
            metadata_filter,
            data_filter,
            no_metadata,
            no_data,
            num_retries,
            min_delay_seconds,
            jobs=jobs,
            limit_rate=limit_rate,
            dry_run=dry_run,
            existing=existing,
            report=report,
            fail_fast=fail_fast,
            progress=progress,
        )

    def download_manifest(
        self,
        manifest: str | PathLike[str],
        replica: str,
        layout: Layout = "none",
        no_metadata: bool = False,
        no_data: bool = False,
        num_retries: int = 10,
        min_delay_seconds: float = 0.25,
        download_dir: str | PathLike[str] = "",
        *,
        jobs: int | None = None,
        limit_rate: str | None = None,
        dry_run: bool = False,
        existing: Existing = "skip",
        report: str | PathLike[str] | None = None,
        fail_fast: bool = False,
        progress: Progress | None = None,
        executor: str | Executor | None = None,
        scheduler: str | None = None,
    ) -> dict[str, Any]:
        """Download the files that a manifest lists; see `hca_dss.manifest.download_manifest`."""
        return download_manifest(
            self,
            manifest,
            replica,
            layout,
            no_metadata,
            no_data,
            num_retries,
            min_delay_seconds,
            download_dir,
            jobs=jobs,
            limit_rate=limit_rate,
            dry_run=dry_run,
            existing=existing,
            report=report,
            fail_fast=fail_fast,
            progress=progress,
            executor=executor,
            scheduler=scheduler,
        )

    def download_collection(
        self,
        uuid: str,
        replica: str,
        version: str | None = None,
        download_dir: str | PathLike[str] = "",
        *,
        num_retries: int = 10,
        min_delay_seconds: float = 0.25,
        jobs: int | None = None,
        limit_rate: str | None = None,
        dry_run: bool = False,
        existing: Existing = "skip",
        report: str | PathLike[str] | None = None,
        fail_fast: bool = False,
        progress: Progress | None = None,
    ) -> dict[str, Any]:
        """Download all bundles and files of a collection; see `hca_dss.collection.download_collection`."""
        return download_collection(
            self,
            uuid,
            replica,
            version,
            download_dir,
            num_retries=num_retries,
            min_delay_seconds=min_delay_seconds,
            jobs=jobs,
            limit_rate=limit_rate,
            dry_run=dry_run,
            existing=existing,
            report=report,
            fail_fast=fail_fast,
            progress=progress,
        )
