"""The pages that people see: plain HTML that works without scripts, on a phone as on a desk."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable
from html import escape

__all__ = ["POLICY", "consent_page", "echo_page", "message_page", "sign_in_page"]

_STYLE = """
:root { color-scheme: light dark; --ink: #1c2430; --dim: #5a6575; --paper: #eef1f5; --card: #fff; --line: #c4ccd6;
  --accent: #0b5cad; --on-accent: #fff; --bad: #a3200d; --bad-paper: #fdeeec }
@media (prefers-color-scheme: dark) { :root { --ink: #e6eaf0; --dim: #a5b0be; --paper: #12171e; --card: #1c232d;
  --line: #465261; --accent: #7db8f5; --on-accent: #0c1a29; --bad: #ffb4a8; --bad-paper: #3a1d19 } }
* { box-sizing: border-box }
body { margin: 0; min-height: 100vh; display: grid; place-items: center; padding: 1rem; background: var(--paper);
  color: var(--ink); font: 1rem/1.5 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif }
main { width: 100%; max-width: 26rem; padding: 2rem; background: var(--card); border: 1px solid var(--line);
  border-radius: .75rem }
h1 { margin: 0 0 .5rem; font-size: 1.4rem; line-height: 1.25; overflow-wrap: anywhere }
p, ul { margin: 0 0 1rem; overflow-wrap: anywhere }
ul { padding-left: 1.25rem }
.dim { color: var(--dim); font-size: .9rem }
.bad { padding: .6rem .8rem; border-left: 4px solid var(--bad); background: var(--bad-paper); color: var(--bad) }
label { display: block; margin-bottom: .25rem; font-weight: 600 }
input { width: 100%; margin-bottom: 1rem; padding: .6rem .7rem; border: 1px solid var(--line); border-radius: .4rem;
  background: transparent; color: inherit; font: inherit }
button { width: 100%; margin-bottom: .6rem; padding: .65rem 1rem; border: 1px solid var(--accent);
  border-radius: .4rem; background: transparent; color: var(--accent); font: inherit; font-weight: 600;
  cursor: pointer }
button.main { background: var(--accent); color: var(--on-accent) }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px }
code { font-family: ui-monospace, Menlo, Consolas, monospace }
code.copy { display: block; padding: .8rem; border: 1px dashed var(--line); border-radius: .4rem; user-select: all;
  overflow-wrap: anywhere }
@media (max-width: 30rem) { body { padding: 0; place-items: stretch } main { max-width: none; border: 0;
  border-radius: 0 } }
"""

_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
POLICY = f"default-src 'none'; style-src 'sha256-{_HASH}'; base-uri 'none'; frame-ancestors 'none'"
"""The Content-Security-Policy of all pages: they need nothing but their own style."""

_SCOPES = {
    "openid": "Know who you are in this local stack.",
    "email": "See your e-mail address and your group, and act for you with them.",
    "offline_access": "Stay signed in, until you sign out there or have not used it for 30 days.",
}


def sign_in_page(visit: str, *, program: str, email: str = "", problem: str | None = None) -> str:
    """Return the form for e-mail address and password; `visit` comes back with it."""
    warning = f'<p class="bad" role="alert" id="problem">{escape(problem)}</p>' if problem else ""
    described = ' aria-describedby="problem" aria-invalid="true"' if problem else ""
    at_email, at_password = ("", " autofocus") if email else (" autofocus", "")
    return _page(
        "Sign in",
        f"""<h1>Sign in</h1>
<p class="dim">to go on with {escape(program)}</p>
{warning}
<form method="post" action="/oauth/sign-in">
<input type="hidden" name="visit" value="{escape(visit)}">
<label for="email">E-mail address</label>
<input id="email" name="email" type="email" value="{escape(email)}" autocomplete="username" autocapitalize="none"
 spellcheck="false" maxlength="128" required{described}{at_email}>
<label for="password">Password</label>
<input id="password" name="password" type="password" autocomplete="current-password" required{described}{at_password}>
<button class="main" type="submit">Sign in</button>
</form>
<p class="dim">Accounts of this local stack are made with <code>hca local user add</code>.</p>""",
    )


def consent_page(visit: str, *, program: str, email: str, scope: Iterable[str], destination: str) -> str:
    """Return the question whether `program` may use the account; `destination` is where the answer goes."""
    wishes = "\n".join(f"<li>{_SCOPES[word]}</li>" for word in scope if word in _SCOPES)
    return _page(
        "Allow access",
        f"""<h1>Allow access to {escape(program)}?</h1>
<p>You are signed in as <strong>{escape(email)}</strong>. The program wants to:</p>
<ul>
{wishes}
</ul>
<form method="post" action="/oauth/consent">
<input type="hidden" name="visit" value="{escape(visit)}">
<button class="main" type="submit" name="decision" value="allow">Allow</button>
<button type="submit" name="decision" value="deny">Do not allow</button>
<button type="submit" name="decision" value="switch">Use another account</button>
</form>
<p class="dim">The answer goes to <code>{escape(destination)}</code>. Allow this only if you have just started that
program yourself.</p>""",
    )


def message_page(title: str, text: str) -> str:
    """Return a page that says one thing."""
    return _page(title, f"<h1>{escape(title)}</h1>\n<p>{escape(text)}</p>")


def echo_page(code: str | None, error: str | None) -> str:
    """Return the page at which a sign-in ends if the program cannot be reached: somebody copies the code."""
    if code is None:
        return message_page("Nothing to copy", f"The sign-in gave no code{': ' + error if error else ''}.")
    return _page(
        "Your code",
        f"""<h1>Your code</h1>
<p>Copy it to where the program asks for it:</p>
<p><code class="copy" id="code">{escape(code)}</code></p>
<p class="dim">It can be used once, within five minutes. Give it to nobody else.</p>""",
    )


def _page(title: str, body: str) -> str:
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(title)} - hca local</title>
<style>{_STYLE}</style>
</head>
<body>
<main>
{body}
</main>
</body>
</html>
"""
