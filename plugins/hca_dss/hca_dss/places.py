"""Where below a folder many files may go: as safe as `safe_join`, but each sub-folder is looked at only once."""

from __future__ import annotations

import os
from pathlib import Path

from hca_core.paths import long_path, safe_join

_MOST = 10_000  # sub-folders to remember: a store has up to 16 million


class Places:
    """Joins checked names to `root`. What is in a folder when it is first used decides whether it may be used."""

    def __init__(self, root: Path) -> None:
        self.root = long_path(root)
        self._plain: set[str] = set()

    def join(self, parts: tuple[str, ...]) -> Path:
        """Return the path of a name whose parts come from `check_name`.

        Raises:
            TransferError: the file or one of its folders is a symbolic link.
        """
        path = os.fspath(self.root)
        for part in parts[:-1]:
            path = f"{path}{os.sep}{part}"  # pathlib takes ten times as long, for every file
            if path not in self._plain:
                self._refuse_link(path, parts)
                if len(self._plain) >= _MOST:
                    self._plain.clear()
                self._plain.add(path)
        path = f"{path}{os.sep}{parts[-1]}"
        self._refuse_link(path, parts)
        return Path(path)

    def _refuse_link(self, path: str, parts: tuple[str, ...]) -> None:
        if os.path.islink(path):  # noqa: PTH114
            safe_join(self.root, "/".join(parts))  # raises, and has the words for it
