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
import { TonClient, TonClientParameters } from '@ton/ton';
import { Deadline, pause } from '../deadline';
import { ClientError, reasonOf } from '../errors';

/** Where and how the chain is read. */
export type ChainOptions = {
    /** URL of a toncenter v2 API, such as https://toncenter.com/api/v2/jsonRPC. */
    endpoint: string;
    apiKey?: string;
    /** Seconds for one call; 15 when omitted. */
    timeoutSeconds?: number;
};

/** State of an account; the balance in nanoTON. */
export type AccountState = {
    balance: bigint;
    status: 'active' | 'uninitialized' | 'frozen';
    code: Cell | null;
};

const Attempts = 5;
/** Seconds before the second attempt; doubles. Public APIs without a key allow one call a second. */
const FirstPause = 0.5;
const GlobalIdParameter = 19;
/** Clocks that differ by less are not worth a correction, seconds: blocks are that slow. */
const ClockTolerance = 30;

/** What all views of one chain share: the last seen difference of clocks. */
type Clock = { offset: number };

/**
 * The chain through one toncenter v2 API. What it answers is believed, except where it can be recomputed: whoever runs
 * the API could hide a provider or show another encryption key, so use one that you trust, or your own.
 */
export class Chain {
    private readonly client: TonClient;

    constructor(
        private readonly options: ChainOptions,
        private readonly signal?: AbortSignal,
        private readonly clock: Clock = { offset: 0 },
    ) {
        const { protocol } = parseUrl(options.endpoint);
        if (protocol !== 'http:' && protocol !== 'https:') {
            throw new ClientError('invalid_option', `endpoint: expected an http(s) URL, got "${options.endpoint}".`);
        }
        this.client = new TonClient({ endpoint: options.endpoint, httpAdapter: this.adapter() });
    }

    /** @returns the same chain, whose calls also end with `signal`. */
    with(signal: AbortSignal | undefined): Chain {
        return signal === undefined ? this : new Chain(this.options, signal, this.clock);
    }

    /** Unix seconds by the chain's clock, where it differs much from this machine's. */
    now(): number {
        return Math.floor(Date.now() / 1000) + this.clock.offset;
    }

    /** Waits, unless the signal ends it. */
    pause(seconds: number): Promise<void> {
        return pause(seconds, this.signal);
    }

    open<T extends Contract>(contract: T): OpenedContract<T> {
        return this.client.open(contract);
    }

    async account(address: Address): Promise<AccountState> {
        const state = await this.client.getContractState(address);
        const offset = state.timestampt - Math.floor(Date.now() / 1000);
        this.clock.offset = Math.abs(offset) > ClockTolerance ? offset : 0;
        return {
            balance: state.balance,
            status: state.state,
            code: state.code === null ? null : Cell.fromBoc(state.code)[0],
        };
    }

    /**
     * @param limit the most transactions.
     * @param before only those before this one; from the newest on when omitted.
     * @returns newest first.
     */
    transactions(address: Address, limit: number, before?: Transaction): Promise<Transaction[]> {
        // Older ones may need an archive node.
        const from =
            before === undefined
                ? {}
                : { lt: before.lt.toString(), hash: before.hash().toString('base64'), archival: true };
        return this.client.getTransactions(address, { limit, ...from });
    }

    /** @returns a parameter of the chain's configuration. */
    async configParameter(id: number): Promise<Cell> {
        const result = (await this.call('getConfigParam', { config_id: id, param: id })) as {
            config?: { bytes?: unknown };
        } | null;
        const bytes = result?.config?.bytes;
        if (typeof bytes !== 'string') {
            throw new ClientError('chain_error', `The chain's API gave no configuration parameter ${id}.`);
        }
        return Cell.fromBase64(bytes);
    }

    /** @returns the network's global id: -239 mainnet, -3 testnet. */
    async globalId(): Promise<number> {
        return (await this.configParameter(GlobalIdParameter)).beginParse().loadInt(32);
    }

    /** Sends an external message; repeating the same one is harmless. */
    async sendExternal(address: Address, body: Cell, init: StateInit | null): Promise<void> {
        const message = beginCell().store(storeMessage(external({ to: address, body, init }))).endCell();
        await this.call('sendBoc', { boc: message.toBoc().toString('base64') });
    }

    private async call(method: string, params: unknown): Promise<unknown> {
        const answer = await this.post(JSON.stringify({ id: '1', jsonrpc: '2.0', method, params }));
        return (answer as { result?: unknown }).result ?? null;
    }

    /** Every call of this class is harmless to repeat. */
    private async post(body: string): Promise<unknown> {
        for (let attempt = 1; ; attempt += 1) {
            try {
                return await this.once(body);
            } catch (error) {
                this.signal?.throwIfAborted();
                const passing = error instanceof ClientError && error.details.passing === true;
                if (!passing || attempt === Attempts) {
                    throw error;
                }
                await this.pause(FirstPause * 2 ** (attempt - 1));
            }
        }
    }

    private async once(body: string): Promise<unknown> {
        const { endpoint, apiKey, timeoutSeconds = 15 } = this.options;
        const deadline = new Deadline(this.signal);
        deadline.within(timeoutSeconds);
        let status: number;
        let text: string;
        try {
            const response = await fetch(endpoint, {
                method: 'POST',
                headers: {
                    'content-type': 'application/json',
                    ...(apiKey === undefined ? {} : { 'x-api-key': apiKey }),
                },
                body,
                signal: deadline.signal,
            });
            status = response.status;
            text = await response.text();
        } catch (error) {
            this.signal?.throwIfAborted();
            throw new ClientError(
                'chain_unreachable',
                `The chain's API at ${parseUrl(endpoint).origin} does not answer (${reasonOf(error)}). ` +
                    'Check the address and the network, or try another API.',
                { passing: true },
                { cause: error },
            );
        } finally {
            deadline.release();
        }
        const answer = parseJson(text);
        if (status !== 200 || answer?.ok !== true) {
            const reason = typeof answer?.error === 'string' ? answer.error : `HTTP ${status}`;
            throw new ClientError('chain_error', `The chain's API answered: ${reason}`, {
                passing: status === 429 || status >= 502,
                status,
            });
        }
        return answer;
    }

    /** TonClient speaks through axios; this lets it speak through `post`, which has deadlines, signals and retries. */
    private adapter(): TonClientParameters['httpAdapter'] {
        return async (config) => {
            const data = await this.post(String(config.data));
            return { data, status: 200, statusText: 'OK', headers: {}, config };
        };
    }
}

function parseUrl(text: string): URL {
    try {
        return new URL(text);
    } catch {
        throw new ClientError('invalid_option', `endpoint: expected a URL, got "${text}".`);
    }
}

function parseJson(text: string): { ok?: unknown; error?: unknown } | null {
    try {
        return JSON.parse(text) as { ok?: unknown; error?: unknown } | null;
    } catch {
        return null;
    }
}
