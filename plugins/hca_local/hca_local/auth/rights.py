"""Who may call the service itself: what every operation needs, and the policies that there are from the beginning."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from hca_local.auth.links import GROUP_ROLES, USER_ROLES
from hca_local.auth.policy import stored
from hca_local.auth.records import DEFAULT_GROUP, Records

__all__ = ["ADMIN_ROLE", "DEFAULT_ROLE", "PUBLIC_USER", "appoint", "default_policy", "needed", "prepare"]

ADMIN_ROLE = "fusillade_admin"
DEFAULT_ROLE = "default_user"
PUBLIC_USER = "public"  # stands for those who are not logged in

_ARN = "arn:hca:fus:*:*:"

# Action and resource by operation; the names in braces are path parameters.
_NEEDED: Mapping[str, tuple[str, str]] = {
    "post_v1_policies_evaluate": ("Evaluate", "user"),
    "get_v1_users": ("GetUser", "user"),
    "post_v1_user": ("PostUser", "user"),
    "get_v1_user": ("GetUser", "user/{user_id}/"),
    "put_v1_user": ("PutUser", "user/{user_id}/status"),
    "get_v1_user_owns": ("GetUser", "user/{user_id}/owns"),
    "put_v1_user_policy": ("PutUser", "user/{user_id}/policy"),
    "get_v1_user_groups": ("GetGroup", "user/{user_id}/groups"),
    "put_v1_user_group": ("PutGroup", "user/{user_id}/groups"),
    "get_v1_user_roles": ("GetRole", "user/{user_id}/roles"),
    "put_v1_user_role": ("PutRole", "user/{user_id}/roles"),
    "get_v1_groups": ("GetGroup", "group"),
    "post_v1_group": ("PostGroup", "group"),
    "get_v1_group": ("GetGroup", "group/{group_id}/"),
    "delete_v1_group": ("DeleteGroup", "group/{group_id}/"),
    "put_v1_group_policy": ("PutGroup", "group/{group_id}/policy"),
    "get_v1_group_users": ("GetUser", "group/{group_id}/users"),
    "put_v1_group_user": ("PutGroupUsers", "group/{group_id}/users"),
    "get_v1_group_roles": ("GetRole", "group/{group_id}/roles"),
    "put_v1_group_role": ("PutRole", "group/{group_id}/roles"),
    "get_v1_roles": ("GetRole", "role"),
    "post_v1_role": ("PostRole", "role"),
    "get_v1_role": ("GetRole", "role/{role_id}/"),
    "put_v1_role_policy": ("PutRole", "role/{role_id}/"),
    "delete_v1_role": ("DeleteRole", "role/{role_id}/"),
}


def needed(operation: str, arguments: Mapping[str, Any]) -> tuple[str, str]:
    """Return the action and the resource that a caller of an operation must be allowed."""
    verb, path = _NEEDED[operation]
    return f"fus:{verb}", _ARN + path.format_map(arguments)


def default_policy(group: str) -> str:
    """Return the policy of a new group: its members may see it and its roles."""
    resources = [f"{_ARN}group/{group}", f"{_ARN}group/{group}/*"]
    return _allow(["fus:GetGroup", "fus:GetRole"], resources)


def prepare(records: Records, admins: Iterable[str]) -> None:
    """Add what there is from the beginning; `admins` are again what they were whenever the service starts."""
    if records.is_new():
        itself = f"{_ARN}user/${{fus:user_email}}/*"
        records.ensure("role", DEFAULT_ROLE, policy=_allow(["fus:GetUser"], [itself]))
        policy = default_policy(DEFAULT_GROUP)
        records.ensure("group", DEFAULT_GROUP, policy=policy, links={GROUP_ROLES: [DEFAULT_ROLE]})
        records.ensure("role", ADMIN_ROLE, policy=_admin_policy())
        records.ensure("user", PUBLIC_USER)  # last, for from now on the records are not new
    for admin in admins:
        appoint(records, admin)


def appoint(records: Records, admin: str) -> None:
    """Make somebody an administrator, who is not disabled."""
    records.ensure("role", ADMIN_ROLE, policy=_admin_policy())
    records.ensure("user", admin, links={USER_ROLES: [ADMIN_ROLE]})
    records.enable(admin)


def _admin_policy() -> str:
    return _allow(["fus:*"], [f"{_ARN}*"])


def _allow(actions: list[str], resources: list[str]) -> str:
    return stored({"Statement": [{"Effect": "Allow", "Action": actions, "Resource": resources}]})
