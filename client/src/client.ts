import { Address } from '@ton/core';
import { OfferTerms, packTerms } from '@ton-compute/contracts';
import { Chain } from './chain/chain';
import { EscrowState, readEnding, readEscrow } from './chain/escrow';
import { ProviderInfo, readProviderAt } from './chain/providers';
import { ExternalWallet } from './chain/external-wallet';
import { Wallet, WalletOptions } from './chain/wallet';
import { checkProvider, ProviderCheck } from './check';
import { chooseBest, chooseElsewhere, chooseOf, Choosing, findAll } from './choose';
import { ClientError, ClientErrorCode } from './errors';
import { FindResult } from './find';
import { Jobs } from './jobs/jobs';
import { JobStore } from './jobs/store';
import { Logger, silentLogger } from './log';
import { MarketOptions, MarketView } from './market';
import { checkMarketOptions } from './market/options';
import { marketOf } from './market/read';
import { openEscrow, OpenOptions, planOpening, requireBasechain, sessionPublicKey } from './opening';
import { CheckedPolicy, checkPolicy, Policy } from './policy';
import { ProviderPool } from './pool/pool';
import { PoolOptions } from './pool/options';
import { takeUpSessions } from './pool/take-up';
import { reclaim } from './reclaim';
import { HandedOver, HandoverLimits, sessionFromText, sessionToText } from './session/handover';
import { headroomOf } from './session/ledger';
import { SessionRecord } from './session/record';
import { chainFigures, SpendingReport, spendingReport } from './session/report';
import { notOpen, Session } from './session/session';
import { SessionStore } from './session/store';
import { AttestationTrust } from './trust';

export type ClientOptions = {
    /**
     * URL of a toncenter v2 API. Whoever runs it is believed where nothing can be recomputed: use one that you trust.
     */
    endpoint: string;
    apiKey?: string;
    /** Address of the ProviderRegistry. */
    registry: Address;
    /**
     * The wallet that opens, tops up and closes: its key, or a wallet that keeps its key to itself. Without one only
     * sessions of the store can be used.
     */
    wallet?: WalletOptions | ExternalWallet;
    policy?: Policy;
    /** Global id of the network; read from the chain when omitted. When given, the chain must agree. */
    globalId?: number;
    /**
     * Where the state of sessions is kept, with their keys. In Node a folder, `~/.ton-compute/sessions` when omitted; in a
     * browser the name of a database of the page's origin, `ton-compute` when omitted.
     */
    store?: string;
    /** Send requests unsealed. Only workers of tier open take them, and everyone on the way reads them. */
    plain?: boolean;
    log?: Logger;
};

/** Where a client keeps what it must not forget. */
export type Stores = { sessions: SessionStore; jobs: JobStore };

/** What to open a session with; all but the deposit may be left out. */
export type SessionOptions = OpenOptions & {
    /** Address of the provider; the best offer that the policy accepts when omitted. */
    provider?: Address;
    /** The offer, or its hash in hexadecimal digits; the provider's cheapest acceptable one when omitted. */
    offer?: OfferTerms | string;
};

/** How a session of the store is taken up again. */
export type ResumeOptions = { signal?: AbortSignal };

/** Errors of an opening after which nothing is left in the escrow. */
const NothingOpened: ReadonlySet<ClientErrorCode> = new Set(['session_rejected', 'wallet_balance']);

/** Finds providers, opens sessions and takes them up again. */
export class Client {
    /** Jobs: many items at once, done later, for one price. */
    readonly jobs: Jobs;

    private constructor(
        private readonly chain: Chain,
        private readonly registry: Address,
        readonly globalId: number,
        private readonly policy: CheckedPolicy,
        private readonly wallet: Wallet | null,
        private readonly store: SessionStore,
        jobStore: JobStore,
        private readonly plain: boolean,
        private readonly log: Logger,
        private readonly trust: AttestationTrust,
    ) {
        this.jobs = new Jobs({ chain, registry, globalId, policy, wallet, records: jobStore, trust, log });
    }

