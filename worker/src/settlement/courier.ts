import { setTimeout as sleep } from 'node:timers/promises';
import { Address, Cell } from '@ton/core';
import { Batch, batchPayload, packBatchMessage, SigningDomain } from '@ton-compute/contracts';

import { Chain } from '../chain/chain';
import { ExternalRefused } from '../chain/exit-codes';
import { ChainUnreachable } from '../chain/transport';
import { messageOf } from '../errors';
import { SigningKey } from '../keys/ed25519';
import { BatchRecord, BatchState } from '../ledger/batches';
import { Ledger } from '../ledger/ledger';
import { Logger } from '../logger';
import { readSettlement } from './account';

/** Seconds for which a batch is valid. The contract takes at most an hour. */
const BatchLife = 300;
/** Seconds between two looks at whether a batch has arrived. */
const LookInterval = 0.5;

export type CourierOptions = {
    chain: Chain;
    ledger: Ledger;
    key: SigningKey;
    logger: Logger;
    /** The RewardSettlement. */
    address: Address;
    globalId: number;
    /** Seconds after which a batch that has not arrived is sent again. */
    resendAfter: number;
};

/** What became of a batch; a message for a person where it was not executed. */
export type Delivery = { outcome: 'executed' } | { outcome: 'refused' | 'lost'; message: string };

/** What a batch orders. */
export type Order = { sequence: number; items: Cell; count: number; distribute: boolean };

/** Signs batches and brings them to the settlement: sends, looks, sends again, across restarts. */
export class BatchCourier {
    private readonly domain: SigningDomain;

    constructor(private readonly options: CourierOptions) {
        this.domain = { globalId: options.globalId, contract: options.address, openedLt: 0n };
    }

    /**
     * @param expected nanoTON that the batch should bring.
     * @throws {ChainError}
     */
    async send(order: Order, expected: bigint, signal: AbortSignal): Promise<Delivery> {
        const { chain, ledger, key } = this.options;
        const batch: Batch = { ...order, validUntil: chain.now() + BatchLife };
        const message = packBatchMessage(batch, key.sign(batchPayload(this.domain, batch).hash()));
        const { sequence, validUntil, count: items } = batch;
        const facts = { sequence, validUntil, items, expected, message };
        const [{ id }] = await ledger.write(ledger.batches.add(facts, chain.now()));
        return this.deliver({ ...facts, id, state: 'sent' }, signal);
    }

    /**
     * Follows up the batches that an earlier run of the worker sent.
     * @returns whether there were any.
     * @throws {ChainUnreachable}, {ChainError}
     */
    async resume(signal: AbortSignal): Promise<boolean> {
        const { chain, ledger, address } = this.options;
        const pending = ledger.batches.pending();
        for (const batch of pending) {
            const { sequence } = await readSettlement(chain, address);
            if (sequence > batch.sequence) {
                await this.setState(batch, 'executed');
            } else if (chain.now() < batch.validUntil) {
                await this.deliver(batch, signal);
            } else {
                await this.setState(batch, 'expired');
            }
        }
        return pending.length > 0;
    }

    /** Sends a batch until its sequence is used up. The same bytes, any number of times, are executed once. */
    private async deliver(batch: BatchRecord, signal: AbortSignal): Promise<Delivery> {
        const { chain, logger, resendAfter } = this.options;
        let sentAt = -Infinity;
        while (chain.now() <= batch.validUntil && !signal.aborted) {
            if (performance.now() - sentAt >= resendAfter * 1000) {
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
                return { outcome: 'executed' };
            }
            await sleep(LookInterval * 1000, undefined, { signal }).catch(() => undefined);
        }
        if (signal.aborted) {
            return { outcome: 'lost', message: 'The worker stops; the batch is followed up at the next start.' };
        }
        await this.setState(batch, 'expired');
        logger.warn({ sequence: batch.sequence }, 'A batch was lost; its claims will be sent again.');
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

    private async setState(batch: BatchRecord, state: BatchState): Promise<void> {
        const { ledger } = this.options;
        await ledger.write(ledger.batches.setState(batch.id, state));
    }
}
