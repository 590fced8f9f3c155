import { createPrivateKey, createPublicKey, KeyObject, sign as nativeSign, verify as nativeVerify } from 'node:crypto';
import type * as Nacl from 'tweetnacl';

// Stands in for tweetnacl, the JavaScript implementation of Ed25519 in the wallet library: node's own is a hundred times
// faster, and tests sign thousands of vouchers. Signatures are deterministic (RFC 8032), so that both give the same bytes.

const nacl = require('../../../node_modules/tweetnacl/nacl-fast.js') as typeof Nacl;

/** PKCS #8 and SubjectPublicKeyInfo of Ed25519 keys before the key itself (RFC 8410). */
const PrivatePrefix = Buffer.from('302e020100300506032b657004220420', 'hex');
const PublicPrefix = Buffer.from('302a300506032b6570032100', 'hex');

type Pair = { privateKey: KeyObject; publicKey: Buffer };
const pairs = new Map<string, Pair>();

function pairOf(seed: Uint8Array): Pair {
    const name = Buffer.from(seed).toString('latin1');
    let pair = pairs.get(name);
    if (pair === undefined) {
        const privateKey = createPrivateKey({ key: Buffer.concat([PrivatePrefix, seed]), format: 'der', type: 'pkcs8' });
        const publicKey = createPublicKey(privateKey).export({ format: 'der', type: 'spki' }).subarray(PublicPrefix.length);
        pairs.set(name, pair = { privateKey, publicKey });
    }
    return pair;
}

function isBytes(value: unknown, length?: number): value is Uint8Array {
    return value instanceof Uint8Array && (length === undefined || value.length === length);
}

const { detached, keyPair: { fromSeed } } = nacl.sign;
const slowVerify = detached.verify;

nacl.sign.keyPair.fromSeed = (seed) => {
    if (!isBytes(seed, 32)) {
        return fromSeed(seed);
    }
    const { publicKey } = pairOf(seed);
    const secretKey = new Uint8Array(64);
    secretKey.set(seed);
    secretKey.set(publicKey, 32);
    return { publicKey: new Uint8Array(publicKey), secretKey };
};

const sign = (message: Uint8Array, secretKey: Uint8Array): Uint8Array => {
    if (!isBytes(message) || !isBytes(secretKey, 64)) {
        return detached(message, secretKey);
    }
    const { privateKey, publicKey } = pairOf(secretKey.subarray(0, 32));
    // A secret key holds its public key too, and tweetnacl signs with the one that it is given.
    return publicKey.equals(secretKey.subarray(32))
        ? new Uint8Array(nativeSign(null, message, privateKey))
        : detached(message, secretKey);
};

/** What OpenSSL accepts tweetnacl accepts, but not the other way round: a refusal is always tweetnacl's. */
const verify = (message: Uint8Array, signature: Uint8Array, publicKey: Uint8Array): boolean => {
    if (isBytes(message) && isBytes(signature, 64) && isBytes(publicKey, 32)) {
        const key = createPublicKey({ key: Buffer.concat([PublicPrefix, publicKey]), format: 'der', type: 'spki' });
        if (nativeVerify(null, message, key, signature)) {
            return true;
        }
    }
    return slowVerify(message, signature, publicKey);
};

nacl.sign.detached = Object.assign(sign, { verify });
export = nacl;
