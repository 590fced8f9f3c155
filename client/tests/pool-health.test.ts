import { ClientError, ClientErrorCode } from '../src';
import { Health, isProvidersFault, mayFailOver } from '../src/pool/health';

const failure = (code: ClientErrorCode, details = {}) => new ClientError(code, 'failed', details);

describe('A request', () => {
    it.each<[string, ClientError, boolean, boolean]>([
        ['the worker was never reached', failure('worker_unreachable', { worked: false }), true, true],
        ['the worker is too busy', failure('worker_busy', { code: 'overloaded' }), true, true],
        ['the deposit is used up', failure('deposit_exhausted'), true, true],
        ['the worker has cheated', failure('overcharged'), true, true],
        ['the worker has worked for it', failure('worker_error', { worked: true }), false, false],
        ['nobody can tell whether it has', failure('worker_unreachable', { worked: null }), false, true],
        ['the request is wrong', failure('worker_error', { code: 'invalid_request' }), false, false],
        ['the answer broke in the middle', failure('answer_cut'), false, false],
        ['the store cannot be written', failure('store_failed'), false, false],
    ])('when %s', (_when, error, certain, uncertain) => {
        expect([mayFailOver(error, false), mayFailOver(error, true)]).toEqual([certain, uncertain]);
    });

    it('that its caller aborted is nobody\'s fault', () => {
        const aborted = new DOMException('enough', 'AbortError');
        expect([mayFailOver(aborted, true), isProvidersFault(aborted)]).toEqual([false, false]);
        expect(isProvidersFault(failure('answer_cut'))).toBe(true);
    });
});

describe('A provider that fails', () => {
    it('rests twice as long each time, up to a quarter of an hour, and begins anew after a success', () => {
        let now = 0;
        const health = new Health(() => now);
        const rests = Array.from({ length: 8 }, () => health.failed(failure('worker_busy')));
        expect(rests).toEqual([15, 30, 60, 120, 240, 480, 900, 900]);
        now = 899_999;
        expect(health.ready).toBe(false);
        now = 900_000;
        expect(health.ready).toBe(true);
        health.succeeded();
        expect(health.failed(failure('worker_busy'))).toBe(15);
    });

    it.each<ClientErrorCode>(['overcharged', 'deposit_exhausted', 'session_expired'])('is never asked again after %s', (code) => {
        const health = new Health(() => 0);
        expect(health.failed(failure(code))).toBeNull();
        expect([health.ended, health.ready]).toEqual([true, false]);
    });
});
