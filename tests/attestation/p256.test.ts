import { p256 } from '@noble/curves/p256';
import { Address, beginCell, Cell } from '@ton/core';
import { bodyOf, addCertificate, bytesToNumber, digestNumber, keyToBytes, numberToBytes, P256Key, p256Hint, parseCertificate, ReferenceDigest } from '@ton-compute/attestation';
import { CertificateFields, KeyPair, makeCertificate } from '@ton-compute/attestation/testing';
import { exitCodeOf } from '../support/chain';
import { Ledger, Saved } from './ledger';
import { Random, replaced } from './mutate';
import { deploy, Plenty, requireSuccess, Sender } from './world';
import { verifiesAfterRekeying } from '../../attestation/tests/support/rekeying';
import { makeCrl } from '@ton-compute/attestation/testing';
import { addCrl, parseCrl } from '@ton-compute/attestation';

// Thousands of messages: cells are hashed by the machine, not in JavaScript.

// ECDSA by re-keying (contracts/attestation/p256.tact) on random keys and messages: through AddCertificate, in which
// nothing but the signature can be wrong. What is good is what a library says.

const Seed = Number(process.env.ATTESTATION_SEED ?? 256);
const Roots = 6;
const MessagesPerRoot = 8;
const Now = Date.UTC(2026, 2, 1) / 1000;
const BadSignature = 1509;

const { Point } = p256;
const { Fn, Fp } = Point;
const [Order, Field] = [Fn.ORDER, Fp.ORDER];
const G = Point.BASE;
const Digest1 = digestNumber(Buffer.from([1]));

type Numbers = { r: bigint; s: bigint; k: bigint; ax: bigint; slope: bigint };

function randomKey(random: Random): KeyPair & { number: bigint } {
    const number = (random.number(256) % (Order - 1n)) + 1n;
    const { x, y } = G.multiply(number).toAffine();
    return { number, secret: numberToBytes(number), publicKey: { x, y } };
}

/** A certificate of the TCB signer with random contents, by a root. */
function certificateFields(random: Random, root: KeyPair): CertificateFields {
    return {
        subject: 'Intel SGX TCB Signing',
        issuer: 'Intel SGX Root CA',
        serial: random.number(159),
        notBefore: Now - 1 - random.below(10 ** 8),
        notAfter: Now + 1 + random.below(5 * 10 ** 8),
        publicKey: randomKey(random).publicKey,
        signer: root,
        authorityKey: root.publicKey,
        crlUrl: 'https://certificates.trustedservices.intel.com/IntelSGXRootCA.der',
        keyUsage: 0xc0,
        basicConstraints: { ca: false, pathLength: null },
        sgx: null,
        extraExtensions: [],
    };
}

function cellOf({ r, s, k, ax, slope }: Numbers): Cell {
    const hint = beginCell().storeUint(k, 256).storeUint(ax, 256).storeUint(slope, 256).endCell();
    return beginCell().storeUint(r, 256).storeUint(s, 256).storeRef(hint).endCell();
}

function slopeBetween(a: { x: bigint; y: bigint }, q: P256Key): bigint {
    return Fp.div(Fp.create(a.y - q.y), Fp.create(a.x - q.x));
}

type Case = {
    ledger: Ledger; verifier: Address; before: Saved; root: KeyPair & { number: bigint }; body: Cell; signed: Buffer; good: Numbers; random: Random;
};

async function codeOf({ ledger, verifier, before, body }: Case, signature: Cell): Promise<number> {
    ledger.restore(before);
    const outcome = await ledger.post(Sender, verifier, Plenty, replaced(body, [1], () => signature));
    expect(outcome.deliveries).toHaveLength(1);
    return exitCodeOf(outcome.transactions[0])!;
}

/** A point kG with the slope to the root's key, as a hint. */
function hintOf(k: bigint, key: P256Key): Pick<Numbers, 'k' | 'ax' | 'slope'> {
    const a = G.multiply(Fn.create(k)).toAffine();
    return { k: Fn.create(k), ax: a.x, slope: slopeBetween(a, key) };
}

