import { Address, beginCell, Cell } from '@ton/core';
import { accountOf, Delivery, deliveryPayload, JobEscrow, packDelivery, Provider, SigningDomain } from '@ton-compute/contracts';

import { Incoming } from '../attestation/gas-wallet';
import { SigningKey } from '../keys/ed25519';
import { JobId } from '../ledger/jobs';

/** Why a bond comes back that belongs to an earlier bid (BidReturnReason). */
const Outbid = 1;

/** How a job or the provider answers a bid. */
export type BidAnswer = { kind: 'accepted' } | { kind: 'returned'; reason: number } | { kind: 'bounced' };

export function bidBody({ job, openedLt }: JobId, amount: bigint): Cell {
    return beginCell()
        .store(Provider.storeRelayBid({ $$type: 'RelayBid', openedLt, amount, job: accountOf(job) }))
        .endCell();
}

/** Signs what the worker states on a job. */
export function deliveryBody({ job, openedLt }: JobId, globalId: number, statement: Delivery, key: SigningKey): Cell {
    const domain: SigningDomain = { globalId, contract: job, openedLt };
    const delivery = packDelivery(statement, key.sign(deliveryPayload(domain, statement).hash()));
    return beginCell()
        .store(Provider.storeRelayDelivery({ $$type: 'RelayDelivery', job: accountOf(job), delivery }))
        .endCell();
}

export function expireBody(): Cell {
    return beginCell().store(JobEscrow.storeExpireJob({ $$type: 'ExpireJob', queryId: 0n })).endCell();
}

/** The answer to a bid among what comes to the wallet. A bond that was outbid belongs to an earlier bid of ours. */
export function bidAnswerIn(provider: Address, { job, openedLt }: JobId) {
    return ({ from, body }: Incoming): BidAnswer | undefined => {
        const answer = from.equals(job) ? aboutBid(body, openedLt) : undefined;
        if (answer !== undefined) {
            return answer.kind === 'returned' && answer.reason === Outbid ? undefined : answer;
        }
        return from.equals(provider) && isEmpty(body) ? { kind: 'bounced' } : undefined;
    };
}

/** The answer to a delivery: the bond from the job, or the change from the provider when the job refused. */
export function deliveryAnswerIn(provider: Address, { job }: JobId) {
    return ({ from, body }: Incoming): 'done' | 'bounced' | undefined => {
        if (!isEmpty(body)) {
            return undefined;
        }
        return from.equals(job) ? 'done' : from.equals(provider) ? 'bounced' : undefined;
    };
}

/** @returns what a job says about a bid of this life, or undefined. */
export function aboutBid(body: Cell, openedLt: bigint): Exclude<BidAnswer, { kind: 'bounced' }> | undefined {
    const fields = body.beginParse();
    if (fields.remainingBits < 32 + 64) {
        return undefined;
    }
    const opcode = fields.loadUint(32);
    if (fields.loadUintBig(64) !== openedLt) {
        return undefined;
    }
    if (opcode === JobEscrow.JobEscrow.opcodes.BidAccepted) {
        return { kind: 'accepted' };
    }
    const returned = opcode === JobEscrow.JobEscrow.opcodes.BidReturned && fields.remainingBits >= 8;
    return returned ? { kind: 'returned', reason: fields.loadUint(8) } : undefined;
}

/** Coins without a word. */
export function isEmpty(body: Cell): boolean {
    return body.bits.length === 0 && body.refs.length === 0;
}
