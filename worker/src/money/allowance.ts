import { amountOf, addTokens, Prices, Tokens } from '@ton-compute/contracts';

/** What the chain says of a session's money; all amounts in nanoTON. */
export type EscrowFunds = {
    /** Paid out since the opening. */
    claimed: bigint;
    balance: bigint;
    /** What must stay in the escrow for rent. */
    reserve: bigint;
    /** The session's credit window. */
    creditWindow: bigint;
    /** Unix seconds until which the snapshot of the provider is attested; 0 in tier open. */
    attestedUntil: number;
    /** Whether the one receipt-only claim was made: credit would have nothing to fall back on. */
    receiptClaimUsed: boolean;
};

/**
 * A receipt-only claim has to arrive while the snapshot is attested: no credit is given in the last seconds before its
 * expiry, when a batch could come too late.
 */
export const AttestationMargin = 900;

/** @returns nanoTON that may be used beyond the highest voucher: nothing in tier open, where the client pays ahead. */
export function creditOf(funds: EscrowFunds, now: number): bigint {
    const backed = !funds.receiptClaimUsed && now + AttestationMargin < funds.attestedUntil;
    return backed ? funds.creditWindow : 0n;
}

/** @returns nanoTON that the escrow can still pay. */
export function claimableOf(funds: EscrowFunds): bigint {
    const free = funds.balance - funds.reserve;
    return free > 0n ? free : 0n;
}

/** @returns the most that can ever be claimed without a top-up, cumulative nanoTON. */
export function depositLimit(funds: EscrowFunds): bigint {
    return funds.claimed + claimableOf(funds);
}

/**
 * allowance = min(highest voucher + window, claimed + balance - reserve of the escrow), docs/wire.md.
 * @param cumulative nanoTON of the highest voucher.
 */
export function allowanceOf(funds: EscrowFunds, cumulative: bigint, now: number): bigint {
    const signed = signedFor(funds, cumulative) + creditOf(funds, now);
    const limit = depositLimit(funds);
    return signed < limit ? signed : limit;
}

/** Anyone may relay a voucher to the escrow: what was claimed was signed, also if it never came here. */
function signedFor(funds: EscrowFunds, cumulative: bigint): bigint {
    return cumulative > funds.claimed ? cumulative : funds.claimed;
}

/** A batch takes a while: a receipt-only claim is not begun this many seconds before it would come too late. */
const ClaimMargin = 60;

/**
 * @param owed nanoTON, cumulative, of the newest receipt.
 * @param cumulative nanoTON of the highest voucher.
 * @returns the cumulative amount that a receipt-only claim would reach now, or null where it brings nothing more.
 */
export function receiptReach(funds: EscrowFunds, owed: bigint, cumulative: bigint, now: number): bigint | null {
    if (funds.receiptClaimUsed || now + ClaimMargin >= funds.attestedUntil) {
        return null;
    }
    const signed = signedFor(funds, cumulative);
    const most = signed + funds.creditWindow;
    const reach = owed < most ? owed : most;
    return reach > signed ? reach : null;
}

/** Why something cannot be used yet. */
export type Shortfall =
    | {
          reason: 'voucher';
          /** How much the voucher must grow, nanoTON. */
          owed: bigint;
          /** The cumulative amount that it must reach, nanoTON. */
          required: bigint;
          /** The highest voucher that is held, nanoTON. */
          cumulative: bigint;
      }
    | {
          reason: 'deposit';
          /** What the escrow can still pay, nanoTON. */
          claimable: bigint;
          /** What it would have to be, nanoTON. */
          required: bigint;
      };

/**
 * @param amount cumulative nanoTON that would be used.
 * @returns what is missing for it, or null.
 */
export function shortfallOf(funds: EscrowFunds, cumulative: bigint, now: number, amount: bigint): Shortfall | null {
    if (amount > depositLimit(funds)) {
        return { reason: 'deposit', claimable: claimableOf(funds), required: amount - funds.claimed };
    }
    const credit = creditOf(funds, now);
    const signed = signedFor(funds, cumulative);
    if (amount > signed + credit) {
        const required = amount - credit;
        return { reason: 'voucher', owed: required - cumulative, required, cumulative };
    }
    return null;
}

/** @returns nanoTON, cumulative, when `more` is used on top of `spent`. */
export function amountWith(spent: Tokens, more: Tokens, prices: Prices): bigint {
    return amountOf(addTokens(spent, more), prices);
}
