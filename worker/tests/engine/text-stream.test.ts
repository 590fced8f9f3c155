import fc from 'fast-check';

import { IncrementalDecoder, StopStrings } from '../../src/engine/text-stream';

/** A tokenizer with one token for each byte: the worst case for a character. */
const detokenizeBytes = (bytes: readonly number[]) => Buffer.from(bytes).toString('utf8');

function decode(bytes: Iterable<number>): { deltas: string[]; rest: string } {
    const decoder = new IncrementalDecoder<number>(detokenizeBytes);
    return { deltas: [...bytes].map((byte) => decoder.push(byte)), rest: decoder.flush() };
}

describe('A text that comes in tokens', () => {
    it('gives each character when its last byte has come', () => {
        const { deltas, rest } = decode(Buffer.from('aж€👋'));
        expect(deltas).toEqual(['a', '', 'ж', '', '', '€', '', '', '', '👋']);
        expect(rest).toBe('');
    });

    it('is whole for every text, and no delta ends inside a character', () => {
        fc.assert(
            fc.property(fc.string({ unit: 'grapheme' }), (text) => {
                const { deltas, rest } = decode(Buffer.from(text));
                expect(deltas.join('') + rest).toBe(text);
                expect(deltas.some((delta) => /\p{Surrogate}/u.test(delta))).toBe(false);
            }),
        );
    });

    it('shows a character that was never finished as a replacement', () => {
        const { deltas, rest } = decode(Buffer.from('👋').subarray(0, 3));
        expect(deltas.join('')).toBe('');
        expect(rest).toBe('\uFFFD');
    });

    it('goes on after bytes that are no text, and loses no character that follows them', () => {
        const { deltas, rest } = decode([0x80, 0x80, 0xff, 0xe2, 0x80, ...Buffer.from('👋 ok')]);
        expect(deltas.join('') + rest).toContain('👋 ok');
        expect(rest).toBe('');
    });

    it('keeps a real replacement character', () => {
        const { deltas, rest } = decode(Buffer.from('a\uFFFDb'));
        expect(deltas.join('') + rest).toBe('a\uFFFDb');
    });

    it('shows the detokenizer the tokens before, which decide about a space', () => {
        // Like SentencePiece: the space before a word is dropped at the beginning of a text.
        const words = (tokens: readonly string[], previous: readonly string[]) =>
            previous.length > 0 ? tokens.map((token) => ` ${token}`).join('') : tokens.join(' ');
        const decoder = new IncrementalDecoder<string>(words);
        expect(['one', 'two', 'three'].map((word) => decoder.push(word))).toEqual(['one', ' two', ' three']);
    });
});

describe('Stop strings', () => {
    function run(stops: string[], pieces: readonly string[]): { deltas: string[]; stopped: boolean } {
        const filter = new StopStrings(stops);
        const deltas: string[] = [];
        for (const piece of pieces) {
            const { text, stopped } = filter.push(piece);
            deltas.push(text);
            if (stopped) return { deltas, stopped };
        }
        return { deltas: [...deltas, filter.flush()], stopped: false };
    }

    it('let everything through at once when there are none', () => {
        expect(run([], ['a', 'b'])).toEqual({ deltas: ['a', 'b', ''], stopped: false });
    });

    it('end the text before them, also when they come in pieces', () => {
        expect(run(['END'], ['say E', 'N', 'D now'])).toEqual({ deltas: ['say ', '', ''], stopped: true });
    });

    it('give out what only looked like one', () => {
        expect(run(['END'], ['E', 'N', 'ough'])).toEqual({ deltas: ['', '', 'ENough', ''], stopped: false });
        expect(run(['END'], ['the E'])).toEqual({ deltas: ['the ', 'E'], stopped: false });
    });

    it('find a stop string that overlaps with a false start', () => {
        expect(run(['aab'], ['a', 'a', 'a', 'b'])).toEqual({ deltas: ['', '', 'a', ''], stopped: true });
    });

    it('give the text before the first of them, however it is cut', () => {
        const letters = fc.string({ unit: fc.constantFrom('a', 'b', 'c'), maxLength: 30 });
        const stop = fc.string({ unit: fc.constantFrom('a', 'b', 'c'), minLength: 1, maxLength: 4 });
        fc.assert(
            fc.property(
                letters,
                fc.array(stop, { minLength: 1, maxLength: 3 }),
                fc.integer({ min: 1, max: 5 }),
                (text, stops, size) => {
                    const pieces = text.match(new RegExp(`.{1,${size}}`, 'g')) ?? [];
                    const { deltas, stopped } = run(stops, pieces);
                    const given = deltas.join('');
                    const found = stops.some((each) => text.includes(each));
                    expect(stopped).toBe(found);
                    // No stop string is in what was given out, and what was given out goes up to one.
                    expect(stops.some((each) => given.includes(each))).toBe(false);
                    expect(text.startsWith(given)).toBe(true);
                    if (!found) expect(given).toBe(text);
                    else expect(stops.some((each) => text.startsWith(each, given.length))).toBe(true);
                },
            ),
        );
    });
});
