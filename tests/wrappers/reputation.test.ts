import * as fc from 'fast-check';
import { FullTime, scoreOf, TrackRecord } from '../../wrappers';

const record = (changes: Partial<TrackRecord> = {}): TrackRecord => ({
    sessions: 0, volume: 0n, jobsDelivered: 0, jobsFailed: 0, jobsDeclined: 0, feesRemitted: 1_000_000_000n, attestedSeconds: FullTime, ...changes,
});

const anyRecord = fc.record({
    sessions: fc.nat(), volume: fc.bigInt(0n, 1n << 63n), jobsDelivered: fc.nat(1_000_000), jobsFailed: fc.nat(1_000_000),
    jobsDeclined: fc.nat(65_535), feesRemitted: fc.bigInt(0n, 1n << 63n), attestedSeconds: fc.bigInt(0n, 10n ** 10n),
});

describe('the score of a provider', () => {
    test('is what it remitted, when it answered for every job and was attested for 30 days', () => {
        expect(scoreOf(record())).toBe(1_000_000_000n);
        expect(scoreOf(record({ jobsDelivered: 500, attestedSeconds: 10n * FullTime }))).toBe(1_000_000_000n);
    });

    test('is half of that for who was never attested, and grows with the time', () => {
        expect(scoreOf(record({ attestedSeconds: 0n }))).toBe(500_000_000n);
        expect(scoreOf(record({ attestedSeconds: FullTime / 2n }))).toBe(750_000_000n);
    });

    test('counts a failed job as twenty delivered ones, a declined one as one', () => {
        expect(scoreOf(record({ jobsFailed: 1 }))).toBe(1_000_000_000n / 21n);
        expect(scoreOf(record({ jobsDelivered: 19, jobsFailed: 1 }))).toBe(500_000_000n);
        expect(scoreOf(record({ jobsDelivered: 1, jobsDeclined: 2 }))).toBe(500_000_000n);
    });

    test('threat: trading with oneself never shows more than the fees that were paid, and without fees it shows nothing', () => {
        fc.assert(fc.property(anyRecord, (each) => {
            expect(scoreOf(each) >= 0n && scoreOf(each) <= each.feesRemitted).toBe(true);
            expect(scoreOf({ ...each, feesRemitted: 0n })).toBe(0n);
        }));
    });

    test('does not fall by delivering, by time or by fees, and does not rise by failing or declining', () => {
        fc.assert(fc.property(anyRecord, (each) => {
            const score = scoreOf(each);
            expect(scoreOf({ ...each, jobsDelivered: each.jobsDelivered + 1 }) >= score).toBe(true);
            expect(scoreOf({ ...each, attestedSeconds: each.attestedSeconds + 1n }) >= score).toBe(true);
            expect(scoreOf({ ...each, feesRemitted: each.feesRemitted + 1n }) >= score).toBe(true);
            expect(scoreOf({ ...each, jobsFailed: each.jobsFailed + 1 }) <= score).toBe(true);
            expect(scoreOf({ ...each, jobsDeclined: each.jobsDeclined + 1 }) <= score).toBe(true);
        }));
    });
});
