"""What this plugin adds to hca."""

from __future__ import annotations

from hca_core.hookspecs import hookimpl
from hca_core.records import CommandSpec, ServiceSpec, SettingSpec


@hookimpl
def hca_commands() -> list[CommandSpec]:
    return [CommandSpec("auth", "Interact with the HCA authorization and authentication system.", "hca_auth.cli:auth")]


@hookimpl
def hca_services() -> list[ServiceSpec]:
    return [
        ServiceSpec(
            name="auth",
            client="hca_auth.client:AuthClient",
            title="HCA authorization and authentication system",
            description_url="https://auth.data.humancellatlas.org/swagger.json",
            description="hca_auth:data/auth-api.json",
            safe_posts=frozenset({"post_oauth_userinfo", "post_v1_policies_evaluate"}),
        )
    ]


@hookimpl
def hca_settings() -> list[SettingSpec]:
    return [
        SettingSpec(
            "AuthClient.swagger_url",
            "https://auth.data.humancellatlas.org/swagger.json",
            "Where the auth service publishes its API description; decides which auth service is used.",
        )
    ]
