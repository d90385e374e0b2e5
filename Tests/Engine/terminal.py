# SPDX-License-Identifier: Apache-2.0
"""A terminal: what a command prints on one, and that as a picture."""

import fcntl
import os
import pty
import re
import struct
import subprocess
import termios
from html import escape

# ECMA-48, select graphic rendition: what plugind uses of it.
STYLES = {"0": "", "1": "bold", "2": "faint", "31": "red", "32": "green", "33": "yellow"}
# Measures of a picture: of a character, of a line, and what is around them.
ADVANCE, LEADING, MARGIN, BAR = 8.2, 19, 18, 30
SHEET = """
text { font: 13.5px ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", "Liberation Mono", monospace;
  fill: #e6edf3; white-space: pre }
.page { fill: #0d1117; stroke: #3d444d } .bar { fill: #3d444d } .title { fill: #9198a1 }
.bold { font-weight: 700; fill: #ffffff } .faint { fill: #8b949e } .red { fill: #ff7b72; font-weight: 700 }
.green { fill: #56d364 } .yellow { fill: #e3b341 }
"""


def printed_on(columns, *command, **variables):
    """What the command prints on a terminal so wide, with its escape sequences. It must succeed."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
    environment = {**os.environ, "TERM": "xterm-256color", "LC_ALL": "C.UTF-8", **variables}
    environment.pop("NO_COLOR", None)
    process = subprocess.Popen(
        [str(part) for part in command], stdin=subprocess.DEVNULL, stdout=slave, stderr=subprocess.PIPE,
        env=environment)
    os.close(slave)
    chunks = []
    with os.fdopen(master, "rb", buffering=0) as terminal:
        while chunk := read(terminal):
            chunks.append(chunk)
    words = process.stderr.read().decode()
    process.stderr.close()
    assert process.wait(timeout=60) == 0, words
    return b"".join(chunks).decode().replace("\r\n", "\n")


def read(terminal):
    """The next bytes; none once the last writer has closed its end, which Linux tells by EIO."""
    try:
        return terminal.read(65536)
    except OSError:
        return b""


def plain(text):
    return re.sub(r"\x1b\[[0-9;]*[A-Za-z]", "", text)


def picture(command, text):
    """A terminal that shows the command and what it printed, as SVG."""
    lines = [f"# {command}", *text.rstrip("\n").split("\n")]
    columns = max(len(plain(line)) for line in lines)
    width, height = columns * ADVANCE + 2 * MARGIN, len(lines) * LEADING + 2 * MARGIN + BAR
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:g}" height="{height:g}" '
        f'viewBox="0 0 {width:g} {height:g}" role="img">', f"<title>{escape(command)}</title>",
        f"<style>{SHEET}</style>",
        f'<rect class="page" x="0.5" y="0.5" width="{width - 1:g}" height="{height - 1:g}" rx="10"/>',
        *(f'<circle class="bar" cx="{MARGIN + 6 + 18 * dot}" cy="21" r="5.5"/>' for dot in range(3))]
    for number, line in enumerate(lines):
        y = BAR + MARGIN + LEADING * number + 8
        for column, style, run in runs(line):
            # The width is told, so that columns stand below each other in every font.
            parts.append(
                f'<text class="{style}" x="{MARGIN + column * ADVANCE:g}" y="{y}" '
                f'textLength="{len(run) * ADVANCE:g}" lengthAdjust="spacingAndGlyphs" '
                f'xml:space="preserve">{escape(run)}</text>')
    return "\n".join([*parts, "</svg>\n"])


def runs(line):
    """The pieces of a line in one style each: their column, style and text."""
    column, style = 0, ""
    for part in re.split(r"(\x1b\[[0-9]+m)", line):
        if part.startswith("\x1b"):
            style = STYLES[part[2:-1]]
            continue
        # What is between words has no style, and takes no element.
        for word in re.finditer(r"\S+(?: \S+)*", part):
            yield column + word.start(), style, word.group()
        column += len(part)
