#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the managed plugin's config.json to standard output: that of this directory, with a variable for each setting
of docs/config.example.yaml that the environment takes. None has a value, so that what nobody sets is as by default."""

import json
import re
from pathlib import Path

HERE = Path(__file__).resolve().parent
EXAMPLE = HERE.parents[1] / "docs/config.example.yaml"

# The engine looks for the socket by its directory and name, and the state is where config.json mounts it.
FIXED = {"name", "plugin-dir", "state-dir"}


def main():
    config = json.loads((HERE / "config.json").read_text())
    config["Env"] = [variable("config", "Configuration file, by its path in the plugin")]
    config["Env"] += [variable(key, words) for key, words in settings(EXAMPLE.read_text()) if key not in FIXED]
    print(json.dumps(config, indent=2, ensure_ascii=False))


def variable(key, words):
    name = "PLUGIND_" + key.upper().replace("-", "_")
    return {"Name": name, "Description": words, "Value": None, "Settable": ["value"]}


def settings(example):
    """Keys that flags and environment take, each with the first sentence of what the example says of it."""
    comment = []
    for line in example.splitlines():
        if line.startswith("# "):
            comment.append(line[2:])
        elif key := re.match(r"#([a-z][a-z-]*):", line):
            words = " ".join(comment)
            if "File alone." not in words:
                yield key[1], re.split(r"[.:;] |\.$", words)[0]
            comment = []
        elif not line.startswith("#"):
            comment = []


if __name__ == "__main__":
    main()
