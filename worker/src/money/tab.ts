import { addTokens, amountOf, NoTokens, Prices, Tokens } from '@ton-compute/contracts';

import { amountWith, Shortfall } from './allowance';

/** Decides whether a cumulative amount may be used; see `shortfallOf`. */
export type AmountCheck = (amount: bigint) => Shortfall | null;

/**
 * What one session has used and what its running requests have set aside. Whatever is about to be generated is reserved
 * first, and all reservations of a session count together, so that requests at once never overshoot its allowance.
 */
export class Tab {
    private used: Tokens;
    private reserved: Tokens = NoTokens;

    /** @param spent tokens used before, cumulative. */
    constructor(
        spent: Tokens,
        readonly prices: Prices,
        private readonly check: AmountCheck,
        /** Called when a reservation is given back, which may be what another request waits for. */
        private readonly onRelease: () => void,
    ) {
        this.used = spent;
    }

    /** Tokens used, cumulative. */
    get spent(): Tokens {
        return this.used;
    }

    /** nanoTON by the tokens used, cumulative. */
    get amount(): bigint {
        return amountOf(this.used, this.prices);
    }

    /** More was used than was remembered. @param spent tokens used, cumulative, by a statement of our own. */
    recall(spent: Tokens): void {
        this.used = map(this.used, spent, (x, y) => (x > y ? x : y));
    }

    /** Begins a request by reserving its prompt and one token of its answer. @returns what is missing otherwise. */
    open(first: Tokens): Hold | Shortfall {
        const hold = new Hold(this);
        return hold.reserve(first) ?? hold;
    }

    /** @internal for Hold. */
    take(tokens: Tokens): Shortfall | null {
        const missing = this.check(amountWith(this.used, addTokens(this.reserved, tokens), this.prices));
        if (missing === null) {
            this.reserved = addTokens(this.reserved, tokens);
        }
        return missing;
    }

    /** @internal for Hold: `tokens` are reserved no more, `used` are used for good. */
    settle(tokens: Tokens, used: Tokens): void {
        this.reserved = subtract(this.reserved, tokens);
        this.used = addTokens(this.used, used);
        if (amountOf(tokens, this.prices) > amountOf(used, this.prices)) {
            this.onRelease();
        }
    }
}

/** What one request has reserved and used. */
export class Hold {
    private reserved: Tokens = NoTokens;
    private counted: Tokens = NoTokens;

    constructor(private readonly tab: Tab) {}

    /** Tokens that this request was counted for so far. */
    get used(): Tokens {
        return this.counted;
    }

    /** @returns null when all of it is reserved now, else what is missing; then nothing more is reserved. */
    reserve(tokens: Tokens): Shortfall | null {
        const missing = this.tab.take(tokens);
        if (missing === null) {
            this.reserved = addTokens(this.reserved, tokens);
        }
        return missing;
    }

    /** Reserves one token of the answer unless one is reserved already. @returns what is missing otherwise. */
    ensureNext(): Shortfall | null {
        return this.reserved.completion > 0n ? null : this.reserve({ ...NoTokens, completion: 1n });
    }

    /** The reserved prompt was evaluated. */
    usePrompt(): void {
        const { prompt } = this.reserved;
        this.use({ ...NoTokens, prompt });
    }

    /**
     * Tokens were generated; what was reserved for them is used up. Backends that give several at once may exceed the
     * reservation: it counts all the same, and the next reservation is the one that waits.
     */
    use(tokens: Tokens): void {
        // A token of the answer is reserved before it shows whether it is one of reasoning.
        const generated = { ...tokens, completion: tokens.completion + tokens.reasoning };
        const released = smaller(this.reserved, generated);
        this.reserved = subtract(this.reserved, released);
        this.counted = addTokens(this.counted, tokens);
        this.tab.settle(released, tokens);
    }

    /**
     * The request is over; what is still reserved is given back.
     * @param total all that it used, by the engine's final count. What was counted before stays counted, because a
     *     receipt may have stated it; tokens that turn out to be of another class are not counted a second time.
     */
    close(total: Tokens): void {
        const [prompt, cached] = uncounted(total.prompt, total.cached, this.counted.prompt, this.counted.cached);
        const [completion, reasoning] = uncounted(
            total.completion,
            total.reasoning,
            this.counted.completion,
            this.counted.reasoning,
        );
        const rest = { prompt, cached, completion, reasoning };
        const { reserved } = this;
        this.reserved = NoTokens;
        this.counted = addTokens(this.counted, rest);
        this.tab.settle(reserved, rest);
    }
}

function map(a: Tokens, b: Tokens, combine: (x: bigint, y: bigint) => bigint): Tokens {
    return {
        prompt: combine(a.prompt, b.prompt),
        cached: combine(a.cached, b.cached),
        completion: combine(a.completion, b.completion),
        reasoning: combine(a.reasoning, b.reasoning),
    };
}

function subtract(a: Tokens, b: Tokens): Tokens {
    return map(a, b, (x, y) => x - y);
}

function smaller(a: Tokens, b: Tokens): Tokens {
    return map(a, b, (x, y) => (x < y ? x : y));
}

/** @returns what two classes of the same tokens have to grow by, so that together they never exceed the total. */
function uncounted(totalA: bigint, totalB: bigint, countedA: bigint, countedB: bigint): [bigint, bigint] {
    const left = positive(totalA + totalB - countedA - countedB);
    const growthA = atMost(positive(totalA - countedA), left);
    return [growthA, atMost(positive(totalB - countedB), left - growthA)];
}

function positive(value: bigint): bigint {
    return value > 0n ? value : 0n;
}

function atMost(value: bigint, limit: bigint): bigint {
    return value < limit ? value : limit;
}
