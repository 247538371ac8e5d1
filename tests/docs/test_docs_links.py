"""Every page leads somewhere, and speaks of the product alone."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import typer
from docs_pages import ROOT, pages, prose

from gateway.cli import make_app

PAGES = pages()
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


def anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as repositories make them."""
    headings = re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_the_pages_that_readers_are_promised_are_there() -> None:
    names = {str(page.relative_to(ROOT)) for page in PAGES}

    assert names >= {"README.md", "SECURITY.md", "CHANGELOG.md", "CONTRIBUTING.md", "THIRD_PARTY.md"}
    assert len([name for name in names if name.startswith("docs/decisions/")]) >= 6


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_link_leads_to_a_file_of_ours(page: Path) -> None:
    """No page sends its reader to another address: what it says, it says here."""
    for target in LINK.findall(prose(page)):
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page

        assert "://" not in target, target
        assert file.is_relative_to(ROOT), target
        assert file.exists(), target
        assert not anchor or anchor in anchors(file), target


def test_readme_links_to_every_page() -> None:
    """What nobody links to, nobody reads: a decision is linked by the page it is about, or by its folder."""
    linked = {(page.parent / target.partition("#")[0]).resolve() for page in PAGES for target in LINK.findall(prose(page))}
    unlinked = [page for page in PAGES if page not in linked and page.name != "README.md"]

    assert linked
    assert [page for page in unlinked if page.parent.resolve() not in linked] == []


# -- commands that pages name

COMMAND = re.compile(r"\bstile ([a-z][a-z|-]*)((?: [a-z][a-z|-]*)*)([^`\n]*)")


def named_commands(page: Path) -> list[tuple[str, str, str]]:
    text = page.read_text(encoding="utf-8").replace("\\\n", " ")
    code = re.findall(r"`(stile [^`]+)`", text) + re.findall(r"^(?:\.venv/bin/)?(stile .+)$", text, re.MULTILINE)
    return [found.groups(default="") for line in code if (found := COMMAND.match(line))]


def test_every_command_that_a_page_names_is_there() -> None:
    """With its subcommands and its options; `a|b` names two."""
    seen, stile = 0, typer.main.get_command(make_app([]))
    for page in PAGES:
        for first, words, rest in named_commands(page):
            chosen = [stile]
            for word in (first, *words.split()):
                if all(hasattr(each, "commands") for each in chosen):  # what follows a command is its argument
                    chosen = [each.commands[one] for each in chosen for one in word.split("|")]
            for option in re.findall(r"--[a-z-]+", rest):
                known = {one for each in chosen for given in each.params for one in given.opts} | {"--help"}
                assert option in known, f"{page.name}: stile {first}{words} {option}"
            seen += 1

    assert seen > 50
