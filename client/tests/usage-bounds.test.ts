import { NoTokens } from '@ton-compute/contracts';
import { Estimate } from '../src/session/estimate';
import { UsageBounds } from '../src/session/usage-bounds';

const streaming: Estimate = {
    promptTokens: 100n,
    completionLimit: null,
    invisibleTokens: 16n,
    streams: true,
    generates: true,
};
const whole: Estimate = { ...streaming, streams: false };

function used(prompt: bigint, completion: bigint) {
    return { ...NoTokens, prompt, completion };
}

describe('what a receipt may claim', () => {
    it('is the prompt that was sent, counted by its bytes', () => {
        const bounds = new UsageBounds();
        const usage = bounds.begin(streaming);
        expect(bounds.judge(used(100n, 0n), usage)).toEqual({ kind: 'explained' });
        expect(bounds.judge({ ...used(60n, 0n), cached: 41n }, usage)).toEqual({
            kind: 'overcharged',
            what: 'prompt',
            claimed: 101n,
            explained: 100n,
        });
    });

    it('is the text that arrived, and a few tokens that do not show', () => {
        const bounds = new UsageBounds();
        const usage = bounds.begin(streaming);
        usage.textBytes = 10n;
        expect(bounds.judge(used(0n, 26n), usage)).toEqual({ kind: 'explained' });
        expect(
            bounds.judge({ ...used(0n, 20n), reasoning: 7n }, usage),
        ).toMatchObject({ kind: 'overcharged', claimed: 27n });
    });

    it('is never more than the limit that the request set', () => {
        const bounds = new UsageBounds();
        const usage = bounds.begin({ ...streaming, completionLimit: 5n });
        usage.textBytes = 1000n;
        expect(bounds.judge(used(0n, 5n), usage).kind).toBe('explained');
        expect(bounds.judge(used(0n, 6n), usage).kind).toBe('overcharged');
    });

    it('waits for text of other answers that is still on its way, but not for ever', () => {
        const bounds = new UsageBounds();
        const first = bounds.begin(streaming);
        const second = bounds.begin({ ...streaming, completionLimit: 50n });
        expect(bounds.judge(used(0n, 32n), first).kind).toBe('explained');
        expect(bounds.judge(used(0n, 66n), first).kind).toBe('not_yet');
        expect(bounds.judge(used(0n, 67n), first).kind).toBe('overcharged');
        second.textBytes = 50n;
        expect(bounds.judge(used(0n, 66n), first).kind).toBe('explained');
        bounds.end(second, 'complete');
        expect(bounds.judge(used(0n, 66n), first).kind).toBe('explained');
        expect(bounds.judge(used(0n, 67n), first).kind).toBe('overcharged');
    });

    it('of an answer that does not stream is its limit until it has arrived, then its text', () => {
        const bounds = new UsageBounds();
        const usage = bounds.begin({ ...whole, completionLimit: 300n });
        expect(bounds.judge(used(0n, 300n), null).kind).toBe('explained');
        expect(bounds.judge(used(0n, 301n), null).kind).toBe('overcharged');
        usage.textBytes = 40n;
        bounds.end(usage, 'complete');
        expect(bounds.judge(used(0n, 56n), null).kind).toBe('explained');
        expect(bounds.judge(used(0n, 57n), null).kind).toBe('overcharged');
    });

    it('allows for what was lost on the way of an answer that was cut, once', () => {
        const bounds = new UsageBounds();
        const usage = bounds.begin(streaming);
        usage.textBytes = 10n;
        bounds.end(usage, 'cut');
        bounds.end(usage, 'cut');
        expect(bounds.judge(used(100n, 10n + 16n + 256n), null).kind).toBe('explained');
        expect(bounds.judge(used(100n, 10n + 16n + 257n), null).kind).toBe('overcharged');
    });

    it('allows for what an answer that nobody read could run ahead on what was signed', () => {
        for (const state of ['cut', 'complete'] as const) {
            const bounds = new UsageBounds();
            const usage = bounds.begin(streaming);
            bounds.ahead = 1000n;
            bounds.end(usage, state);
            const most = state === 'cut' ? 1016n : 16n;
            expect(bounds.judge(used(100n, most), null).kind).toBe('explained');
            expect(bounds.judge(used(100n, most + 1n), null).kind).toBe('overcharged');
        }
    });

    it('does not grow by a request that the worker refused', () => {
        const bounds = new UsageBounds();
        bounds.refused(bounds.begin(streaming));
        expect(bounds.judge(used(1n, 0n), null).kind).toBe('overcharged');
        expect(bounds.runningCount).toBe(0);
    });

    it('goes on from what was used before', () => {
        const bounds = new UsageBounds({ prompt: 10n, cached: 5n, completion: 7n, reasoning: 1n });
        expect(bounds.judge({ prompt: 15n, cached: 0n, completion: 8n, reasoning: 0n }, null).kind).toBe('explained');
        expect(bounds.judge({ prompt: 16n, cached: 0n, completion: 8n, reasoning: 0n }, null).kind).toBe('overcharged');
    });
});

describe('the ceiling', () => {
    it('is the dearest reading of everything that runs', () => {
        const bounds = new UsageBounds();
        bounds.begin({ ...streaming, completionLimit: 10n });
        const prices = { prompt: 1_000_000n, cached: 2_000_000n, completion: 3_000_000n, reasoning: 4_000_000n };
        expect(bounds.ceiling(prices)).toBe(100n * 2n + 10n * 4n);
    });
});
