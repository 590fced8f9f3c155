import {
    Address,
    beginCell,
    Cell,
    Contract,
    external,
    OpenedContract,
    StateInit,
    storeMessage,
    Transaction,
} from '@ton/core';
import { ChainPrices, parseChainPrices, PriceParameters } from '@ton-compute/contracts';
import { TonClient, TonClientParameters } from '@ton/ton';

import { exitCodeOf, ExternalRefused, isRefusal } from './exit-codes';
import { ChainError, Transport, TransportOptions } from './transport';

/** State of an account; amounts in nanoTON. */
export type AccountState = {
    balance: bigint;
    /** Null when no contract is there. */
    code: Cell | null;
    data: Cell | null;
    /** Logical time of the last transaction; 0 before the first. */
    lastLt: bigint;
};

/** Configuration parameter 19: the chain's global id. */
const GlobalIdParameter = 19;
/** Clocks that differ by less are not worth a correction, seconds: blocks and networks are that slow. */
const ClockTolerance = 60;

/** The chain as the worker sees it: through one toncenter API, with the contracts' own wrappers on top. */
export class Chain {
    private readonly transport: Transport;
    private readonly client: TonClient;
    private clockOffset = 0;
    private answers = true;

    constructor(options: TransportOptions) {
        this.transport = new Transport(options);
        this.client = new TonClient({ endpoint: options.endpoint, httpAdapter: this.adapter() });
    }

    /** Unix seconds by the chain's clock where it differs much from this machine's. */
    now(): number {
        return Math.floor(Date.now() / 1000) + this.clockOffset;
    }

    /** Whether the last call was answered. */
    get reachable(): boolean {
        return this.answers;
    }

    open<T extends Contract>(contract: T): OpenedContract<T> {
        return this.client.open(contract);
    }

    /** @throws {ChainUnreachable}, {ChainError} */
    async account(address: Address): Promise<AccountState> {
        const state = await this.client.getContractState(address);
        const offset = state.timestampt - Math.floor(Date.now() / 1000);
        this.clockOffset = Math.abs(offset) > ClockTolerance ? offset : 0;
        return {
            balance: state.balance,
            code: state.code === null ? null : Cell.fromBoc(state.code)[0],
            data: state.data === null ? null : Cell.fromBoc(state.data)[0],
            lastLt: BigInt(state.lastTransaction?.lt ?? 0),
        };
    }

    /** @param limit the most transactions. @returns newest first. */
    transactions(address: Address, limit: number): Promise<Transaction[]> {
        return this.client.getTransactions(address, { limit });
    }

    /** @returns the network's global id: -239 mainnet, -3 testnet. */
    async globalId(): Promise<number> {
        return (await this.parameter(GlobalIdParameter)).beginParse().loadInt(32);
    }

    /** @returns the basechain's prices in force. */
    async prices(): Promise<ChainPrices> {
        const { storage, gas, forward } = PriceParameters;
        const cells = {
            storage: await this.parameter(storage),
            gas: await this.parameter(gas),
            forward: await this.parameter(forward),
        };
        return parseChainPrices(cells, this.now());
    }

    /**
     * Sends an external message; harmless to repeat.
     * @param init deploys the account with it, if it is not there yet.
     * @throws {ExternalRefused} when the contract does not accept it.
     */
    async sendExternal(address: Address, body: Cell, init: StateInit | null = null): Promise<void> {
        const boc = beginCell()
            .store(storeMessage(external({ to: address, body, init })))
            .endCell()
            .toBoc();
        try {
            await this.call('sendBoc', { boc: boc.toString('base64') });
        } catch (error) {
            throw error instanceof ChainError && isRefusal(error.message)
                ? new ExternalRefused(exitCodeOf(error.message), error.message)
                : error;
        }
    }

    /** @returns a parameter of the chain's configuration. */
    private async parameter(id: number): Promise<Cell> {
        const answer = (await this.call('getConfigParam', { config_id: id })) as { config?: { bytes?: string } };
        const bytes = answer.config?.bytes;
        if (typeof bytes !== 'string') {
            throw new ChainError(`The API gave no configuration parameter ${id}.`, 200);
        }
        return Cell.fromBase64(bytes);
    }

    private async call(method: string, params: unknown): Promise<unknown> {
        const answer = await this.post(JSON.stringify({ id: '1', jsonrpc: '2.0', method, params }));
        return (answer as { result?: unknown }).result;
    }

    private async post(body: string): Promise<unknown> {
        try {
            const answer = await this.transport.post(body);
            this.answers = true;
            return answer;
        } catch (error) {
            this.answers = error instanceof ChainError;
            throw error;
        }
    }

    /** TonClient speaks through axios; this lets it speak through our transport, which has deadlines and one signal. */
    private adapter(): TonClientParameters['httpAdapter'] {
        return async (config) => {
            const data = await this.post(String(config.data));
            return { data, status: 200, statusText: 'OK', headers: {}, config };
        };
    }
}
