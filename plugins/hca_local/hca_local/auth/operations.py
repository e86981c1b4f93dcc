"""The operations on users, groups and roles."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Collection, Mapping
from functools import partial
from typing import Any, Literal

from hca_local.auth.errors import conflict, illegal
from hca_local.auth.links import GROUP_ROLES, GROUP_USERS, USER_GROUPS, USER_ROLES, Kind, Link
from hca_local.auth.policy import PolicyError, stored
from hca_local.auth.records import Records
from hca_local.auth.rights import ADMIN_ROLE, default_policy
from hca_local.router import Answer, Call, Handler, page

__all__ = ["Operations"]


class Operations:
    """Handlers of `/v1/user…`, `/v1/group…` and `/v1/role…`.

    The users `admins` cannot be disabled, and their role stays what it is: nobody else could undo that.
    """

    def __init__(self, records: Records, admins: Collection[str]) -> None:
        self._records = records
        self._admins = admins

    @property
    def handlers(self) -> dict[str, Handler]:
        """By operation name."""
        return {
            "get_v1_users": partial(self.list, "user"),
            "post_v1_user": self.create_user,
            "get_v1_user": partial(self.get, "user"),
            "put_v1_user": self.set_status,
            "get_v1_user_owns": self.owned,
            "get_v1_user_groups": partial(self.linked, USER_GROUPS),
            "put_v1_user_group": partial(self.change, USER_GROUPS),
            "get_v1_user_roles": partial(self.linked, USER_ROLES),
            "put_v1_user_role": partial(self.change, USER_ROLES),
            "put_v1_user_policy": partial(self.set_policy, "user"),
            "get_v1_groups": partial(self.list, "group"),
            "post_v1_group": self.create_group,
            "get_v1_group": partial(self.get, "group"),
            "delete_v1_group": partial(self.delete, "group"),
            "get_v1_group_roles": partial(self.linked, GROUP_ROLES),
            "put_v1_group_role": partial(self.change, GROUP_ROLES),
            "get_v1_group_users": partial(self.linked, GROUP_USERS),
            "put_v1_group_user": partial(self.change, GROUP_USERS),
            "put_v1_group_policy": partial(self.set_policy, "group"),
            "get_v1_roles": partial(self.list, "role"),
            "post_v1_role": self.create_role,
            "get_v1_role": partial(self.get, "role"),
            "delete_v1_role": partial(self.delete, "role"),
            "put_v1_role_policy": partial(self.set_policy, "role"),
        }

    # ── creating ──

    def create_user(self, call: Call) -> Answer:
        """Add a user, in the default group and those that are named."""
        links = {USER_GROUPS: call.body.get("groups", ()), USER_ROLES: call.body.get("roles", ())}
        policy = _policy(call) if "policy" in call.body else None
        self._create(call, "user", policy, links)
        return Answer(201, {"msg": f"{call.body['user_id']} created."})

    def create_group(self, call: Call) -> Answer:
        """Add a group; without a policy it gets one by which its members may see it."""
        id = call.body["group_id"]
        policy = _policy(call) if "policy" in call.body else default_policy(id)
        self._create(call, "group", policy, {GROUP_ROLES: call.body.get("roles", ())})
        return Answer(201, {"msg": f"Group {id} created."})

    def create_role(self, call: Call) -> Answer:
        """Add a role."""
        self._create(call, "role", _policy(call), {})
        return Answer(201, {"msg": f"Role {call.body['role_id']} created."})

    def _create(self, call: Call, kind: Kind, policy: str | None, links: Mapping[Link, Any]) -> None:
        assert call.user is not None
        self._records.create(kind, call.body[f"{kind}_id"], policy=policy, owner=call.user.email, links=links)

    # ── single ones ──

    def get(self, kind: Kind, call: Call) -> Answer:
        """Show a user, a group or a role with its policy."""
        record = self._records.get(kind, _id(call, kind))
        policies = {} if record.policy is None else {"IAMPolicy": json.loads(record.policy)}
        status = {} if record.status is None else {"status": record.status}
        return Answer(200, {f"{kind}_id": record.id, **status, "policies": policies})

    def set_status(self, call: Call) -> Answer:
        """Enable or disable a user."""
        id, status = _id(call, "user"), call.arguments["status"]
        if status == "disabled" and id in self._admins:
            raise conflict(f"{id} owns this service, and cannot be disabled.")
        self._records.set_status(id, status)
        return Answer(200, {"user_id": id, "status": status, "msg": f"{id} is {status}."})

    def set_policy(self, kind: Kind, call: Call) -> Answer:
        """Replace the policy of a user, a group or a role."""
        id = _id(call, kind)
        _keep_admin_role(kind, id)
        self._records.set_policy(kind, id, _policy(call))
        return Answer(200, {f"{kind}_id": id, "msg": f"The {kind} {id} has a new policy."})

    def delete(self, kind: Literal["group", "role"], call: Call) -> Answer:
        """Remove a group or a role from everywhere."""
        id = _id(call, kind)
        _keep_admin_role(kind, id)
        self._records.delete(kind, id)
        return Answer(200, {"msg": f"{kind.capitalize()} {id} deleted."})

    # ── links ──

    def change(self, link: Link, call: Call) -> Answer:
        """Make or end links, all or none; 304 if that would not change all of them."""
        id, key, action = _id(call, link.of), f"{link.to}s", call.arguments["action"]
        names = call.body[key]
        relink = self._records.connect if action == "add" else self._records.disconnect
        if not relink(link, id, names):
            return Answer(304)
        message = f"The {key} of the {link.of} {id} were changed."
        return Answer(200, {key: names, "action": action, f"{link.of}_id": id, "msg": message})

    # ── lists ──

    def list(self, kind: Kind, call: Call) -> Answer:
        """List all users, groups or roles."""
        return _list(call, kind, partial(self._records.names, kind))

    def linked(self, link: Link, call: Call) -> Answer:
        """List what a user or a group is linked to."""
        return _list(call, link.to, partial(self._records.linked, link, _id(call, link.of)))

    def owned(self, call: Call) -> Answer:
        """List the groups or roles that a user has made."""
        kind = call.arguments["resource_type"]
        return _list(call, kind, partial(self._records.owned, _id(call, "user"), kind))


def _id(call: Call, kind: Kind) -> str:
    return str(call.arguments[f"{kind}_id"])


def _keep_admin_role(kind: Kind, id: str) -> None:
    if (kind, id) == ("role", ADMIN_ROLE):
        raise conflict(f"The role {id} is what administrators have; it can be neither changed nor deleted.")


def _policy(call: Call) -> str:
    try:
        return stored(call.body["policy"])
    except PolicyError as error:
        raise illegal(f"The policy is not valid: {error}.") from None


def _list(call: Call, kind: Kind, names: Callable[[str, int], list[str]]) -> Answer:
    """Return a page; its token is the last name before it, so that it stays right whatever comes or goes meanwhile."""
    limit = call.arguments["per_page"]
    found = names(_decode(call.arguments["next_token"] or ""), limit + 1)
    following = {"next_token": _encode(found[limit - 1])} if len(found) > limit else None
    return page(call, {f"{kind}s": found[:limit]}, f"{kind}s", following)


def _encode(name: str) -> str:
    return base64.urlsafe_b64encode(name.encode()).decode()


def _decode(token: str) -> str:
    try:
        return base64.b64decode(token, altchars=b"-_", validate=True).decode()
    except ValueError:
        raise illegal("next_token: there is no such page; follow the links of the pages.") from None
