"""One upload area: what is in it, how its files fare, and how to put files there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from os import PathLike
from typing import TYPE_CHECKING, Any

from hca_core.errors import ApiError, NotFoundError
from hca_upload.area_uri import UploadAreaURI
from hca_upload.errors import UploadException
from hca_upload.names import check_file_name

if TYPE_CHECKING:
    from hca_core.transfer.job import Progress
    from hca_core.transfer.s3 import S3Store
    from hca_core.transfer.s3client import TemporaryKeys
    from hca_upload.client import UploadClient
    from hca_upload.service import UploadService
    from hca_upload.sources import Paths

__all__ = ["WAIT", "UploadArea"]

WAIT = 3600.0  # seconds for the checks of a file, if nobody says otherwise
_PAGE = 100  # names about which the service is asked at a time
_ACL = "bucket-owner-full-control"


class UploadArea:
    """The upload area at a URI. Making one sends nothing.

    What a method returns is the service's answer as JSON data, unless it says otherwise.

    Raises:
        UploadException: `uri` is not an `UploadAreaURI`.
    """

    def __init__(self, uri: UploadAreaURI, upload_service: UploadService) -> None:
        if not isinstance(uri, UploadAreaURI):
            raise UploadException(
                "An UploadArea is made with an UploadAreaURI.", hint="UploadArea(UploadAreaURI(…), …)"
            )
        self.uri = uri
        self.upload_service = upload_service

    @property
    def uuid(self) -> str:
        """The UUID of the area."""
        return self.uri.area_uuid

    @property
    def deployment_stage(self) -> str:
        """The deployment of the upload service that the area belongs to."""
        return self.uri.deployment_stage

    def __str__(self) -> str:
        return f"UploadArea {self.uri}"

    def __repr__(self) -> str:
        return f"<{self}>"

    @property
    def client(self) -> UploadClient:
        """The client through which the service is asked."""
        return self.upload_service.api_client

    def delete(self) -> bool:
        """Have the area and everything in it deleted, which takes a while; return True. Needs an `api_token`."""
        with self.client.as_operator() as token:
            self.client.delete_v1_area(upload_area_uuid=self.uuid, Api_Key=token)
        return True

    def exists(self) -> bool:
        """Return whether the service has this area."""
        try:
            self.client.head_v1_area(upload_area_uuid=self.uuid)
        except NotFoundError:
            return False
        return True

    def get_credentials(self) -> dict[str, str]:
        """Return new keys to the object store, for this area only.

        They are `aws_access_key_id`, `aws_secret_access_key`, `aws_session_token`; `expiry_time` is in ISO 8601.
        """
        keys = self.keys()
        return {
            "aws_access_key_id": keys.access_key,
            "aws_secret_access_key": keys.secret_key,
            "aws_session_token": keys.session_token,
            "expiry_time": keys.expires.isoformat(),
        }

    def keys(self) -> TemporaryKeys:
        """Return new keys to the object store, for this area only."""
        from hca_upload.credentials import read_keys

        return read_keys(self.client.post_v1_area_credential(upload_area_uuid=self.uuid))

    def store(self, *, accelerate: bool = False) -> S3Store:
        """Return the object store that the area is in, which renews its keys when they expire.

        `accelerate` is for Amazon only, and left out where the settings name another store.
        """
        from hca_core.transfer.s3 import S3Store
        from hca_core.transfer.s3client import Access

        settings = self.client.app.settings
        own = settings.value("upload.s3_endpoint_url")
        access = Access.from_settings(settings, endpoint="upload.s3_endpoint_url" if own else "s3.endpoint_url")
        return S3Store(replace(access, credentials=self.keys, accelerate=accelerate), acl=_ACL)

    def key(self, name: str) -> str:
        """Return the key of a file in the area's bucket."""
        return f"{self.uuid}/{name}"

    def list(self, detail: bool = False) -> Iterator[dict[str, Any]]:
        """Yield the files of the area, in the order of their names: each as `{"name": …}`.

        With `detail` also `size` in bytes, `url`, `content_type`, `last_modified`, and `checksums`, which are None
        until the service has computed them. If that has failed, `checksum_status` says how.
        """
        prefix = self.key("")
        names = (found.key.removeprefix(prefix) for found in self.store().list(self.uri.bucket_name, prefix))
        files = (name for name in names if name)
        if not detail:
            yield from ({"name": name} for name in files)
            return
        from hca_upload.states import with_failures

        yield from with_failures(self, self._described(files))

    def store_file(self, filename: str, file_content: str | bytes, content_type: str) -> dict[str, Any]:
        """Store a small file through the service, and return what it is now. Needs an `api_token`.

        `content_type` has a `dcp-type`: `application/json; dcp-type="metadata/donor"`.
        """
        from hca_core.openapi.request import build

        with self.client.as_operator() as token:
            arguments = {"upload_area_uuid": self.uuid, "filename": check_file_name(filename), "Api_Key": token}
            api = self.client.api
            request = build(api.named("put_v1_area"), arguments, base_url=api.base_url)
            # The description cannot say that the body is the file itself, so this operation is sent by hand.
            headers = {**request.headers, "Content-Type": content_type}
            content = file_content.encode() if isinstance(file_content, str) else file_content
            answer = self.client.session.send(request.method, request.url, headers=headers, data=content)
        found: dict[str, Any] = answer.json()
        return found

    def upload_files(
        self,
        file_paths: Paths,
        file_size_sum: int = 0,
        dcp_type: str = "data",
        target_filename: str | None = None,
        use_transfer_acceleration: bool = True,
        report_progress: bool = False,
        sync: bool = True,
        *,
        file_extension: str | None = None,
        jobs: int | None = None,
        dry_run: bool = False,
        report: str | PathLike[str] | None = None,
        progress: Progress | None = None,
    ) -> dict[str, Any]:
        """Put files into the area; see `hca_upload.upload.upload_files`. `file_size_sum` is not needed any more."""
        from hca_upload.upload import upload_files

        return upload_files(
            self,
            file_paths,
            dcp_type=dcp_type,
            target_filename=target_filename,
            file_extension=file_extension,
            use_transfer_acceleration=use_transfer_acceleration,
            report_progress=report_progress,
            sync=sync,
            jobs=jobs,
            dry_run=dry_run,
            report=report,
            progress=progress,
        )

    def announce(self, filename: str) -> None:
        """Tell the service that a file has arrived, so that it computes its checksums."""
        self.client.post_v1_area(upload_area_uuid=self.uuid, filename=filename)

    def validate_files(
        self,
        file_list: Iterable[str],
        validator_image: str,
        original_validation_id: str = "",
        environment: Mapping[str, str] | None = None,
    ) -> dict[str, Any]:
        """Have files checked by a container image, and return the `validation_id`. Needs an `api_token`."""
        with self.client.as_operator() as token:
            found: dict[str, Any] = self.client.put_v1_area_validate(
                upload_area_uuid=self.uuid,
                Api_Key=token,
                files=[*file_list],
                validator_image=validator_image,
                original_validation_id=original_validation_id or None,
                environment=dict(environment or {}),
            )
        return found

    def checksum_status(self, filename: str) -> dict[str, Any]:
        """Return how far the checksums of a file are: `checksum_status`, and `checksums` or None."""
        return self._asked("get_v1_area_checksum", filename=filename)

    def checksum_statuses(self) -> dict[str, Any]:
        """Return how many files are in each state of checksumming, and `TOTAL_NUM_FILES`."""
        return self._asked("get_v1_area_checksums")

    def validation_status(self, filename: str) -> dict[str, Any]:
        """Return how far the validation of a file is: `validation_status` and `validation_results`."""
        return self._asked("get_v1_area_validate", filename=filename)

    def validation_statuses(self) -> dict[str, Any]:
        """Return how many files are in each state of validation."""
        return self._asked("get_v1_area_validations")

    def wait_for_checks(self, filename: str, timeout: float = WAIT) -> str:
        """Wait until the service is done with a file, at most `timeout` seconds; return its state.

        It is `VALIDATED`, or `VALIDATION_UNSCHEDULED` if nobody has asked for a validation. Raises as
        `hca_upload.states.await_state`.
        """
        from hca_core.patience import Patience
        from hca_upload.states import await_state

        return await_state(self, filename, Patience(timeout))

    def _asked(self, operation: str, **arguments: str) -> dict[str, Any]:
        answer = self.client.method(operation)(upload_area_uuid=self.uuid, **arguments)
        if not isinstance(answer, dict):
            raise ApiError("What the upload service answered is not what its description promises.", status=200)
        return answer

    def _described(self, names: Iterator[str]) -> Iterator[dict[str, Any]]:
        while page := [*islice(names, _PAGE)]:
            yield from self._page(page)

    def _page(self, names: Sequence[str]) -> Sequence[dict[str, Any]]:
        found = self.client.put_v1_area_files_info(upload_area_uuid=self.uuid, body=names)
        listed = [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []
        if [one.get("name") for one in listed] != names:
            raise ApiError("The upload service describes other files than those it was asked about.", status=200)
        return listed
