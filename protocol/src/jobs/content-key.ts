import { Address } from '@ton/core';
import { isAcceptableX25519Key, SealedKeyBytes } from '@ton-compute/contracts';
import { EncBytes, EncryptionKeyPair, importedKeyPair, sharedSuite } from '../hpke';
import { SealingError } from '../sealing-error';

/** Bytes of the key of a job's content. */
export const ContentKeyBytes = 32;
const Label = 'ton-compute/1 job';

/** What the key of a job's content is bound to: it opens for no other job and in no other life of it. */
export type JobKeyContext = {
    /** Chain's global id, configuration parameter 19. */
    globalId: number;
    /** The JobEscrow. */
    job: Address;
    /** Logical time of the posting. */
    openedLt: bigint;
};

/** `info` of HPKE: protocol | global_id:int32 | job:256 | opened_lt:64. */
function keyInfo({ globalId, job, openedLt }: JobKeyContext): Uint8Array {
    const numbers = Buffer.alloc(12);
    numbers.writeInt32BE(globalId, 0);
    numbers.writeBigUInt64BE(openedLt, 4);
    return new Uint8Array(Buffer.concat([Buffer.from(Label), numbers.subarray(0, 4), job.hash, numbers.subarray(4)]));
}

/**
 * Seals the key of a job's content to the provider that is awarded the job.
 * @param encryptionKey 32 bytes, from the provider's contract.
 * @param contentKey 32 random bytes, used for one job only.
 * @returns 80 bytes: encapsulated key, sealed key, tag. They travel with the award, on the chain.
 * @throws SealingError `bad_key` for a key under which anyone could read.
 */
export async function sealContentKey(encryptionKey: Buffer, context: JobKeyContext, contentKey: Uint8Array): Promise<Buffer> {
    if (encryptionKey.length !== 32 || !isAcceptableX25519Key(encryptionKey)) {
        throw new SealingError(
            'bad_key',
            "The provider's encryption key is not a proper X25519 key: award the job to nobody, or wait for another bid.",
        );
    }
    if (contentKey.length !== ContentKeyBytes) {
        throw new SealingError('misuse', `A content key has ${ContentKeyBytes} bytes, got ${contentKey.length}.`);
    }
    const hpke = await sharedSuite();
    const sender = await hpke.createSenderContext({
        recipientPublicKey: await hpke.kem.deserializePublicKey(new Uint8Array(encryptionKey)),
        info: keyInfo(context),
    });
    const sealed = await sender.seal(new Uint8Array(contentKey));
    return Buffer.concat([new Uint8Array(sender.enc), new Uint8Array(sealed)]);
}

/** @returns the content key, 32 bytes. @throws SealingError `cannot_open` when it was sealed to another key or job. */
export async function openContentKey(keyPair: EncryptionKeyPair, context: JobKeyContext, sealed: Uint8Array): Promise<Buffer> {
    const enc = new Uint8Array(sealed.subarray(0, EncBytes));
    if (sealed.length === SealedKeyBytes && isAcceptableX25519Key(Buffer.from(enc))) {
        const hpke = await sharedSuite();
        try {
            const recipient = await hpke.createRecipientContext({
                recipientKey: await importedKeyPair(keyPair),
                enc,
                info: keyInfo(context),
            });
            return Buffer.from(await recipient.open(new Uint8Array(sealed.subarray(EncBytes))));
        } catch {
            // Said below: why it does not open is nobody's business but the sender's.
        }
    }
    throw new SealingError('cannot_open', "The key of the job's content does not open under this worker's key and this job.");
}
