# SPDX-License-Identifier: Apache-2.0
"""docs/control-api.yaml against the daemon. That its schemas are what is sent, unit tests know."""

import re

import pytest

from engine import REPOSITORY
from ipam import LonePlugind
from plugind import Connection


@pytest.fixture
def lone_plugind(binary, tmp_path):
    plugind = LonePlugind(tmp_path)
    plugind.start()
    yield plugind
    plugind.close()


def documented():
    """Each operation, as `GET /v1/pools`."""
    operations, path = set(), None
    text = (REPOSITORY / "docs/control-api.yaml").read_text()
    for line in text[text.index("\npaths:\n"):text.index("\ncomponents:\n")].splitlines():
        if found := re.fullmatch(r"  (/\S+):", line):
            path = found[1]
        elif found := re.fullmatch(r"    (get|put|post|delete|patch):", line):
            operations.add(f"{found[1].upper()} {path}")
    return operations


def test_the_document_has_what_the_daemon_serves_and_no_more(lone_plugind):
    with Connection(lone_plugind.directory / "control.sock") as connection:
        status, answer = connection.call("/v1/nonsense")
    assert status == 404
    served = answer["error"].partition("known are ")[2].split(", ")
    assert sorted(served) == sorted(documented())
