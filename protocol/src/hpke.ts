import { Aes256Gcm, CipherSuite, DhkemX25519HkdfSha256 as NativeX25519, HkdfSha256, KemInterface } from '@hpke/core';
import { DhkemX25519HkdfSha256 as PortableX25519 } from '@hpke/dhkem-x25519';
import { Address } from '@ton/core';
import { isAcceptableX25519Key } from '@ton-compute/contracts';
import { packRequest, unpackRequest } from './framing';
import { SealingError } from './sealing-error';

/** What a sealed request is bound to: it opens nowhere else. */
export type SealingContext = {
    /** Chain's global id, configuration parameter 19. */
    globalId: number;
    provider: Address;
    /** The SessionEscrow. */
    escrow: Address;
    /** SHA-256 of the weights, 32 bytes. */
    model: Buffer;
};

/** A worker's X25519 key pair. */
export type EncryptionKeyPair = {
    /** 32 bytes, as the provider's contract shows it. */
    publicKey: Buffer;
    /** 32 bytes from which the pair is derived (RFC 9180, DeriveKeyPair); whoever has them reads everything. */
    secret: Buffer;
};

/** Bytes of `enc` at the front of a sealed request. */
export const EncBytes = 32;
const ProtocolLabel = 'ton-compute/1';
const AnswerLabel = 'ton-compute/1 answer';
const AnswerSecretBytes = 32;

type Suite = CipherSuite & { readonly kem: KemInterface };

let suite: Promise<Suite> | undefined;

/** Old browsers have no X25519 in WebCrypto; the portable implementation takes a few milliseconds more. */
async function loadSuite(): Promise<Suite> {
    const make = (kem: KemInterface) => new CipherSuite({ kem, kdf: new HkdfSha256(), aead: new Aes256Gcm() });
    try {
        const native = make(new NativeX25519());
        await native.kem.generateKeyPair();
        return native;
    } catch {
        return make(new PortableX25519());
    }
}

/** @returns the cipher suite of everything that is sealed to a worker: RFC 9180, X25519, HKDF-SHA256, AES-256-GCM. */
export function sharedSuite(): Promise<Suite> {
    suite ??= loadSuite();
    return suite;
}

const importedKeys = new WeakMap<EncryptionKeyPair, CryptoKeyPair>();

/**
 * @param secret 32 random bytes that a worker keeps so that a restart of its process keeps its key.
 * @returns the same pair for the same secret, always.
 */
export async function encryptionKeyPairFromSecret(secret: Buffer): Promise<EncryptionKeyPair> {
    if (secret.length !== 32) {
        throw new SealingError('bad_key', `The secret of an encryption key has 32 bytes, got ${secret.length}.`);
    }
    const { kem } = await sharedSuite();
    const keys = await kem.deriveKeyPair(new Uint8Array(secret));
    const pair = {
        publicKey: Buffer.from(await kem.serializePublicKey(keys.publicKey)),
        secret: Buffer.from(secret),
    };
    importedKeys.set(pair, keys);
    return pair;
}

/** @returns a new random pair. */
export function generateEncryptionKeyPair(): Promise<EncryptionKeyPair> {
    return encryptionKeyPairFromSecret(Buffer.from(globalThis.crypto.getRandomValues(new Uint8Array(32))));
}

/** @returns a pair as the suite takes it; derived once. */
export async function importedKeyPair(pair: EncryptionKeyPair): Promise<CryptoKeyPair> {
    const known = importedKeys.get(pair);
    if (known !== undefined) {
        return known;
    }
    const { kem } = await sharedSuite();
    const keys = await kem.deriveKeyPair(new Uint8Array(pair.secret));
    importedKeys.set(pair, keys);
    return keys;
}

/** `info` of HPKE: protocol | global_id:int32 | provider:256 | escrow:256 | model:256. */
function sealingInfo(context: SealingContext): Uint8Array {
    for (const [name, bytes] of [
        ['provider', context.provider.hash],
        ['escrow', context.escrow.hash],
        ['model', context.model],
    ] as const) {
        if (bytes.length !== 32) {
            throw new SealingError(
                'misuse',
                `The ${name} hash of a sealing context has 32 bytes, got ${bytes.length}.`,
            );
        }
    }
    const globalId = Buffer.alloc(4);
    globalId.writeInt32BE(context.globalId);
    return new Uint8Array(
        Buffer.concat([
            Buffer.from(ProtocolLabel),
            globalId,
            context.provider.hash,
            context.escrow.hash,
            context.model,
        ]),
    );
}

