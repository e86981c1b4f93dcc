"""How Sphinx makes the site: Markdown pages, and docstrings as they are written here."""

import re
import textwrap
from typing import Any
from urllib.parse import urlsplit

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util import logging

from hca_core import __version__

project = "hca"
author = "The hca developers"
release = version = __version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["_build"]
myst_heading_anchors = 4
autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
html_theme = "furo"
html_title = "hca"

logger = logging.getLogger("hca.docs")


def setup(app: Sphinx) -> None:
    """Have our docstrings, signatures and links looked at."""
    app.connect("autodoc-process-docstring", read_docstring)
    app.connect("autodoc-process-signature", shorten_signature)
    app.connect("doctree-read", check_links)


def read_docstring(_app: Sphinx, _kind: str, _name: str, _object: Any, _options: Any, lines: list[str]) -> None:
    """Turn the Markdown in our docstrings, and what follows `Raises:`, into what autodoc reads."""
    text = re.sub(r"^```(\w+)\n(.*?)^```$", as_directive, "\n".join(lines), flags=re.MULTILINE | re.DOTALL)
    text = re.sub(r"(?<!`)`([^`\n]+)`(?!`)", r"``\1``", text)
    body, _, raised = text.partition("\nRaises:\n")
    fields = re.sub(r"^ {4}(\w+):", r":raises \1:", raised, flags=re.MULTILINE)
    lines[:] = [*body.split("\n"), "", *fields.split("\n")]


def as_directive(fence: re.Match[str]) -> str:
    """Return a fenced block as a directive."""
    return f".. code-block:: {fence[1]}\n\n{textwrap.indent(fence[2], '    ')}"


def shorten_signature(
    _app: Sphinx, _kind: str, _name: str, _object: Any, _options: Any, arguments: str | None, returned: str | None
) -> tuple[str | None, str | None]:
    """Show a default that is made for each object as `...`; autodoc cannot read the name that dataclasses give it."""
    return arguments and arguments.replace("<factory>", "..."), returned


def check_links(_app: Sphinx, page: nodes.document) -> None:
    """Warn of links to other sites that are not https, or that lead nowhere; nothing is fetched."""
    for reference in page.findall(nodes.reference):
        target = reference.get("refuri", "")
        parts = urlsplit(target)
        if parts.scheme and (parts.scheme != "https" or "." not in parts.netloc or re.search(r"\s", target)):
            logger.warning("not a well-formed https link: %s", target, location=reference)
