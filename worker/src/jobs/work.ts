import { setTimeout as sleep } from 'node:timers/promises';
import { DeclineReason, Delivery, hashToBigInt, JobOutcome, unpackJobTerms } from '@ton-compute/contracts';
import { bundleRoot, packBundle } from '@ton-compute/protocol';
import { Cell } from '@ton/core';

import { EngineModel } from '../engine/engine';
import { logFault } from '../http/faults';
import { JobEnd, JobRecord } from '../ledger/jobs';
import { DeliveryCourier } from './courier';
import { JobDeclined } from './declined';
import { fetchInput, openKey, readInstructions } from './input';
import { JobOffice } from './office';
import { storeOutput } from './output';
import { modelOf } from './policy';
import { JobRunner } from './runner';
import { AllowedStores } from './stores';

/** Seconds after a fault of the worker before it begins anew; what is finished stays finished. */
const FaultPause = 5;
/** Most seconds before the deadline at which a store that refuses is given up. */
const DeclineMargin = 300;

export type WorkOptions = {
    office: JobOffice;
    stores: AllowedStores;
    runner: JobRunner;
    courier: DeliveryCourier;
    models: readonly EngineModel[];
};

/** An awarded job, from its input to the end of its escrow; begun as often as the worker is started. */
export class JobWork {
    constructor(private readonly options: WorkOptions) {}

    /**
     * @param record of an awarded job. @param sealedKey as the chain shows it.
     * @returns how the job ended. Rejects when the signal fires.
     */
    async run(record: JobRecord, sealedKey: Cell | null, signal: AbortSignal): Promise<JobEnd> {
        const { office, courier } = this.options;
        const { chain, ledger } = office;
        while (chain.now() < record.deliveryDeadline) {
            try {
                const statement = record.statement ?? (await this.state(record, sealedKey, signal));
                await ledger.write(ledger.jobs.putStatement(record.id, statement, chain.now()));
                const kept = ledger.jobs.find(record.id);
                return await courier.deliver(kept ?? record, kept?.statement ?? statement, signal);
            } catch (error) {
                signal.throwIfAborted();
                logFault(office.logger, error);
                await sleep(FaultPause * 1000, undefined, { signal });
            }
        }
        return 'failed';
    }

    /** Does the work. @returns what is true of it then: delivered, or declined and why. */
    private async state(record: JobRecord, sealedKey: Cell | null, signal: AbortSignal): Promise<Delivery> {
        const { logger } = this.options.office;
        try {
            return { outcome: JobOutcome.Delivered, outputRoot: hashToBigInt(await this.produce(record, sealedKey, signal)) };
        } catch (error) {
            if (error instanceof JobDeclined) {
                logger.warn({ job: record.id.job.toString(), reason: error.message }, 'The job is declined.');
                return { outcome: JobOutcome.Declined, outputRoot: BigInt(error.reason) };
            }
            throw error;
        }
    }

    /** @returns the root of the output, which lies in the client's store. @throws {JobDeclined} */
    private async produce({ id, terms, deliveryDeadline }: JobRecord, sealedKey: Cell | null, signal: AbortSignal): Promise<Buffer> {
        const { office, stores, runner, models } = this.options;
        const { keys, globalId, chain, logger } = office;
        const agreement = unpackJobTerms(terms);
        const model = modelOf(agreement, models);
        if (model === undefined) {
            throw new Error('The model of an awarded job is not loaded any more.');
        }
        const contentKey = await openKey(keys.encryption, { globalId, ...id }, sealedKey);
        const bundle = await fetchInput(stores, agreement, signal);
        const instructions = readInstructions(contentKey, bundle.instructions!, agreement, model);
        const { output } = instructions;
        if (!stores.allows(output.writeUrl) || !stores.allows(output.readUrl)) {
            // Before the work, not after it.
            throw new JobDeclined(DeclineReason.StoreRefused, 'The output of the job belongs in a store that jobs.stores does not allow.');
        }
        const results = { instructions: null, items: await runner.run(id, agreement, model, { contentKey, instructions, items: bundle.items }, signal) };
        await storeOutput(
            stores,
            output,
            packBundle(results),
            {
                until: deliveryDeadline - Math.min(DeclineMargin, agreement.deliveryTime / 4),
                now: () => chain.now(),
                onTrouble: (reason) => logger.warn({ job: id.job.toString(), reason }, 'The store does not take the output yet.'),
            },
            signal,
        );
        return bundleRoot(results);
    }
}
