import { SessionEscrow } from '@ton-compute/contracts';
import {
    configParse18,
    configParseGasLimitsPrices,
    configParseMsgPrices,
    GasLimitsPrices,
    MsgPrices,
    StoragePrices,
} from '@ton/ton';
import { Chain } from './chain';

/** Prices of the basechain, from its configuration. */
export type ChainPrices = { storage: StoragePrices; gas: GasLimitsPrices; forward: MsgPrices };

const StorageParameter = 18;
const GasParameter = 21;
const ForwardParameter = 25;

/** @returns the basechain's prices in force. */
export async function readChainPrices(chain: Chain): Promise<ChainPrices> {
    const [storage, gas, forward] = await Promise.all([
        chain.configParameter(StorageParameter),
        chain.configParameter(GasParameter),
        chain.configParameter(ForwardParameter),
    ]);
    // Of the periods in the parameter the latest is in force.
    const periods = configParse18(storage.beginParse()).sort((a, b) => a.utime_since - b.utime_since);
    return {
        storage: periods[periods.length - 1],
        gas: configParseGasLimitsPrices(gas.beginParse()),
        forward: configParseMsgPrices(forward.beginParse()),
    };
}

function divideUp(value: bigint): bigint {
    return (value + 0xffffn) >> 16n;
}

/** As getStorageFee of the TVM. @returns nanoTON. */
export function storageFee({ storage }: ChainPrices, cells: bigint, bits: bigint, seconds: bigint): bigint {
    return divideUp((storage.cell_price_ps * cells + storage.bit_price_ps * bits) * seconds);
}

/** As getComputeFee of the TVM. @returns nanoTON. */
export function computeFee({ gas }: ChainPrices, used: bigint): bigint {
    return used <= gas.flatLimit
        ? gas.flatGasPrice
        : gas.flatGasPrice + divideUp((used - gas.flatLimit) * gas.other.gasPrice);
}

/** As getForwardFee of the TVM. @returns nanoTON. */
export function forwardFee({ forward }: ChainPrices, cells: bigint, bits: bigint): bigint {
    return forward.lumpPrice + divideUp(forward.cellPrice * cells + forward.bitPrice * bits);
}

/** What an escrow keeps back for its rent, nanoTON: `escrowReserve` of contracts/session/fees.tact. */
export function escrowReserve(prices: ChainPrices): bigint {
    return storageFee(prices, SessionEscrow.EscrowCells, SessionEscrow.EscrowBits, SessionEscrow.ReserveSeconds);
}

/** Prices may rise between the estimate and the transaction; what is not used comes back. */
const Margin = 2n;

/**
 * What the opening message must carry so that at least `deposit` can be spent: deposit, the escrow's rent reserve, and
 * what asking the provider costs, the latter two doubled. The excess stays in the escrow as deposit and comes back when
 * the session is closed.
 * @param deposit nanoTON.
 * @returns nanoTON.
 */
export function openingValue(prices: ChainPrices, deposit: bigint): bigint {
    const {
        OpenSessionGas,
        ConfirmSessionGas,
        SessionConfirmedGas,
        ConfirmSessionCells,
        ConfirmSessionBits,
        SessionConfirmedBits,
    } = SessionEscrow;
    const asking =
        computeFee(prices, OpenSessionGas) +
        computeFee(prices, ConfirmSessionGas + SessionConfirmedGas) +
        forwardFee(prices, ConfirmSessionCells, ConfirmSessionBits) +
        forwardFee(prices, 0n, SessionConfirmedBits);
    return deposit + Margin * (escrowReserve(prices) + asking);
}

/**
 * What a message must carry that starts or finishes a close, or reclaims: `finishValue` of contracts/session/fees.tact,
 * doubled. What is not used comes back.
 */
export function closingValue(prices: ChainPrices): bigint {
    const { FinishGas, SessionClosedGas, SessionClosedCells, SessionClosedBits } = SessionEscrow;
    return (
        Margin *
        (computeFee(prices, FinishGas) +
            computeFee(prices, SessionClosedGas) +
            forwardFee(prices, SessionClosedCells, SessionClosedBits) +
            2n * forwardFee(prices, 0n, 0n))
    );
}

/** A top-up costs a few hundred gas; this much is added to it so that the deposit grows by the full amount. */
export function topUpCost(prices: ChainPrices): bigint {
    return Margin * computeFee(prices, 1_000n);
}
