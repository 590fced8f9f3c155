import { Address } from '@ton/core';
import { formatCoins } from '../amounts';
import { ClientError, reasonOf } from '../errors';
import { Mutex } from '../mutex';
import { SpendingReport } from '../session/report';
import { errorResponse } from '../session/error-response';
import { Session } from '../session/session';
import { Health, isProvidersFault, mayFailOver } from './health';
import { CheckedPoolOptions, checkPoolOptions, PoolOptions } from './options';
import { readPoolRequest, PoolRequest } from './request';

/** What a pool needs of its client. */
export type PoolHost = {
    /**
     * Opens a session with the best provider that is none of these.
     * @param weights SHA-256 of the model's weights, hexadecimal; null for any.
     */
    open(excluded: readonly Address[], weights: string | null, options: CheckedPoolOptions): Promise<Session>;
    /** Sessions of the store that can be used, for one model; they are locked for the pool. */
    takeUp(most: number, signal?: AbortSignal): Promise<Session[]>;
};

type Member = { session: Session; health: Health; cap: bigint };

/** Figures of all sessions of a pool; amounts in nanoTON. */
export type PoolReport = {
    sessions: SpendingReport[];
    requests: number;
    /** Cost of the tokens that were used. */
    amount: bigint;
    /** Signed for in all. */
    signed: bigint;
    /** What the pool may still commit to new sessions. */
    budgetLeft: bigint;
};

/** The base URL of a pool leads nowhere: the pool chooses where a request goes. */
const BaseURL = 'https://pool.ton-compute.invalid/v1';
/** How often one request is sent to another provider. */
const MostFailovers = 4;

/**
 * Sessions with several providers that serve the same weights. Requests go to one until it fails; then to the next, which
 * is opened when it is needed. A request is sent again only when nobody has worked for it.
 */
export class ProviderPool {
    /** Base URL for OpenAI SDKs, together with `fetch`. */
    readonly baseURL = BaseURL;
    private readonly members: Member[] = [];
    private readonly options: CheckedPoolOptions;
    private readonly opening = new Mutex();
    private closed = false;

    private constructor(
        private readonly host: PoolHost,
        options: CheckedPoolOptions,
    ) {
        this.options = options;
    }

    /** Use `client.pool`. */
    static async open(host: PoolHost, options: PoolOptions): Promise<ProviderPool> {
        const checked = checkPoolOptions(options);
        const pool = new ProviderPool(host, checked);
        const taken = await host.takeUp(checked.providers, options.signal);
        try {
            for (const session of taken) {
                await pool.add(session);
            }
            if (pool.members.length === 0) {
                await pool.openAnother();
            }
            return pool;
        } catch (error) {
            await Promise.allSettled(taken.map((session) => session.dispose()));
            await pool.dispose();
            throw error;
        }
    }

    /** Name of the model: the `model` of requests, whatever each provider calls it. */
    get model(): string {
        return this.members[0].session.model;
    }

    /** Sessions of the pool, in the order in which they were opened. */
    get sessions(): readonly Session[] {
        return this.members.map(({ session }) => session);
    }

    /** A `fetch` for OpenAI SDKs; errors come as answers in OpenAI's shape. */
    readonly fetch = async (input: string | URL | Request, init?: RequestInit): Promise<Response> => {
        try {
            return await this.request(input, init);
        } catch (error) {
            if (error instanceof ClientError) {
                return errorResponse(error);
            }
            throw error;
        }
    };

    /**
     * As `fetch`, for callers that want typed errors.
     * @throws ClientError of the provider that was asked last.
     */
    async request(input: string | URL | Request, init?: RequestInit): Promise<Response> {
        const request = await readPoolRequest(BaseURL, input, init);
        for (let failovers = 0; ; failovers += 1) {
            request.signal?.throwIfAborted();
            const member = await this.choose();
            try {
                return this.watched(member, await this.send(member, request));
            } catch (error) {
                this.note(member, error);
                if (!mayFailOver(error, this.options.resendUncertain ?? false) || failovers >= MostFailovers) {
                    throw error;
                }
                await this.requireAnother(error);
            }
        }
    }

    async report(signal?: AbortSignal): Promise<PoolReport> {
        const sessions = await Promise.all(this.members.map(({ session }) => session.report(signal)));
        const sum = (figure: (report: SpendingReport) => bigint) => sessions.reduce((total, next) => total + figure(next), 0n);
        return {
            sessions,
            requests: sessions.reduce((total, { requests }) => total + requests, 0),
            amount: sum(({ amount }) => amount),
            signed: sum(({ signed }) => signed),
            budgetLeft: this.budgetLeft,
        };
    }

