// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Control
import FoundationEssentials
import Glibc

/// What all commands have that ask the daemon something, and how they end: with 0 if it was done, with 1 and a sentence on
/// standard error if it was refused or failed, with 3 if plugind cannot be reached. Wrong usage is 64.
struct ControlOptions: ParsableArguments {
    @Flag(help: "Print the answer as JSON, as docs/control-api.yaml describes it.")
    var json = false

    @Option(
        help: ArgumentHelp(
            "plugind's control socket (default: PLUGIND_CONTROL_SOCKET, else \(ControlAPI.defaultSocket)).",
            valueName: "path"))
    var controlSocket: String?

    var client: ControlClient { client(deadline: .seconds(30)) }

    func client(deadline: Duration) -> ControlClient {
        ControlClient(socket: path, deadline: deadline) { Patience.begin("Asking plugind") }
    }

    /// The control socket that is asked.
    var path: String {
        controlSocket ?? ProcessInfo.processInfo.environment["PLUGIND_CONTROL_SOCKET"] ?? ControlAPI.defaultSocket
    }

    /// Prints the answer, as JSON or as `text` makes it of the value and of whether colours are wanted.
    func show<Value>(_ answer: ControlClient.Answer<Value>, _ text: (Value, Bool) -> String) {
        print(json ? answer.json + "\n" : text(answer.value, Self.isColoured), terminator: "")
    }

    /// Says on standard error, as the parser says its own errors, what went wrong. Returns what to exit with.
    static func complain(_ failure: ControlFailure) -> ExitCode {
        let bytes = Array("Error: \(failure)\n".utf8)
        write(STDERR_FILENO, bytes, bytes.count)
        return ExitCode(failure.exitCode)
    }

    /// Only on a terminal that can, and not if NO_COLOR has any value (no-color.org).
    static var isColoured: Bool {
        let environment = ProcessInfo.processInfo.environment
        return isatty(STDOUT_FILENO) == 1 && environment["NO_COLOR", default: ""].isEmpty
            && environment["TERM"] != "dumb"
    }
}
