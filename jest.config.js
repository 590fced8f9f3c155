const { availableParallelism } = require('node:os');

/**
 * One runner for everything. The worker's engine is an ES module: `npm test` starts node with --experimental-vm-modules.
 * @type {import('jest').Config}
 */
module.exports = {
    testEnvironment: 'node',
    testMatch: ['<rootDir>/tests/**/*.test.ts', '<rootDir>/{protocol,storage,attestation,devnet,worker,client,market,guest,bench,docs}/tests/**/*.test.ts'],
    transform: { '^.+\\.ts$': ['ts-jest', { tsconfig: 'tsconfig.json', diagnostics: false }] },
    // Workspaces are tested from their sources, so that a test never runs against a stale build.
    moduleNameMapper: {
        '^jssha$': '<rootDir>/tests/support/native_sha.ts',
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
