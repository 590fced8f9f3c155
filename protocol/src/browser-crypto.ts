import { gcm } from '@noble/ciphers/aes';
import { ed25519 } from '@noble/curves/ed25519';
import { hkdf } from '@noble/hashes/hkdf';
import { sha256 as portableSha256 } from '@noble/hashes/sha2';
import { IncrementalHash } from './incremental-hash';

/**
 * The primitives of `node-crypto.ts` without Node: same names, same bytes. WebCrypto has them too, but only as promises,
 * and then opening an answer and signing a voucher would be other code in a browser than the one that is tested in Node.
 */

const TagBytes = 16;

/** @returns SHA-256 over the parts in order, 32 bytes. */
export function sha256(...parts: Uint8Array[]): Buffer {
    const hash = createSha256();
    parts.forEach((part) => hash.update(part));
    return hash.digest();
}

export function createSha256(): IncrementalHash {
    const hash = portableSha256.create();
    return { update: (bytes) => void hash.update(bytes), digest: () => bufferOf(hash.digest()) };
}

/** @returns HKDF-SHA256 (RFC 5869, extract and expand) of `secret`, `length` bytes. */
export function hkdfSha256(secret: Uint8Array, salt: Uint8Array, info: string, length: number): Buffer {
    return bufferOf(hkdf(portableSha256, secret, salt, info, length));
}

export function secureRandom(length: number): Buffer {
    return bufferOf(globalThis.crypto.getRandomValues(new Uint8Array(length)));
}

/** @returns AES-256-GCM ciphertext with its tag at the end. */
export function sealAesGcm(key: Uint8Array, nonce: Uint8Array, aad: Uint8Array, plaintext: Uint8Array): Buffer[] {
    const sealed = bufferOf(gcm(key, nonce, aad).encrypt(plaintext));
    return [sealed.subarray(0, plaintext.length), sealed.subarray(plaintext.length)];
}

/** @returns the plaintext, or null when key, nonce, additional data or ciphertext are not what was sealed. */
export function openAesGcm(key: Uint8Array, nonce: Uint8Array, aad: Uint8Array, sealed: Uint8Array): Buffer | null {
    if (sealed.length < TagBytes) {
        return null;
    }
    const cipher = gcm(key, nonce, aad);
    try {
        return bufferOf(cipher.decrypt(sealed));
    } catch {
        return null;
    }
}

/** @param seed 32 bytes. @returns a function from a message to its Ed25519 signature, 64 bytes. */
export function ed25519Signer(seed: Uint8Array): (message: Uint8Array) => Buffer {
    const key = new Uint8Array(seed);
    return (message) => bufferOf(ed25519.sign(message, key));
}

/** @param publicKey 32 bytes. @returns a function that says whether a signature over a message is this key's. */
export function ed25519Verifier(publicKey: Uint8Array): (message: Uint8Array, signature: Uint8Array) => boolean {
    const key = new Uint8Array(publicKey);
    // As RFC 8032 and the chain have it: the looser rules of ZIP 215 take encodings that the chain refuses.
    return (message, signature) => ed25519.verify(signature, message, key, { zip215: false });
}

function bufferOf(bytes: Uint8Array): Buffer {
    return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
}
