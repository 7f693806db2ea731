from collections.abc import Callable
from xml.etree import ElementTree

import pytest

from labkit.dashboards import Picture


@pytest.fixture
def well_drawn() -> Callable[[Callable[[], Picture]], Picture]:
    """Draws a picture twice: it is well-formed, described, and the same each time."""

    def check(draw: Callable[[], Picture]) -> Picture:
        first, again = draw(), draw()
        assert ElementTree.fromstring(first.svg).tag.endswith("svg")
        assert first.svg == again.svg
        assert len(first.alt) > 20 and "nan" not in first.alt.split()
        return first

    return check
