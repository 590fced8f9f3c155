import { setTimeout as sleep } from 'node:timers/promises';
import { Address } from '@ton/core';
import {
    BatchItem,
    batchPayload,
    packBatchItems,
    packBatchMessage,
    SignedVoucher,
    SigningDomain,
} from '@ton-compute/contracts';

import { combineSignals } from '../abort';
import { Chain } from '../chain/chain';
import { ExternalRefused } from '../chain/exit-codes';
import { ChainUnreachable } from '../chain/transport';
import { messageOf } from '../errors';
import { SigningKey } from '../keys/ed25519';
import { BatchRecord } from '../ledger/batches';
import { Ledger } from '../ledger/ledger';
import { Logger } from '../logger';
import { SessionBook } from '../sessions/book';
import { Session } from '../sessions/session';
import { batchCosts, readCosts, readSettlement, SettlementAccount, SettlementCosts } from './account';
import { Candidate, planBatch, SettlementPolicy } from './plan';

/** Seconds for which a batch is valid. The contract takes at most an hour. */
const BatchLife = 300;
/** Seconds between two looks at whether a batch or its claims have arrived. */
const LookInterval = 1;
/** Seconds for which the costs of batches are taken as known. */
const CostsLife = 600;
/** A budget that bounds nothing. */
const NoBound = 2n ** 120n;
/** Seconds for the claims to arrive once the batch was executed. */
const ClaimsDeadline = 60;

export type SettlerOptions = {
    chain: Chain;
    ledger: Ledger;
    book: SessionBook;
    key: SigningKey;
    logger: Logger;
    /** The RewardSettlement. */
    address: Address;
    globalId: number;
    policy: SettlementPolicy;
    /** Earnings, nanoTON, from which on a batch also distributes; null: never. */
    distributeAbove: bigint | null;
    /** Seconds after which a batch that has not arrived is sent again. */
    resendAfter: number;
    onBatch: (result: BatchResult) => void;
};

/** What came of a settlement. */
export type BatchResult = {
    /** 'nothing': nothing was worth it. 'settled': the batch was executed. */
    outcome: 'nothing' | 'settled' | 'unaffordable' | 'refused' | 'lost';
    /** Sessions that were claimed or finished. */
    items: number;
    /** nanoTON that arrived, as far as it was seen. */
    claimed: bigint;
    distributed: boolean;
    /** One sentence for a person. */
    message: string;
};

/** A session in a batch: what was claimed of it before, and what the batch should bring, nanoTON. */
type Claim = { session: Session; before: bigint; expected: bigint };

/** Turns vouchers into coins: plans, signs, sends and follows up one batch at a time. */
export class Settler {
    private last: Promise<unknown> = Promise.resolve();
    private stopping = new AbortController();
    private knownCosts: { costs: SettlementCosts; readAt: number } | null = null;
    private readonly domain: SigningDomain;

    constructor(private readonly options: SettlerOptions) {
        this.domain = { globalId: options.globalId, contract: options.address, openedLt: 0n };
    }

    /**
     * Settles what the policy asks for; everything that is worth its cost with `force`.
     * @throws {ChainUnreachable}, {ChainError}
     */
    settle(force = false, signal?: AbortSignal): Promise<BatchResult> {
        return this.inTurn((stop) => this.settleNow(force, stop), signal);
    }

    /**
     * Claims a session's last voucher and ends it at once: the rest of the deposit goes back to the client.
     * @throws {ChainUnreachable}, {ChainError}
     */
    finish(session: Session, signal?: AbortSignal): Promise<BatchResult> {
        return this.inTurn((stop) => this.finishNow(session, stop), signal);
    }

    /** Follows up the batches that an earlier run of the worker sent. */
    resume(): Promise<void> {
        return this.inTurn(async (signal) => {
            const { chain, ledger, address } = this.options;
            for (const batch of ledger.batches.pending()) {
                const { sequence } = await readSettlement(chain, address);
                if (sequence > batch.sequence) {
                    await this.setState(batch, 'executed');
                } else if (chain.now() < batch.validUntil) {
                    await this.deliver(batch, signal);
                } else {
                    await this.setState(batch, 'expired');
                }
            }
        });
    }

    /** Gives up what runs and waits; whatever was sent is followed up later. */
    async interrupt(): Promise<void> {
        this.stopping.abort();
        await this.last;
        this.stopping = new AbortController();
    }

    /** One batch at a time: the next one needs the sequence that this one leaves. */
    private inTurn<T>(job: (stop: AbortSignal) => Promise<T>, signal?: AbortSignal): Promise<T> {
        const stop = combineSignals(signal === undefined ? [this.stopping.signal] : [this.stopping.signal, signal]);
        const run = this.last.then(() => job(stop.signal)).finally(stop.release);
        this.last = run.catch(() => undefined);
        return run;
    }

