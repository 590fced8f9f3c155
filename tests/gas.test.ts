import { readBaseline, regressions, Tolerance, UpdateCommand } from '../bench/src/gas/baseline';
import { OperationNames } from '../bench/src/gas/operations';
import { makeReport, missedTargets, Report } from '../bench/src/gas/report';

jest.setTimeout(120_000);

let report: Report;

beforeAll(async () => {
    report = await makeReport();
});

describe('the gas of every operation', () => {
    it('has not grown by more than 1 % beyond bench/baseline.json', () => {
        expect(regressions(report, readBaseline())).toEqual([]);
    });

    it('is within the targets, and so are rent and the cost of a request', () => {
        expect(missedTargets(report)).toEqual([]);
    });

    it('has not shrunk by more than 1 % either, or the baseline would let it grow back', () => {
        const baseline = readBaseline();
        const shrunk = OperationNames.filter((name) => report[name].gas < baseline[name].gas * (1 - Tolerance));
        const advice = `Well done. Now: ${UpdateCommand}`;
        expect({ advice, shrunk }).toEqual({ advice, shrunk: [] });
    });

    it('notices a regression of more than 1 % and says how to accept it', () => {
        const grown = { ...report, claim: { ...report.claim, gas: Math.ceil(report.claim.gas * 1.011) } };
        expect(regressions(grown, readBaseline())).toEqual([expect.stringContaining(UpdateCommand)]);
        const missed = { ...report, claim: { ...report.claim, gas: report.claim.target! + 1 } };
        expect(missedTargets(missed)).toEqual([
            `claim: ${report.claim.target! + 1} gas, target ${report.claim.target!}`,
        ]);
    });
});
