"""Plans many bundles: they are read a few at a time, just before their files are fetched."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from hca_core.errors import HcaError
from hca_core.transfer.fetch import Existing
from hca_core.transfer.ledger import Ledger
from hca_core.transfer.pool import each
from hca_dss.bundle import Bundle, DSSFile, select
from hca_dss.download import read_bundle
from hca_dss.filestore import Filestore
from hca_dss.plan import BundlePlan, plan

if TYPE_CHECKING:
    from hca_dss.client import DSSClient

READERS = 8  # things that are asked about at a time


class BundleName(NamedTuple):
    """One version of a bundle."""

    uuid: str
    version: str

    @property
    def folder(self) -> str:
        """The name of the folder that holds it."""
        return f"{self.uuid}.{self.version}"


Choose = Callable[[Bundle], Sequence[DSSFile]]


@dataclass(frozen=True)
class Planner:
    """Reads bundles and plans their download below `root`."""

    client: DSSClient
    replica: str
    root: Path
    existing: Existing
    no_metadata: bool = False
    no_data: bool = False

    @cached_property
    def store(self) -> Filestore:
        """The contents below `root`: one for all plans, as it lists folders only once."""
        return Filestore(self.root)

    def plan(self, name: BundleName, choose: Choose) -> BundlePlan | HcaError | OSError:
        """Return the plan for those files of a bundle that `choose` takes, or why there is none."""
        try:
            bundle = read_bundle(self.client, name.uuid, self.replica, name.version)
            files = select(choose(bundle), no_metadata=self.no_metadata, no_data=self.no_data)
            base_url = self.client.api.base_url
            return plan(bundle, files, self.store, base_url, self.existing, prefix=f"{name.folder}/")
        except (HcaError, OSError) as error:
            return error

    def plans(
        self, wanted: Iterable[tuple[BundleName, Choose]], ledger: Ledger, fail_fast: bool
    ) -> Generator[BundlePlan, None, None]:
        """Yield the plans as they get ready; a bundle that has none is a failure in the ledger."""
        for name, planned in each(wanted, self._named, jobs=READERS):
            if isinstance(planned, BundlePlan):
                yield planned
                continue
            ledger.fail(f"bundle {name.folder}", self.root / name.folder, planned)
            if fail_fast:
                return

    def _named(self, item: tuple[BundleName, Choose]) -> tuple[BundleName, BundlePlan | HcaError | OSError]:
        return item[0], self.plan(*item)
