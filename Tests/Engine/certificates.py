# SPDX-License-Identifier: Apache-2.0
"""Certificates made by openssl, and clients that show them."""

import http.client
import ssl
from pathlib import Path

from engine import output

EC = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
SERVER = "extendedKeyUsage=serverAuth\nsubjectAltName=IP:127.0.0.1\n"
CLIENT = "extendedKeyUsage=clientAuth\n"


class Certificates:
    """Files of a directory: `NAME.pem`, and its key in `NAME-key.pem`."""

    def __init__(self, directory):
        self.directory = Path(directory)
        self.directory.mkdir()

    def path(self, name):
        return self.directory / f"{name}.pem"

    def key(self, name):
        return self.directory / f"{name}-key.pem"

    def authority(self, name):
        output("openssl", "req", "-x509", *EC, "-days", 100, "-subj", f"/CN={name}",
               "-keyout", self.key(name), "-out", self.path(name))

    def make(self, name, authority, extensions, days=100):
        """A certificate that is valid for so many days; it has expired if they are negative."""
        request, wishes = self.directory / f"{name}.csr", self.directory / f"{name}.ext"
        wishes.write_text(extensions)
        output("openssl", "req", "-new", *EC, "-subj", f"/CN={name}", "-keyout", self.key(name), "-out", request)
        output("openssl", "x509", "-req", "-in", request, "-CA", self.path(authority), "-CAkey", self.key(authority),
               "-days", days, "-extfile", wishes, "-out", self.path(name))

    def client(self, name=None, trusts="ca"):
        """How a client speaks TLS that shows the certificate of that name, if any."""
        context = ssl.create_default_context(cafile=self.path(trusts))
        if name:
            context.load_cert_chain(self.path(name), self.key(name))
        return context


def activate(address, context):
    """The answer to the engine's first call, without TLS if context is None; None if the connection ends without one."""
    connection = http.client.HTTPSConnection(*address, timeout=30, context=context) if context \
        else http.client.HTTPConnection(*address, timeout=30)
    try:
        connection.request("POST", "/Plugin.Activate")
        return connection.getresponse().read().decode()
    except (ssl.SSLError, ConnectionError, http.client.RemoteDisconnected):
        return None
    finally:
        connection.close()
