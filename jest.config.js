const { availableParallelism } = require('node:os');

/**
 * One runner for everything. The worker's engine is an ES module: `npm test` starts node with --experimental-vm-modules.
 * @type {import('jest').Config}
 */
module.exports = {
    testEnvironment: '<rootDir>/tests/support/jest/environment.cjs',
    testMatch: ['<rootDir>/tests/**/*.test.ts', '<rootDir>/{protocol,storage,attestation,devnet,worker,client,market,guest,bench,docs}/tests/**/*.test.ts'],
    transform: { '^.+\\.ts$': '<rootDir>/tests/support/jest/transform.cjs' },
    testSequencer: '<rootDir>/tests/support/jest/sequencer.cjs',
    // Workspaces are tested from their sources, so that a test never runs against a stale build.
    moduleNameMapper: {
        // Hashes and signatures by node's own crypto, which tests/stand_ins.test.ts compares with what they replace, and the
        // sandbox's emulator, compiled once for a process.
        '^jssha$': '<rootDir>/tests/support/native_sha.ts',
        '^tweetnacl$': '<rootDir>/tests/support/stand_ins/nacl.ts',
        '^\\./emulator-emscripten\\.js$': '<rootDir>/tests/support/stand_ins/emulator.ts',
        '^\\./emulator-emscripten\\.wasm\\.js$': '<rootDir>/tests/support/stand_ins/emulator_binary.ts',
        '^@ton-compute/contracts$': '<rootDir>/wrappers/index.ts',
        '^@ton-compute/(protocol|storage|attestation|devnet|worker|client|market)$': '<rootDir>/$1/src/index.ts',
        '^@ton-compute/attestation/testing$': '<rootDir>/attestation/src/testing/index.ts',
    },
    // A test that hangs fails; one that only runs beside others on a slow machine does not.
    testTimeout: 90_000,
    // One more than there are cores: a third of the tests waits for other processes most of the time.
    maxWorkers: availableParallelism() + 1,
    modulePathIgnorePatterns: ['<rootDir>/.*/dist/', '<rootDir>/dist/', '<rootDir>/guest/build/'],
};