    /** Use {@link createClient}. */
    static async create(options: ClientOptions, stores: Stores): Promise<Client> {
        const policy = checkPolicy(options.policy);
        const plain = options.plain ?? false;
        if (plain && policy.leastTier !== 'open') {
            throw new ClientError(
                'invalid_option',
                'plain: unsealed requests make sense in tier open only; set policy.leastTier.',
            );
        }
        const registry = requireBasechain(options.registry, 'registry');
        const chain = new Chain({ endpoint: options.endpoint, apiKey: options.apiKey });
        const globalId = await chain.globalId();
        if (options.globalId !== undefined && options.globalId !== globalId) {
            throw new ClientError(
                'wrong_network',
                `The chain at ${options.endpoint} has global id ${globalId}, expected ${options.globalId}. Check the ` +
                    'endpoint.',
            );
        }
        const wallet = options.wallet === undefined ? null : await Wallet.create(options.wallet, globalId);
        const log = options.log ?? silentLogger;
        const { sessions, jobs } = stores;
        const trust = new AttestationTrust(log);
        return new Client(chain, registry, globalId, policy, wallet, sessions, jobs, plain, log, trust);
    }

    /** Address of the wallet, if there is one. */
    get walletAddress(): Address | null {
        return this.wallet?.address ?? null;
    }

    /** Lists the offers that satisfy the policy, cheapest first, and what was passed over and why. */
    find(policy?: Policy, signal?: AbortSignal): Promise<FindResult> {
        return findAll(this.choosing(policy === undefined ? this.policy : checkPolicy(policy), signal));
    }

    /** Reads the public view of the market from contracts: offers, earnings, jobs. `readMarket` needs no client. */
    async market(options: MarketOptions = {}): Promise<MarketView> {
        return marketOf(this.chain.with(options.signal), this.registry, this.globalId, checkMarketOptions(options));
    }

    /** Checks one provider with get-methods only, and its worker against the chain. */
    check(provider: Address, signal?: AbortSignal): Promise<ProviderCheck> {
        return checkProvider(this.chain.with(signal), this.registry, provider, this.globalId, this.policy, this.trust, signal);
    }

    /**
     * Opens a session and waits until it can be used. Its key and terms are in the store before the wallet sends
     * anything.
     * @throws ClientError `session_rejected` when the provider said no and everything came back; `no_provider`,
     * `provider_refused` when the policy accepts none, or not this one.
     */
    async open(options: SessionOptions): Promise<Session> {
        const { signal } = options;
        const wallet = this.requireWallet('open a session');
        const chain = this.chain.with(signal);
        const choosing = this.choosing(this.policy, signal);
        const { provider, offer, name } =
            options.provider === undefined
                ? await chooseBest(choosing, options.offer, options.deposit)
                : await chooseOf(choosing, options.provider, options.offer);
        const opening = await planOpening(provider, offer, wallet.address, this.policy, options);
        const escrow = opening.deployment.address;
        const unlock = await this.store.lock(escrow);
        try {
            const record: SessionRecord = {
                escrow,
                registry: this.registry,
                provider: provider.address,
                globalId: this.globalId,
                terms: opening.terms,
                sessionKey: opening.sessionKey,
                endpoint: provider.endpoint,
                modelName: name,
                spendingCap: this.policy.spendingCap ?? options.deposit,
                headroom: headroomOf(offer.prices, this.policy.headroom),
                openedLt: 0n,
                workerKey: null,
                attestedUntil: 0,
                voucher: null,
                receipt: null,
                requests: 0,
                vouchers: 0,
                verifiedTranscripts: 0,
                unverifiedTranscripts: 0,
                stopped: null,
                expiresAt: options.lifetime === undefined ? 0 : chain.now() + Math.ceil(options.lifetime),
                createdAt: chain.now(),
                closed: false,
            };
            await this.store.save(record);
            this.log.info({ session: escrow.toString() }, 'The wallet opens the session');
            const state = await openEscrow(chain, wallet, opening, options.deposit).catch(async (error: unknown) => {
                if (error instanceof ClientError && NothingOpened.has(error.code)) {
                    await this.store.save({ ...record, closed: true });
                }
                throw error;
            });
            const session = await this.begin(record, state, provider, unlock);
            await session.requireAttested(signal);
            return session;
        } catch (error) {
            await unlock();
            throw error;
        }
    }

