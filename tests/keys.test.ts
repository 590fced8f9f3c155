import { beginCell, Cell, contractAddress, toNano } from '@ton/core';
import { keyPairFromSeed } from '@ton/crypto';
import { BlockchainSnapshot, createShardAccount } from '@ton/sandbox';
import '@ton/test-utils';
import { generateKeyPairSync } from 'crypto';
import fc from 'fast-check';
import {
    accountOf, Errors, escrowDeployment, hashToBigInt, isAcceptableEd25519Key, isAcceptableX25519Key, packEndpoint, packSignedVoucher, packTerms,
    ProviderRegistry, SessionEscrow, SessionStatus,
} from '../wrappers';
import { dataOf, exitCodeOf, sendAs, setDataOf, transactionOf, tryAs } from './support/chain';
import { EncryptionKey, testKey, TestNetwork } from './support/network';
import { encodeKey, FieldPrime, NamedKey, NotCanonical, SmallOrderEd25519, SmallOrderX25519 } from './support/weak_keys';
import { setKeys } from './provider/messages';

const Seed = 20_260_429;
const SigningKey = testKey('worker').publicKey;

/** Keys that lie next to a forbidden one, or at the edges of the range. */
const Neighbours: NamedKey[] = [2n, 3n, FieldPrime - 2n, FieldPrime - 3n, 2n ** 248n, 2n ** 248n - 1n, 0xecn, 0xedn, 0x7fn << 248n, 2n ** 254n]
    .flatMap((value) => ([0, 1] as const).map((top) => [`0x${value.toString(16)}${top ? ', top bit' : ''}`, encodeKey(value, top)] as const));

/** Each key with one bit flipped, in three places: what a slip in a constant would let through or refuse. */
function oneBitAway(keys: readonly NamedKey[]): Buffer[] {
    return keys.flatMap(([, key]) => [0, 8 * 13 + 5, 8 * 31 + 6].map((bit) => {
        const changed = Buffer.from(key);
        changed[bit >> 3] ^= 1 << (bit & 7);
        return changed;
    }));
}

let network: TestNetwork;
let start: BlockchainSnapshot;

beforeAll(async () => {
    network = await TestNetwork.ready();
    start = network.chain.snapshot();
});

/**
 * What the contracts think of a pair of keys: the registry checks them before it looks at the value, so a registration
 * that is too poor tells.
 */
async function accepted(workerKey: Buffer, encryptionKey: Buffer): Promise<boolean> {
    const registration = beginCell().storeBuffer(workerKey, 32).storeBuffer(encryptionKey, 32).storeUint(0, 64)
        .storeUint(accountOf(network.verifier.address), 256).storeRef(packEndpoint('x')).endCell();
    const body = beginCell().store(ProviderRegistry.storeRegisterProvider({ $$type: 'RegisterProvider', queryId: 0n, registration })).endCell();
    const transaction = await tryAs(network.chain, network.owner.address, network.registry.address, toNano('0.1'), body);
    const code = exitCodeOf(transaction);
    expect([Errors.BadKey, Errors.ValueTooLow]).toContain(code);
    return code === Errors.ValueTooLow;
}

const acceptedAsSigningKey = (key: Buffer) => accepted(key, EncryptionKey);
const acceptedAsEncryptionKey = (key: Buffer) => accepted(SigningKey, key);

describe('Signing keys: contracts and wrappers agree', () => {
    it.each<NamedKey>(SmallOrderEd25519)('to refuse %s', async (_, key) => {
        expect(isAcceptableEd25519Key(key)).toBe(false);
        expect(await acceptedAsSigningKey(key)).toBe(false);
    });

    it('to refuse every encoding that is not canonical', async () => {
        for (const [, key] of NotCanonical) {
            expect(isAcceptableEd25519Key(key)).toBe(false);
            expect(await acceptedAsSigningKey(key)).toBe(false);
        }
    });

    it('to accept 2 and p - 2, and what else lies next to the forbidden ones', async () => {
        for (const [, key] of Neighbours) {
            expect(isAcceptableEd25519Key(key)).toBe(true);
            expect(await acceptedAsSigningKey(key)).toBe(true);
        }
    });

    it('on every forbidden key with one bit flipped', async () => {
        for (const key of oneBitAway(SmallOrderEd25519)) {
            expect(await acceptedAsSigningKey(key)).toBe(isAcceptableEd25519Key(key));
        }
    });

    it('on any 32 bytes', async () => {
        await fc.assert(fc.asyncProperty(fc.uint8Array({ minLength: 32, maxLength: 32 }), async (bytes) => {
            const key = Buffer.from(bytes);
            expect(await acceptedAsSigningKey(key)).toBe(isAcceptableEd25519Key(key));
        }), { numRuns: 50, seed: Seed });
    });

    it('to accept every key that a generator makes', async () => {
        await fc.assert(fc.asyncProperty(fc.uint8Array({ minLength: 32, maxLength: 32 }), async (seed) => {
            const { publicKey } = keyPairFromSeed(Buffer.from(seed));
            expect(isAcceptableEd25519Key(publicKey)).toBe(true);
            expect(await acceptedAsSigningKey(publicKey)).toBe(true);
        }), { numRuns: 20, seed: Seed });
    });
});

