import { JobAgreement, JobTask, OfferTerms } from '@ton-compute/contracts';
import { Address } from '@ton/core';

import { AttestationRecord } from '../chain/provider-record';
import { EngineModel } from '../engine/engine';
import { bidAmount, ownPrice } from './price';
import { workOf } from './speed';

/** What the owner allows; amounts in nanoTON, times in seconds. */
export type JobLimits = {
    /** Bytes of a sealed input. */
    inputBytes: number;
    items: number;
    bondLimit: bigint;
    /** Basis points of the own price. */
    leastPriceShare: bigint;
    /** Share of the measured speed that is counted on. */
    speedShare: number;
    /** Least time to the award deadline, in which a bid has to arrive. */
    bidMargin: number;
    /** Most time to the award deadline: the bond is tied up so long. */
    longestAward: number;
    /** Time of the delivery that is kept for transfers and messages. */
    deliveryMargin: number;
};

/** What the worker is, and what it has already promised. */
export type JobSituation = {
    now: number;
    provider: Address;
    market: JobAgreement['market'];
    active: boolean;
    /** Null while this worker's keys are not attested. */
    attestation: AttestationRecord | null;
    models: readonly EngineModel[];
    offers: readonly OfferTerms[];
    allows: (url: string) => boolean;
    /** Work in a second, all lanes together. */
    speed: number;
    /** Work of the jobs that the worker may have to do, as `workOf`. */
    committed: number;
    /** nanoTON of the bonds that are out. */
    bonds: bigint;
    /** nanoTON of the gas wallet that are not needed for what is promised. */
    funds: bigint;
    /** nanoTON of a bid beside its bond. */
    bidCosts: bigint;
    /** nanoTON of bid and delivery together. */
    costs: bigint;
};

/** A job as the chain shows it now. */
export type JobOffer = {
    agreement: JobAgreement;
    /** nanoTON of the best bid of others; null while there is none. */
    best: bigint | null;
};

/** Why a job is not taken. */
export type Refusal = {
    /** 'model': a 404; 'busy': it may fit later; 'never': it will not. */
    kind: 'never' | 'busy' | 'model';
    reason: string;
};

export type Verdict = { bid: bigint } | Refusal;

const never = (reason: string): Refusal => ({ kind: 'never', reason });
const busy = (reason: string): Refusal => ({ kind: 'busy', reason });

/** @returns what to bid for a job that takes bids, or the first reason against it. */
export function judge({ agreement, best }: JobOffer, limits: JobLimits, situation: JobSituation): Verdict {
    const refusal =
        forWhom(agreement, situation) ??
        whatKind(agreement, limits, situation) ??
        howLong(agreement, limits, situation) ??
        whatRisk(agreement, limits, situation);
    if (refusal !== null) {
        return refusal;
    }
    const price = ownPrice(agreement, situation.offers, situation.costs);
    if (price === null) {
        return { kind: 'model', reason: 'The provider has no offer on the chain for the model of the job, so it has no price for it.' };
    }
    if (agreement.ceiling < price) {
        return never(`The job pays at most ${agreement.ceiling} nanoTON, this worker asks for ${price}.`);
    }
    const bid = bidAmount(price, best, agreement.bidStep, limits.leastPriceShare, situation.costs);
    return bid === null ? never(`The best bid is ${best} nanoTON, which this worker does not go below.`) : { bid };
}

/** Attestation and market. */
function forWhom(job: JobAgreement, { provider, market, active, attestation }: JobSituation): Refusal | null {
    if (!active) {
        return never('The provider has retired.');
    }
    if (job.provider !== null && !job.provider.equals(provider)) {
        return never('The job is for another provider.');
    }
    const same =
        job.market.registry.equals(market.registry) &&
        job.market.providerCodeHash.equals(market.providerCodeHash) &&
        job.market.providerCodeDepth === market.providerCodeDepth;
    if (job.provider === null && !same) {
        return never('The job is for the providers of another registry, or of another release.');
    }
    if (attestation === null) {
        return busy('The worker is not attested at the moment: jobs need tier tdx. Try again later.');
    }
    if (((job.acceptedTcbStatuses >> attestation.tcbStatus) & 1) === 0) {
        return never("The job does not accept this worker's TCB status.");
    }
    if (job.measurement !== null && !job.measurement.equals(attestation.measurement)) {
        return never('The job demands another measurement than this worker has.');
    }
    return null;
}

/** Model, task and store. */
function whatKind(job: JobAgreement, limits: JobLimits, { models, allows }: JobSituation): Refusal | null {
    const { specification } = job;
    const model = modelOf(job, models);
    if (model === undefined) {
        return { kind: 'model', reason: 'The model of the job is not served here.' };
    }
    const supported =
        (specification.task === JobTask.Chat && model.supports.chat) ||
        (specification.task === JobTask.Embeddings && model.supports.embeddings);
    if (!supported) {
        return never(`The worker does not do task ${specification.task} with this model.`);
    }
    if (specification.task === JobTask.Chat && specification.completionTokens < BigInt(job.itemCount)) {
        return never('The terms leave less than one token of answer for each item.');
    }
    if (!allows(specification.inputUrl)) {
        return never('The input is in no store that this worker uses (jobs.stores of its configuration).');
    }
    if (specification.inputBytes > BigInt(limits.inputBytes)) {
        return never(`The input has ${specification.inputBytes} bytes, this worker takes at most ${limits.inputBytes}.`);
    }
    if (job.itemCount > limits.items) {
        return never(`The job has ${job.itemCount} items, this worker takes at most ${limits.items}.`);
    }
    return null;
}

/** Deadlines. */
function howLong(job: JobAgreement, limits: JobLimits, { now, speed, committed }: JobSituation): Refusal | null {
    const left = job.awardDeadline - now;
    if (left < limits.bidMargin) {
        return never(`The award deadline is ${left} s away, a bid needs ${limits.bidMargin} s.`);
    }
    if (left > limits.longestAward) {
        return busy(`The award deadline is ${left} s away: this worker ties up a bond for at most ${limits.longestAward} s.`);
    }
    const { promptTokens, completionTokens } = job.specification;
    const available = job.deliveryTime - Math.min(limits.deliveryMargin, job.deliveryTime / 4);
    const rate = speed * limits.speedShare;
    const alone = workOf(Number(promptTokens), Number(completionTokens)) / rate;
    if (alone > available) {
        return never(`The job would take this worker about ${Math.ceil(alone)} s, its delivery time leaves ${Math.floor(available)}.`);
    }
    return alone + committed / rate > available ? busy('The worker has too much other work to deliver in time. Try again later.') : null;
}

/** Coins. */
function whatRisk(job: JobAgreement, limits: JobLimits, { bonds, funds, bidCosts }: JobSituation): Refusal | null {
    if (job.bond > limits.bondLimit) {
        return never(`The bond is ${job.bond} nanoTON, this worker puts up at most ${limits.bondLimit}.`);
    }
    if (bonds + job.bond > limits.bondLimit) {
        return busy(`The worker has ${bonds} nanoTON of bonds out and puts up at most ${limits.bondLimit}. Try again later.`);
    }
    return funds < job.bond + bidCosts ? busy('The gas wallet of this worker cannot pay the bond at the moment. Try again later.') : null;
}

/** @returns the model of a job among those of the engine. */
export function modelOf(job: JobAgreement, models: readonly EngineModel[]): EngineModel | undefined {
    const hash = job.model.toString('hex');
    return models.find(({ weightsHash }) => weightsHash === hash);
}
