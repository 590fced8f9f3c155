import { beginCell } from '@ton/core';
import { answerKeys } from '../../src/answer-keys';
import { chunkNonce } from '../../src/chunk-nonce';
import { AnswerOpener, AnswerSealer } from '../../src/sealing';
import { createSha256, createSigner, createVerifier, encryptionKeyPairFromSecret, requestDigest } from '../../src';

/** What of a fixed exchange is the same wherever the protocol runs; hexadecimal digits. */
export type FixedBytes = Record<
    | 'key' | 'nonce' | 'nonceOfChunk1' | 'lengthOfHead' | 'tagOfHead' | 'tagOfEnd' | 'wholeAnswer'
    | 'encryptionKey' | 'requestDigest' | 'signature',
    string
>;

const answer = { enc: new Uint8Array(32).fill(0x11), secret: new Uint8Array(32).fill(0x22) };

function hex(bytes: Uint8Array): string {
    return Buffer.from(bytes).toString('hex');
}

/** Runs in Node and in browsers. @throws when what was sealed does not open, or a signature does not hold. */
export async function fixedBytes(): Promise<FixedBytes> {
    const answerNonce = Buffer.alloc(32, 0x33);
    const keys = answerKeys(answer, answerNonce);
    const sealer = new AnswerSealer(answer, answerNonce);
    const head = sealer.head(200, { 'content-type': 'application/json' });
    const end = sealer.end();
    const opener = new AnswerOpener(answer);
    const kinds = [...opener.push(head), ...opener.push(end)].map(({ kind }) => kind);
    opener.finish();

    const payload = beginCell().storeUint(1, 32).endCell();
    const signature = createSigner(Buffer.alloc(32, 4))(payload);
    const isOurs = createVerifier(Buffer.from(FixedPublicKey, 'hex'));
    const altered = Buffer.from(signature);
    altered[0] ^= 1;
    if (kinds.join() !== 'head,end' || !isOurs(payload, signature) || isOurs(payload, altered)) {
        throw new Error('The fixed exchange does not hold.');
    }

    const whole = createSha256();
    whole.update(head);
    whole.update(end);
    const seed = Buffer.from('6db9df30aa07dd42ee5e8181afdb977e538f5e1fec8a06223f33f7013e525037', 'hex');
    return {
        key: hex(keys.key),
        nonce: hex(keys.nonce),
        nonceOfChunk1: hex(chunkNonce(keys.nonce, 1)),
        lengthOfHead: hex(head.subarray(32, 36)),
        tagOfHead: hex(head.subarray(-16)),
        tagOfEnd: hex(end.subarray(-16)),
        wholeAnswer: hex(whole.digest()),
        encryptionKey: hex((await encryptionKeyPairFromSecret(seed)).publicKey),
        requestDigest: hex(requestDigest('post', '/v1/chat/completions', Buffer.from('{"a":1}'))),
        signature: hex(signature),
    };
}

/** Of the seed of 32 bytes 4. */
const FixedPublicKey = 'ca93ac1705187071d67b83c7ff0efe8108e8ec4530575d7726879333dbdabe7c';

/**
 * Computed independently of this package, with Python's `cryptography` and `hashlib` from docs/wire.md; the encryption key
 * is that of RFC 9180, appendix A.1.1.
 */
export const ExpectedBytes: FixedBytes = {
    key: '298585b54c44be708fbb73112917629f26fd57741327eb0f8ded71ef405cb8c0',
    nonce: 'e25ac6ba5db6ac1569c59adb',
    nonceOfChunk1: 'e25ac6ba5db6ac1569c59ada',
    lengthOfHead: '00000110',
    tagOfHead: '934714497d2763c3ee3f6c569cc5cd4e',
    tagOfEnd: '667ff78c9a9892dabb174b08df19586a',
    wholeAnswer: '7407cc6df5179b961870d2586742f5d6b2c9685e2f12dc902150113d46575b58',
    encryptionKey: '3948cfe0ad1ddb695d780e59077195da6c56506b027329794ab02bca80815c4d',
    requestDigest: '837cac263cf62d6283aa5cd2862c335cf41af447573afad767db8e507be08f71',
    signature:
        '9dff5d9971d092fff6997e048ad1477885f82ae24373bafeb3b2b718c190f67d' +
        '340cba023fee37e2878ff9fdfb6e50971ff9ca8653a6426e6855d60433b28b0c',
};
