# SPDX-License-Identifier: Apache-2.0
"""The documents: whatever one points to is there."""

import re

import pytest

from engine import REPOSITORY

DOCUMENTS = sorted(
    path.relative_to(REPOSITORY).as_posix()
    for pattern in ("*.md", "docs/*.md", "examples/**/*.md") for path in REPOSITORY.glob(pattern))
LINK = re.compile(r"(?<!`)\]\(([^)\s]+)\)")
FENCE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)


def prose(path):
    return FENCE.sub("", path.read_text())


def anchors(path):
    """What headings can be linked by, made as on the sites that show Markdown."""
    headings = re.findall(r"^#+ (.*)$", prose(path), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_link_leads_somewhere(document):
    path = REPOSITORY / document
    dead = []
    for link in LINK.findall(prose(path)):
        if "://" in link:
            continue
        file, _, anchor = link.partition("#")
        target = (path.parent / file).resolve() if file else path
        if not target.exists() or anchor and anchor not in anchors(target):
            dead.append(link)
    assert not dead, f"{document}: {dead}"


def test_every_document_is_linked_from_the_first_one():
    linked = {(REPOSITORY / link.partition("#")[0]).resolve() for link in LINK.findall(prose(REPOSITORY / "README.md"))}
    missing = [path.name for path in (REPOSITORY / "docs").glob("*.md") if path.resolve() not in linked]
    assert not missing
