"""The documentation site: the pages of docs/, those made from the declarations, and MkDocs around them.

It is read from a disk as well as from a server, and asks no other host for anything.
"""

import logging
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sim.paths import ROOT

DOCS = ROOT / "docs"
CONFIG = DOCS / "mkdocs.yml"
#: Files of the top folder that are pages too.
_TOP = ("CONTRIBUTING.md", "CHANGELOG.md")
#: Where pages go that the configuration does not name.
_REST = "Guides"


class SiteError(Exception):
    """It cannot be built; says what is wrong with which page."""


def stage(source: Path, pages: dict[str, str]) -> None:
    """A folder with everything that the site is made of. `pages` are generated: path below reference/, Markdown."""
    shutil.rmtree(source, ignore_errors=True)
    shutil.copytree(DOCS, source, ignore=shutil.ignore_patterns(CONFIG.name))
    for name in _TOP:
        text = (ROOT / name).read_text(encoding="utf-8")
        (source / name.lower()).write_text(re.sub(r"\]\(docs/", "](", text), encoding="utf-8")
    for name, text in pages.items():
        path = source / "reference" / f"{name}.md"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")


def build(source: Path, site: Path) -> None:
    """Build the site of a staged folder. Raises `SiteError`, also where a link or the navigation leads nowhere."""
    from mkdocs.commands.build import build as mkdocs_build
    from mkdocs.config import load_config
    from mkdocs.exceptions import MkDocsException

    heard = _Heard()
    logger = logging.getLogger("mkdocs")
    logger.addHandler(heard)
    heeded, logger.propagate = logger.propagate, False
    try:
        config = load_config(str(CONFIG), docs_dir=str(source.absolute()), site_dir=str(site.absolute()), strict=True)
        present = {str(path.relative_to(source)) for path in source.rglob("*.md")}
        config["nav"] = complete(config["nav"], present)
        config.plugins.on_startup(command="build", dirty=False)
        try:
            mkdocs_build(config)
        finally:
            config.plugins.on_shutdown()
    except MkDocsException as error:
        raise SiteError("\n".join(heard.lines or [str(error)])) from None
    finally:
        logger.removeHandler(heard)
        logger.propagate = heeded


def complete(nav: list[Any], present: set[str]) -> list[Any]:
    """The navigation, with the pages that it does not name at the end of Guides."""
    rest = sorted(present - set(_named(nav)))
    return [{_REST: item[_REST] + rest} if isinstance(item, dict) and _REST in item else item for item in nav]


def _named(nav: list[Any]) -> Iterator[str]:
    for item in nav:
        for target in item.values() if isinstance(item, dict) else [item]:
            if isinstance(target, list):
                yield from _named(target)
            else:
                yield target


class _Heard(logging.Handler):
    """Keeps warnings and errors, which strict mode makes fatal."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())
