"""Dashboards as web pages, through Voilà."""

from collections.abc import Callable
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, expect

from labkit.dashboards._dashboard import DASHBOARDS

from .conftest import pictures


@pytest.mark.parametrize("name", DASHBOARDS)
def test_a_page_shows_its_dashboard_to_who_has_the_token(
    name: str, served: Callable[..., str], page: Page
) -> None:
    url = served(name)
    parts = urlsplit(url)
    assert parts.hostname == "127.0.0.1"
    page.goto(f"http://{parts.netloc}/")
    expect(page.get_by_role("textbox", name="token")).to_be_visible()  # it asks for the token
    assert "login" in page.url and not pictures(page)
    page.goto(url)
    page.locator(".js-plotly-plot .main-svg").first.wait_for()
    assert page.get_by_role("alert").all_inner_texts() == []
    assert page.get_by_text("There was an error").count() == 0
    assert name in page.title()
    assert pictures(page)
