"""What every command is handed: the application, and how to speak to the user."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import click

from hca_core.cli import output

if TYPE_CHECKING:
    from hca_core.app import App
    from hca_core.transfer.job import Progress

__all__ = ["Context", "pass_context"]

T = TypeVar("T")


class Context:
    """`app` gives settings, services and clients; `emit` prints data; `say` prints words; `progress` draws.

    `form` is one of `output.FORMATS` if the user has chosen, `query` picks a part of the data before it is shown,
    `quiet` leaves out words and progress.
    """

    def __init__(
        self,
        make_app: Callable[[], App],
        *,
        progress_style: str = "auto",
        form: str | None = None,
        query: Callable[[Any], Any] | None = None,
        quiet: bool = False,
    ) -> None:
        self._make_app = make_app
        self.quiet = quiet
        self._progress_style = progress_style
        self._form, self._query = form, query
        self._app: App | None = None
        self._shown: Progress | None = None

    @property
    def app(self) -> App:
        """The application, made when a command first needs it: `--help` never does."""
        if self._app is None:
            self._app = self._make_app()
        return self._app

    def emit(self, value: Any) -> None:
        """Print data on stdout, in the form that the user chose; the items of an iterator are a list."""
        if self._query:
            value = self._query(list(value) if isinstance(value, Iterator) else value)
        output.emit(value, self._form or "json")

    @property
    def shaped(self) -> bool:
        """Whether the user chose a form for the data, or a part of them."""
        return bool(self._form or self._query)

    def show(self, value: T, lines: Callable[[T], Iterable[str]]) -> None:
        """Print data on stdout as `lines`, which scripts know; as `emit` if the user chose a form or a part of it."""
        if self.shaped:
            self.emit(value)
            return
        for line in lines(value):
            click.echo(output.clean(line))

    def say(self, message: str) -> None:
        """Print words on stderr, cleaned of control characters; nothing if the user wants quiet."""
        if not self.quiet:
            self.tell(message)

    def tell(self, message: str) -> None:
        """Print words on stderr even to a user who wants quiet; above the progress, while that is shown."""
        tell = self._shown.note if self._shown else output.say
        tell(message)

    @contextmanager
    def progress(self) -> Iterator[Progress]:
        """Show the progress of transfers on stderr while the block runs."""
        from hca_core.cli.progress import open_progress

        with open_progress("none" if self.quiet else self._progress_style) as progress:
            self._shown = progress
            try:
                yield progress
            finally:
                self._shown = None

    def close(self) -> None:
        """Release connections."""
        if self._app is not None:
            self._app.close()


pass_context = click.make_pass_decorator(Context)
