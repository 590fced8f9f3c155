import { createHash } from 'node:crypto';

/** Bytes of MRTD and of each RTMR. */
export const RegisterBytes = 48;

export function sha384(...parts: readonly Uint8Array[]): Buffer {
    const hash = createHash('sha384');
    for (const part of parts) {
        hash.update(part);
    }
    return hash.digest();
}

/**
 * @param digests of events, SHA-384, in their order.
 * @returns an RTMR that began with zeros: each TDG.MR.RTMR.EXTEND makes it SHA-384(register | digest).
 */
export function extendAll(digests: readonly Uint8Array[]): Buffer {
    return digests.reduce<Buffer>((register, digest) => sha384(register, digest), Buffer.alloc(RegisterBytes));
}
