"""`hca` and `python -m hca_core`."""

from __future__ import annotations


def main() -> None:
    """Run the command line and exit."""
    from hca_core.cli.root import main as run

    run()


if __name__ == "__main__":
    main()
