"""The recipes of README.md: the blocks of Python under one heading, by their title."""

import re
from pathlib import Path

README = Path(__file__).parents[2] / "README.md"
HEADING = "## In your pipeline"


def section():
    """The text under the heading, up to the next heading of its level."""
    return re.search(
        rf"^{HEADING}$(.*?)(?=^## |\Z)", README.read_text("utf-8"), re.MULTILINE | re.DOTALL
    )[1]


def recipes():
    """The code of each recipe."""
    found = {}
    for part in re.split(r"^### ", section(), flags=re.M)[1:]:
        title = part.partition("\n")[0]
        for code in re.findall(r"^```python\n(.*?)^```$", part, re.M | re.S):
            assert title not in found, f"{title!r} has two blocks"
            found[title] = code
    return found


def names(title):
    """What a recipe leaves behind when it is run here."""
    result = {}
    exec(recipes()[title], result)
    return result
