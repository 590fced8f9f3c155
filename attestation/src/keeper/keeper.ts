import { setTimeout as wait } from 'node:timers/promises';
import { parseCollateral } from '../collateral';
import { AttestationError } from '../errors';
import { CollateralKind, collateralMessages, NamedMessage } from '../messages';
import { P256Key } from '../p256';
import { datesOf, DuePart, isNewer, KnownCollateral, planRefresh, PlanOptions } from './plan';
import { CollateralSource, CollateralTarget, fetchCollateral, FetchOptions } from './source';

/** What a keeper does, step by step. */
export type KeeperEvent =
    | { type: 'planned'; due: DuePart[]; next: number }
    | { type: 'fetching'; from: string }
    /** Due, but the source has nothing newer than what the verifier knows. */
    | { type: 'nothing_newer'; kind: CollateralKind }
    | { type: 'sent'; kind: CollateralKind; name: string }
    | { type: 'stored'; kinds: CollateralKind[] }
    | { type: 'retrying'; attempt: number; inSeconds: number; error: unknown }
    | { type: 'failed'; error: unknown };

export type KeeperOptions = PlanOptions &
    Pick<FetchOptions, 'timeoutSeconds' | 'fetch'> & {
        source: CollateralSource;
        target: CollateralTarget;
        /** Sends a message to the verifier, with enough value. Resolves when it has been processed. */
        send(message: NamedMessage, signal?: AbortSignal): Promise<void>;
        /** Reads what the verifier knows for the target. */
        readState(signal?: AbortSignal): Promise<KnownCollateral>;
        /** The verifier's root key: collateral of another root is not sent. */
        rootKey?: P256Key;
        report?(event: KeeperEvent): void;
        /** Attempts before a refresh is given up; 5 if left out. */
        attempts?: number;
        /** Pause after the first failed attempt, seconds, twice as long after each further one; 5 if left out. */
        backoffSeconds?: number;
        /** Shortest pause between two refreshes of `run`, seconds; an hour if left out. */
        pauseSeconds?: number;
        /** Unix seconds; the system's clock if left out. */
        now?(): number;
        sleep?(seconds: number, signal?: AbortSignal): Promise<void>;
    };

export type RefreshResult = {
    /** Parts that the verifier has stored now. */
    stored: CollateralKind[];
    /** Unix seconds at which the next part is due. */
    next: number;
};

const LongestPause = 86_400;
const LongestBackoff = 600;

/**
 * Keeps a verifier's collateral of one processor model up to date: fetches what expires soon and sends what is newer.
 * Anyone may run one, and several do no harm: the verifier takes only what is newer, and it checks everything itself.
 */
export class Keeper {
    private readonly now: () => number;
    private readonly sleep: (seconds: number, signal?: AbortSignal) => Promise<void>;

    constructor(private readonly options: KeeperOptions) {
        this.now = options.now ?? (() => Math.floor(Date.now() / 1000));
        this.sleep = options.sleep ?? ((seconds, signal) => wait(seconds * 1000, undefined, { signal }));
    }

    /**
     * Refreshes what is due, once.
     * @throws what the last attempt threw; what earlier attempts had stored stays stored.
     */
    async refresh(signal?: AbortSignal): Promise<RefreshResult> {
        const { attempts = 5, backoffSeconds = 5 } = this.options;
        const stored = new Set<CollateralKind>();
        for (let attempt = 1; ; attempt += 1) {
            try {
                return { next: await this.attempt(stored, signal), stored: [...stored] };
            } catch (error) {
                signal?.throwIfAborted();
                if (attempt >= attempts) {
                    this.report({ type: 'failed', error });
                    throw error;
                }
                const inSeconds = Math.min(backoffSeconds * 2 ** (attempt - 1), LongestBackoff);
                this.report({ type: 'retrying', attempt, inSeconds, error });
                await this.sleep(inSeconds, signal);
            }
        }
    }

    /** Refreshes again and again until `signal` fires; a refresh that failed is repeated after a pause. */
    async run(signal: AbortSignal): Promise<void> {
        const { pauseSeconds = 3_600 } = this.options;
        while (!signal.aborted) {
            try {
                // A failure has been reported, and the next round may succeed.
                const next = await this.refresh(signal).then((result) => result.next, () => this.now());
                const pause = Math.min(Math.max(next - this.now(), pauseSeconds), Math.max(LongestPause, pauseSeconds));
                signal.throwIfAborted();
                await this.sleep(pause, signal);
            } catch (error) {
                if (!signal.aborted) {
                    throw error;
                }
            }
        }
    }

    /** One attempt. It reads the state anew, so nothing is sent twice. @returns when the next part is due. */
    private async attempt(stored: Set<CollateralKind>, signal?: AbortSignal): Promise<number> {
        const known = await this.options.readState(signal);
        const plan = planRefresh(this.now(), known, this.options);
        this.report({ type: 'planned', ...plan });
        if (plan.due.length === 0) {
            return plan.next;
        }
        const { source, target, rootKey } = this.options;
        this.report({ type: 'fetching', from: source.baseUrl });
        const collateral = parseCollateral(await fetchCollateral(source, target, { ...this.options, signal }));
        const offered = datesOf(collateral);
        const wanted = new Set<NamedMessage['kind']>();
        for (const { kind } of plan.due) {
            if (isNewer(offered[kind], known[kind])) {
                wanted.add(kind);
            } else {
                this.report({ type: 'nothing_newer', kind });
            }
        }
        // A list counts only together with the CA's key that signed it, so a new CA takes its newest list along.
        if (wanted.has('pck-ca') && isNewer(offered['pck-crl'], known['pck-crl'])) {
            wanted.add('pck-crl');
        }
        if (wanted.size === 0) {
            return plan.next;
        }
        for (const message of collateralMessages(collateral, rootKey)) {
            const { kind, name } = message;
            if (wanted.has(kind)) {
                signal?.throwIfAborted();
                await this.options.send(message, signal);
                this.report({ type: 'sent', kind: kind as CollateralKind, name });
            }
        }
        const after = await this.options.readState(signal);
        const kinds = [...wanted] as CollateralKind[];
        const missing = kinds.filter((kind) => isNewer(offered[kind], after[kind]));
        kinds.filter((kind) => !missing.includes(kind)).forEach((kind) => stored.add(kind));
        if (missing.length > 0) {
            throw new AttestationError(
                'not_stored',
                `The verifier has not stored ${missing.join(', ')}, although the messages were sent. Look at their ` +
                    'transactions for the exit code; each part needs those before it, and enough value.',
            );
        }
        this.report({ type: 'stored', kinds });
        return planRefresh(this.now(), after, this.options).next;
    }

    private report(event: KeeperEvent): void {
        this.options.report?.(event);
    }
}
