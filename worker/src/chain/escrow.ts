import { Address, Cell } from '@ton/core';
import {
    addressOf,
    bigIntToHash,
    escrowDeployment,
    isAcceptableEd25519Key,
    SessionAgreement,
    SessionEscrow,
    SessionStatus,
    unpackTerms,
} from '@ton-compute/contracts';

import { Chain } from './chain';

/** A SessionEscrow as the chain shows it, proven to be one; amounts in nanoTON, times in unix seconds. */
export type EscrowSnapshot = {
    address: Address;
    status: 'new' | 'opening' | 'open' | 'closing';
    /** Names this life of the escrow. */
    openedLt: bigint;
    claimed: bigint;
    balance: bigint;
    /** What must stay in the escrow for rent. */
    reserve: bigint;
    /** End of the close window, when closing. */
    deadline: number;
    /** 32 bytes. */
    sessionKey: Buffer;
    /** RewardSettlement that claims go to. */
    settlement: Address;
    /** 32 bytes: who signs this session's receipts. */
    workerKey: Buffer;
    /** Until when the provider is attested for this session; 0 in tier open. */
    attestedUntil: number;
    /** Whether the one receipt-only claim of the session's life was made. */
    receiptClaimUsed: boolean;
    agreement: SessionAgreement;
    /** When this was read, by the chain's clock. */
    readAt: number;
};

const Statuses: Readonly<Record<number, EscrowSnapshot['status']>> = {
    [SessionStatus.New]: 'new',
    [SessionStatus.Opening]: 'opening',
    [SessionStatus.Open]: 'open',
    [SessionStatus.Closing]: 'closing',
};

/**
 * Reads an escrow. What it says is believed only if its code is SessionEscrow's and its address recomputes from session
 * key, settlement and terms.
 * @returns null when no such escrow is there.
 * @throws {ChainUnreachable}, {ChainError}
 */
export async function readEscrow(chain: Chain, address: Address): Promise<EscrowSnapshot | null> {
    // The code first: a get-method of a foreign contract could say anything, or nothing.
    if (!(await isEscrow(chain, address))) {
        return null;
    }
    return refreshEscrow(chain, address);
}

/**
 * Reads an escrow again.
 *
 * The balance comes after the rest. A claim that lands between the two calls then makes the sum of both too small for a
 * moment, never too large.
 */
export async function refreshEscrow(chain: Chain, address: Address): Promise<EscrowSnapshot | null> {
    const data = await readData(chain, address);
    const { balance, code } = await chain.account(address);
    if (data === null || code === null || !code.hash().equals(await escrowCodeHash())) {
        return null;
    }
    const sessionKey = bigIntToHash(data.sessionKey);
    const settlement = addressOf(data.settlement);
    const expected = await escrowDeployment(sessionKey, settlement, data.terms);
    const status = Statuses[Number(data.status)];
    const agreement = readTerms(data.terms);
    if (
        !expected.address.equals(address) ||
        status === undefined ||
        agreement === null ||
        !isAcceptableEd25519Key(sessionKey)
    ) {
        return null;
    }
    return {
        address,
        status,
        openedLt: data.openedLt,
        claimed: data.claimed,
        balance,
        reserve: data.reserve,
        deadline: Number(data.deadline),
        sessionKey,
        settlement,
        workerKey: bigIntToHash(data.workerKey),
        attestedUntil: Number(data.attestedUntil),
        receiptClaimUsed: data.receiptClaimUsed,
        agreement,
        readAt: chain.now(),
    };
}

/** @returns null when the account has no such get-method, because it is gone or another contract. */
async function readData(chain: Chain, address: Address): Promise<SessionEscrow.SessionData | null> {
    try {
        return await chain.open(SessionEscrow.SessionEscrow.fromAddress(address)).getSessionData();
    } catch (error) {
        // TonClient has no class for it.
        if (error instanceof Error && /Unable to execute get method/.test(error.message)) {
            return null;
        }
        throw error;
    }
}

/** @returns null when a stranger deployed an escrow whose terms are none. */
function readTerms(terms: Cell): SessionAgreement | null {
    try {
        return unpackTerms(terms);
    } catch {
        return null;
    }
}

async function isEscrow(chain: Chain, address: Address): Promise<boolean> {
    const { code } = await chain.account(address);
    return code !== null && code.hash().equals(await escrowCodeHash());
}

let codeHash: Promise<Buffer> | undefined;

/** Hash of SessionEscrow's code: the same for all escrows. */
function escrowCodeHash(): Promise<Buffer> {
    codeHash ??= (async () => {
        const { init } = await escrowDeployment(Buffer.alloc(32), addressOf(0n), Cell.EMPTY);
        return init.code.hash();
    })();
    return codeHash;
}
