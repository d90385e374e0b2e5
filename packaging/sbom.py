#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Writes what plugind's binary is made of, as SPDX 2.3 in JSON, to standard output:

    packaging/sbom.py [--binary FILE]

What is linked into it comes from the list that the build has left beside it, the versions from Package.resolved, the
shared libraries from the dynamic linker and from dpkg. The same binary on the same machine gives the same bytes."""

import argparse
import json
import os
import re
import subprocess
import uuid
from datetime import datetime, timezone
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]

SWIFT = "Apache-2.0 WITH Swift-exception"

# By the identity of the package in Package.resolved: all that may be linked, so that a new one is noticed.
LICENCES = {
    "async-http-client": "Apache-2.0",
    "grdb.swift": "MIT",
    "hummingbird": "Apache-2.0",
    "swift-algorithms": SWIFT,
    "swift-argument-parser": SWIFT,
    "swift-asn1": "Apache-2.0",
    "swift-async-algorithms": SWIFT,
    "swift-atomics": SWIFT,
    "swift-certificates": "Apache-2.0",
    "swift-collections": SWIFT,
    "swift-configuration": "Apache-2.0",
    "swift-crypto": "Apache-2.0",
    "swift-distributed-tracing": "Apache-2.0",
    "swift-http-structured-headers": "Apache-2.0",
    "swift-http-types": "Apache-2.0",
    "swift-log": "Apache-2.0",
    "swift-metrics": "Apache-2.0",
    "swift-nio": "Apache-2.0",
    "swift-nio-extras": "Apache-2.0",
    "swift-nio-http2": "Apache-2.0",
    "swift-nio-ssl": "Apache-2.0",
    "swift-nio-transport-services": "Apache-2.0",
    "swift-numerics": SWIFT,
    "swift-service-context": "Apache-2.0",
    "swift-service-lifecycle": "Apache-2.0",
    "swift-system": SWIFT,
    "yams": "MIT",
}

# What those packages carry of others, by the module that it is compiled into.
CARRIED = {
    "CNIOLLHTTP": ("llhttp", "MIT"),
    "CYaml": ("libyaml", "MIT"),
    "CNIOBoringSSL": ("boringssl", "Apache-2.0 AND ISC AND OpenSSL AND BSD-3-Clause AND MIT"),
    "CCryptoBoringSSL": ("boringssl", "Apache-2.0 AND ISC AND OpenSSL AND BSD-3-Clause AND MIT"),
}

# By Debian's package: what the library itself is under, not the tools and tests of the same source.
DEBIAN_LICENCES = {
    "libc6": "LGPL-2.1-or-later",
    "libgcc-s1": "GPL-3.0-or-later WITH GCC-exception-3.1",
    "libgmp10": "LGPL-3.0-or-later OR GPL-2.0-or-later",
    "libjansson4": "MIT",
    "libmnl0": "LGPL-2.1-or-later",
    "libnftables1": "GPL-2.0-only AND GPL-2.0-or-later",
    "libnftnl11": "GPL-2.0-or-later",
    "libsqlite3-0": "blessing",
    "libstdc++6": "GPL-3.0-or-later WITH GCC-exception-3.1",
    "libxtables12": "GPL-2.0-only",
    "zlib1g": "Zlib",
}


class Unknown(Exception):
    """Something is in the binary of which too little is known; the text says what is missing where."""


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", type=Path, default=REPOSITORY / ".build/release/plugind")
    try:
        print(json.dumps(document(parser.parse_args().binary), indent=2, ensure_ascii=False))
    except Unknown as reason:
        parser.exit(1, f"sbom.py: {reason}\n")


def document(binary):
    own = package("plugind", output(binary, "--version").strip(), "Apache-2.0")
    linked = [swift_runtime(binary), *swift_packages(binary)]
    shared = libraries(binary)
    # Made of what is in it, so that another content has another name.
    content = json.dumps([own, linked, shared], sort_keys=True)
    return {
        "spdxVersion": "SPDX-2.3",
        "dataLicense": "CC0-1.0",
        "SPDXID": "SPDXRef-DOCUMENT",
        "name": f"plugind-{own['versionInfo']}",
        "documentNamespace": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_OID, content)}",
        "creationInfo": {"created": source_date(), "creators": ["Tool: packaging/sbom.py"]},
        "packages": [own, *linked, *shared],
        "relationships": [
            relationship("SPDXRef-DOCUMENT", "DESCRIBES", own["SPDXID"]),
            *(relationship(own["SPDXID"], "STATIC_LINK", part["SPDXID"]) for part in linked),
            *(relationship(own["SPDXID"], "DYNAMIC_LINK", part["SPDXID"]) for part in shared),
        ],
    }


def source_date():
    """The time of the last commit, unless SOURCE_DATE_EPOCH says another."""
    seconds = os.environ.get("SOURCE_DATE_EPOCH") or output("git", "-C", REPOSITORY, "log", "-1", "--format=%ct")
    return datetime.fromtimestamp(int(seconds), timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


# What is linked into it

def swift_packages(binary):
    """The packages of which something is linked, and what they carry of others."""
    pins = {Path(pin["location"]).name.removesuffix(".git"): pin for pin in resolved()}
    modules = linked_modules(binary)
    found = {}
    for module, checkout in modules.items():
        pin = pins[checkout]
        location = pin["location"].removesuffix(".git")
        found[pin["identity"]] = package(
            pin["identity"], pin["state"]["version"], licence(LICENCES, pin["identity"]), f"git+{location}",
            f"pkg:swift/{location.removeprefix('https://')}@{pin['state']['version']}")
    carried = {CARRIED[module] for module in modules if module in CARRIED}
    return [found[name] for name in sorted(found)] + [package(name, None, words) for name, words in sorted(carried)]


def resolved():
    """The pins of Package.resolved, which the build has written."""
    return json.loads((REPOSITORY / "Package.resolved").read_text())["pins"]


def linked_modules(binary):
    """The modules of other packages that are linked, each with the name of its checkout."""
    build = binary.resolve().parent
    list_file = build / "plugind.product/Objects.LinkFileList"
    if not list_file.exists():
        raise Unknown(f"{list_file} is not there: the binary must lie where it was built")
    names = sorted(set(re.findall(r"/([^/\s]+)\.build/", list_file.read_text())))
    return {name: checkout for name in names if (checkout := checkout_of(build / f"{name}.build"))}


def checkout_of(module):
    """Where a module's sources are, as the compiler's notes on dependencies say; None for plugind's own."""
    for notes in sorted(module.rglob("*.d")):
        if sources := re.search(r"/checkouts/([^/]+)/", notes.read_text(errors="replace")):
            return sources[1]
    return None


