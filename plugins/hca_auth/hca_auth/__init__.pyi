# Made by `hca dev stubs`; do not edit.

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Literal, ParamSpec

from requests import Response

from hca_auth.client import AuthClient as _AuthClient
from hca_core.client import ApiMethod

__all__ = ["AuthClient"]

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

class _GetLogin(_Operation):
    def __call__(
        self,
        redirect_uri: str,
        state: str | None = ...,
    ) -> Any:
        """Sign in with a browser"""

class _GetLogout(_Operation):
    def __call__(
        self,
        client_id: str | None = ...,
    ) -> Any:
        """Sign out of the browser's session"""

class _GetOpenidConfiguration(_Operation):
    def __call__(
        self,
        host: str,
    ) -> Any:
        """Show where everything of OpenID Connect is"""

class _GetJwksJson(_Operation):
    def __call__(self) -> Any:
        """Get the keys that tokens are checked with"""

class _GetOauthAuthorize(_Operation):
    def __call__(
        self,
        redirect_uri: str | None = ...,
        state: str | None = ...,
        client_id: str | None = ...,
        scope: str | None = ...,
        response_type: str | None = ...,
        nonce: str | None = ...,
        prompt: str | None = ...,
    ) -> Any:
        """Begin a sign-in"""

class _PostOauthRevoke(_Operation):
    def __call__(
        self,
        client_id: str,
        token: str,
    ) -> Any:
        """Revoke a refresh token"""

class _PostOauthToken(_Operation):
    def __call__(
        self,
        redirect_uri: str | None = ...,
        code: str | None = ...,
        grant_type: Literal["authorization_code", "refresh_token"] | None = ...,
        client_id: str | None = ...,
        client_secret: str | None = ...,
        refresh_token: str | None = ...,
        scope: str | None = ...,
    ) -> Any:
        """Get tokens for a code or a refresh token"""

class _GetOauthUserinfo(_Operation):
    def __call__(self) -> Any:
        """Show who the token names"""

class _PostOauthUserinfo(_Operation):
    def __call__(self) -> Any:
        """Show who the token names (as POST)"""

class _GetEcho(_Operation):
    def __call__(self) -> Any:
        """Show what arrived"""

class _PostV1PoliciesEvaluate(_Operation):
    def __call__(
        self,
        principal: str,
        action: list[Any],
        resource: list[Any],
    ) -> Any:
        """Ask whether a user may do something"""

class _GetV1Users(_Operation):
    def __call__(
        self,
        next_token: str | None = ...,
        per_page: int | None = ...,
    ) -> Any:
        """List all users"""

class _PostV1User(_Operation):
    def __call__(
        self,
        user_id: str,
        groups: list[Any] | None = ...,
        roles: list[Any] | None = ...,
        policy: dict[str, Any] | None = ...,
    ) -> Any:
        """Create a user"""

class _GetV1User(_Operation):
    def __call__(
        self,
        user_id: str,
    ) -> Any:
        """Show a user"""

class _PutV1User(_Operation):
    def __call__(
        self,
        user_id: str,
        status: Literal["enabled", "disabled"],
    ) -> Any:
        """Enable or disable a user"""

class _GetV1UserOwns(_Operation):
    def __call__(
        self,
        user_id: str,
        resource_type: Literal["group", "role"],
        next_token: str | None = ...,
        per_page: int | None = ...,
    ) -> Any:
        """List what a user owns"""

class _GetV1UserGroups(_Operation):
    def __call__(
        self,
        user_id: str,
        next_token: str | None = ...,
        per_page: int | None = ...,
    ) -> Any:
        """List the groups of a user"""

class _PutV1UserGroup(_Operation):
    def __call__(
        self,
        user_id: str,
        action: Literal["add", "remove"],
        groups: list[Any] | None = ...,
    ) -> Any:
        """Put a user in groups, or take them out"""

class _GetV1UserRoles(_Operation):
    def __call__(
        self,
        user_id: str,
        next_token: str | None = ...,
        per_page: int | None = ...,
    ) -> Any:
        """List the roles of a user"""

class _PutV1UserRole(_Operation):
    def __call__(
        self,
        user_id: str,
        action: Literal["add", "remove"],
        roles: list[Any] | None = ...,
    ) -> Any:
        """Give roles to a user, or take them away"""

class _PutV1UserPolicy(_Operation):
    def __call__(
        self,
        user_id: str,
        policy: dict[str, Any] | None = ...,
    ) -> Any:
        """Set the policy of a user"""

class _GetV1Groups(_Operation):
    def __call__(
        self,
        next_token: str | None = ...,
        per_page: int | None = ...,
    ) -> Any:
        """List all groups"""

class _PostV1Group(_Operation):
    def __call__(
        self,
        group_id: str,
        policy: dict[str, Any] | None = ...,
        roles: list[Any] | None = ...,
    ) -> Any:
        """Create a group"""

class _GetV1Group(_Operation):
    def __call__(
        self,
        group_id: str,
    ) -> Any:
        """Show a group"""