    /** Brings every worker the voucher for what was used. What cannot be reached is paid when it claims, or not at all. */
    async pay(signal?: AbortSignal): Promise<void> {
        await Promise.allSettled(this.members.map(({ session }) => session.pay(signal)));
    }

    /** Begins to close all sessions. @returns unix seconds from which `client.resume` and `finishClose` end them. */
    async startClose(signal?: AbortSignal): Promise<{ session: Address; end: number }[]> {
        this.closed = true;
        const ends: { session: Address; end: number }[] = [];
        for (const { session } of this.members) {
            // One wallet sends one message after the other.
            ends.push({ session: session.address, end: await session.startClose(signal) });
        }
        return ends;
    }

    /** Lets other processes use the sessions. They stay open on the chain. */
    async dispose(): Promise<void> {
        this.closed = true;
        await Promise.allSettled(this.members.map(({ session }) => session.dispose()));
    }

    private get budgetLeft(): bigint {
        // What a session that is of no more use has not signed for comes back when it is closed.
        const committed = this.members.map(({ session, health, cap }) => (health.ended ? session.signed : cap));
        return this.options.budget - committed.reduce((sum, next) => sum + next, 0n);
    }

    private async send({ session }: Member, request: PoolRequest): Promise<Response> {
        const { path, method, headers, signal } = request;
        return session.request(session.baseURL + path, { method, headers, body: request.bodyFor(this.model, session.model), signal });
    }

    /** An answer that breaks in the middle is lost for its caller, but the next request goes elsewhere. */
    private watched(member: Member, response: Response): Response {
        if (response.body === null) {
            member.health.succeeded();
            return response;
        }
        const reader = response.body.getReader();
        const body = new ReadableStream<Uint8Array>(
            {
                pull: async (controller) => {
                    try {
                        const { done, value } = await reader.read();
                        if (done) {
                            member.health.succeeded();
                            controller.close();
                        } else {
                            controller.enqueue(value);
                        }
                    } catch (error) {
                        this.note(member, error);
                        controller.error(error);
                    }
                },
                cancel: (reason) => reader.cancel(reason),
            },
            { highWaterMark: 0 },
        );
        return new Response(body, { status: response.status, headers: response.headers });
    }

    private note({ session, health }: Member, error: unknown): void {
        if (isProvidersFault(error) && health.ready) {
            const rest = health.failed(error);
            this.options.onFailover?.({
                session: session.address.toString(),
                provider: session.provider.toString(),
                code: error.code,
                reason: error.message,
                rest,
            });
        }
    }

    /** @returns the first session that is worth asking; one that is opened now, when there is none. */
    private async choose(): Promise<Member> {
        if (this.closed) {
            throw new ClientError('session_not_open', 'This pool was closed or given back: open another.');
        }
        return this.ready() ?? this.opening.run(async () => this.ready() ?? (await this.openAnother()));
    }

    private ready(): Member | undefined {
        return this.members.find(({ health }) => health.ready);
    }

    /** @throws the error when there is nobody else to ask. */
    private async requireAnother(error: ClientError): Promise<void> {
        if (this.ready() === undefined && this.refusalToOpen() !== null) {
            throw error;
        }
    }

    /** @returns why no further session may be opened, or null. */
    private refusalToOpen(): string | null {
        const { providers, deposit } = this.options;
        const live = this.members.filter(({ health }) => !health.ended).length;
        if (live >= providers) {
            return `all ${providers} providers of the pool are resting after failures`;
        }
        return this.budgetLeft < deposit
            ? `the budget leaves ${formatCoins(this.budgetLeft)}, a session takes ${formatCoins(deposit)}`
            : null;
    }

    private async openAnother(): Promise<Member> {
        const refusal = this.refusalToOpen();
        if (refusal !== null) {
            throw new ClientError('no_provider', `No provider can be asked now: ${refusal}. Try again later, or raise it.`);
        }
        // Whoever has used up an honest deposit may have another; whoever rests or cheated is not chosen again now.
        const excluded = this.members.filter(({ health, session }) => !health.ended || session.isStopped);
        return this.add(await this.host.open(
                excluded.map(({ session }) => session.provider),
                this.members.at(0)?.session.weights ?? null,
                this.options,
            ));
    }

    private async add(session: Session): Promise<Member> {
        const { spendingCap } = await session.report().catch(async (error: unknown) => {
            await session.dispose();
            throw new ClientError('chain_unreachable', `The session cannot be read: ${reasonOf(error)}`, {}, { cause: error });
        });
        const member = { session, health: new Health(), cap: spendingCap };
        this.members.push(member);
        return member;
    }
}