function additionalData(method: string, path: string): Uint8Array {
    return new TextEncoder().encode(`${method.toUpperCase()}\n${path}`);
}

/** What both sides need to make and open the answer's chunks. */
export type AnswerSecret = { enc: Uint8Array; secret: Uint8Array };

/** Seals one request body, once; see {@link prepareHpke}. @param request.path path with query, as sent. */
export type HpkeSeal = (request: {
    method: string;
    path: string;
    body: Uint8Array;
}) => Promise<{ bytes: Uint8Array; answer: AnswerSecret }>;

/**
 * Agrees on a key with a worker. That is most of the work of sealing a request, and needs nothing of the request.
 * @param encryptionKey 32 bytes, from the provider's contract.
 * @returns what seals one request, and gives what the answer's keys are derived from.
 * @throws SealingError `bad_key` for a key under which anyone could read.
 */
export async function prepareHpke(encryptionKey: Buffer, context: SealingContext): Promise<HpkeSeal> {
    if (encryptionKey.length !== 32 || !isAcceptableX25519Key(encryptionKey)) {
        throw new SealingError(
            'bad_key',
            "The provider's encryption key is not a proper X25519 key: nothing was sent. Choose another provider.",
        );
    }
    const hpke = await sharedSuite();
    const sender = await hpke.createSenderContext({
        recipientPublicKey: await hpke.kem.deserializePublicKey(new Uint8Array(encryptionKey)),
        info: sealingInfo(context),
    });
    const enc = new Uint8Array(sender.enc);
    let used = false;
    return async ({ method, path, body }) => {
        // Two answers under one secret, and a worker that refuses the second request as a replay.
        if (used) {
            throw new SealingError('misuse', 'A prepared key seals one request.');
        }
        used = true;
        const [ciphertext, secret] = await Promise.all([
            sender.seal(new Uint8Array(packRequest(body)), additionalData(method, path)),
            sender.export(new TextEncoder().encode(AnswerLabel), AnswerSecretBytes),
        ]);
        return {
            bytes: Buffer.concat([enc, new Uint8Array(ciphertext)]),
            answer: { enc, secret: new Uint8Array(secret) },
        };
    };
}

/**
 * Opens a sealed request.
 * @throws SealingError `cannot_open` when it was sealed to another key or for another network, provider, session,
 * model, method or path; `malformed` when it is not framed as it should be.
 */
export async function openWithHpke(request: {
    keyPair: EncryptionKeyPair;
    context: SealingContext;
    method: string;
    path: string;
    bytes: Uint8Array;
}): Promise<{ body: Uint8Array; answer: AnswerSecret }> {
    const minimum = EncBytes + 16;
    if (request.bytes.length < minimum) {
        throw new SealingError(
            'malformed',
            `A sealed request has at least ${minimum} bytes, this one has ${request.bytes.length}.`,
        );
    }
    const enc = new Uint8Array(request.bytes.subarray(0, EncBytes));
    if (!isAcceptableX25519Key(Buffer.from(enc))) {
        throw new SealingError('cannot_open', 'The sealed request carries an ephemeral key of small order.');
    }
    const hpke = await sharedSuite();
    let plaintext: ArrayBuffer;
    let secret: Uint8Array;
    try {
        const recipient = await hpke.createRecipientContext({
            recipientKey: await importedKeyPair(request.keyPair),
            enc,
            info: sealingInfo(request.context),
        });
        const [opened, exported] = await Promise.all([
            recipient.open(
                new Uint8Array(request.bytes.subarray(EncBytes)),
                additionalData(request.method, request.path),
            ),
            recipient.export(new TextEncoder().encode(AnswerLabel), AnswerSecretBytes),
        ]);
        plaintext = opened;
        secret = new Uint8Array(exported);
    } catch (error) {
        if (error instanceof SealingError) {
            throw error;
        }
        throw new SealingError(
            'cannot_open',
            "The sealed request does not open under this worker's key, network, session, model and path. " +
                "Fetch the provider's encryption key again and seal to it.",
        );
    }
    return { body: unpackRequest(Buffer.from(plaintext)), answer: { enc, secret } };
}
