import { amountOf, bidValue, ChainPrices, deliveryValue, JobAgreement, NoTokens, OfferTerms } from '@ton-compute/contracts';

/** nanoTON that a bid and a delivery can cost the worker at most, beside the bond. */
export function jobCosts(prices: ChainPrices): bigint {
    return bidValue(prices, 0n) + deliveryValue(prices);
}

/**
 * @param offers of this provider on the chain.
 * @param costs nanoTON, as `jobCosts`.
 * @returns what the job is worth by the cheapest offer for its model, its costs at least; null without an offer.
 */
export function ownPrice(job: JobAgreement, offers: readonly OfferTerms[], costs: bigint): bigint | null {
    const { promptTokens: prompt, completionTokens: completion } = job.specification;
    const amounts = offers
        .filter(({ model }) => model.equals(job.model))
        .map(({ prices }) => amountOf({ ...NoTokens, prompt, completion }, prices));
    if (amounts.length === 0) {
        return null;
    }
    const least = amounts.reduce((lowest, amount) => (amount < lowest ? amount : lowest));
    return least > costs ? least : costs;
}

/**
 * @param best nanoTON of the best bid of others; null while there is none.
 * @param share of its price for which the worker still takes a job, in basis points.
 * @returns nanoTON to bid; null when the job has become too cheap.
 */
export function bidAmount(price: bigint, best: bigint | null, bidStep: bigint, share: bigint, costs: bigint): bigint | null {
    const highest = best === null ? price : best - bidStep;
    const amount = highest < price ? highest : price;
    const floor = (price * share + 9_999n) / 10_000n;
    return amount >= floor && amount >= costs ? amount : null;
}