describe('Encryption keys: contracts and wrappers agree', () => {
    it.each<NamedKey>(SmallOrderX25519)('to refuse %s', async (_, key) => {
        expect(isAcceptableX25519Key(key)).toBe(false);
        expect(await acceptedAsEncryptionKey(key)).toBe(false);
    });

    it('to refuse every encoding that is not canonical, and every one with the top bit', async () => {
        const withTopBit = Neighbours.filter(([, key]) => key[31] & 0x80);
        expect(withTopBit).toHaveLength(Neighbours.length / 2);
        for (const [, key] of [...NotCanonical, ...withTopBit]) {
            expect(isAcceptableX25519Key(key)).toBe(false);
            expect(await acceptedAsEncryptionKey(key)).toBe(false);
        }
    });

    it('to accept 2 and p - 2, and what else lies next to the forbidden ones', async () => {
        for (const [, key] of Neighbours.filter(([, one]) => !(one[31] & 0x80))) {
            expect(isAcceptableX25519Key(key)).toBe(true);
            expect(await acceptedAsEncryptionKey(key)).toBe(true);
        }
    });

    it('on every forbidden key with one bit flipped', async () => {
        for (const key of oneBitAway(SmallOrderX25519)) {
            expect(await acceptedAsEncryptionKey(key)).toBe(isAcceptableX25519Key(key));
        }
    });

    it('on any 32 bytes', async () => {
        await fc.assert(fc.asyncProperty(fc.uint8Array({ minLength: 32, maxLength: 32 }), async (bytes) => {
            const key = Buffer.from(bytes);
            expect(await acceptedAsEncryptionKey(key)).toBe(isAcceptableX25519Key(key));
        }), { numRuns: 50, seed: Seed });
    });

    it('to accept every key that a generator makes', async () => {
        for (let i = 0; i < 20; i++) {
            const { publicKey } = generateKeyPairSync('x25519');
            const key = publicKey.export({ type: 'spki', format: 'der' }).subarray(-32);
            expect(isAcceptableX25519Key(key)).toBe(true);
            expect(await acceptedAsEncryptionKey(key)).toBe(true);
        }
    });
});

