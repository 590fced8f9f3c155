import { formatCoins } from '../amounts';
import { ClientError } from '../errors';
import { recordFromText, SessionRecord, recordToText, Stop } from './record';

/** What whoever receives a session may do with it. */
export type HandoverLimits = {
    /** The most that is ever signed for, nanoTON, what was signed before included; as it was when omitted. */
    spendingCap?: bigint;
    /** Unix seconds until which the key is used; as it was when omitted. */
    expiresAt?: number;
};

/** Marks the copy that stays behind: two that sign in one session would both count wrong. */
export const HandedOver: Stop = {
    code: 'handed_over',
    message: 'It was handed over to another client, which signs in it now.',
};

const Prefix = 'ton-compute-session:';

/**
 * @returns a session as one line of text, its key included: whoever has it can spend up to the cap, and nothing of the
 * wallet. The limits are kept by the client that takes it; what nobody can exceed is the deposit.
 * @throws ClientError `invalid_option`, `session_stopped`.
 */
export function sessionToText(record: SessionRecord, limits: HandoverLimits): string {
    const { spendingCap = record.spendingCap, expiresAt = record.expiresAt } = limits;
    const signed = record.voucher?.cumulative ?? 0n;
    if (record.stopped !== null) {
        throw new ClientError('session_stopped', `The session was stopped: ${record.stopped.message}`, { reason: record.stopped.code });
    }
    if (spendingCap < signed || spendingCap > record.spendingCap) {
        throw new ClientError(
            'invalid_option',
            `spendingCap: expected ${formatCoins(signed)} (what was signed) to ${formatCoins(record.spendingCap)} (the ` +
                `session's own), got ${formatCoins(spendingCap)}.`,
        );
    }
    if (!Number.isSafeInteger(expiresAt) || expiresAt < 0) {
        throw new ClientError('invalid_option', `expiresAt: expected unix seconds, or 0 for no end; got ${expiresAt}.`);
    }
    return Prefix + Buffer.from(recordToText({ ...record, spendingCap, expiresAt })).toString('base64url');
}

/** @throws ClientError `invalid_option` when it is no such text; what is wrong with it is not repeated, it holds a key. */
export function sessionFromText(text: string): SessionRecord {
    try {
        if (text.trim().startsWith(Prefix)) {
            return recordFromText(Buffer.from(text.trim().slice(Prefix.length), 'base64url').toString('utf8'));
        }
    } catch {
        // Falls through.
    }
    throw new ClientError('invalid_option', `Expected a session as \`export\` writes it: one line that begins with ${Prefix}`);
}
