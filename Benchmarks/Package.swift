// swift-tools-version: 6.2
// SPDX-License-Identifier: Apache-2.0

import PackageDescription

let swiftSettings: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
]

// A package of its own, so that who builds plugind needs nothing of this.
let package = Package(
    name: "plugind-benchmarks",
    dependencies: [
        .package(name: "plugind", path: ".."),
        // Without its counts of allocations, which would need another allocator.
        .package(url: "https://github.com/ordo-one/benchmark", from: "1.38.0", traits: []),
        .package(url: "https://github.com/apple/swift-log", from: "1.14.0"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
    ],
    targets: [
        .target(name: "CHeap", path: "CHeap"),
        .target(name: "CAllocations", path: "CAllocations"),
        .target(
            name: "ForgetfulIPAM",
            dependencies: [
                .product(name: "IPAM", package: "plugind"),
                .product(name: "Logging", package: "swift-log"),
            ],
            path: "ForgetfulIPAM",
            swiftSettings: swiftSettings),
        .executableTarget(
            name: "IPAMBenchmarks",
            dependencies: [
                "CHeap", "ForgetfulIPAM",
                .product(name: "Benchmark", package: "benchmark"),
                .product(name: "IPAM", package: "plugind"),
            ],
            path: "IPAMBenchmarks",
            swiftSettings: swiftSettings,
            plugins: [.plugin(name: "BenchmarkPlugin", package: "benchmark")]),
        .executableTarget(
            name: "RequestBenchmarks",
            dependencies: [
                "CAllocations", "ForgetfulIPAM",
                .product(name: "Benchmark", package: "benchmark"),
                .product(name: "IPAM", package: "plugind"),
                .product(name: "Requests", package: "plugind"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            ],
            path: "RequestBenchmarks",
            swiftSettings: swiftSettings,
            plugins: [.plugin(name: "BenchmarkPlugin", package: "benchmark")]),
    ]
)
