import { Address } from '@ton/core';
import { jobDeployment, JobAgreement, JobTask, packJobTerms, providerMarket } from '@ton-compute/contracts';
import { ObjectStore } from '@ton-compute/storage';
import { Chain } from '../chain/chain';
import { readJobRegistry } from '../chain/job';
import { ProviderInfo, readProviderAt } from '../chain/providers';
import { ClientError, reasonOf } from '../errors';
import { refuseStanding } from '../find';
import { requireBasechain, demandsMeasurement } from '../opening';
import { tcbStatusBits } from '../policy';
import { randomBytes } from '../random';
import { rootOf } from '../trust';
import { outputBound, prepareContent } from './content';
import { JobContext, requireWallet } from './context';
import { Job } from './job';
import { CheckedJob, checkJob, JobOptions, WaitOptions } from './options';
import { JobRecord, jobAgreementOf } from './record';
import { JobResult } from './result';

/** A job of the store, as this client last saw it; the chain is not asked. Amounts in nanoTON. */
export type JobSummary = {
    job: Address;
    task: 'chat' | 'embeddings';
    items: number;
    ceiling: bigint;
    /** `new`: not seen on the chain. */
    state: 'new' | 'posted' | 'awarded' | NonNullable<JobRecord['ending']>['outcome'];
    award: JobRecord['award'];
    /** Unix seconds. */
    createdAt: number;
};

/** Jobs: many items at once, done later, for one price. */
export class Jobs {
    /** Use `client.jobs`. */
    constructor(private readonly context: JobContext) {}

    /**
     * Seals and uploads the content, writes the record with its key to the disk, posts the job and tells the workers.
     * The wallet sends the ceiling and what a job costs; what is not used comes back when the job ends.
     * @throws ClientError `invalid_option`, `object_store`, `provider_refused`, `wallet_balance`: nothing was spent.
     */
    async create(options: JobOptions): Promise<Job> {
        const { context } = this;
        const { signal, store } = options;
        const wallet = requireWallet(context, 'post');
        const job = checkJob(options, context.policy);
        const chain = context.chain.with(signal);
        const measurement = await this.demanded(chain, job);
        const content = await prepareContent(job, store, signal);
        const now = chain.now();
        const agreement: JobAgreement = {
            client: wallet.address,
            salt: options.salt ?? randomBytes(8).readBigUInt64BE(),
            provider: job.provider,
            acceptedTcbStatuses: tcbStatusBits(job.policy),
            measurement,
            model: job.model,
            inputRoot: content.inputRoot,
            itemCount: job.items.length,
            awardDeadline: now + job.awardSeconds,
            deliveryTime: job.deliverySeconds,
            ceiling: job.ceiling,
            bond: job.bond,
            bidStep: job.bidStep,
            market: await providerMarket(context.registry),
            specification: {
                task: job.task === 'chat' ? JobTask.Chat : JobTask.Embeddings,
                promptTokens: content.promptTokens,
                completionTokens: content.completionTokens,
                inputBytes: BigInt(content.inputBytes),
                instructionsHash: content.instructionsHash,
                inputUrl: content.inputUrl,
            },
        };
        const terms = packJobTerms(agreement);
        const record: JobRecord = {
            job: (await jobDeployment(terms)).address,
            registry: context.registry,
            globalId: context.globalId,
            terms,
            contentKey: content.contentKey,
            task: job.task,
            outputName: content.outputName,
            outputUrl: content.outputUrl,
            maxOutputBytes: outputBound(job),
            listed: job.listed,
            minimumWait: job.minimumWait,
            policy: job.policy,
            openedLt: 0n,
            listing: null,
            award: null,
            ending: null,
            createdAt: now,
        };
        await context.records.save(record);
        const created = new Job(context, record, store);
        await created.post(signal);
        return created;
    }

