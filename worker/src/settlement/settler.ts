import { Address } from '@ton/core';
import { BatchItem, packBatchItems, SignedVoucher } from '@ton-compute/contracts';

import { combineSignals } from '../abort';
import { Chain } from '../chain/chain';
import { Ledger } from '../ledger/ledger';
import { messageOf } from '../errors';
import { Logger } from '../logger';
import { SessionBook } from '../sessions/book';
import { Session } from '../sessions/session';
import { batchCosts, readCosts, readSettlement, SettlementAccount, SettlementCosts } from './account';
import { awaitClaims, Claim, claimOf, refreshDue } from './claims';
import { BatchCourier } from './courier';
import { Candidate, planBatch, SettlementPolicy } from './plan';
import { paymentsOf, Withdrawal, withdrawalObstacle } from './withdrawal';

/** Seconds for which the costs of batches are taken as known. */
const CostsLife = 600;
/** Transactions of the settlement that are looked through for a batch. */
const Page = 20;
/** A budget that bounds nothing. */
const NoBound = 2n ** 120n;

export type SettlerOptions = {
    chain: Chain;
    ledger: Ledger;
    book: SessionBook;
    courier: BatchCourier;
    logger: Logger;
    /** The RewardSettlement, and the provider that it belongs to. */
    address: Address;
    provider: Address;
    policy: SettlementPolicy;
    /** Earnings, nanoTON, from which on a batch also distributes; null: never. */
    distributeAbove: bigint | null;
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
    /** nanoTON that the batch took out of the fee float; null where that was not seen. */
    fees: bigint | null;
    /** One sentence for a person. */
    message: string;
};

/** Turns vouchers into coins: plans one batch at a time, has it delivered and waits for what it brings. */
export class Settler {
    private last: Promise<unknown> = Promise.resolve();
    private stopping = new AbortController();
    private knownCosts: { costs: SettlementCosts; readAt: number } | null = null;

    constructor(private readonly options: SettlerOptions) {}

    /**
     * Settles what the policy asks for; everything that is worth its cost with `force`.
     * @throws {ChainUnreachable}, {ChainError}
     */
    settle(force = false, signal?: AbortSignal): Promise<BatchResult> {
        return this.inTurn(async (stop) => {
            if (force) {
                await refreshDue(this.options.book, stop);
            }
            return this.settleNow(force, stop);
        }, signal);
    }

    /**
     * Claims a session's last voucher and ends it at once: the rest of the deposit goes back to the client.
     * @throws {ChainUnreachable}, {ChainError}
     */
    finish(session: Session, signal?: AbortSignal): Promise<BatchResult> {
        return this.inTurn((stop) => this.finishNow(session, stop), signal);
    }

    /**
     * Splits the earnings among the beneficiaries, with a batch that claims nothing. Nobody else than they, the treasury
     * and the fee float can get anything, whoever asks for it.
     * @throws {ChainUnreachable}, {ChainError}
     */
    withdraw(signal?: AbortSignal): Promise<Withdrawal> {
        return this.inTurn((stop) => this.withdrawNow(stop), signal);
    }

