"""Writing and reading the XML that S3 speaks."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable
from xml.etree import ElementTree
from xml.etree.ElementTree import Element
from xml.sax.saxutils import escape

from hca_local.s3.errors import S3Error

_NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def element(name: str, content: str | int | Iterable[str]) -> str:
    """One element: text is escaped, an iterable is of elements already made.

    Characters that XML cannot hold become U+FFFD; a client that has such keys asks for encoding-type=url.
    """
    if isinstance(content, int):
        content = str(content)
    if isinstance(content, str):
        content = [escape(_NOT_XML.sub("\ufffd", content), {"\r": "&#13;"})]
    return f"<{name}>{''.join(content)}</{name}>"


def document(name: str, children: Iterable[str]) -> bytes:
    """A whole answer with this root element."""
    root = element(name, children).replace(f"<{name}>", f'<{name} xmlns="{_NAMESPACE}">', 1)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{root}'.encode()


def error_document(code: str, message: str, resource: str, request_id: str) -> bytes:
    """S3's description of an error."""
    fields = {"Code": code, "Message": message, "Resource": resource, "RequestId": request_id}
    root = element("Error", [element(name, text) for name, text in fields.items()])
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{root}'.encode()


def timestamp(unix: float) -> str:
    """A time as S3 writes it, to the millisecond."""
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(unix)) + f".{int(unix % 1 * 1000):03d}Z"


def parse(data: bytes, root: str) -> Element:
    """The root element, namespaces taken off.

    Raises:
        S3Error: MalformedXML, not XML in UTF-8 with this root, or with a DOCTYPE (whose entities could be a bomb).
    """
    try:
        text = data.decode()
        if "<!DOCTYPE" in text:
            raise S3Error("MalformedXML", "A DOCTYPE is not allowed.")
        tree = ElementTree.fromstring(text)  # noqa: S314 - without a DOCTYPE there are no entities
    except (UnicodeDecodeError, ElementTree.ParseError):
        raise S3Error("MalformedXML", "The body is not well-formed XML in UTF-8.") from None
    for node in tree.iter():
        node.tag = node.tag.rpartition("}")[2]
    if tree.tag != root:
        raise S3Error("MalformedXML", f"The body must be a {root} document.")
    return tree


def text_of(node: Element, name: str) -> str:
    """The text of the child of that name; raises MalformedXML if it is missing."""
    child = node.find(name)
    if child is None:
        raise S3Error("MalformedXML", f"{node.tag} needs {name}.")
    return child.text or ""
