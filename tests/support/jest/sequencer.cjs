const { relative } = require('node:path');
const { default: Sequencer } = require('@jest/test-sequencer');

/**
 * The files that take longest, the longest first. Jest orders by what it measured last time, which a machine that starts
 * from nothing (CI) cannot know: a long file that begins last would keep one core busy while the others are idle.
 */
const LongestFirst = [
    'tests/attestation/mutations.test.ts',
    'client/tests/jobs-failures.test.ts',
    'tests/scripts/scripts.test.ts',
    'client/tests/integration.test.ts',
    'client/tests/cli.test.ts',
    'tests/scripts/attestation.test.ts',
    'worker/tests/payment.test.ts',
    'market/tests/market.test.ts',
    'worker/tests/worker.test.ts',
    'worker/tests/settlement.test.ts',
    'tests/job/ordering.test.ts',
    'tests/conservation.test.ts',
    'tests/attestation/differential.test.ts',
    'tests/fees.test.ts',
    'tests/gas.test.ts',
    'worker/tests/http.test.ts',
    'tests/vectors/contracts.test.ts',
    'tests/job/delivery.test.ts',
];

module.exports = class extends Sequencer {
    sort(tests) {
        const rank = ({ path, context }) => {
            const place = LongestFirst.indexOf(relative(context.config.rootDir, path));
            return place < 0 ? LongestFirst.length : place;
        };
        // Array.sort is stable: all others stay in the order of their sizes or of what jest remembers.
        return super.sort(tests).sort((one, other) => rank(one) - rank(other));
    }
};
