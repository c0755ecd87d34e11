"""Letters from Jinja2 templates: `name.txt` and `name.html` in the `templates/` folder of a package.

What a package does not have, such as the layout, is taken from the package `common` beside it.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jinja2 import Environment


@cache
def environment(package: str) -> Environment:
    """The templates of a package. HTML is escaped; a name that is not given is an error."""
    from jinja2 import (
        ChoiceLoader,
        Environment,
        PackageLoader,
        StrictUndefined,
        select_autoescape,
    )  # only for who writes letters

    return Environment(
        loader=ChoiceLoader([PackageLoader(package), PackageLoader(f"{package.rpartition('.')[0]}.common")]),
        autoescape=select_autoescape(["html"]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def text_and_html(package: str, letter: str, /, **values: Any) -> tuple[str, str]:
    """Both forms of a letter."""
    templates = environment(package)
    return (
        templates.get_template(f"{letter}.txt").render(**values),
        templates.get_template(f"{letter}.html").render(**values),
    )
