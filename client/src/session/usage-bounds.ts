import { amountOf, NoTokens, Prices, Tokens } from '@ton-compute/contracts';
import { Estimate } from './estimate';

/** Tokens that a worker may have generated beyond what arrived, at least, when an answer is cut or lost on its way. */
const LostTokens = 256n;
/** Tokens of answers whose text is still on its way, at least, when they set no limit. */
const UnseenTokens = 4_096n;

/** What one request can have used, by what was sent and received. */
export class RequestUsage {
    /** Bytes of generated text received so far. */
    textBytes = 0n;

    constructor(readonly estimate: Estimate) {}

    /** The most tokens that this answer can have cost, by its text. */
    get seenBound(): bigint {
        return this.beyondText(0n);
    }

    /** The most that it can have cost when `tokens` more were generated than its text shows. */
    beyondText(tokens: bigint): bigint {
        const hidden = this.estimate.generates ? tokens : 0n;
        return this.limited(this.textBytes + this.estimate.invisibleTokens + hidden);
    }

    private limited(tokens: bigint): bigint {
        const { completionLimit } = this.estimate;
        return completionLimit !== null && completionLimit < tokens ? completionLimit : tokens;
    }
}

/** How a receipt compares with what was sent and received. */
export type Verdict =
    | { kind: 'explained' }
    /** Other answers run and their text may still be on its way: wait before signing for it. */
    | { kind: 'not_yet' }
    /** Nothing can explain it. */
    | { kind: 'overcharged'; what: 'prompt' | 'completion'; claimed: bigint; explained: bigint };

/**
 * The most tokens that a session can have used, by what was sent and received since a starting point. Receipts count
 * the whole session, so with several requests at once only the sums can be compared.
 */
export class UsageBounds {
    private prompt: bigint;
    private completion: bigint;
    private readonly running = new Set<RequestUsage>();
    /**
     * Tokens that the worker could generate at most before it has to stop for a voucher: so far can it be ahead of what
     * arrived here, when the answer is not read as fast as it is made.
     */
    ahead = 0n;

    /** @param start tokens that are accepted as used before, cumulative. */
    constructor(start: Tokens = NoTokens) {
        this.prompt = start.prompt + start.cached;
        this.completion = start.completion + start.reasoning;
    }

    get runningCount(): number {
        return this.running.size;
    }

    /** A request is about to be sent. */
    begin(estimate: Estimate): RequestUsage {
        const usage = new RequestUsage(estimate);
        this.running.add(usage);
        this.prompt += estimate.promptTokens;
        return usage;
    }

    /** The worker refused the request before any work. */
    refused(usage: RequestUsage): void {
        if (this.running.delete(usage)) {
            this.prompt -= usage.estimate.promptTokens;
        }
    }

    /** The answer is over: complete, or cut somewhere. */
    end(usage: RequestUsage, state: 'complete' | 'cut'): void {
        if (this.running.delete(usage)) {
            const lost = state === 'complete' ? 0n : larger(LostTokens, this.ahead);
            this.completion += usage.beyondText(lost);
        }
    }

    /** Tokens of an earlier run, or of an answer that never arrived, are accepted as used. */
    accept(tokens: Tokens): void {
        this.prompt = larger(this.prompt, tokens.prompt + tokens.cached);
        this.completion = larger(this.completion, tokens.completion + tokens.reasoning);
    }

    /**
     * @param claimed cumulative tokens of a receipt.
     * @param bearer the answer that brought it, if its text up to here has arrived with it.
     */
    judge(claimed: Tokens, bearer: RequestUsage | null): Verdict {
        const prompt = claimed.prompt + claimed.cached;
        if (prompt > this.prompt) {
            return { kind: 'overcharged', what: 'prompt', claimed: prompt, explained: this.prompt };
        }
        const completion = claimed.completion + claimed.reasoning;
        // An answer that does not stream shows its text at the end: until then its limit is what bounds it.
        const seen = this.sum((usage) => (usage.estimate.streams ? usage.seenBound : this.unseen(usage)));
        if (completion <= seen) {
            return { kind: 'explained' };
        }
        const most = this.sum((usage) => (usage === bearer ? usage.seenBound : this.unseen(usage)));
        return completion <= most
            ? { kind: 'not_yet' }
            : { kind: 'overcharged', what: 'completion', claimed: completion, explained: most };
    }

    /** The most that the session can have cost when all that runs has generated what is still unseen, nanoTON. */
    ceiling(prices: Prices): bigint {
        return amountOf(
            { ...NoTokens, prompt: this.prompt, completion: this.sum((usage) => this.unseen(usage)) },
            {
                ...prices,
                prompt: larger(prices.prompt, prices.cached),
                completion: larger(prices.completion, prices.reasoning),
            },
        );
    }

    private unseen(usage: RequestUsage): bigint {
        return usage.beyondText(larger(UnseenTokens, this.ahead));
    }

    private sum(boundOf: (usage: RequestUsage) => bigint): bigint {
        let total = this.completion;
        for (const usage of this.running) {
            total += boundOf(usage);
        }
        return total;
    }
}

function larger(a: bigint, b: bigint): bigint {
    return a > b ? a : b;
}
