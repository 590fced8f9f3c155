import { BlockchainSnapshot } from '@ton/sandbox';
import { Errors, isAcceptableEd25519Key } from '../../wrappers';
import { TestNetwork } from '../support/network';
import * as message from './messages';
import { attempt, refused } from './outcome';
import { Deposit, StagedSession } from './staged';

const FieldPrime = 2n ** 255n - 19n;

/** y and the sign of x as RFC 8032 encodes a point: 32 bytes, little-endian, the sign on top. */
function encode(y: bigint, sign: 0n | 1n): Buffer {
    return Buffer.from((y | (sign << 255n)).toString(16).padStart(64, '0'), 'hex').reverse();
}

function decode(hex: string): bigint {
    return BigInt('0x' + Buffer.from(hex, 'hex').reverse().toString('hex'));
}

const Order8 = [
    decode('26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05'),
    decode('c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a'),
];
/** y of the points of order 1, 2, 4 and 8. */
const SmallOrder = [1n, FieldPrime - 1n, 0n, ...Order8];
/** Second encodings of y = 0 to 18: nothing else is left between the prime and 2^255. */
const NonCanonical = Array.from({ length: 19 }, (_, k) => FieldPrime + BigInt(k));
/** Next to what is refused, or like it in some of their bytes. */
const Neighbours = [
    2n, 3n, FieldPrime - 2n, FieldPrime - 3n, ...Order8.flatMap((y) => [y - 1n, y + 1n]),
    1n << 248n, 1n << 247n, 1n << 8n, 0xecn, 0xffn, // zeros but for one byte
    FieldPrime - 1n - (1n << 248n), FieldPrime - 1n - (1n << 8n), FieldPrime - 1n - (1n << 128n), // ff.. but for one byte
    (1n << 248n) - 1n, (1n << 254n) - 1n,
];
const bothSigns = (ys: bigint[]) => ys.flatMap((y) => [encode(y, 0n), encode(y, 1n)]);

let network: TestNetwork;
let ready: BlockchainSnapshot;

beforeAll(async () => {
    network = await TestNetwork.ready();
    ready = network.chain.snapshot();
});

beforeEach(() => network.chain.loadFrom(ready));

async function openWith(key: Buffer) {
    const session = await StagedSession.prepare(network, {}, undefined, key);
    return attempt(network.chain, session.client, session.address, message.openSession(), Deposit, session.deployment.init);
}

describe('threat: Low-order and non-canonical Ed25519 public keys: a constant forged signature passes', () => {
    it.each(bothSigns(SmallOrder).map((key) => [key.toString('hex'), key] as const))(
        'no session opens with the small-order session key %s', async (_, key) => {
            expect(await openWith(key)).toEqual(refused(Errors.BadKey));
            expect(isAcceptableEd25519Key(key)).toBe(false);
        },
    );

    it('no session opens with any of the 38 encodings of y above the field prime', async () => {
        for (const key of bothSigns(NonCanonical)) {
            expect([key.toString('hex'), await openWith(key)]).toEqual([key.toString('hex'), refused(Errors.BadKey)]);
            expect(isAcceptableEd25519Key(key)).toBe(false);
        }
    });

    it('keys next to the refused ones are accepted: only what is dangerous is refused', async () => {
        for (const key of bothSigns(Neighbours)) {
            expect([key.toString('hex'), (await openWith(key)).exitCode]).toEqual([key.toString('hex'), 0]);
            expect(isAcceptableEd25519Key(key)).toBe(true);
        }
    });

    it('whoever deployed an escrow with such a key can still take everything out', async () => {
        const session = await StagedSession.prepare(network, {}, undefined, encode(1n, 0n));
        await session.contract.send(network.client.getSender(), { value: Deposit }, null);
        await session.deliver(session.client, message.reclaim());
        expect(await session.exists()).toBe(false);
    });
});
