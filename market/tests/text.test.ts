import fc from 'fast-check';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { modelName, readNames } from '../src/names';
import { escapeHtml, scriptJson } from '../src/page/escape';
import { cut, printable, shortCoins, shortCount, shortDuration, shortTime } from '../src/text';

describe('text of strangers', () => {
    it('cannot move a cursor, change colours or turn the direction of writing', () => {
        expect(printable('a\u001b[31m\u202eb\u009bc\n')).toBe('a\\u{1b}[31m\\u{202e}b\\u{9b}c\\u{a}');
        fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => expect(printable(text)).toMatch(/^[\x20-\x7e]*$/)));
    });

    it('is escaped for pages, and cannot end a script', () => {
        expect(escapeHtml(`<a href="x" id='y'>&`)).toBe('&lt;a href=&quot;x&quot; id=&#39;y&#39;&gt;&amp;');
        fc.assert(
            fc.property(fc.string({ unit: 'binary' }), (text) => {
                expect(escapeHtml(text)).not.toMatch(/[<>"']/);
                expect(scriptJson({ text })).not.toMatch(/[<>&\u2028\u2029]/);
                expect(JSON.parse(scriptJson({ text }))).toEqual({ text });
            }),
        );
    });
});

describe('amounts and times', () => {
    it('are short', () => {
        const amounts = [0n, 1n, 1_500_000n, 1_000_000_000n, 1_234_567_890_123n, 10n ** 18n, 999_999_600_000_000n];
        expect(amounts.map((amount) => shortCoins(amount))).toEqual(['0', '1.00e-9', '0.0015', '1', '1235', '1.00e9', '1.00e6']);
        expect([shortCoins(null), shortCoins(123_456_789n, 3)]).toEqual(['-', '0.123']);
        fc.assert(
            fc.property(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), (amount) => {
                const text = shortCoins(amount);
                expect(text.length).toBeLessThanOrEqual(8);
                expect(Math.abs(Number(text) * 1e9 - Number(amount))).toBeLessThanOrEqual(Number(amount) * 0.006);
            }),
        );
        expect([shortTime(1_771_490_000), shortTime(null), shortTime(1e18)]).toEqual(['2026-02-19 08:33', '-', '-']);
        expect([0, 119, 7_200, 131_400, 864_000].map(shortDuration)).toEqual(['0 s', '119 s', '2 h', '36.5 h', '10 d']);
        expect([12, 99_999, 1_500_000, 2 ** 48].map(shortCount)).toEqual(['12', '99999', '1.5M', '2.8e14']);
        expect([cut('abcdef', 6), cut('abcdefg', 6)]).toEqual(['abcdef', 'abcd..']);
    });
});

describe('names', () => {
    let folder: string;
    beforeAll(async () => {
        folder = await mkdtemp(join(tmpdir(), 'market-names-'));
    });
    afterAll(() => rm(folder, { recursive: true, force: true }));

    it('come from a file of the reader, and what has none is called by its hash', async () => {
        const file = join(folder, 'names.json');
        await writeFile(file, JSON.stringify({ ['AB'.repeat(32)]: 'tiny\u001b-chat' }));
        const names = await readNames(file);
        expect(modelName(names, 'ab'.repeat(32))).toBe('tiny-chat');
        expect(modelName(names, 'cd'.repeat(32))).toBe('cdcdcdcd..');
    });

    it('that are none are refused with what was expected', async () => {
        for (const text of ['[]', '{"x": "y"}', `{"${'ab'.repeat(32)}": 1}`, '{']) {
            const file = join(folder, 'wrong.json');
            await writeFile(file, text);
            await expect(readNames(file)).rejects.toMatchObject({ code: 'invalid_option', message: expect.stringContaining('Expected a JSON object') });
        }
        await expect(readNames(join(folder, 'nothing.json'))).rejects.toThrow('ENOENT');
    });
});
