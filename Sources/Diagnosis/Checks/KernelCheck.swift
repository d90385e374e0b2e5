// SPDX-License-Identifier: Apache-2.0

/// Whether the kernel has what networks are made of.
struct KernelCheck: Check {
    static let name = "kernel"

    static func summary(of facts: Facts) -> String {
        "bridges, veth pairs and rules of nftables can be made"
    }

    static func findings(in facts: Facts) -> [Finding] {
        unknown(facts.missingFeatures)
            + (facts.missingFeatures.value ?? []).map { Finding(.featureMissing, "no \($0.name): \($0.reason)") }
    }
}
