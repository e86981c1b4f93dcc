"""Writes the pictures of the login pages into docs/images; needs Playwright and Chromium."""

from __future__ import annotations

import shutil
from pathlib import Path

from playwright.sync_api import sync_playwright

from hca_local.oidc.pages import consent_page, sign_in_page

IMAGES = Path(__file__).parent / "images"
EMAIL = "ada@lab.example"
PAGES = {
    "login.png": sign_in_page("", program="hca", email=EMAIL),
    "consent.png": consent_page(
        "",
        program="hca",
        email=EMAIL,
        scope=["openid", "email", "offline_access"],
        destination="http://127.0.0.1:50123/",
    ),
}


def main() -> None:
    """Draw each page as it is shown, at its own height."""
    IMAGES.mkdir(exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 540, "height": 10}, color_scheme="light")
        for name, html in PAGES.items():
            page.set_content(html)
            page.screenshot(path=IMAGES / name, full_page=True, caret="hide", animations="disabled")
        browser.close()


if __name__ == "__main__":
    main()