describe('threat: low-order and non-canonical Ed25519 public keys: a constant forged signature', () => {
    /** R is the neutral point, S is 0: nobody's secret is in it. */
    const Forged = Buffer.concat([encodeKey(1n), Buffer.alloc(32)]);
    const Messages = 64;

    /** How many of 64 different messages the virtual machine's CHKSIGNU takes the forged signature for. */
    async function forgeries(key: Buffer): Promise<number> {
        // SETCP0, DROP (the method's number), CHKSIGNU
        const code = beginCell().storeBuffer(Buffer.from('ff0030f910', 'hex')).endCell();
        const address = contractAddress(0, { code, data: Cell.EMPTY });
        await network.chain.setShardAccount(address, createShardAccount({ address, code, data: Cell.EMPTY, balance: toNano('1') }));
        let passed = 0;
        for (let i = 0; i < Messages; i++) {
            const { stackReader } = await network.chain.runGetMethod(address, 0, [
                { type: 'int', value: hashToBigInt(beginCell().storeUint(i, 32).endCell().hash()) },
                { type: 'slice', cell: beginCell().storeBuffer(Forged).endCell() },
                { type: 'int', value: hashToBigInt(key) },
            ]);
            passed += Number(stackReader.readBoolean());
        }
        return passed;
    }

    it('passes for every message under the neutral point', async () => {
        expect(await forgeries(encodeKey(1n))).toBe(Messages);
    });

    it.each([['2', FieldPrime - 1n, 2], ['4', 0n, 4]] as const)('passes for about one message in %s under a key of that order', async (_, y, order) => {
        const passed = await forgeries(encodeKey(y));
        expect(passed).toBeGreaterThan(Messages / order / 2);
        expect(passed).toBeLessThan(Messages / order * 2);
    });

    it('passes for some message under each key of order 8', async () => {
        for (const [name, key] of SmallOrderEd25519.filter(([one]) => one.startsWith('order 8') && !one.includes('sign'))) {
            expect([name, await forgeries(key) > 0]).toEqual([name, true]);
        }
    });

    it('passes for no message under a proper key', async () => {
        expect(await forgeries(SigningKey)).toBe(0);
    });

    it('would empty a session whose session key were the neutral point: no secret is needed', async () => {
        await network.chain.loadFrom(start);
        const session = await network.openSession(toNano('1'));
        // As if the rule were not there: the key is put into the data of an open session.
        const state = SessionEscrow.loadSessionState((await dataOf(network.chain, session.address))!.beginParse());
        await setDataOf(network.chain, session.address, beginCell()
            .store(SessionEscrow.storeSessionState({ ...state, sessionKey: hashToBigInt(encodeKey(1n)) })).endCell());
        await session.claim({ cumulative: toNano('0.9'), receiptHash: 0n, signature: Forged });
        expect((await session.data()).claimed).toBe(toNano('0.9'));
    });

    it('takes nothing from a session with a proper key', async () => {
        await network.chain.loadFrom(start);
        const session = await network.openSession(toNano('1'));
        const result = await session.claim({ cumulative: toNano('0.9'), receiptHash: 0n, signature: Forged });
        expect(exitCodeOf(transactionOf(result, session.address))).toBe(Errors.BadSignature);
        expect(packSignedVoucher({ cumulative: 1n, receiptHash: 0n, signature: Forged }).bits.length).toBeGreaterThan(512);
    });
});

describe('threat: low-order and non-canonical public keys: every one is refused', () => {
    const badSigningKeys = [...SmallOrderEd25519, ...NotCanonical];
    const badEncryptionKeys = [...SmallOrderX25519, ...NotCanonical];

    beforeEach(() => network.chain.loadFrom(start));

    const pairs = [
        ...badSigningKeys.map(([, key]) => [key, EncryptionKey] as const),
        ...badEncryptionKeys.map(([, key]) => [SigningKey, key] as const),
    ];

    it('by RegisterProvider, with a value that would be enough', async () => {
        const register = (workerKey: Buffer, encryptionKey: Buffer) => tryAs(
            network.chain, network.owner.address, network.registry.address, toNano('5'),
            beginCell().store(ProviderRegistry.storeRegisterProvider(network.registration({ workerKey, encryptionKey }))).endCell(),
        );
        for (const [workerKey, encryptionKey] of pairs) {
            expect(exitCodeOf(await register(workerKey, encryptionKey))).toBe(Errors.BadKey);
        }
        expect(exitCodeOf(await register(SigningKey, EncryptionKey))).toBe(0);
    });

    it('by SetKeys', async () => {
        const set = (workerKey: Buffer, encryptionKey: Buffer) => tryAs(
            network.chain, network.owner.address, network.provider.address, toNano('0.1'), setKeys(workerKey, encryptionKey),
        );
        for (const [workerKey, encryptionKey] of pairs) {
            expect(exitCodeOf(await set(workerKey, encryptionKey))).toBe(Errors.BadKey);
        }
        expect(exitCodeOf(await set(SigningKey, EncryptionKey))).toBe(0);
    });

    it('by OpenSession, as a session key', async () => {
        const terms = packTerms(network.agreement());
        const open = beginCell().store(SessionEscrow.storeOpenSession({ $$type: 'OpenSession', queryId: 0n })).endCell();
        for (const [, key] of badSigningKeys) {
            const { address, init } = await escrowDeployment(key, network.settlement.address, terms);
            const result = await sendAs(network.chain, network.client.address, address, toNano('1'), open, { init });
            expect(exitCodeOf(transactionOf(result, address))).toBe(Errors.BadKey);
            const { status } = await network.chain.openContract(SessionEscrow.SessionEscrow.fromAddress(address)).getSessionData();
            expect(Number(status)).toBe(SessionStatus.New);
        }
    });
});