    private async settleNow(force: boolean, signal: AbortSignal): Promise<BatchResult> {
        const { chain, address, distributeAbove } = this.options;
        const policy = force ? { ...this.options.policy, claimAbove: 0n } : this.options.policy;
        const candidates = this.candidates();
        if (candidates.length === 0 && distributeAbove === null) {
            return this.report({ outcome: 'nothing', message: 'Nothing is due.' });
        }
        const costs = await this.costs();
        // Most rounds end here, without a look at the settlement.
        const wished = planBatch(candidates, policy, { ...costs, budget: NoBound }, chain.now());
        if (wished.chosen.length === 0 && distributeAbove === null) {
            return this.report({ outcome: 'nothing', message: 'Nothing that is due is worth its fees yet.' });
        }
        const account = await readSettlement(chain, address);
        const distribute = this.shouldDistribute(account, costs);
        const plan = planBatch(candidates, policy, batchCosts(account, costs, distribute), chain.now());
        if (plan.unaffordable > 0) {
            this.reportUnaffordable(plan.unaffordable, account, costs);
        }
        if (plan.chosen.length === 0 && !distribute) {
            return plan.unaffordable > 0
                ? this.report({ outcome: 'unaffordable', message: unaffordableAdvice(account, costs) })
                : this.report({ outcome: 'nothing', message: 'Nothing that is due is worth its fees yet.' });
        }
        const sessions = plan.chosen.map(({ session }) => session);
        const items = sessions.map(
            (session): BatchItem => ({
                kind: 'claimVoucher',
                escrow: session.address,
                voucher: requireVoucher(session),
            }),
        );
        const expected = plan.chosen.reduce((sum, { due }) => sum + due, 0n);
        return this.send(account.sequence, items, sessions, expected, distribute, signal);
    }

    private async finishNow(session: Session, signal: AbortSignal): Promise<BatchResult> {
        const { chain, address } = this.options;
        const account = await readSettlement(chain, address);
        const costs = await this.costs();
        const { base, item, budget } = batchCosts(account, costs, false);
        if (base + item > budget) {
            this.reportUnaffordable(1, account, costs);
            return this.report({ outcome: 'unaffordable', message: unaffordableAdvice(account, costs) });
        }
        const voucher = session.due > 0n ? requireVoucher(session) : null;
        const items: BatchItem[] = [{ kind: 'finish', escrow: session.address, voucher }];
        return this.send(account.sequence, items, [session], session.due, false, signal);
    }

    /** What batches cost changes only with the chain's configuration. */
    private async costs(): Promise<SettlementCosts> {
        if (this.knownCosts === null || performance.now() - this.knownCosts.readAt > CostsLife * 1000) {
            const costs = await readCosts(this.options.chain, this.options.address);
            this.knownCosts = { costs, readAt: performance.now() };
        }
        return this.knownCosts.costs;
    }

    private candidates(): Candidate<Session>[] {
        return this.options.book
            .all()
            .filter((session) => session.due > 0n)
            .map((session) => ({
                session,
                due: session.due,
                since: this.options.ledger.sessions.find(session.id)?.unclaimedSince ?? null,
                deadline: session.snapshot.status === 'closing' ? session.snapshot.deadline : null,
            }));
    }

    private shouldDistribute(account: SettlementAccount, costs: SettlementCosts): boolean {
        const { distributeAbove, policy, logger } = this.options;
        if (distributeAbove === null || account.earnings < distributeAbove || account.earnings === 0n) {
            return false;
        }
        if (!account.canDistribute) {
            logger.warn(
                'Earnings are not distributed: the settlement does not know the protocol fee. Send it SyncFee.',
            );
            return false;
        }
        return (costs.base + costs.distribute) * 10_000n <= account.earnings * policy.maxCostBasisPoints;
    }

    private async send(
        sequence: number,
        items: BatchItem[],
        sessions: Session[],
        expected: bigint,
        distribute: boolean,
        signal: AbortSignal,
    ): Promise<BatchResult> {
        const { chain, ledger, key } = this.options;
        const validUntil = chain.now() + BatchLife;
        const batch = { sequence, validUntil, count: items.length, distribute, items: packBatchItems(items) };
        const message = packBatchMessage(batch, key.sign(batchPayload(this.domain, batch).hash()));
        const facts = { sequence, validUntil, items: items.length, expected, message };
        const [{ id }] = await ledger.write(ledger.batches.add(facts, chain.now()));
        const claims = sessions.map((session) => ({
            session,
            before: session.snapshot.claimed,
            expected: session.due,
        }));
        const result = await this.deliver({ ...facts, id, state: 'sent' }, signal);
        if (result !== null) {
            return this.report({ ...result, items: items.length });
        }
        const claimed = await this.awaitClaims(claims, signal);
        return this.report({
            outcome: 'settled',
            items: items.length,
            claimed,
            distributed: distribute,
            message: `Batch ${sequence} settled ${items.length} sessions.`,
        });
    }

