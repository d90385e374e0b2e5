// SPDX-License-Identifier: Apache-2.0
//
// start COMMAND…: becomes the command, with /proc/sys/net writable. Engines make /proc/sys read-only for every managed
// plugin, whatever its capabilities, and plugind sets forwarding and the settings of its links there.

#include <stdio.h>
#include <sys/mount.h>
#include <unistd.h>

int main(int count, char *arguments[])
{
    const char *settings = "/proc/sys/net";
    if (count < 2) {
        fputs("start: no command\n", stderr);
        return 2;
    }
    // A mount of its own, so that the rest of /proc/sys stays as it is.
    if (mount(settings, settings, NULL, MS_BIND, NULL) < 0
        || mount(NULL, settings, NULL, MS_BIND | MS_REMOUNT | MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) < 0) {
        perror("start: /proc/sys/net cannot be made writable");
        return 1;
    }
    execv(arguments[1], arguments + 1);
    perror(arguments[1]);
    return 1;
}
