import { Address, Transaction } from '@ton/core';
import {
    SessionAgreement,
    SessionEscrow,
    SessionStatus,
    unpackTerms,
    bigIntToHash,
    addressOf,
} from '@ton-compute/contracts';
import { Chain } from './chain';
import { received } from './transactions';

/** What the chain says of a session. */
export type EscrowState = {
    status: 'new' | 'opening' | 'open' | 'closing';
    openedLt: bigint;
    /** nanoTON paid out. */
    claimed: bigint;
    /** Unix seconds: of the opening's answer, or of the end of the close window; 0 when none runs. */
    deadline: number;
    sessionKey: Buffer;
    settlement: Address;
    workerKey: Buffer;
    /** Unix seconds; 0 in tier open. */
    attestedUntil: number;
    /** nanoTON kept for rent. */
    reserve: bigint;
    /** nanoTON. */
    balance: bigint;
    terms: SessionAgreement;
};

const StatusName = {
    [SessionStatus.New]: 'new',
    [SessionStatus.Opening]: 'opening',
    [SessionStatus.Open]: 'open',
    [SessionStatus.Closing]: 'closing',
} as const;

/** @returns the session's state, or null when its account is not there (not yet, or closed). */
export async function readEscrow(chain: Chain, address: Address): Promise<EscrowState | null> {
    const { status, balance } = await chain.account(address);
    if (status !== 'active') {
        return null;
    }
    const data = await chain.open(SessionEscrow.SessionEscrow.fromAddress(address)).getSessionData();
    return {
        status: StatusName[Number(data.status) as keyof typeof StatusName],
        openedLt: data.openedLt,
        claimed: data.claimed,
        deadline: Number(data.deadline),
        sessionKey: bigIntToHash(data.sessionKey),
        settlement: addressOf(data.settlement),
        workerKey: bigIntToHash(data.workerKey),
        attestedUntil: Number(data.attestedUntil),
        reserve: data.reserve,
        balance,
        terms: unpackTerms(data.terms),
    };
}

/** @returns the most that vouchers can draw from the escrow in all, nanoTON. */
export function depositLimit({ claimed, balance, reserve }: EscrowState): bigint {
    const free = balance - reserve;
    return claimed + (free > 0n ? free : 0n);
}

/** How an escrow that is gone ended. */
export type Ending =
    | { kind: 'rejected'; reason: number }
    /** The provider's account does not exist or threw. */
    | { kind: 'bounced' }
    | { kind: 'closed' };

const History = 10;

/** @returns how the newest life of an escrow ended, or null when its history does not tell. */
export async function readEnding(chain: Chain, escrow: Address): Promise<Ending | null> {
    for (const transaction of await chain.transactions(escrow, History)) {
        const ending = endingOf(transaction);
        if (ending !== null) {
            return ending;
        }
    }
    return null;
}

function endingOf(transaction: Transaction): Ending | null {
    const message = received(transaction);
    if (message === null) {
        return null;
    }
    if (message.bounced) {
        return { kind: 'bounced' };
    }
    switch (message.op) {
        case SessionEscrow.SessionEscrow.opcodes.SessionRejected:
            return { kind: 'rejected', reason: message.body.skip(64).loadUint(8) };
        case SessionEscrow.SessionEscrow.opcodes.FinishSession:
        case SessionEscrow.SessionEscrow.opcodes.FinishClose:
            return { kind: 'closed' };
        default:
            return null;
    }
}