    /**
     * Takes up a session of the store, also after a crash: nothing lower than before is ever signed.
     * @throws ClientError `unknown_session`, `session_in_use`, `session_not_open`.
     */
    async resume(escrow: Address, { signal }: ResumeOptions = {}): Promise<Session> {
        const unlock = await this.store.lock(escrow);
        try {
            const record = await this.requireRecord(escrow);
            const chain = this.chain.with(signal);
            const state = await readEscrow(chain, escrow);
            if (state === null) {
                await this.noteGone(chain, record);
            }
            if (state === null || (state.status !== 'open' && state.status !== 'closing')) {
                throw await notOpen(chain, escrow, state);
            }
            const provider = await readProviderAt(chain, record.registry, record.provider);
            const session = await this.begin(record, state, provider, unlock);
            try {
                await session.catchUp(signal);
            } catch (error) {
                // A worker that is down, lies or talks nonsense must not keep anyone from closing the session. What it
                // did wrong is in the record, and every request says so.
                if (!(error instanceof ClientError) || error.code === 'store_failed') {
                    throw error;
                }
                this.log.warn({ session: escrow.toString() }, error.message);
            }
            return session;
        } catch (error) {
            await unlock();
            throw error;
        }
    }

    /**
     * Sessions with several providers of the same weights behind one `fetch`, which fails over between them. Open
     * sessions of the store are taken up first.
     * @throws ClientError as `open`.
     */
    pool(options: PoolOptions): Promise<ProviderPool> {
        const [model] = this.policy.models?.length === 1 ? this.policy.models : [];
        return ProviderPool.open(
            {
                open: async (excluded, weights, { deposit, creditWindow, closeWindow, lifetime, signal }) => {
                    const choosing = this.choosing(this.policy, signal);
                    const elsewhere = await chooseElsewhere(choosing, excluded, weights ?? model ?? null, deposit);
                    return this.open({ ...elsewhere, deposit, creditWindow, closeWindow, lifetime, signal });
                },
                takeUp: (most, signal) =>
                    takeUpSessions(this, {
                        most,
                        weights: model ?? null,
                        signal,
                        onPassedOver: (escrow, reason) => this.log.info({ session: escrow.toString(), reason }, 'Passed over'),
                    }),
            },
            options,
        );
    }

    /**
     * Gives a session away, so that it can be used where the wallet is not: on the server of an app, in a browser, by a
     * bot. This client signs nothing in it any more; its wallet still closes it.
     * @returns one line of text with the session's key; keep it secret. `importSession` takes it.
     * @throws ClientError `unknown_session`, `session_in_use`, `session_stopped`, `invalid_option`.
     */
    async exportSession(escrow: Address, limits: HandoverLimits = {}): Promise<string> {
        const unlock = await this.store.lock(escrow);
        try {
            const record = await this.requireRecord(escrow);
            const text = sessionToText(record, limits);
            await this.store.save({ ...record, stopped: HandedOver });
            return text;
        } finally {
            await unlock();
        }
    }

    /**
     * Takes a session that another client has exported; `resume` opens it.
     * @returns address of its escrow.
     * @throws ClientError `invalid_option` for another text, or a session that this store has already; `wrong_network`.
     */
    async importSession(text: string): Promise<Address> {
        const record = sessionFromText(text);
        const { escrow, globalId, registry } = record;
        if (globalId !== this.globalId || !registry.equals(this.registry)) {
            throw new ClientError(
                'wrong_network',
                `Session ${escrow.toString()} belongs to network ${globalId} and registry ${registry.toString()}, this client ` +
                    `works with ${this.globalId} and ${this.registry.toString()}.`,
            );
        }
        const unlock = await this.store.lock(escrow);
        try {
            const known = await this.store.load(escrow);
            if (known !== null && known.stopped?.code !== HandedOver.code) {
                throw new ClientError('invalid_option', `Session ${escrow.toString()} is in the store of this client already: resume it.`);
            }
            await this.store.save(record);
            return escrow;
        } finally {
            await unlock();
        }
    }