    /**
     * Sends a batch until its sequence is used up. The same bytes any number of times are executed once.
     * @returns null when it was executed.
     */
    private async deliver(
        batch: BatchRecord,
        signal: AbortSignal,
    ): Promise<Pick<BatchResult, 'outcome' | 'message'> | null> {
        const { chain, address, logger } = this.options;
        let sentAt = -Infinity;
        while (chain.now() <= batch.validUntil && !signal.aborted) {
            if (performance.now() - sentAt >= this.options.resendAfter * 1000) {
                sentAt = performance.now();
                const refused = await this.trySend(batch);
                if (refused !== null && !(await this.isExecuted(batch))) {
                    await this.setState(batch, 'refused');
                    logger.error({ sequence: batch.sequence, exitCode: refused.exitCode }, refused.message);
                    return { outcome: 'refused', message: refused.message };
                }
            }
            if (await this.isExecuted(batch)) {
                await this.setState(batch, 'executed');
                return null;
            }
            await pause(LookInterval, signal);
        }
        if (signal.aborted) {
            return {
                outcome: 'lost',
                message: 'The worker is shutting down; the batch is followed up at the next start.',
            };
        }
        await this.setState(batch, 'expired');
        logger.warn(
            { sequence: batch.sequence, address: address.toRawString() },
            'A batch was lost; its claims will be sent again.',
        );
        return { outcome: 'lost', message: 'The batch did not arrive in time; its claims will be sent again.' };
    }

    private async trySend(batch: BatchRecord): Promise<ExternalRefused | null> {
        const { chain, address, logger } = this.options;
        try {
            await chain.sendExternal(address, batch.message);
        } catch (error) {
            if (error instanceof ExternalRefused) {
                return error;
            }
            logger.warn({ reason: messageOf(error) }, 'A batch could not be sent; it will be tried again.');
        }
        return null;
    }

    private async isExecuted(batch: BatchRecord): Promise<boolean> {
        try {
            return (await readSettlement(this.options.chain, this.options.address)).sequence > batch.sequence;
        } catch (error) {
            if (error instanceof ChainUnreachable) {
                return false;
            }
            throw error;
        }
    }

    /** Waits until the escrows show what was claimed. @returns nanoTON that were claimed. */
    private async awaitClaims(claims: Claim[], signal: AbortSignal): Promise<bigint> {
        const { book, logger } = this.options;
        const end = performance.now() + ClaimsDeadline * 1000;
        let open = claims;
        let claimed = 0n;
        while (open.length > 0 && performance.now() < end && !signal.aborted) {
            const missing: Claim[] = [];
            for (const entry of open) {
                const arrived = await this.arrived(book, entry);
                if (arrived === null) {
                    missing.push(entry);
                } else {
                    claimed += arrived;
                }
            }
            open = missing;
            if (open.length > 0) {
                await pause(LookInterval, signal);
            }
        }
        if (open.length > 0) {
            logger.warn({ sessions: open.length }, 'Claims were sent but have not arrived; they are due again.');
        }
        return claimed;
    }

    /** @returns nanoTON that were claimed, or null as long as nothing has changed. */
    private async arrived(book: SessionBook, { session, before, expected }: Claim): Promise<bigint | null> {
        const alive = await book.refresh(session).catch(() => null);
        if (alive === false) {
            return expected; // finished: claim and end were one message
        }
        const grown = session.snapshot.claimed - before;
        return grown > 0n ? grown : null;
    }

    private async setState(batch: BatchRecord, state: 'executed' | 'expired' | 'refused'): Promise<void> {
        const { ledger } = this.options;
        await ledger.write(ledger.batches.setState(batch.id, state));
    }

    private reportUnaffordable(count: number, account: SettlementAccount, costs: SettlementCosts): void {
        this.options.logger.warn({ sessions: count }, unaffordableAdvice(account, costs));
    }

    private report(result: Partial<BatchResult> & Pick<BatchResult, 'outcome' | 'message'>): BatchResult {
        const full = { items: 0, claimed: 0n, distributed: false, ...result };
        this.options.onBatch(full);
        return full;
    }
}

function requireVoucher(session: Session): SignedVoucher {
    const voucher = session.claimVoucher;
    if (voucher === null) {
        throw new Error('A session without a voucher has nothing due.');
    }
    return voucher;
}

function unaffordableAdvice(account: SettlementAccount, costs: SettlementCosts): string {
    const least = costs.base + costs.item;
    const facts =
        `One claim may cost ${least} nanoTON; the fee float holds ${account.feeFloat}, ` +
        `today's cap leaves ${account.capLeft}.`;
    return account.capLeft < least && account.feeFloat >= least
        ? `${facts} Wait for the next day (UTC), or let the owner raise the cap with SetFeeLimits.`
        : `${facts} Send FundFees to the settlement.`;
}

async function pause(seconds: number, signal: AbortSignal): Promise<void> {
    await sleep(seconds * 1000, undefined, { signal }).catch(() => undefined);
}
