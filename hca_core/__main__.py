"""`hca` and `python -m hca_core`."""

from __future__ import annotations

import gc


def main() -> None:
    """Run the command line and exit."""
    # Hardly anything that a start makes is ever garbage; looking for it, at the end once more, would take a sixth of
    # the time of a short command.
    gc.set_threshold(50_000)
    try:
        from hca_core.cli.root import main as run

        run()
    finally:
        gc.freeze()


if __name__ == "__main__":
    main()
