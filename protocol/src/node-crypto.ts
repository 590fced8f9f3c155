import {
    createCipheriv,
    createDecipheriv,
    createHash,
    createPrivateKey,
    createPublicKey,
    hkdfSync,
    randomBytes,
    sign,
    verify,
} from 'node:crypto';
import { IncrementalHash } from './incremental-hash';

/**
 * The only file of this package that needs Node, for speed: primitives, and nothing of the protocol. Bundlers for
 * browsers put `browser-crypto.ts` in its place (`browser` in package.json).
 */

const TagBytes = 16;

/** @returns SHA-256 over the parts in order, 32 bytes. */
export function sha256(...parts: Uint8Array[]): Buffer {
    const hash = createHash('sha256');
    for (const part of parts) {
        hash.update(part);
    }
    return hash.digest();
}

export function createSha256(): IncrementalHash {
    const hash = createHash('sha256');
    return { update: (bytes) => void hash.update(bytes), digest: () => hash.digest() };
}

/** @returns HKDF-SHA256 (RFC 5869, extract and expand) of `secret`, `length` bytes. */
export function hkdfSha256(secret: Uint8Array, salt: Uint8Array, info: string, length: number): Buffer {
    return Buffer.from(hkdfSync('sha256', secret, salt, info, length));
}

export function secureRandom(length: number): Buffer {
    return randomBytes(length);
}

/** @returns AES-256-GCM ciphertext with its tag at the end. */
export function sealAesGcm(key: Uint8Array, nonce: Uint8Array, aad: Uint8Array, plaintext: Uint8Array): Buffer[] {
    const cipher = createCipheriv('aes-256-gcm', key, nonce);
    if (aad.length > 0) {
        cipher.setAAD(aad);
    }
    const ciphertext = cipher.update(plaintext);
    cipher.final();
    return [ciphertext, cipher.getAuthTag()];
}

/** @returns the plaintext, or null when key, nonce, additional data or ciphertext are not what was sealed. */
export function openAesGcm(key: Uint8Array, nonce: Uint8Array, aad: Uint8Array, sealed: Uint8Array): Buffer | null {
    if (sealed.length < TagBytes) {
        return null;
    }
    const decipher = createDecipheriv('aes-256-gcm', key, nonce);
    if (aad.length > 0) {
        decipher.setAAD(aad);
    }
    decipher.setAuthTag(sealed.subarray(sealed.length - TagBytes));
    const plaintext = decipher.update(sealed.subarray(0, sealed.length - TagBytes));
    try {
        decipher.final();
    } catch {
        return null;
    }
    return plaintext;
}

/** PKCS #8 of an Ed25519 key, up to its 32-byte seed (RFC 8410). */
const Ed25519Pkcs8Prefix = Buffer.from('302e020100300506032b657004220420', 'hex');

/** @param seed 32 bytes. @returns a function from a message to its Ed25519 signature, 64 bytes. */
export function ed25519Signer(seed: Uint8Array): (message: Uint8Array) => Buffer {
    const key = createPrivateKey({ key: Buffer.concat([Ed25519Pkcs8Prefix, seed]), format: 'der', type: 'pkcs8' });
    return (message) => sign(null, message, key);
}

/** @param publicKey 32 bytes. @returns a function that says whether a signature over a message is this key's. */
export function ed25519Verifier(publicKey: Uint8Array): (message: Uint8Array, signature: Uint8Array) => boolean {
    const x = Buffer.from(publicKey).toString('base64url');
    const key = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' });
    return (message, signature) => verify(null, message, key, signature);
}
