import { Address } from '@ton/core';
import { NoTokens, TokensPerPrice, Tokens } from '@ton-compute/contracts';
import { depositLimit, EscrowState } from '../chain/escrow';
import { SessionRecord, Stop } from './record';

/** What a session used and paid; amounts in nanoTON. */
export type SpendingReport = {
    session: Address;
    provider: Address;
    model: string;
    /** Requests that were answered completely. */
    requests: number;
    /** Tokens used by the newest receipt that was checked, cumulative. */
    tokens: Tokens;
    /** Cost of these tokens. */
    amount: bigint;
    /** Mean cost of a request; 0 before the first. */
    perRequest: bigint;
    /** Mean cost of 1,000,000 tokens of all classes; 0 before the first. */
    perMillionTokens: bigint;
    /** Vouchers that were signed, and the highest of them. */
    vouchers: number;
    signed: bigint;
    spendingCap: bigint;
    /** What the escrow holds beyond its rent reserve, and what it has paid out; null when the chain was not asked. */
    deposit: bigint | null;
    claimed: bigint | null;
    /** What can still be spent: under the cap, and out of the deposit. */
    remaining: bigint;
    /**
     * Answers whose receipt was seen to cover exactly what was asked and answered, and those where it cannot be told.
     */
    transcripts: { verified: number; unverified: number };
    stopped: Stop | null;
};

/** @returns what a report takes from the chain. */
export function chainFigures(state: EscrowState | null): { free: bigint; claimed: bigint } | null {
    return state === null ? null : { free: depositLimit(state) - state.claimed, claimed: state.claimed };
}

/**
 * @param chain the escrow's free balance and what it has paid out, nanoTON; null when it was not read or is gone.
 */
export function spendingReport(record: SessionRecord, chain: { free: bigint; claimed: bigint } | null): SpendingReport {
    const tokens = record.receipt?.tokens ?? NoTokens;
    const amount = record.receipt?.amount ?? 0n;
    const count = tokens.prompt + tokens.cached + tokens.completion + tokens.reasoning;
    const underCap = record.spendingCap - amount;
    const inDeposit = chain === null ? underCap : chain.claimed + chain.free - amount;
    const remaining = underCap < inDeposit ? underCap : inDeposit;
    return {
        session: record.escrow,
        provider: record.provider,
        model: record.modelName,
        requests: record.requests,
        tokens,
        amount,
        perRequest: record.requests === 0 ? 0n : amount / BigInt(record.requests),
        perMillionTokens: count === 0n ? 0n : (amount * TokensPerPrice) / count,
        vouchers: record.vouchers,
        signed: record.voucher?.cumulative ?? 0n,
        spendingCap: record.spendingCap,
        deposit: chain?.free ?? null,
        claimed: chain?.claimed ?? null,
        remaining: record.closed || remaining < 0n ? 0n : remaining,
        transcripts: { verified: record.verifiedTranscripts, unverified: record.unverifiedTranscripts },
        stopped: record.stopped,
    };
}
