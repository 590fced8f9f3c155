import { bidValue, ChainPrices, deliveryValue, JobAgreement, JobTask, providerMarket, unpackJobTerms } from '@ton-compute/contracts';

import { readProvider } from '../chain/provider-record';
import { EngineModel } from '../engine/engine';
import { JobRecord } from '../ledger/jobs';
import { JobLanes } from './lanes';
import { JobOffice, ValueMargin } from './office';
import { JobSituation } from './policy';
import { jobCosts } from './price';
import { Speed, workOf } from './speed';
import { AllowedStores } from './stores';

/** Seconds for which the chain's prices are believed: they change by a vote of the validators. */
const PricesLife = 600;
/** nanoTON that stay in the gas wallet for its own fees and the next quote. */
const WalletReserve = 100_000_000n;

export type SituationOptions = {
    office: JobOffice;
    models: readonly EngineModel[];
    stores: AllowedStores;
    lanes: JobLanes;
    speed: Speed;
};

/** Reads what decides about jobs. */
export class SituationReader {
    private prices: { value: ChainPrices; until: number } | null = null;
    private market: JobAgreement['market'] | null = null;

    constructor(private readonly options: SituationOptions) {}

    /** @throws {ChainUnreachable}, {ChainError} */
    async read(): Promise<JobSituation> {
        const { office, models, stores, lanes, speed } = this.options;
        const { chain, ledger, wallet, attester, provider } = office;
        const record = await readProvider(chain, provider);
        this.market ??= await providerMarket(record.registry);
        const prices = await this.readPrices();
        const open = ledger.jobs.open();
        const promised = BigInt(open.filter(isPromised).length + 1);
        const { balance } = await chain.account(wallet.address);
        const isOperator = record.attester?.equals(wallet.address) === true || record.owner.equals(wallet.address);
        return {
            now: chain.now(),
            provider,
            market: this.market,
            active: record.active,
            attestation: attester.attested && isOperator ? record.attestation : null,
            models,
            offers: record.offers,
            allows: (url) => stores.allows(url),
            speed: speed.perSecond * lanes.count,
            committed: committedWork(open, (job) => ledger.jobs.itemCount(job.id)),
            bonds: bondsOf(open),
            funds: balance - WalletReserve - promised * ValueMargin * deliveryValue(prices),
            bidCosts: ValueMargin * bidValue(prices, 0n),
            costs: jobCosts(prices),
        };
    }

    private async readPrices(): Promise<ChainPrices> {
        if (this.prices === null || performance.now() > this.prices.until) {
            this.prices = { value: await this.options.office.chain.prices(), until: performance.now() + PricesLife * 1000 };
        }
        return this.prices.value;
    }
}

/** @returns whether the worker may have to do the job, and its bond is out. */
export function isPromised({ state }: JobRecord): boolean {
    return state === 'bidding' || state === 'leading' || state === 'awarded';
}

/** @returns nanoTON of the bonds that are out. */
export function bondsOf(jobs: readonly JobRecord[]): bigint {
    return jobs.filter(isPromised).reduce((sum, { bond }) => sum + bond, 0n);
}

/** @returns the work that is left of what the worker may have to do. */
function committedWork(jobs: readonly JobRecord[], done: (job: JobRecord) => number): number {
    return jobs.filter(isPromised).reduce((sum, job) => {
        const { specification, itemCount } = unpackJobTerms(job.terms);
        const left = job.state === 'awarded' ? 1 - done(job) / itemCount : 1;
        const completion = specification.task === JobTask.Chat ? Number(specification.completionTokens) : 0;
        return sum + left * workOf(Number(specification.promptTokens), completion);
    }, 0);
}
