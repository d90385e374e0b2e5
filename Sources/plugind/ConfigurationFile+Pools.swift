// SPDX-License-Identifier: Apache-2.0

import Addressing
import IPAM

extension ConfigurationFile.Value {
    /// Blocks that pools are cut from, in the form of the engine's own configuration.
    func defaultPools() throws(ConfigurationError) -> DefaultPools {
        let example = "{base: 172.17.0.0/16, size: 24}"
        var blocks: [DefaultPools.Block] = []
        for entry in try entries(such: "[\(example)]") {
            let block = try entry.block(such: example)
            if let other = blocks.firstIndex(where: { $0.base.overlaps(block.base) }) {
                throw entry.refused("base \(block.base) overlaps that of entry \(other + 1), \(blocks[other].base)")
            }
            blocks.append(block)
        }
        return DefaultPools(blocks)
    }

    private func block(such example: String) throws(ConfigurationError) -> DefaultPools.Block {
        let members = try members(["base", "size"], such: example)
        guard let base = try members["base"]?.text() else { throw refused("base is missing") }
        guard let size = try members["size"]?.text() else { throw refused("size is missing") }
        guard let length = size.number else { throw size.refused("is not the prefix length of a pool, such as 24") }
        do throws(DefaultPoolProblem) {
            return try DefaultPools.Block(base: base.text, size: length)
        } catch {
            throw refused(error.description)
        }
    }

    /// A list of subnets.
    func prefixes() throws(ConfigurationError) -> [Prefix] {
        try entries(such: "[10.0.0.0/8]").map { entry throws(ConfigurationError) in try entry.text().prefix() }
    }
}
