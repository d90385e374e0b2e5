# SPDX-License-Identifier: Apache-2.0
"""What a network namespace has, as `ip` and `nft` see it, so that before and after can be compared."""

import json
import time
from collections import Counter

from engine import output

MARK = "----"
READ = f"""
ip -j -d link; echo {MARK}
ip -j address; echo {MARK}
ip -j -4 route show table all; echo {MARK}
ip -j -6 route show table all; echo {MARK}
nft -j list ruleset; echo {MARK}
grep '^nsfs /run/docker/netns/' /proc/self/mounts; stat -L -c %i /proc/[0-9]*/ns/net 2>/dev/null | sort -u
"""
READ_ALONE = READ.rsplit("nft", 1)[0] + f"echo '{{}}'; echo {MARK}\n"


def read(prefix, with_engine=True):
    """A count of lines, one line for each thing that is there. prefix is the command that enters the namespace."""
    parts = output(*prefix, "sh", "-c", READ if with_engine else READ_ALONE).split(MARK + "\n")
    links, addresses, routes4, routes6, rules = (json.loads(part.strip() or "[]") for part in parts[:5])
    state = Counter()
    for link in links:
        kind = link.get("linkinfo", {}).get("info_kind", "")
        up = "up" if "UP" in link["flags"] else "down"
        state[words(
            "link", link["ifname"], kind, up, link["address"], f"mtu {link['mtu']}", link.get("master"),
            link.get("ifalias"))] += 1
    for link in addresses:
        for address in link.get("addr_info", []):
            local = f"{address.get('local')}/{address['prefixlen']}"
            state[words("address", link["ifname"], local, address["scope"])] += 1
    for route in routes4 + routes6:
        state[words(
            "route", route["dst"], route.get("type"), route.get("gateway"), route.get("dev"), route.get("table"),
            route.get("metric"))] += 1
    for rule in rules.get("nftables", []):
        if "metainfo" not in rule:
            state["nft " + json.dumps(without_counts(rule), sort_keys=True)] += 1
    state.update("namespace " + line for line in parts[5].splitlines())
    return state


def words(*parts):
    return " ".join(str(part) for part in parts if part)


def without_counts(value):
    """An nftables object without what changes by itself: numbers of the kernel, packet counts, the order of elements."""
    if isinstance(value, dict):
        value = {key: without_counts(part) for key, part in value.items() if key not in ("handle", "packets", "bytes")}
        if "elem" in value:
            value["elem"] = sorted(value["elem"], key=json.dumps)
        return value
    if isinstance(value, list):
        return [without_counts(part) for part in value]
    return value


def assert_same(before, look, deadline=5):
    """Fails with the difference unless the state becomes what it was: an engine finishes some work after its answer."""
    end = time.monotonic() + deadline
    while (after := look()) != before:
        if time.monotonic() > end:
            difference = [f"  + {line}" for line in sorted((after - before).elements())]
            difference += [f"  - {line}" for line in sorted((before - after).elements())]
            raise AssertionError("the host is not as it was before:\n" + "\n".join(difference))
        time.sleep(0.05)
