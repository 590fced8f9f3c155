import { UIProvider } from '@ton/blueprint';
import { toNano } from '@ton/core';
import { isAcceptableEd25519Key } from '../../wrappers';
import { Inputs } from '../../tools/scripts/inputs';
import { address, bytes32, coins, integer, oneOf, publicKey, shortText, url } from '../../tools/scripts/parsing';

/** A terminal at which somebody types these answers; without answers nobody is there. */
function terminal(...answers: string[]): { ui: UIProvider; shown: string[] } {
    const shown: string[] = [];
    const ui = {
        write: (text: string) => shown.push(text),
        input: async (question: string) => (shown.push(question), answers.shift()!),
        choose: async <T>(_question: string, choices: T[]) => choices[Number(answers.shift())],
    };
    return { ui: ui as unknown as UIProvider, shown };
}

const silent = terminal().ui;
const isTTY = process.stdin.isTTY;
const somebody = (there: boolean) =>
    Object.defineProperty(process.stdin, 'isTTY', { value: there, configurable: true });

beforeEach(() => somebody(false));
afterAll(() => somebody(isTTY));

describe('an input', () => {
    afterEach(() => delete process.env.FEE_FLOAT);

    it('is taken from an argument, or from the environment, in this order', async () => {
        process.env.FEE_FLOAT = '1.5';
        expect(await new Inputs(silent, [], ['feeFloat']).read('feeFloat', 'Coins', coins)).toBe(toNano('1.5'));
        expect(await new Inputs(silent, ['feeFloat=2'], ['feeFloat']).read('feeFloat', 'Coins', coins)).toBe(
            toNano('2'),
        );
    });

    it('has its default when nobody can be asked, or is missed', async () => {
        const inputs = new Inputs(silent, [], ['feeFloat']);
        expect(await inputs.read('feeFloat', 'Coins', coins, '3')).toBe(toNano('3'));
        expect(inputs.optional('feeFloat', coins)).toBeUndefined();
        await expect(inputs.read('feeFloat', 'Coins for batches', coins)).rejects.toThrow(
            'Coins for batches: not given. Set the environment variable FEE_FLOAT, or append feeFloat=... to',
        );
    });

    it('is asked for at a terminal until it is right; Enter takes the default', async () => {
        somebody(true);
        const { ui, shown } = terminal('x', '4');
        expect(await new Inputs(ui, [], ['feeFloat']).read('feeFloat', 'Coins', coins, '3')).toBe(toNano('4'));
        expect(shown).toEqual([
            'Coins (default: 3)',
            '"x": expected an amount in TON such as 1.5, with at most nine decimals.',
            'Coins (default: 3)',
        ]);
        expect(await new Inputs(terminal('').ui, [], ['feeFloat']).read('feeFloat', 'Coins', coins, '3')).toBe(
            toNano('3'),
        );
    });

    it('that is wrong is named, with what was expected', async () => {
        const inputs = new Inputs(silent, ['feeFloat=-1'], ['feeFloat']);
        await expect(inputs.read('feeFloat', 'Coins', coins)).rejects.toThrow(
            'FEE_FLOAT is "-1": expected an amount in TON such as 1.5, with at most nine decimals.',
        );
    });

    it('that does not exist is refused, with those that do', () => {
        expect(() => new Inputs(silent, ['feeFlaot=1'], ['feeFloat', 'endpoint'])).toThrow(
            'Argument "feeFlaot=1" is not known: expected feeFloat=..., endpoint=...',
        );
        expect(() => new Inputs(silent, ['1'], ['feeFloat'])).toThrow('Argument "1" is not known');
    });

    it('can be one of several choices', async () => {
        const choose = (inputs: Inputs, fallback?: string) =>
            inputs.choose('offer', 'Which', ['a', 'b'], (x) => x, fallback);
        expect(await choose(new Inputs(silent, ['offer=b'], ['offer']))).toBe('b');
        expect(await choose(new Inputs(silent, [], ['offer']), 'a')).toBe('a');
        await expect(choose(new Inputs(silent, [], ['offer']))).rejects.toThrow(
            'Which: not given. Expected one of: a, b.',
        );
        await expect(choose(new Inputs(silent, ['offer=c'], ['offer']))).rejects.toThrow(
            'OFFER is "c". Expected one of: a, b.',
        );
        somebody(true);
        expect(await choose(new Inputs(terminal('1').ui, [], ['offer']), 'a')).toBe('b');
    });

    it('that is wrong ends the script without a stack trace', () => {
        const error = (() => {
            try {
                return new Inputs(silent, ['x'], []);
            } catch (thrown) {
                return thrown as Error;
            }
        })() as Error;
        expect(error.stack).toBe(`Error: ${error.message}`);
    });
});

describe('what a person writes', () => {
    const raw = '0:' + '12'.repeat(32);
    it.each<[string, () => unknown, unknown]>([
        ['coins', () => coins('0.000000001'), 1n],
        ['too fine coins', () => coins('0.0000000001'), 'expected an amount in TON'],
        ['coins in words', () => coins('1e9'), 'expected an amount in TON'],
        ['a raw address', () => address(raw).toRawString(), raw],
        [
            'a masterchain address',
            () => address('-1:' + '12'.repeat(32)),
            'expected an address in the basechain (workchain 0)',
        ],
        ['no address', () => address('EQ'), 'expected an address such as EQ... or 0:...'],
        ['an integer', () => integer(1n, 5n)('5'), 5n],
        ['too large an integer', () => integer(1n, 5n)('6'), 'expected a whole number from 1 to 5'],
        ['a fraction', () => integer(1n, 5n)('1.5'), 'expected a whole number from 1 to 5'],
        ['32 bytes', () => bytes32('0x' + 'Ab'.repeat(32)).toString('hex'), 'ab'.repeat(32)],
        ['31 bytes', () => bytes32('ab'.repeat(31)), 'expected 32 bytes as 64 hexadecimal digits'],
        [
            'a weak key',
            () => publicKey(isAcceptableEd25519Key)('00'.repeat(32)),
            'expected a public key that is not of small order',
        ],
        ['a URL', () => url('https://a.example/v1'), 'https://a.example/v1'],
        ['another scheme', () => url('ftp://a.example'), 'expected an http or https URL of at most 127 bytes'],
        [
            'too long a URL',
            () => url('https://' + 'a'.repeat(120)),
            'expected an http or https URL of at most 127 bytes',
        ],
        ['a short text', () => shortText('ü'.repeat(63)), 'ü'.repeat(63)],
        ['too long a text', () => shortText('ü'.repeat(64)), 'expected a text of 1 to 127 bytes'],
        ['no text', () => shortText(''), 'expected a text of 1 to 127 bytes'],
        ['a word', () => oneOf('yes', 'no')('yes'), 'yes'],
        ['another word', () => oneOf('yes', 'no')('y'), 'expected one of yes, no'],
    ])('%s', (_name, parse, expected) => {
        if (typeof expected === 'string' && expected.startsWith('expected')) {
            expect(parse).toThrow(expected);
        } else {
            expect(parse()).toBe(expected);
        }
    });
});