    /**
     * Does all: posts the job, awards it, waits for its end and fetches the result. A job that nobody acceptable bids
     * for is cancelled. After an interruption `resume` goes on with it.
     * @throws ClientError of each of these steps; `job_declined`, `job_failed`, `job_not_taken`.
     */
    async run(options: JobOptions & Omit<WaitOptions, 'autoAward' | 'signal'>): Promise<JobResult> {
        return this.finish(await this.create(options), options);
    }

    /** Brings a job that was resumed to its end, as `run` does, and fetches the result. */
    async finish(job: Job, { minimumWait, onProgress, signal }: Omit<WaitOptions, 'autoAward'> = {}): Promise<JobResult> {
        try {
            await job.wait({ minimumWait, onProgress, signal });
        } catch (error) {
            if (!(error instanceof ClientError) || (error.code !== 'no_bids' && error.code !== 'bids_refused')) {
                throw error;
            }
            const cancelled = await job.cancel(signal).then(
                () => 'It was cancelled: everything came back to the wallet, less fees.',
                (problem: unknown) => `It could not be cancelled: ${reasonOf(problem)}`,
            );
            throw new ClientError(error.code, `${error.message} ${cancelled}`, error.details, { cause: error });
        }
        return job.result({ signal });
    }

    /**
     * Takes up a job of the store, also after a crash at any point: what the chain shows decides where it goes on.
     * @param store where its content lies; the output can be read without it while its URL lives.
     * @throws ClientError `unknown_job`, `wrong_network`.
     */
    async resume(address: Address, { store = null }: { store?: ObjectStore | null } = {}): Promise<Job> {
        const { records, globalId } = this.context;
        const record = await records.load(address);
        if (record === null) {
            throw new ClientError(
                'unknown_job',
                `There is no job ${address.toString()} in ${records.place}: its key is needed to award it and to read its output. ` +
                    'Name the store that it was created with.',
            );
        }
        if (record.globalId !== globalId) {
            throw new ClientError('wrong_network', `Job ${address.toString()} belongs to network ${record.globalId}, the chain is ${globalId}.`);
        }
        return new Job(this.context, record, store);
    }

    /** @returns the jobs of the store, newest first. */
    async list(): Promise<JobSummary[]> {
        return (await this.context.records.list()).map((record) => {
            const { itemCount, ceiling } = jobAgreementOf(record);
            const { job, task, award, ending, openedLt, createdAt } = record;
            const state = ending?.outcome ?? (openedLt === 0n ? 'new' : award === null ? 'posted' : 'awarded');
            return { job, task, items: itemCount, ceiling, state, award, createdAt };
        });
    }

    /**
     * Refuses before anything is spent what could never be awarded.
     * @returns the image to demand in the terms; null: any, or one of several, which is checked at the award.
     */
    private async demanded(chain: Chain, { provider, policy }: CheckedJob): Promise<Buffer | null> {
        const { registry, trust } = this.context;
        if (provider !== null) {
            const info = await readProviderAt(chain, registry, requireBasechain(provider, 'provider'));
            const refusal = refuseStanding(policy, info) ?? (await trust.refuse(chain, policy, info));
            if (refusal !== null) {
                throw new ClientError('provider_refused', `Provider ${info.address.toString()} was refused: ${refusal}. Nothing was spent.`);
            }
            return demandedOf(policy, info);
        }
        const { verifier } = await readJobRegistry(chain, registry);
        const root = await rootOf(chain, verifier);
        if (typeof root !== 'string' || (root === 'test' && !policy.allowTestRoot)) {
            throw new ClientError(
                'no_provider',
                `No provider of registry ${registry.toString()} is acceptable: ` +
                    `${typeof root === 'string' ? `its verifier ${verifier!.toString()} trusts a TEST ROOT, which proves nothing about hardware` : root.refusal}. ` +
                    'Nothing was spent.',
            );
        }
        const { measurements, catalogs } = policy;
        return measurements?.length === 1 && catalogs.length === 0 ? Buffer.from(measurements[0], 'hex') : null;
    }
}

function demandedOf(policy: CheckedJob['policy'], { measurement }: ProviderInfo): Buffer | null {
    return demandsMeasurement(policy) ? measurement : null;
}
