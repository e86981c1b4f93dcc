# Made by `hca dev stubs`; do not edit.

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Literal, ParamSpec

from requests import Response

from hca_core.client import ApiMethod
from hca_dss.bundle import DSSFile as DSSFile
from hca_dss.client import DSSClient as _DSSClient
from hca_dss.tasks import TaskRunner as TaskRunner

__all__ = ["DSSClient", "DSSFile", "TaskRunner"]

_P = ParamSpec("_P")

# The other ways to call an operation take the arguments of its `__call__`.
class _Operation(ApiMethod):
    def iterate(self: Callable[_P, Any], *args: _P.args, **kwargs: _P.kwargs) -> Iterator[Any]:
        """Yield the items of all pages; a page is fetched when the one before it is used up."""

    def paginate(self: Callable[_P, Any], *args: _P.args, **kwargs: _P.kwargs) -> Iterator[Any]:
        """Yield the parsed bodies of all pages."""

    def collect(self: Callable[_P, Any], *args: _P.args, **kwargs: _P.kwargs) -> Any:
        """Return one body with the items of all pages."""

    @contextmanager
    def stream(self: Callable[_P, Any], *args: _P.args, **kwargs: _P.kwargs) -> Iterator[Response]:
        """Give the response before its body is read; it is closed at the end of the block."""

class _PostSearch(_Operation):
    def __call__(
        self,
        es_query: dict[str, Any],
        replica: Literal["aws", "gcp"],
        output_format: Literal["summary", "raw"] | None = ...,
        per_page: int | None = ...,
        search_after: str | None = ...,
    ) -> Any:
        """Find bundles by their metadata"""

class _HeadFile(_Operation):
    def __call__(
        self,
        uuid: str,
        replica: Literal["aws", "gcp"],
        version: str | None = ...,
    ) -> Response:
        """Show what is known about a file"""

class _GetFile(_Operation):
    def __call__(
        self,
        uuid: str,
        replica: Literal["aws", "gcp"],
        version: str | None = ...,
        token: str | None = ...,
        directurl: bool | None = ...,
        content_disposition: str | None = ...,
    ) -> Any:
        """Get the contents of a file"""

class _PutFile(_Operation):
    def __call__(
        self,
        source_url: str,
        creator_uid: int,
        uuid: str,
        version: str,
    ) -> Any:
        """Create a file, or a new version of one"""

class _GetBundlesAll(_Operation):
    def __call__(
        self,
        replica: Literal["aws", "gcp"],
        prefix: str | None = ...,
        token: str | None = ...,
        per_page: int | None = ...,
        search_after: str | None = ...,
    ) -> Any:
        """List all bundles"""

class _GetBundle(_Operation):
    def __call__(
        self,
        uuid: str,
        replica: Literal["aws", "gcp"],
        version: str | None = ...,
        directurls: bool | None = ...,
        presignedurls: bool | None = ...,
        token: str | None = ...,
        per_page: int | None = ...,
        start_at: int | None = ...,
    ) -> Any:
        """Show a bundle and its files"""

class _PutBundle(_Operation):
    def __call__(
        self,
        creator_uid: int,
        files: list[Any],
        uuid: str,
        version: str,
        replica: Literal["aws", "gcp"],
    ) -> Any:
        """Create a bundle, or a new version of one"""

class _PatchBundle(_Operation):
    def __call__(
        self,
        uuid: str,
        replica: Literal["aws", "gcp"],
        version: str,
        add_files: list[Any] | None = ...,
        remove_files: list[Any] | None = ...,
    ) -> Any:
        """Add files to a bundle, or remove files"""

class _DeleteBundle(_Operation):
    def __call__(
        self,
        reason: str,
        uuid: str,
        replica: Literal["aws", "gcp"],
        version: str | None = ...,
    ) -> Any:
        """Delete a bundle, or one version of it"""

class _PostBundlesCheckout(_Operation):
    def __call__(
        self,
        uuid: str,
        replica: Literal["aws", "gcp"],
        destination: str | None = ...,
        email: str | None = ...,
        version: str | None = ...,
    ) -> Any:
        """Copy a bundle to a bucket"""

class _GetBundlesCheckout(_Operation):
    def __call__(
        self,
        replica: Literal["aws", "gcp"],
        checkout_job_id: str,
    ) -> Any:
        """Ask how a checkout job goes"""

class _GetCollections(_Operation):
    def __call__(
        self,
        per_page: int | None = ...,
        start_at: int | None = ...,
        *,
        replica: Any = ...,
    ) -> Any:
        """List your collections"""

