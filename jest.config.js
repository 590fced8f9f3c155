/**
 * One runner for everything. The worker's engine is an ES module: `npm test` starts node with --experimental-vm-modules.
 * @type {import('jest').Config}
 */
module.exports = {
    testEnvironment: 'node',
    testMatch: ['<rootDir>/tests/**/*.test.ts', '<rootDir>/{protocol,devnet,worker,client,bench,docs}/tests/**/*.test.ts'],
    transform: { '^.+\\.ts$': ['ts-jest', { tsconfig: 'tsconfig.json', diagnostics: false }] },
    // Workspaces are tested from their sources, so that a test never runs against a stale build.
    moduleNameMapper: {
        '^@ton-compute/contracts$': '<rootDir>/wrappers/index.ts',
        '^@ton-compute/(protocol|devnet|worker|client)$': '<rootDir>/$1/src/index.ts',
    },
    modulePathIgnorePatterns: ['<rootDir>/.*/dist/', '<rootDir>/dist/'],
};
