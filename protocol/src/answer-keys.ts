import { AnswerSecret } from './hpke';
import { hkdfSha256 } from './node-crypto';

/** Key and base nonce of the chunks of one answer. */
export type AnswerKeys = { key: Buffer; nonce: Buffer };

/** Keys of an answer, as in RFC 9458, section 4.4. @param answerNonce 32 random bytes of the worker. */
export function answerKeys(answer: AnswerSecret, answerNonce: Uint8Array): AnswerKeys {
    const salt = Buffer.concat([answer.enc, answerNonce]);
    return { key: hkdfSha256(answer.secret, salt, 'key', 32), nonce: hkdfSha256(answer.secret, salt, 'nonce', 12) };
}
