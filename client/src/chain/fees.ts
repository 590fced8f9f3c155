import {
    ChainPrices,
    minimumValues,
    openSessionValue,
    parseChainPrices,
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
