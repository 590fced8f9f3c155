import {
    awardJobValue,
    ChainPrices,
    expireJobValue,
    listingValue,
    minimumValues,
    openSessionValue,
    parseChainPrices,
    postJobValue,
    PriceParameters,
} from '@ton-compute/contracts';
import { Chain } from './chain';

/** Prices may rise between the estimate and the transaction; what is not used comes back. */
const Margin = 2n;

/** @returns the basechain's prices in force. */
export async function readChainPrices(chain: Chain): Promise<ChainPrices> {
    const [storage, gas, forward] = await Promise.all([
        chain.configParameter(PriceParameters.storage),
        chain.configParameter(PriceParameters.gas),
        chain.configParameter(PriceParameters.forward),
    ]);
    return parseChainPrices({ storage, gas, forward }, chain.now());
}

/**
 * What the opening message must carry so that at least `deposit` can be spent: deposit, the escrow's rent reserve, and
 * what asking the provider costs, the latter two doubled. The excess stays in the escrow as deposit and comes back when
 * the session is closed.
 * @param deposit nanoTON.
 * @returns nanoTON.
 */
export function openingValue(prices: ChainPrices, deposit: bigint): bigint {
    return deposit + Margin * openSessionValue(prices, 0n);
}

/** What a message carries that starts or finishes a close, or reclaims, nanoTON. What is not used comes back. */
export function closingValue(prices: ChainPrices): bigint {
    return Margin * minimumValues(prices).finishClose;
}

/** What a message carries that refreshes a session's attestation, nanoTON; what is not used joins the deposit or returns. */
export function refreshValue(prices: ChainPrices): bigint {
    return Margin * minimumValues(prices).refreshAttestation;
}

/** What is added to a top-up so that the deposit grows by the full amount, nanoTON. */
export function topUpCost(prices: ChainPrices): bigint {
    return Margin * minimumValues(prices).topUp;
}

/**
 * What posting a job takes: the ceiling, and the costs doubled; what is not used comes back when the job ends.
 * @param ceiling nanoTON.
 * @param listingFee nanoTON that the registry takes; null: the job is not listed.
 * @returns nanoTON of the message, and what of it is for the registry.
 */
export function postingValues(prices: ChainPrices, ceiling: bigint, listingFee: bigint | null): { value: bigint; listing: bigint } {
    const listing = listingFee === null ? 0n : listingFee + Margin * listingValue(prices, 0n);
    return { value: ceiling + listing + Margin * postJobValue(prices, 0n, 0n), listing };
}

/** What a message carries that awards a job, nanoTON; what is not used comes back. */
export function awardingValue(prices: ChainPrices): bigint {
    return Margin * awardJobValue(prices);
}

/** What a message carries that cancels or expires a job, nanoTON; what is not used comes back to the client. */
export function endingValue(prices: ChainPrices): bigint {
    return Margin * expireJobValue(prices);
}