/** A signature of the reference digest by Q + A for another A than k G, made with the secret key of Q. */
function signedTo({ root, signed, random }: Case, other: (k: bigint) => bigint): Numbers {
    const nonce = Fn.create(random.number(256));
    const r = Fn.create(G.multiply(nonce).toAffine().x);
    const k = Fn.div(Fn.create(digestNumber(signed) - ReferenceDigest), r);
    const wrong = other(k);
    const s = Fn.div(Fn.add(Fn.create(ReferenceDigest), Fn.mul(r, Fn.add(root.number, wrong))), nonce);
    return { r, s, ...hintOf(wrong, root.publicKey), k };
}

/** Hints and signatures that are wrong, each in one respect. */
const wrong: [string, (c: Case) => Numbers][] = [
    ['r + 1', ({ good }) => ({ ...good, r: good.r + 1n })],
    ['a random r, hinted as such', ({ good, signed, root, random }) => {
        const r = Fn.create(random.number(256));
        return { ...good, r, ...p256Hint(digestNumber(signed), r, root.publicKey) };
    }],
    ['r = 0', ({ good }) => ({ ...good, r: 0n })],
    ['r = n', ({ good }) => ({ ...good, r: Order })],
    ['r = 0 with k = 0', ({ good }) => ({ ...good, r: 0n, k: 0n })],
    ['s + 1', ({ good }) => ({ ...good, s: (good.s + 1n) % Order })],
    ['a random s', ({ good, random }) => ({ ...good, s: random.number(256) })],
    ['s = 0', ({ good }) => ({ ...good, s: 0n })],
    ['s = n', ({ good }) => ({ ...good, s: Order })],
    ['r and s exchanged', ({ good }) => ({ ...good, r: good.s, s: good.r })],
    ['another key signed', ({ good, signed, random }) => {
        const other = randomKey(random);
        const { r, s } = p256.sign(signed, other.secret, { lowS: false, prehash: true });
        return { ...good, r, s };
    }],
    ['another key signed, with the hint for the right one', ({ signed, root, random }) => {
        const other = randomKey(random);
        const { r, s } = p256.sign(signed, other.secret, { lowS: false, prehash: true });
        return { r, s, ...p256Hint(digestNumber(signed), r, root.publicKey) };
    }],
    ['another key signed, with its own hint', ({ signed, random }) => {
        const other = randomKey(random);
        const { r, s } = p256.sign(signed, other.secret, { lowS: false, prehash: true });
        return { r, s, ...p256Hint(digestNumber(signed), r, other.publicKey) };
    }],
    ['another digest is signed, with the hint for that', ({ root, random }) => {
        const other = random.bytes(200);
        const { r, s } = p256.sign(other, root.secret, { lowS: false, prehash: true });
        return { r, s, ...p256Hint(digestNumber(other), r, root.publicKey) };
    }],
    ['another digest is signed, with the hint for this', ({ signed, root, random }) => {
        const { r, s } = p256.sign(random.bytes(200), root.secret, { lowS: false, prehash: true });
        return { r, s, ...p256Hint(digestNumber(signed), r, root.publicKey) };
    }],
    ['the reference digest is signed, with k = 0', ({ root, good }) => {
        const { r, s } = p256.sign(Buffer.from([0]), root.secret, { lowS: false, prehash: true });
        return { ...good, r, s, k: 0n };
    }],
    ['k + 1', ({ good }) => ({ ...good, k: good.k + 1n })],
    ['k + 1 with its point', ({ good, root }) => ({ ...good, ...hintOf(good.k + 1n, root.publicKey) })],
    ['k, but the point of k + 1', ({ good, root }) => ({ ...good, ...hintOf(good.k + 1n, root.publicKey), k: good.k })],
    ['-k with its point', ({ good, root }) => ({ ...good, ...hintOf(-good.k, root.publicKey) })],
    ['k, but the point of -k', ({ good, root }) => ({ ...good, ...hintOf(-good.k, root.publicKey), k: good.k })],
    ['k = 0', ({ good }) => ({ ...good, k: 0n })],
    ['k = n', ({ good }) => ({ ...good, k: Order })],
    ['k above n', ({ good, random }) => ({ ...good, k: Order + random.number(220) })],
    ['A.x + 1', ({ good }) => ({ ...good, ax: good.ax + 1n })],
    ['A.x = 0', ({ good }) => ({ ...good, ax: 0n })],
    ['A.x = p', ({ good }) => ({ ...good, ax: Field })],
    ['A.x above p', ({ good, random }) => ({ ...good, ax: Field + random.number(220) })],
    ['slope + 1', ({ good }) => ({ ...good, slope: good.slope + 1n })],
    ['slope = 0', ({ good }) => ({ ...good, slope: 0n })],
    ['slope = p', ({ good }) => ({ ...good, slope: Field })],
    ['-slope', ({ good }) => ({ ...good, slope: Fp.neg(good.slope) })],
    ['a random slope', ({ good, random }) => ({ ...good, slope: random.number(256) })],
    // The line through -Q and A, and through Q and -A.
    ['the slope from the other point of Q', ({ good, root }) => {
        const a = G.multiply(good.k).toAffine();
        return { ...good, slope: slopeBetween(a, { x: root.publicKey.x, y: Fp.neg(root.publicKey.y) }) };
    }],
    ['the slope to the other point of A', ({ good, root }) => {
        const a = G.multiply(good.k).toAffine();
        return { ...good, slope: slopeBetween({ x: a.x, y: Fp.neg(a.y) }, root.publicKey) };
    }],
    // A = Q and A = -Q: the addition has no such line; A = Q would have the tangent.
    ['A = Q with the tangent', ({ good, root: { publicKey: q } }) => ({
        ...good, ax: q.x, slope: Fp.div(Fp.create(3n * q.x * q.x - 3n), Fp.create(2n * q.y)),
    })],
    ['A = Q with k its secret key', ({ good, root: { publicKey: q, number } }) => ({
        ...good, k: number, ax: q.x, slope: Fp.div(Fp.create(3n * q.x * q.x - 3n), Fp.create(2n * q.y)),
    })],
    ['A = -Q', ({ good, root: { publicKey: q, number } }) => ({ ...good, k: Order - number, ax: q.x, slope: 0n })],
    // All is right but A, which is not kG, and the signature is good under Q + A: only the proof of A is in the way.
    ['the point of k + 1, and a signature to it', (c) => signedTo(c, (k) => Fn.add(k, 1n))],
    ['the point of -k, and a signature to it', (c) => signedTo(c, (k) => Fn.neg(k))],
    ['the point of a random number, and a signature to it', (c) => signedTo(c, () => Fn.create(c.random.number(256)))],
    // The other point for which (Gx, Gx k + c) is a signature of the digest c: it fails for the other digest.
    ...[ReferenceDigest, Digest1].map((digest, index): [string, (c: Case) => Numbers] => [
        `the second solution for c${index}, and a signature to it`,
        (c) => signedTo(c, (k) => Fn.neg(Fn.add(k, Fn.div(Fn.create(2n * digest), Fn.create(G.toAffine().x))))),
    ]),
    // What an attacker would choose who could pass any point off as kG: Q + A is then his own key.
    ['Q + A is a key of the attacker', ({ root: { publicKey: q }, signed, random }) => {
        const own = randomKey(random);
        const { r, s } = p256.sign(Buffer.from([0]), own.secret, { lowS: false, prehash: true });
        const a = Point.fromHex(`04${keyToBytes(own.publicKey).toString('hex')}`)
            .subtract(Point.fromHex(`04${keyToBytes(q).toString('hex')}`))
            .toAffine();
        return { r, s, k: Fn.div(Fn.create(digestNumber(signed) - ReferenceDigest), r), ax: a.x, slope: slopeBetween(a, q) };
    }],
];