def swift_runtime(binary):
    """The standard library, Foundation and Dispatch, of the version that the runtime library says it is."""
    version = re.search(rb"Swift version ([\w.]+) ", binary.read_bytes())
    return package("swift-runtime", version[1].decode() if version else None, SWIFT)


# What it loads

def libraries(binary):
    """The Debian packages of all shared libraries that are loaded with it."""
    paths = re.findall(r"(?:=> )?(/\S+) \(0x", output("ldd", binary))
    return [debian_package(name) for name in sorted({owner(path) for path in paths})]


def owner(path):
    # dpkg knows files by the path that they were installed at, which may be another one since /lib is a link.
    for candidate in (path, os.path.realpath(path), path.removeprefix("/usr"), "/usr" + path):
        done = subprocess.run(["dpkg", "--search", candidate], capture_output=True, text=True)
        if done.returncode == 0:
            return done.stdout.split(":")[0]
    raise Unknown(f"{path} belongs to no Debian package")


def debian_package(name):
    version, architecture = output(
        "dpkg-query", "--show", "--showformat=${Version} ${Architecture}\n", name).split()[:2]
    return package(
        name, version, licence(DEBIAN_LICENCES, name), purl=f"pkg:deb/debian/{name}@{version}?arch={architecture}")


# The form

def licence(table, name):
    # The numbers in libraries' names change with Debian's suites (libgcc-s1, libxtables12t64).
    known = table.get(name) or table.get(name.removesuffix("t64"))
    if not known:
        raise Unknown(f"the licence of {name} is not in packaging/sbom.py; add it there")
    return known


def package(name, version, words, location="NOASSERTION", purl=None):
    entry = {
        "SPDXID": "SPDXRef-" + re.sub(r"[^A-Za-z0-9.-]", "-", name),
        "name": name,
        "versionInfo": version or "NOASSERTION",
        "downloadLocation": location,
        "filesAnalyzed": False,
        "licenseConcluded": "NOASSERTION",
        "licenseDeclared": words,
        "copyrightText": "NOASSERTION",
    }
    if purl:
        entry["externalRefs"] = [{
            "referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl", "referenceLocator": purl}]
    return entry


def relationship(one, kind, other):
    return {"spdxElementId": one, "relationshipType": kind, "relatedSpdxElement": other}


def output(*command):
    return subprocess.run([str(part) for part in command], check=True, capture_output=True, text=True).stdout


if __name__ == "__main__":
    main()
