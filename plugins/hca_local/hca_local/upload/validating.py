"""The operations on validations, and the job that has files validated."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from hca_local.jobs import Interrupted, Job, Jobs, Task
from hca_local.problem import Problem
from hca_local.router import Answer, Call, Handler
from hca_local.upload import command
from hca_local.upload.areas import Areas
from hca_local.upload.bucket import Bucket
from hca_local.upload.command import Outcome, environment_problem
from hca_local.upload.errors import illegal, no_event
from hca_local.upload.names import check_file_name
from hca_local.upload.validations import FAILED, SCHEDULED, VALIDATED, VALIDATING, Validation, Validations

__all__ = ["Validating"]

TOO_LARGE = 10**12  # bytes of all files of one validation

_VALIDATE = "validate"
_COPY_BLOCK = 1024 * 1024  # bytes
_NONE = Outcome("", "completed", 0, '{"checked": false, "reason": "This service has no validator."}')


class Validating:
    """Handlers of what concerns validations.

    `validator` is the command that gets copies of the files as arguments, and the rest in its environment; without one,
    everything is valid. `api_host` is told to it.
    """

    def __init__(
        self,
        areas: Areas,
        validations: Validations,
        bucket: Bucket,
        jobs: Jobs,
        *,
        validator: Sequence[str] | None,
        api_host: str,
    ) -> None:
        self._areas = areas
        self._validations = validations
        self._bucket = bucket
        self._jobs = jobs
        self._validator = validator
        self._api_host = api_host

    @property
    def handlers(self) -> Mapping[str, Handler]:
        """By operation name."""
        return {
            "put_v1_area_validate": self.schedule,
            "get_v1_area_validate": self.status,
            "get_v1_area_validations": self.counts,
            "post_v1_area_update_validation": self.update,
        }

    @property
    def tasks(self) -> Mapping[str, Task]:
        """What the jobs do, by their kind."""
        return {_VALIDATE: self._work}

    # ── operations ──

    def schedule(self, call: Call) -> Answer:
        """Have one or several files validated."""
        area = call.arguments["upload_area_uuid"]
        self._areas.need(area)
        problem = environment_problem(call.body.get("environment", {}))
        if problem:
            raise illegal("Invalid environment", problem)
        wanted = [call.arguments["filename"]] if "filename" in call.arguments else call.body["files"]
        names = list(dict.fromkeys(self._bucket.real_name(area, name) for name in wanted))
        self._check_files(area, names)
        id = self._validations.add(area, names, {**call.body, "files": names})
        self._jobs.add(_VALIDATE, id, {"area": area})
        return Answer(200, {"validation_id": id})

    def status(self, call: Call) -> Answer:
        """Tell about the newest validation of a file."""
        area, name = call.arguments["upload_area_uuid"], call.arguments["filename"]
        self._areas.need(area)
        self._bucket.need(area, name)
        latest = self._validations.latest(area, name)
        if latest is None:
            return Answer(200, {"validation_status": "UNSCHEDULED", "validation_results": "N/A"})
        return Answer(200, {"validation_status": latest.status, "validation_results": _shown(latest.results)})

    def counts(self, call: Call) -> Answer:
        """Count the files of an area by the state of their validation."""
        area = call.arguments["upload_area_uuid"]
        self._areas.need(area)
        return Answer(200, {VALIDATING: 0, VALIDATED: 0, SCHEDULED: 0, **self._validations.counts(area)})

    def update(self, call: Call) -> Answer:
        """Record what a validator outside of the service reports."""
        area, id = call.arguments["upload_area_uuid"], call.arguments["validation_id"]
        self._areas.need(area)
        if self._validations.find(area, id) is None:
            raise no_event("validation", area, id)
        status = call.body["status"]
        self._validations.update(id, status, call.body["payload"] if status in (VALIDATED, FAILED) else None)
        return Answer(204)

    def _check_files(self, area: str, names: Sequence[str]) -> None:
        for name in names:
            check_file_name(name)
        total = sum(self._bucket.need(area, name).size for name in names)
        if total >= TOO_LARGE:
            detail = f"They have {total} bytes; less than {TOO_LARGE} can be validated."
            raise Problem(400, "too_large", "File too large for validation", detail=detail)

    # ── jobs ──

    def _work(self, job: Job) -> str:
        validation = self._validations.find(job.arguments["area"], job.subject)
        if validation is None:
            return "Its area was deleted."
        self._validations.update(validation.id, VALIDATING)
        try:
            outcome = self._run(validation)
        except Interrupted:
            raise
        except Exception as error:
            self._validations.update(validation.id, FAILED, {"stdout": "", "exception": str(error)})
            raise
        results = {
            "validation_id": validation.id,
            "upload_area_id": validation.area,
            "names": validation.request["files"],
            **asdict(outcome),
        }
        self._validations.update(validation.id, VALIDATED if outcome.is_fine else FAILED, results)
        return outcome.status

    def _run(self, validation: Validation) -> Outcome:
        if self._validator is None:
            return _NONE
        with tempfile.TemporaryDirectory(prefix="hca-validation-") as made:
            folder = Path(made)
            files = [self._fetch(validation.area, name, folder) for name in validation.request["files"]]
            environment = self._environment(validation)
            return command.run(self._validator, files, environment, folder=folder, go_on=self._jobs.go_on)

    def _fetch(self, area: str, name: str, folder: Path) -> Path:
        reader = self._bucket.open(self._bucket.need(area, name))
        if reader is None:
            raise Problem(409, "file_changed", f"The file {name!r} was replaced meanwhile.")
        target = folder / name
        with reader, target.open("wb") as file:
            shutil.copyfileobj(reader, file, _COPY_BLOCK)
        return target

    def _environment(self, validation: Validation) -> dict[str, str]:
        own = {
            "DEPLOYMENT_STAGE": "local",
            "API_HOST": self._api_host,
            "CONTAINER": validation.request["validator_image"],
            "VALIDATION_ID": validation.request.get("original_validation_id") or validation.id,
        }
        return {**validation.request.get("environment", {}), **os.environ, **own}


def _shown(results: Mapping[str, Any] | None) -> str | None:
    """What users see of the results: what the validator wrote."""
    return None if results is None else str(results.get("stdout") or "N/A")