class _DeleteV1Group(_Operation):
    def __call__(
        self,
        group_id: str,
    ) -> Any:
        """Delete a group"""

class _GetV1GroupRoles(_Operation):
    def __call__(
        self,
        group_id: str,
        next_token: str | None = ...,
        per_page: int | None = ...,
    ) -> Any:
        """List the roles of a group"""

class _PutV1GroupRole(_Operation):
    def __call__(
        self,
        group_id: str,
        action: Literal["add", "remove"],
        roles: list[Any] | None = ...,
    ) -> Any:
        """Give roles to a group, or take them away"""

class _GetV1GroupUsers(_Operation):
    def __call__(
        self,
        group_id: str,
        next_token: str | None = ...,
        per_page: int | None = ...,
    ) -> Any:
        """List the users in a group"""

class _PutV1GroupUser(_Operation):
    def __call__(
        self,
        group_id: str,
        action: Literal["add", "remove"],
        users: list[Any] | None = ...,
    ) -> Any:
        """Put users in a group, or take them out"""

class _PutV1GroupPolicy(_Operation):
    def __call__(
        self,
        group_id: str,
        policy: dict[str, Any] | None = ...,
    ) -> Any:
        """Set the policy of a group"""

class _GetV1Roles(_Operation):
    def __call__(
        self,
        next_token: str | None = ...,
        per_page: int | None = ...,
    ) -> Any:
        """List all roles"""

class _PostV1Role(_Operation):
    def __call__(
        self,
        role_id: str,
        policy: dict[str, Any],
    ) -> Any:
        """Create a role"""

class _GetV1Role(_Operation):
    def __call__(
        self,
        role_id: str,
    ) -> Any:
        """Show a role"""

class _DeleteV1Role(_Operation):
    def __call__(
        self,
        role_id: str,
    ) -> Any:
        """Delete a role"""

class _PutV1RolePolicy(_Operation):
    def __call__(
        self,
        role_id: str,
        policy: dict[str, Any] | None = ...,
    ) -> Any:
        """Set the policy of a role"""

class AuthClient(_AuthClient):
    """Talks to the auth service. Every operation of its API description is a method (`get_v1_user`, …)."""

    get_login: _GetLogin
    """Sign in with a browser"""

    get_logout: _GetLogout
    """Sign out of the browser's session"""

    get_openid_configuration: _GetOpenidConfiguration
    """Show where everything of OpenID Connect is"""

    get_jwks_json: _GetJwksJson
    """Get the keys that tokens are checked with"""

    get_oauth_authorize: _GetOauthAuthorize
    """Begin a sign-in"""

    post_oauth_revoke: _PostOauthRevoke
    """Revoke a refresh token"""

    post_oauth_token: _PostOauthToken
    """Get tokens for a code or a refresh token"""

    get_oauth_userinfo: _GetOauthUserinfo
    """Show who the token names"""

    post_oauth_userinfo: _PostOauthUserinfo
    """Show who the token names (as POST)"""

    get_echo: _GetEcho
    """Show what arrived"""

    post_v1_policies_evaluate: _PostV1PoliciesEvaluate
    """Ask whether a user may do something"""

    get_v1_users: _GetV1Users
    """List all users"""

    post_v1_user: _PostV1User
    """Create a user"""

    get_v1_user: _GetV1User
    """Show a user"""

    put_v1_user: _PutV1User
    """Enable or disable a user"""

    get_v1_user_owns: _GetV1UserOwns
    """List what a user owns"""

    get_v1_user_groups: _GetV1UserGroups
    """List the groups of a user"""

    put_v1_user_group: _PutV1UserGroup
    """Put a user in groups, or take them out"""

    get_v1_user_roles: _GetV1UserRoles
    """List the roles of a user"""

    put_v1_user_role: _PutV1UserRole
    """Give roles to a user, or take them away"""

    put_v1_user_policy: _PutV1UserPolicy
    """Set the policy of a user"""

    get_v1_groups: _GetV1Groups
    """List all groups"""

    post_v1_group: _PostV1Group
    """Create a group"""

    get_v1_group: _GetV1Group
    """Show a group"""

    delete_v1_group: _DeleteV1Group
    """Delete a group"""

    get_v1_group_roles: _GetV1GroupRoles
    """List the roles of a group"""

    put_v1_group_role: _PutV1GroupRole
    """Give roles to a group, or take them away"""

    get_v1_group_users: _GetV1GroupUsers
    """List the users in a group"""

    put_v1_group_user: _PutV1GroupUser
    """Put users in a group, or take them out"""

    put_v1_group_policy: _PutV1GroupPolicy
    """Set the policy of a group"""

    get_v1_roles: _GetV1Roles
    """List all roles"""

    post_v1_role: _PostV1Role
    """Create a role"""

    get_v1_role: _GetV1Role
    """Show a role"""

    delete_v1_role: _DeleteV1Role
    """Delete a role"""

    put_v1_role_policy: _PutV1RolePolicy
    """Set the policy of a role"""