describe('ECDSA by re-keying, on random keys and messages', () => {
    let cases: Case[];

    beforeAll(async () => {
        const ledger = await Ledger.create(Now);
        cases = [];
        for (let rootIndex = 0; rootIndex < Roots; rootIndex += 1) {
            const random = new Random(Seed, rootIndex);
            const root = randomKey(random);
            const verifier = await deploy(ledger, root.publicKey);
            const list = makeCrl({
                issuer: 'Intel SGX Root CA', thisUpdate: Now - 100, nextUpdate: Now + 10 ** 7, revoked: [], crlNumber: 1,
                authorityKey: root.publicKey, signer: root,
            });
            requireSuccess(await ledger.post(Sender, verifier, Plenty, bodyOf(addCrl(parseCrl(list), root.publicKey))), 'root list');
            const before = ledger.save();
            for (let index = 0; index < MessagesPerRoot; index += 1) {
                const certificate = parseCertificate(makeCertificate(certificateFields(random, root)));
                const [r, s] = [0, 32].map((at) => bytesToNumber(certificate.signature.subarray(at, at + 32)));
                const good = { r, s, ...p256Hint(digestNumber(certificate.signed), r, root.publicKey) };
                cases.push({
                    ledger, verifier, before, root, random, good, signed: certificate.signed,
                    body: bodyOf(addCertificate(certificate, root.publicKey)),
                });
            }
        }
    });

    it(`accepts the signatures that a library accepts (seed ${Seed})`, async () => {
        for (const [index, one] of cases.entries()) {
            const { r, s } = one.good;
            const signature = Buffer.concat([numberToBytes(r), numberToBytes(s)]);
            const key = Buffer.concat([Buffer.from([4]), keyToBytes(one.root.publicKey)]);
            expect(p256.verify(signature, one.signed, key, { prehash: true, lowS: false })).toBe(true);
            expect({ index, code: await codeOf(one, cellOf(one.good)) }).toEqual({ index, code: 0 });
        }
    });

    it('accepts (r, n - s) as well, and what is stored is the same: nothing is named by a signature', async () => {
        for (const [index, one] of cases.entries()) {
            expect({ index, code: await codeOf(one, cellOf(one.good)) }).toEqual({ index, code: 0 });
            const state = one.ledger.stateOf(one.verifier);
            const other = cellOf({ ...one.good, s: Order - one.good.s });
            expect({ index, code: await codeOf(one, other) }).toEqual({ index, code: 0 });
            expect(one.ledger.stateOf(one.verifier)).toBe(state);
            // And the same certificate with the other signature is not newer.
            const again = await one.ledger.post(Sender, one.verifier, Plenty, one.body);
            expect(exitCodeOf(again.transactions[0])).toBe(1507);
        }
    });

    it.each(wrong)('refuses: %s', async (_, change) => {
        // Two roots at least; a case is one certificate.
        for (let index = 0; index < cases.length; index += 5) {
            const one = cases[index];
            const numbers = change(one);
            const signature = cellOf(numbers);
            expect(verifiesAfterRekeying(one.signed, signature, one.root.publicKey)).toBe(false);
            expect({ index, code: await codeOf(one, signature) }).toEqual({ index, code: BadSignature });
        }
    });

    it('agrees with a library on random flips of all numbers', async () => {
        for (let index = 0; index < 30; index += 1) {
            const one = cases[index % cases.length];
            const names = Object.keys(one.good) as (keyof Numbers)[];
            const name = one.random.pick(names);
            const numbers = { ...one.good, [name]: one.good[name] ^ (1n << BigInt(one.random.below(256))) };
            expect({ index, name, code: await codeOf(one, cellOf(numbers)) }).toEqual({ index, name, code: BadSignature });
        }
    });
});
