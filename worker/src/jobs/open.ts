import { Attestation } from '../attestation/open';
import { WorkerConfig } from '../config/schema';
import { Engine } from '../engine/engine';
import { Admissions } from '../http/admissions';
import { JobEnd } from '../ledger/jobs';
import { Logger } from '../logger';
import { Office } from '../office';
import { Bidder } from './bidder';
import { DeliveryCourier } from './courier';
import { JobDesk } from './desk';
import { JobLanes } from './lanes';
import { JobList } from './list';
import { parseStorePrefix, StorePrefix } from './locations';
import { JobOffice } from './office';
import { JobLimits } from './policy';
import { JobRunner } from './runner';
import { SituationReader } from './situation';
import { Speed } from './speed';
import { AllowedStores } from './stores';
import { JobWork } from './work';

/** Parts of the worker that take jobs. */
export type Jobs = { desk: JobDesk; lanes: JobLanes };

export type JobEvents = { onEnd: (end: JobEnd) => void; onItem: (status: 'ok' | 'error') => void };

/** Time of a delivery that is kept for transfers and messages, seconds. */
const DeliveryMargin = 300;

/** @returns what takes jobs, not yet started; null where the owner does not want any. */
export function openJobs(
    config: WorkerConfig,
    office: Office,
    engine: Engine,
    admissions: Admissions,
    attestation: Attestation | null,
    logger: Logger,
    events: JobEvents,
): Jobs | null {
    const { jobs } = config;
    if (jobs.stores.length === 0 || attestation === null) {
        return null;
    }
    const { chain, ledger, keys, globalId, provider } = office;
    const { wallet, attester } = attestation;
    const jobOffice: JobOffice = { chain, ledger, logger, keys, globalId, provider: provider.address, wallet, attester };
    const prefixes = jobs.stores.map(parseStorePrefix).filter((prefix): prefix is StorePrefix => prefix !== null);
    const stores = new AllowedStores(prefixes, jobs.storeTimeoutSeconds);
    // Jobs never take the last slot of a model, so one with a single slot takes none.
    const models = engine.models.filter(({ id }) => engine.slotsOf(id) > 1);
    const lanes = new JobLanes(admissions, Math.min(jobs.parallel, ...models.map(({ id }) => engine.slotsOf(id) - 1)));
    const speed = new Speed(jobs.startSpeed);
    const runner = new JobRunner({ engine, ledger, lanes, speed, onItem: events.onItem });
    const desk = new JobDesk({
        office: jobOffice,
        list: new JobList(chain, provider.registry, jobs.lookBack),
        situation: new SituationReader({ office: jobOffice, models, stores, lanes, speed }),
        bidder: new Bidder(jobOffice),
        work: new JobWork({ office: jobOffice, stores, runner, courier: new DeliveryCourier(jobOffice), models }),
        limits: limitsOf(jobs),
        pollSeconds: jobs.pollSeconds,
        onEnd: events.onEnd,
    });
    return { desk, lanes };
}

function limitsOf(jobs: WorkerConfig['jobs']): JobLimits {
    return {
        inputBytes: jobs.inputBytes,
        items: jobs.items,
        bondLimit: jobs.bondLimit,
        leastPriceShare: BigInt(Math.round(jobs.leastPriceShare * 10_000)),
        speedShare: jobs.speedShare,
        bidMargin: jobs.bidMarginSeconds,
        longestAward: jobs.longestAwardSeconds,
        deliveryMargin: DeliveryMargin,
    };
}
