import { createHash } from 'node:crypto';
import { Address } from '@ton/core';
import { keyPairFromSeed } from '@ton/crypto';
import {
    amountOf,
    escrowDeployment,
    NoTokens,
    packTerms,
    receiptPayload,
    SignedReceipt,
    Tier,
    Tokens,
} from '@ton-compute/contracts';
import { createSigner, EmptyTranscript } from '@ton-compute/protocol';
import { SessionRecord } from '../../src/session/record';

/** The worker's key in tests. */
export const worker = keyPairFromSeed(Buffer.alloc(32, 1));
export const sessionSeed = Buffer.alloc(32, 2);
/** 1 nanoTON a prompt token, 3 a generated one. */
export const prices = { prompt: 1_000_000n, cached: 1_000_000n, completion: 3_000_000n, reasoning: 3_000_000n };
export const now = 1_800_000_000;

/** A session that was seen open. @param change fields that differ. */
export async function openRecord(change: Partial<SessionRecord> = {}, creditWindow = 0n): Promise<SessionRecord> {
    const provider = new Address(0, Buffer.alloc(32, 3));
    const terms = packTerms({
        provider,
        client: new Address(0, Buffer.alloc(32, 4)),
        salt: 5n,
        creditWindow,
        closeWindow: 3600,
        leastTier: Tier.Open,
        acceptedTcbStatuses: 1,
        measurement: null,
        offer: { model: Buffer.alloc(32, 6), prices, maxCreditWindow: 1_000_000n, minDeposit: 1n },
    });
    const sessionKey = keyPairFromSeed(sessionSeed).publicKey;
    const { address: escrow } = await escrowDeployment(sessionKey, new Address(0, Buffer.alloc(32, 7)), terms);
    return {
        escrow,
        registry: new Address(0, Buffer.alloc(32, 8)),
        provider,
        globalId: -3,
        terms,
        sessionKey: sessionSeed,
        endpoint: 'http://127.0.0.1:1',
        modelName: 'tiny',
        spendingCap: 1_000_000n,
        headroom: 400n,
        openedLt: 99n,
        workerKey: worker.publicKey,
        attestedUntil: 0,
        voucher: null,
        receipt: null,
        requests: 0,
        vouchers: 0,
        verifiedTranscripts: 0,
        unverifiedTranscripts: 0,
        stopped: null,
        expiresAt: now + 60,
        createdAt: now,
        closed: false,
        ...change,
    };
}

/** A receipt of the worker; the amount is what the tokens cost unless given. */
export function receiptOf(
    record: SessionRecord,
    sequence: number,
    used: Partial<Tokens>,
    change: { amount?: bigint; transcript?: Buffer; signer?: Buffer } = {},
): SignedReceipt {
    const tokens = { ...NoTokens, ...used };
    const transcript = change.transcript ?? EmptyTranscript;
    const receipt = {
        sequence,
        tokens,
        amount: change.amount ?? amountOf(tokens, prices),
        transcriptHash: BigInt('0x' + transcript.toString('hex')),
    };
    const domain = { globalId: record.globalId, contract: record.escrow, openedLt: record.openedLt };
    return { ...receipt, signature: createSigner(change.signer ?? worker.secretKey)(receiptPayload(domain, receipt)) };
}

export function hashOf(text: string): Buffer {
    return createHash('sha256').update(text).digest();
}
