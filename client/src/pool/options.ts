import { formatCoins } from '../amounts';
import { ClientError } from '../errors';
import { OpenOptions } from '../opening';

/** How a pool spends: what is not said here is as for one session. */
export type PoolOptions = Pick<OpenOptions, 'creditWindow' | 'closeWindow'> & {
    /** Deposit of each session that is opened, nanoTON. */
    deposit: bigint;
    /**
     * The most that all sessions of the pool may sign for together, nanoTON, those that it takes up from the store
     * included; twice the deposit when omitted: one session, and one to fail over to.
     */
    budget?: bigint;
    /** Providers to have a session with at the same time; 2 when omitted. */
    providers?: number;
    /** Seconds from its opening for which a session's key is used; without end when omitted. */
    lifetime?: number;
    /**
     * Whether a request goes to another provider also when it cannot be told whether the first has worked for it, because
     * the connection broke before an answer and the worker is gone. False when omitted: it might be paid for twice.
     */
    resendUncertain?: boolean;
    /** Hears of every change of provider. Nothing of a request is in it. */
    onFailover?: (event: FailoverEvent) => void;
    signal?: AbortSignal;
};

/** A provider that is passed over for a while. Addresses in their usual form. */
export type FailoverEvent = {
    session: string;
    provider: string;
    /** Code of the ClientError that it gave. */
    code: string;
    reason: string;
    /** Seconds until it is asked again; null when it is not any more. */
    rest: number | null;
};

export type CheckedPoolOptions = PoolOptions & { budget: bigint; providers: number };

const MostProviders = 16;

/** @throws ClientError `invalid_option`. */
export function checkPoolOptions(options: PoolOptions): CheckedPoolOptions {
    const { deposit, budget = 2n * deposit, providers = 2, lifetime } = options;
    if (deposit <= 0n) {
        throw new ClientError('invalid_option', `deposit: expected more than 0 nanoTON, got ${deposit}.`);
    }
    if (budget < deposit) {
        throw new ClientError(
            'invalid_option',
            `budget: expected at least the deposit of one session, ${formatCoins(deposit)}, got ${formatCoins(budget)}.`,
        );
    }
    if (!Number.isInteger(providers) || providers < 1 || providers > MostProviders) {
        throw new ClientError('invalid_option', `providers: expected 1 to ${MostProviders}, got ${providers}.`);
    }
    if (lifetime !== undefined && !(lifetime > 0)) {
        throw new ClientError('invalid_option', `lifetime: expected seconds, more than 0, got ${lifetime}.`);
    }
    return { ...options, budget, providers };
}