    /** @returns what a session of the store used and paid, also while another process uses it. */
    async report(escrow: Address, signal?: AbortSignal): Promise<SpendingReport> {
        const record = await this.requireRecord(escrow);
        return spendingReport(record, chainFigures(await readEscrow(this.chain.with(signal), escrow)));
    }

    /** @returns what the sessions of the store used, newest first; the chain is not asked. */
    async sessions(): Promise<SpendingReport[]> {
        return (await this.store.list()).map((record) => spendingReport(record, null));
    }

    /** @returns records of the store that may still be open, newest first. */
    async openSessions(): Promise<Address[]> {
        return (await this.store.list())
            .filter(({ closed, registry }) => !closed && registry.equals(this.registry))
            .filter(({ globalId }) => globalId === this.globalId)
            .map(({ escrow }) => escrow);
    }

    /**
     * Takes everything out of a session that was never agreed: it is new, or its opening was not answered in time.
     * @throws ClientError `too_early` until the opening's deadline.
     */
    async reclaim(escrow: Address, signal?: AbortSignal): Promise<void> {
        await reclaim(this.chain.with(signal), this.requireWallet('reclaim a session'), escrow);
        const record = await this.store.load(escrow);
        if (record !== null) {
            await this.store.save({ ...record, closed: true });
        }
    }

    private choosing(policy: CheckedPolicy, signal?: AbortSignal): Choosing {
        const { registry, globalId, trust } = this;
        return { chain: this.chain.with(signal), registry, globalId, policy, trust, signal };
    }

    private requireWallet(purpose: string): Wallet {
        if (this.wallet === null) {
            throw new ClientError('no_wallet', `A wallet is needed to ${purpose}: give createClient one.`);
        }
        return this.wallet;
    }

    private async requireRecord(escrow: Address): Promise<SessionRecord> {
        const record = await this.store.load(escrow);
        if (record === null) {
            throw new ClientError(
                'unknown_session',
                `There is no session ${escrow.toString()} in ${this.store.place}: its key is needed to use it. Name ` +
                    'the store that it was opened with.',
            );
        }
        if (record.globalId !== this.globalId) {
            throw new ClientError(
                'wrong_network',
                `Session ${escrow.toString()} belongs to network ${record.globalId}, the chain is ${this.globalId}.`,
            );
        }
        return record;
    }

    private async begin(
        record: SessionRecord,
        state: EscrowState,
        provider: ProviderInfo,
        unlock: () => Promise<void>,
    ): Promise<Session> {
        requireSameAgreement(record, state);
        record.openedLt = state.openedLt;
        record.workerKey = state.workerKey;
        record.attestedUntil = state.attestedUntil;
        record.endpoint = provider.endpoint;
        await this.store.save(record);
        this.log.info({ session: record.escrow.toString() }, 'The session is open');
        return new Session({
            record,
            state,
            found: provider,
            leastTier: this.policy.leastTier,
            vet: (chain, found) => this.trust.refuse(chain, this.policy, found),
            chain: this.chain,
            wallet: this.wallet,
            store: this.store,
            unlock,
            plain: this.plain,
            hiddenTokens: this.policy.hiddenTokens,
            log: this.log,
        });
    }

    private async noteGone(chain: Chain, record: SessionRecord): Promise<void> {
        if ((await readEnding(chain, record.escrow)) !== null) {
            await this.store.save({ ...record, closed: true });
        }
    }
}

/** The escrow's address proves its terms and key; this catches an API that shows others. */
function requireSameAgreement(record: SessionRecord, state: EscrowState): void {
    const same =
        packTerms(state.terms).hash().equals(record.terms.hash()) &&
        state.sessionKey.equals(sessionPublicKey(record.sessionKey));
    if (!same) {
        throw new ClientError(
            'chain_error',
            `The chain's API shows other terms or another key for ${record.escrow.toString()} than its address ` +
                'proves. ' +
                'Do not trust this API.',
        );
    }
}
