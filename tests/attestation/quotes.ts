import { createHash } from 'node:crypto';
import { Quote } from '@ton-compute/attestation';
import { KeyPair, signWith } from '@ton-compute/attestation/testing';
import { Verdict } from './verification';

/** Where fields stand in the TD report, bytes. */
export const Field = {
    teeTcbSvn: 0, mrSignerSeam: 64, seamAttributes: 112, tdAttributes: 120, mrServiceTd: 600,
} as const;

/** A quote whose signed bytes are changed and signed again by the attestation key. */
export function resigned(quote: Quote, key: KeyPair, change: (signed: Buffer) => void): Quote {
    const signed = Buffer.from(quote.signed);
    change(signed);
    return { ...quote, signed, signature: signWith(key, signed).raw };
}

/** As `resigned`, with other bytes in the TD report. */
export function withField(quote: Quote, key: KeyPair, field: keyof typeof Field, bytes: Buffer): Quote {
    return resigned(quote, key, (signed) => bytes.copy(signed, quote.bodyOffset + Field[field]));
}

/** The TCB status of an accepted quote, or the reason of a rejection. */
export function outcomeOf(verdict: Verdict): { status: number } | { reason: number } {
    return verdict.accepted ? { status: verdict.tcbStatus } : { reason: verdict.reason };
}

export function sha256(...bytes: Buffer[]): Buffer {
    return createHash('sha256').update(Buffer.concat(bytes)).digest();
}
