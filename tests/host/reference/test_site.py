"""The site: whole (no dead link, every page in its navigation), made from the declarations, and asks nobody else."""

import re
import shutil
from html.parser import HTMLParser

import pytest

from hdl.config import VARIANTS
from hdl.layouts import DOWN, UP
from hdl.registers import BLOCKS
from hdl.risk.checks import CHECKS
from host.bus.topics import TOPICS
from host.cli import main
from host.reference import site as site_module
from host.reference.site import SiteError, build, complete, stage
from host.risk.fields import FIELDS
from sim import browser

#: What makes a browser fetch something by itself; a link waits for a click.
_FETCHED = {"link": "href", "script": "src", "img": "src", "iframe": "src", "source": "src", "object": "data"}


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """The folder of a whole build by the command."""
    out = tmp_path_factory.mktemp("docs")
    assert main.call(["docs", "--out", str(out)]) == 0
    return out


class Fetches(HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.found = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        address = dict(attrs).get(_FETCHED.get(tag, ""))
        if address:
            self.found.append(address)


def test_it_asks_nobody_else(built):
    pages = list((built / "site").rglob("*.html"))
    assert len(pages) > 15
    for page in pages:
        for address in Fetches(page.read_text(encoding="utf-8")).found:
            assert not re.match(r"(\w+:)?//", address), (page, address)
            assert (page.parent / address.partition("?")[0]).exists() or page.name == "404.html", (page, address)
    for sheet in (built / "site").rglob("*.css"):
        assert not re.search(r"url\(['\"]?(https?:)?//", sheet.read_text(encoding="utf-8")), sheet


def test_every_page_of_docs_is_in_it(built):
    for page in site_module.DOCS.rglob("*.md"):
        assert (built / "site" / page.relative_to(site_module.DOCS).with_suffix(".html")).exists(), page


@pytest.mark.parametrize(("page", "names"), [
    ("registers", [reg.name for block in BLOCKS if len(block.regs) <= 32 for reg in block.regs]),
    ("records", [one.name for record in (*UP, *DOWN) for one in (record, *record.fields)]),
    ("topics", list(TOPICS)),
    ("limits", [name for fields in FIELDS.values() for name in fields] + [check.reason.name for check in CHECKS]),
    ("cli", ["tickgate run", "tickgate limits approve", "--seconds", "tickgate bitstream build"]),
    ("tests", ["test_site.py", "bench_gate.py"])])
def test_the_reference_has_every_name(built, page, names):
    text = (built / "source" / "reference" / f"{page}.md").read_text(encoding="utf-8")
    assert names
    assert [name for name in names if name not in text] == []
    assert str(site_module.ROOT) not in text  # nothing of this machine


def test_addresses_are_those_of_the_variant(tmp_path, built, monkeypatch):
    other = next(name for name in VARIANTS if name != "gbe")
    monkeypatch.chdir(tmp_path.parent)
    assert main.call(["docs", "--out", tmp_path.name, "--variant", other]) == 0
    one, another = ((out / "source/reference/registers.md").read_text(encoding="utf-8") for out in (built, tmp_path))
    assert one != another
    assert f"# Registers of the {other} NIC" in another


@pytest.fixture
def small(tmp_path, monkeypatch):
    """docs/ with the configuration, one page that it names, and nothing generated."""
    docs = tmp_path / "docs"
    docs.mkdir()
    text = (site_module.CONFIG).read_text(encoding="utf-8")
    nav = "nav:\n  - index.md\n  - Guides:\n      - limits.md\n"
    (docs / "mkdocs.yml").write_text(text[:text.index("nav:\n  -")] + nav, encoding="utf-8")
    for name in ("site.css", "iframe-worker.js"):
        shutil.copy(site_module.DOCS / name, docs)
    (docs / "index.md").write_text("# One\n\n[two](limits.md#here)\n", encoding="utf-8")
    (docs / "limits.md").write_text("# Two\n\n## Here\n", encoding="utf-8")
    monkeypatch.setattr(site_module, "_TOP", ())
    monkeypatch.setattr(site_module, "DOCS", docs)
    monkeypatch.setattr(site_module, "CONFIG", docs / "mkdocs.yml")
    return docs


def make(small):
    source, site = small.parent / "source", small.parent / "site"
    stage(source, {})
    build(source, site)
    return site


def test_a_page_that_nobody_named_is_a_guide(small):
    (small / "new.md").write_text("# A page of its own\n", encoding="utf-8")
    assert "A page of its own" in (make(small) / "index.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(("text", "problem"), [
    ("# One\n\n[two](nowhere.md)\n", "nowhere.md"), ("# One\n\n[two](limits.md#gone)\n", "#gone"),
    ("# One\n\n![two](gone.svg)\n", "gone.svg"), ("# One\n\n[two](/limits.md)\n", "/limits.md")])
def test_a_dead_link_fails(small, text, problem):
    (small / "index.md").write_text(text, encoding="utf-8")
    with pytest.raises(SiteError, match=re.escape(problem)):
        make(small)


def test_a_page_that_is_named_and_absent_fails(small):
    (small / "limits.md").unlink()
    (small / "index.md").write_text("# One\n", encoding="utf-8")
    with pytest.raises(SiteError, match=r"limits\.md"):
        make(small)


def test_the_navigation_keeps_its_order():
    nav = ["index.md", {"Guides": ["b.md"]}, {"Reference": [{"Last": "c.md"}]}]
    present = {"index.md", "a.md", "b.md", "c.md"}
    assert complete(nav, present) == ["index.md", {"Guides": ["b.md", "a.md"]}, {"Reference": [{"Last": "c.md"}]}]


@pytest.mark.parametrize(("arguments", "problem"), [
    (["--variant", "none"], "--variant none: there is"), (["--out", "/dev/null/docs"], "/dev/null/docs")])
def test_what_is_wrong_is_told(arguments, problem, capsys):
    assert main.call(["docs", *arguments]) == main.BAD_INPUT
    assert problem in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.skipif(bool(browser.missing()), reason=browser.missing())
def test_search_works_on_pages_from_a_disk(built):
    with browser.Browser() as page:
        page.open((built / "site" / "index.html").as_uri())
        page.run("const box = document.querySelector('.md-search__input'); box.focus(); box.value = 'kill';"
                 "box.dispatchEvent(new Event('keyup', {bubbles: true}));")
        page.until("return [...document.querySelectorAll('.md-search-result__link')]"
                   ".some((one) => one.href.includes('limits.html'))")
        assert page.complaints() == []