class _PutCollection(_Operation):
    def __call__(
        self,
        name: str,
        description: str,
        details: dict[str, Any],
        contents: list[Any],
        replica: Literal["aws", "gcp"],
        uuid: str,
        version: str,
    ) -> Any:
        """Create a collection"""

class _GetCollection(_Operation):
    def __call__(
        self,
        uuid: str,
        replica: Literal["aws", "gcp"],
        version: str | None = ...,
    ) -> Any:
        """Show a collection of yours"""

class _PatchCollection(_Operation):
    def __call__(
        self,
        uuid: str,
        replica: Literal["aws", "gcp"],
        version: str,
        add_contents: list[Any] | None = ...,
        remove_contents: list[Any] | None = ...,
        name: str | None = ...,
        description: str | None = ...,
        details: dict[str, Any] | None = ...,
    ) -> Any:
        """Change a collection of yours"""

class _DeleteCollection(_Operation):
    def __call__(
        self,
        uuid: str,
        replica: Literal["aws", "gcp"],
    ) -> Any:
        """Delete a collection of yours"""

class _GetSubscriptions(_Operation):
    def __call__(
        self,
        replica: Literal["aws", "gcp"],
        subscription_type: Literal["elasticsearch", "jmespath"] | None = ...,
    ) -> Any:
        """List your subscriptions"""

class _PutSubscription(_Operation):
    def __call__(
        self,
        callback_url: str,
        replica: Literal["aws", "gcp"],
        es_query: dict[str, Any] | None = ...,
        jmespath_query: str | None = ...,
        method: Literal["POST", "PUT"] | None = ...,
        encoding: Literal["application/json", "multipart/form-data"] | None = ...,
        form_fields: dict[str, Any] | None = ...,
        payload_form_field: str | None = ...,
        hmac_secret_key: str | None = ...,
        hmac_key_id: str | None = ...,
        attachments: dict[str, Any] | None = ...,
    ) -> Any:
        """Be notified about bundles"""

class _GetSubscription(_Operation):
    def __call__(
        self,
        uuid: str,
        replica: Literal["aws", "gcp"],
        subscription_type: Literal["elasticsearch", "jmespath"] | None = ...,
    ) -> Any:
        """Show one of your subscriptions"""

class _DeleteSubscription(_Operation):
    def __call__(
        self,
        uuid: str,
        replica: Literal["aws", "gcp"],
        subscription_type: Literal["elasticsearch", "jmespath"] | None = ...,
    ) -> Any:
        """End a subscription"""

class _GetEvents(_Operation):
    def __call__(
        self,
        replica: Literal["aws", "gcp"],
        from_date: str | None = ...,
        to_date: str | None = ...,
        per_page: int | None = ...,
        token: str | None = ...,
    ) -> Any:
        """List journals of past events"""

class _GetEvent(_Operation):
    def __call__(
        self,
        uuid: str,
        version: str,
        replica: Literal["aws", "gcp"],
    ) -> Any:
        """Get the metadata document of a bundle"""

class DSSClient(_DSSClient):
    """Talks to the Data Storage System. Every operation of its API description is a method (`get_bundle`, …)."""

    post_search: _PostSearch
    """Find bundles by their metadata"""

    head_file: _HeadFile
    """Show what is known about a file"""

    get_file: _GetFile
    """Get the contents of a file"""

    put_file: _PutFile
    """Create a file, or a new version of one"""

    get_bundles_all: _GetBundlesAll
    """List all bundles"""

    get_bundle: _GetBundle
    """Show a bundle and its files"""

    put_bundle: _PutBundle
    """Create a bundle, or a new version of one"""

    patch_bundle: _PatchBundle
    """Add files to a bundle, or remove files"""

    delete_bundle: _DeleteBundle
    """Delete a bundle, or one version of it"""

    post_bundles_checkout: _PostBundlesCheckout
    """Copy a bundle to a bucket"""

    get_bundles_checkout: _GetBundlesCheckout
    """Ask how a checkout job goes"""

    get_collections: _GetCollections
    """List your collections"""

    put_collection: _PutCollection
    """Create a collection"""

    get_collection: _GetCollection
    """Show a collection of yours"""

    patch_collection: _PatchCollection
    """Change a collection of yours"""

    delete_collection: _DeleteCollection
    """Delete a collection of yours"""

    get_subscriptions: _GetSubscriptions
    """List your subscriptions"""

    put_subscription: _PutSubscription
    """Be notified about bundles"""

    get_subscription: _GetSubscription
    """Show one of your subscriptions"""

    delete_subscription: _DeleteSubscription
    """End a subscription"""

    get_events: _GetEvents
    """List journals of past events"""

    get_event: _GetEvent
    """Get the metadata document of a bundle"""
