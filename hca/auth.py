"""Where editors and type checkers find `hca.auth`; when a program runs, the finder in `hca` answers with `hca_auth`."""

from hca_auth import AuthClient as AuthClient
