/**
 * A vocabulary for byte-level BPE ("gpt2" in GGUF) that was never trained: all bytes, then all runs of two, three and
 * four Latin letters with and without a space before them, until it is full. It reads any text, and letters at about
 * four a token, as real ones do.
 */
export type Vocabulary = {
    /** Tokens in the order of their ids; the special ones come last. */
    readonly tokens: readonly string[];
    /** Pairs that become one token, the most urgent first. */
    readonly merges: readonly string[];
    /** Ids of the tokens that a text can have. Special ones follow from here on. */
    readonly plain: number;
    readonly endOfText: number;
    readonly endOfTurn: number;
};

const Special = ['<|endoftext|>', '<|im_start|>', '<|im_end|>'];

const Letters = [...'etaoinshrdlucmfwypvbgkjqxz'];

/** @throws {RangeError} when not even all bytes have room. */
export function makeVocabulary(size: number): Vocabulary {
    const plain = size - Special.length;
    const bytes = byteCharacters();
    if (plain < bytes.length) throw new RangeError(`A vocabulary of ${size} tokens has no room for all bytes.`);
    const tokens = [...bytes];
    const merges: string[] = [];
    for (const [left, right] of pairs()) {
        if (tokens.length === plain) break;
        tokens.push(left + right);
        merges.push(`${left} ${right}`);
    }
    if (tokens.length < plain) throw new RangeError(`There are only ${tokens.length} tokens, and not ${plain}.`);
    return { tokens: [...tokens, ...Special], merges, plain, endOfText: plain, endOfTurn: plain + 2 };
}

/** What is merged, in an order in which both halves are tokens already. */
function* pairs(): Generator<[string, string]> {
    const space = byteCharacter(0x20);
    const two = Letters.flatMap((first) => Letters.map((second): [string, string] => [first, second]));
    for (const letter of Letters) yield [space, letter];
    yield* two;
    for (const [first, second] of two) yield [space, first + second];
    for (const [first, second] of two) for (const third of Letters) yield [first + second, third];
    for (const left of two) for (const right of two) yield [left.join(''), right.join('')];
}

function byteCharacters(): string[] {
    return Array.from({ length: 256 }, (_, byte) => byteCharacter(byte));
}

/**
 * Byte-level BPE writes each byte as one printable character: itself where Latin-1 prints it, else the next one from
 * U+0100 on, in the order of the bytes.
 */
function byteCharacter(byte: number): string {
    const prints = (code: number) => (code > 0x20 && code < 0x7f) || (code > 0xa0 && code !== 0xad);
    if (prints(byte)) return String.fromCharCode(byte);
    let before = 0;
    for (let code = 0; code < byte; code++) if (!prints(code)) before += 1;
    return String.fromCharCode(0x100 + before);
}