    /**
     * Follows up the batches that an earlier run of the worker sent.
     * @throws {ChainUnreachable}, {ChainError}
     */
    resume(): Promise<void> {
        return this.inTurn(async (stop) => {
            if (await this.options.courier.resume(stop)) {
                await refreshDue(this.options.book, stop);
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
        if (this.candidates().length === 0 && distributeAbove === null) {
            return this.report({ outcome: 'nothing', message: 'Nothing is due.' });
        }
        const costs = await this.costs();
        // Most rounds end here, without a look at the settlement.
        const wished = planBatch(this.candidates(), policy, { ...costs, budget: NoBound }, chain.now());
        if (wished.chosen.length === 0 && distributeAbove === null) {
            return this.report({ outcome: 'nothing', message: 'Nothing that is due is worth its fees yet.' });
        }
        const account = await readSettlement(chain, address);
        const distribute = this.shouldDistribute(account, costs);
        // Planned anew: while the chain was asked, sessions were used, claimed or ended.
        const plan = planBatch(this.candidates(), policy, batchCosts(account, costs, distribute), chain.now());
        if (plan.unaffordable > 0) {
            this.options.logger.warn({ sessions: plan.unaffordable }, unaffordableAdvice(account, costs));
        }
        if (plan.chosen.length === 0 && !distribute) {
            return plan.unaffordable > 0
                ? this.report({ outcome: 'unaffordable', message: unaffordableAdvice(account, costs) })
                : this.report({ outcome: 'nothing', message: 'Nothing that is due is worth its fees yet.' });
        }
        const sessions = plan.chosen.map(({ session }) => session);
        const items = sessions.map(claimItem);
        return this.send(account, sessions.map(claimOf), items, distribute, signal);
    }

    private async finishNow(session: Session, signal: AbortSignal): Promise<BatchResult> {
        const { chain, address, book } = this.options;
        const costs = await this.costs();
        const account = await readSettlement(chain, address);
        const { base, item, budget } = batchCosts(account, costs, false);
        if (base + 2n * item > budget) {
            return this.report({ outcome: 'unaffordable', message: unaffordableAdvice(account, costs) });
        }
        if (!(await book.refresh(session))) {
            return this.report({ outcome: 'nothing', message: 'The session has ended already.' });
        }
        // What the client has not signed for can only be claimed before the session is over.
        const byReceipt = session.receiptReach === null ? [] : [receiptItem(session)];
        const voucher = byReceipt.length === 0 && session.due > 0n ? requireVoucher(session) : null;
        const items: BatchItem[] = [...byReceipt, { kind: 'finish', escrow: session.address, voucher }];
        const claim = { ...claimOf(session), expected: session.dueInAll };
        return this.send(account, [claim], items, false, signal);
    }

    private async withdrawNow(signal: AbortSignal): Promise<Withdrawal> {
        const { chain, address, courier, provider } = this.options;
        const costs = await this.costs();
        const before = await readSettlement(chain, address);
        const { earnings, reserve, feeFloat, sequence } = before;
        const nothing = { earnings, payments: [], stays: { reserve, feeFloat, refill: 0n, cost: null } };
        const obstacle = withdrawalObstacle(before, costs);
        if (obstacle !== null) {
            return { ...nothing, ...obstacle };
        }
        const order = { sequence, items: packBatchItems([]), count: 0, distribute: true };
        const delivery = await courier.send(order, 0n, signal);
        if (delivery.outcome !== 'executed') {
            this.report(delivery);
            return { ...nothing, ...delivery };
        }
        const after = await readSettlement(chain, address);
        const cost = costOf(before, after);
        const payments = paymentsOf(await chain.transactions(address, Page), sequence, provider);
        const message = `Batch ${sequence} has distributed the earnings.`;
        this.report({ outcome: 'settled', distributed: true, fees: cost, message });
        return {
            outcome: 'withdrawn',
            message,
            earnings,
            payments,
            stays: {
                reserve: after.reserve,
                feeFloat: after.feeFloat,
                refill: after.feeFloat + cost - before.feeFloat,
                cost,
            },
        };
    }

    /** @param claims what the items should bring, in any order. */
    private async send(
        before: SettlementAccount,
        claims: readonly Claim[],
        items: BatchItem[],
        distribute: boolean,
        signal: AbortSignal,
    ): Promise<BatchResult> {
        const { book, courier, logger } = this.options;
        const { sequence } = before;
        const expected = claims.reduce((sum, claim) => sum + claim.expected, 0n);
        const order = { sequence, items: packBatchItems(items), count: items.length, distribute };
        const delivery = await courier.send(order, expected, signal);
        if (delivery.outcome !== 'executed') {
            return this.report({ ...delivery, items: items.length });
        }
        return this.report({
            outcome: 'settled',
            items: items.length,
            claimed: await awaitClaims(book, claims, logger, signal),
            distributed: distribute,
            fees: await this.costSince(before),
            message: `Batch ${sequence} has settled ${claims.length} sessions.`,
        });
    }

    /** @returns nanoTON that the last batch took out of the float; null where the chain does not tell. */
    private async costSince(before: SettlementAccount): Promise<bigint | null> {
        const { chain, address, logger } = this.options;
        try {
            return costOf(before, await readSettlement(chain, address));
        } catch (error) {
            logger.debug({ reason: messageOf(error) }, 'What the batch cost could not be read.');
            return null;
        }
    }

    /** What batches cost changes only with the chain's configuration. @throws {ChainUnreachable}, {ChainError} */
    async costs(): Promise<SettlementCosts> {
        if (this.knownCosts === null || performance.now() - this.knownCosts.readAt > CostsLife * 1000) {
            const costs = await readCosts(this.options.chain, this.options.address);
            this.knownCosts = { costs, readAt: performance.now() };
        }
        return this.knownCosts.costs;
    }

    private candidates(): Candidate<Session>[] {
        const { book, ledger } = this.options;
        return book
            .all()
            .filter((session) => session.due > 0n)
            .map((session) => ({
                session,
                due: session.due,
                since: ledger.sessions.find(session.id)?.unclaimedSince ?? null,
                deadline: session.claimDeadline,
            }));
    }

    private shouldDistribute(account: SettlementAccount, costs: SettlementCosts): boolean {
        const { distributeAbove, policy, logger } = this.options;
        if (distributeAbove === null || account.earnings < distributeAbove || account.earnings === 0n) {
            return false;
        }
        if (!account.canDistribute) {
            logger.warn('Nothing is distributed: the settlement does not know the protocol fee. Send it SyncFee.');
            return false;
        }
        return (costs.base + costs.distribute) * 10_000n <= account.earnings * policy.maxCostBasisPoints;
    }

    private report(result: Partial<BatchResult> & Pick<BatchResult, 'outcome' | 'message'>): BatchResult {
        const full = { items: 0, claimed: 0n, distributed: false, fees: null, ...result };
        this.options.onBatch(full);
        return full;
    }
}

function claimItem(session: Session): BatchItem {
    return session.mustClaimReceipt
        ? receiptItem(session)
        : { kind: 'claimVoucher', escrow: session.address, voucher: requireVoucher(session) };
}

function receiptItem(session: Session): BatchItem {
    const { receipt, highestVoucher: voucher } = session;
    if (receipt === null) {
        throw new Error('A session without a receipt owes nothing beyond its vouchers.');
    }
    return { kind: 'claimReceipt', escrow: session.address, receipt, voucher };
}

function requireVoucher(session: Session): SignedVoucher {
    const voucher = session.claimVoucher;
    if (voucher === null) {
        throw new Error('A session without a voucher has nothing due.');
    }
    return voucher;
}

/** What was spent grows by exactly what a batch costs, and begins anew with each day (UTC). */
function costOf(before: SettlementAccount, after: SettlementAccount): bigint {
    return after.spentToday >= before.spentToday ? after.spentToday - before.spentToday : after.spentToday;
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
