"""What every executed notebook must fulfil."""

import json
import re
from pathlib import Path


def assert_clean(notebook: Path, page: str) -> None:
    """No warning in any cell, nothing to be fetched, a description of every picture."""
    for cell in json.loads(notebook.read_text())["cells"]:
        for output in cell.get("outputs", []):
            assert output.get("name") != "stderr", "".join(output["text"])
            assert output["output_type"] != "error"
    assert "<script" not in page
    assert not re.search(r'<(?:img|link|iframe|source)[^>]*(?:src|href)="(?!data:)', page)
    assert "@import" not in page and "url(http" not in page
    for tag in re.findall(r"<img[^>]*>", page):
        assert re.search(r'alt="[^"]+"', tag), tag[:200]
