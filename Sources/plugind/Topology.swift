// SPDX-License-Identifier: Apache-2.0

import Addressing
import ArgumentParser
import Control
import FoundationEssentials
import Glibc

/// `plugind topology`: how all hangs together.
struct Topology: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Draw the host's links, bridges, containers and published ports, with what is wrong.",
        discussion: """
            What is wrong is marked with an exclamation mark and told in words. Names are the engine's, if it can be \
            asked. Of each kind 20 are drawn, and all that have problems; --all draws all.
            """
    )

    @Option(help: ArgumentHelp("One network alone, by its id, bridge or name.", valueName: "network"))
    var network: String?

    @Flag(help: "Draw all there is, however much it is.")
    var all = false

    @Option(help: ArgumentHelp("Write an SVG picture to this file; - is standard output.", valueName: "file"))
    var svg: String?

    @Flag(help: "Print a graph in Graphviz's language.")
    var dot = false

    @OptionGroup var control: ControlOptions
    @OptionGroup var engine: EngineOptions

    func validate() throws {
        if [control.json, dot, svg != nil].count(where: { $0 }) > 1 {
            throw ValidationError("only one of --json, --dot and --svg can be had at a time")
        }
    }

    func run() async throws {
        do throws(ControlFailure) {
            let (answer, names) = try await Patience.waiting(for: "asking plugind", ask)
            if control.json { return print(answer.json) }
            let map = TopologyMap(answer.value, names: names, showsAll: all)
            if let svg {
                try Self.write(map.svg(), to: svg)
            } else {
                print(dot ? map.dot() : map.text(on: .current), terminator: "")
            }
        } catch {
            throw ControlOptions.complain(error)
        }
    }

    private func ask() async throws(ControlFailure) -> (ControlClient.Answer<TopologyAnswer>, EngineNames) {
        let client = control.client
        let needsNames = !control.json || network != nil
        let names = needsNames ? await engine.names(withContainers: !control.json) : EngineNames()
        guard let network else { return (try await client.topology(), names) }
        let id = try await client.networks().value.find(network, names: names)
        return (try await client.topology(of: id), names)
    }

    private static func write(_ text: String, to path: String) throws(ControlFailure) {
        guard path != "-" else { return print(text, terminator: "") }
        errno = 0
        guard let file = fopen(path, "w") else { throw cannotWrite(path) }
        // Both, since what is buffered may be refused only in the end.
        let isWritten = fputs(text, file) >= 0
        guard fclose(file) == 0, isWritten else { throw cannotWrite(path) }
    }

    private static func cannotWrite(_ path: String) -> ControlFailure {
        .unusable(socket: path, reason: String(cString: strerror(errno)))
    }
}

extension TopologyMap.Terminal {
    /// The one on standard output; 80 columns if that is none.
    static var current: TopologyMap.Terminal {
        var size = winsize()
        let isKnown = ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0 && size.ws_col > 0
        return TopologyMap.Terminal(
            width: isKnown ? Int(size.ws_col) : 80, isColoured: ControlOptions.isColoured, isUnicode: isUnicode)
    }

    /// What the locale says of the characters, POSIX's variables in their order.
    private static var isUnicode: Bool {
        let environment = ProcessInfo.processInfo.environment
        let locale = ["LC_ALL", "LC_CTYPE", "LANG"].lazy.compactMap { environment[$0] }.first { !$0.isEmpty }
        return locale?.lowercased().filter { $0 != "-" }.contains("utf8") ?? false
    }
}
