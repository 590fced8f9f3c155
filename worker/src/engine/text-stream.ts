/** What a character looks like whose bytes have not all arrived. */
const Incomplete = '\uFFFD';

/**
 * A character has at most four bytes, so a run of this many tokens that still ends in a replacement character does not
 * begin with an unfinished character but with invalid UTF-8. Holding it back any longer would stop the stream.
 */
const MaxTokensOfCharacter = 4;

/** Tokens before the new ones that a detokenizer needs to see, for example to know whether a space begins the text. */
const ContextTokens = 3;

/** @returns text of `tokens`, which follow on `previous`. */
export type Detokenize<Token> = (tokens: readonly Token[], previous: readonly Token[]) => string;

/** Turns tokens into text, one by one, and never cuts a character in two. */
export class IncrementalDecoder<Token> {
    private pending: Token[] = [];
    private previous: Token[] = [];

    constructor(private readonly detokenize: Detokenize<Token>) {}

    /** @returns the text that became complete with this token; empty while a character is unfinished. */
    push(token: Token): string {
        this.pending.push(token);
        const text = this.detokenize(this.pending, this.previous);
        if (!text.endsWith(Incomplete)) return this.emit(text, this.pending.length);
        if (this.pending.length < MaxTokensOfCharacter) return '';
        // Only the first token is given up: the others may be the beginning of a character that is still to come.
        return this.emit(this.detokenize(this.pending.slice(0, 1), this.previous), 1);
    }

    /** @returns what is left at the end; a character that was never finished is given as U+FFFD. */
    flush(): string {
        if (this.pending.length === 0) return '';
        return this.emit(this.detokenize(this.pending, this.previous), this.pending.length);
    }

    private emit(text: string, tokens: number): string {
        this.previous = [...this.previous, ...this.pending.splice(0, tokens)].slice(-ContextTokens);
        return text;
    }
}

/** Ends a text before the first stop string, also when the string comes in pieces, and lets no piece of it out. */
export class StopStrings {
    private held = '';

    constructor(private readonly stops: readonly string[]) {}

    /** @returns text that can be given out, and whether a stop string was reached. After that nothing may be pushed. */
    push(text: string): { text: string; stopped: boolean } {
        if (this.stops.length === 0) return { text, stopped: false };
        this.held += text;
        const end = this.firstStop();
        if (end >= 0) return { text: this.take(end), stopped: true };
        return { text: this.take(this.held.length - this.possibleStart()), stopped: false };
    }

    /** @returns the text that was held back because it could have become a stop string. */
    flush(): string {
        return this.take(this.held.length);
    }

    /** Where the earliest stop string begins, or -1. */
    private firstStop(): number {
        let first = -1;
        for (const stop of this.stops) {
            const index = this.held.indexOf(stop);
            if (index >= 0 && (first < 0 || index < first)) first = index;
        }
        return first;
    }

    /** Length of the longest end of the text that is the beginning of a stop string. */
    private possibleStart(): number {
        let longest = 0;
        for (const stop of this.stops) {
            for (let length = Math.min(stop.length - 1, this.held.length); length > longest; length--) {
                if (this.held.endsWith(stop.slice(0, length))) longest = length;
            }
        }
        return longest;
    }

    private take(length: number): string {
        const text = this.held.slice(0, length);
        this.held = this.held.slice(length);
        return text;
    }
}
