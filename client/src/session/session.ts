import { Address, beginCell, Builder, Cell } from '@ton/core';
import { SessionEscrow, Tier } from '@ton-compute/contracts';
import { formatCoins } from '../amounts';
import { Chain } from '../chain/chain';
import { depositLimit, EscrowState, readEnding, readEscrow } from '../chain/escrow';
import { closingValue, readChainPrices, refreshValue, topUpCost } from '../chain/fees';
import { ProviderInfo, readProviderAt } from '../chain/providers';
import { Wallet } from '../chain/wallet';
import { ClientError, reasonOf } from '../errors';
import type { TierName } from '../policy';
import { Logger } from '../log';
import { Mutex } from '../mutex';
import { refuseKeys } from '../trust';
import { errorResponse } from './error-response';
import { Ledger } from './ledger';
import { Payer } from './payer';
import { prepareRequest } from './prepared';
import { ProofSigner } from './proofs';
import { agreementOf, SessionRecord } from './record';
import { chainFigures, SpendingReport, spendingReport } from './report';
import { Requester } from './requester';
import { Sealer } from './sealer';
import { SessionStore } from './store';
import { WorkerApi } from './worker-api';

/** What a session needs of its client. */
export type SessionParts = {
    record: SessionRecord;
    /** State of the escrow when the session was opened or resumed. */
    state: EscrowState;
    /** The provider, as the chain showed it last. */
    found: ProviderInfo;
    /** Least tier of the policy: a session of a lower one is only closed. */
    leastTier: TierName;
    /** @returns why the policy does not accept the provider any more, or null. */
    vet(chain: Chain, provider: ProviderInfo): Promise<string | null>;
    chain: Chain;
    wallet: Wallet | null;
    store: SessionStore;
    /** Gives the session's lock back. */
    unlock: () => Promise<void>;
    plain: boolean;
    hiddenTokens: number;
    log: Logger;
};

/** How long to wait for a change on the chain, seconds, and how often to look. */
const ConfirmSeconds = 120;
const PollSeconds = 1;
/**
 * Seconds before the end of the session's snapshot at which it is refreshed: before the worker ends its credit. And the
 * pause after a refresh that brought nothing.
 */
const RefreshBefore = 3600;
const RefreshPause = 600;

/**
 * One open session with one provider. `fetch` fits any OpenAI SDK:
 *
 *     new OpenAI({ baseURL: session.baseURL, apiKey: 'unused', fetch: session.fetch })
 */
export class Session {
    private readonly ledger: Ledger;
    private readonly payer: Payer;
    private readonly requester: Requester;
    private api: WorkerApi;
    private encryptionKey: Buffer;
    /** Unix seconds until which the chain vouches for that key; without end in tier open. */
    private keyUntil = 0;
    private readonly attesting = new Mutex();
    private nextRefresh = 0;
    private refreshing: Promise<void> = Promise.resolve();
    private readonly ended = new AbortController();
    private disposed = false;

    /** Use `client.open` or `client.resume`. */
    constructor(private readonly parts: SessionParts) {
        const { record, state, chain, log, store, plain, hiddenTokens } = parts;
        this.api = new WorkerApi(record.endpoint);
        this.encryptionKey = parts.found.encryptionKey;
        this.keyUntil = this.isAttested ? 0 : Infinity;
        this.ledger = new Ledger(record, depositLimit(state), {
            save: (next) => store.save(next),
            now: () => chain.now(),
            log,
        });
        this.payer = new Payer(record.escrow, () => this.api, this.ledger, log);
        const domain = { globalId: record.globalId, contract: record.escrow, openedLt: record.openedLt };
        this.requester = new Requester({
            escrow: record.escrow,
            sealer: new Sealer({
                globalId: record.globalId,
                provider: record.provider,
                escrow: record.escrow,
                model: agreementOf(record).offer.model,
            }),
            ledger: this.ledger,
            payer: this.payer,
            proofs: new ProofSigner(domain, record.sessionKey),
            plain,
            hiddenTokens,
            worker: () => ({ api: this.api, encryptionKey: this.encryptionKey }),
            refreshWorker: (signal) => this.refreshWorker(signal),
            refreshClock: async (signal) => void (await chain.with(signal ?? undefined).account(record.escrow)),
            now: () => chain.now(),
            log,
        });
    }

    get address(): Address {
        return this.record.escrow;
    }

    get provider(): Address {
        return this.record.provider;
    }

    /** Base URL for OpenAI SDKs. */
    get baseURL(): string {
        return `${this.record.endpoint}/v1`;
    }

    /** Name that the worker gives the model: the `model` of requests. */
    get model(): string {
        return this.record.modelName;
    }

    /**
     * A `fetch` for OpenAI SDKs. Requests are sealed, authorised and paid for; whatever goes wrong, money included,
     * comes as an answer in OpenAI's error shape. It rejects only when the caller aborts. An answer that fails while
     * it streams ends with a ClientError.
     */
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
     * @throws ClientError for everything that is not a success.
     */
    async request(input: string | URL | Request, init?: RequestInit): Promise<Response> {
        this.requireActive();
        this.requireFresh();
        await this.requireAttested();
        const request = await prepareRequest(this.record.endpoint, input, init);
        return request.body === null ? this.api.get(request) : this.requester.send(request);
    }

    /**
     * Signs what was used and brings it to the worker. Happens by itself while answers stream; call it to be even
     * before you leave.
     * @returns nanoTON signed in all.
     */
    async pay(signal?: AbortSignal): Promise<bigint> {
        this.requireActive();
        await this.payer.settle();
        const account = await this.api.account(this.address, signal);
        if (account.receipt !== null && this.ledger.runningRequests === 0) {
            this.ledger.addReceipt(account.receipt, null);
        }
        const voucher = await this.ledger.raiseToSpent();
        if (voucher !== null && voucher.cumulative > account.cumulative) {
            await this.api.voucher(this.address, voucher, signal);
            this.ledger.noteDelivered(voucher.cumulative);
        }
        await this.payer.bringExact();
        return this.ledger.signed;
    }

    /**
     * Adds to the deposit from the wallet. The spending cap stays; raise it with `setSpendingCap`.
     * @param amount nanoTON.
     */
    async topUp(amount: bigint, signal?: AbortSignal): Promise<void> {
        if (amount <= 0n) {
            throw new ClientError('invalid_option', `A top-up is more than 0 nanoTON, got ${amount}.`);
        }
        const chain = this.parts.chain.with(signal);
        const before = await this.requireState(chain);
        const value = amount + topUpCost(await readChainPrices(chain));
        await this.send(chain, value, SessionEscrow.storeTopUp({ $$type: 'TopUp', queryId: 0n }));
        await this.poll(chain, 'The top-up', (state) => state !== null && depositLimit(state) > depositLimit(before));
    }

    /** Changes the most that is ever signed for in this session. @param amount nanoTON, not below what was signed. */
    async setSpendingCap(amount: bigint): Promise<void> {
        if (amount < this.ledger.signed) {
            throw new ClientError(
                'invalid_option',
                `${formatCoins(this.ledger.signed)} were signed already: the cap cannot be ${formatCoins(amount)}.`,
            );
        }
        await this.ledger.setSpendingCap(amount);
    }

    /** Changes until when the session key is used. @param time unix seconds; 0 for no end. */
    async setExpiry(time: number): Promise<void> {
        if (!Number.isSafeInteger(time) || time < 0) {
            throw new ClientError('invalid_option', `A time is given in unix seconds, or 0 for no end; got ${time}.`);
        }
        await this.ledger.setExpiry(time);
    }

    /**
     * Begins the close: pays what was used, then the close window runs, in which the provider may still claim.
     * @returns unix seconds from which `finishClose` works.
     */
    async startClose(signal?: AbortSignal): Promise<number> {
        const chain = this.parts.chain.with(signal);
        const state = await this.requireState(chain);
        if (state.status === 'closing') {
            return state.deadline;
        }
        await this.payBestEffort(signal);
        const value = closingValue(await readChainPrices(chain));
        await this.send(chain, value, SessionEscrow.storeStartClose({ $$type: 'StartClose', queryId: 0n }));
        const closing = await this.poll(chain, 'The close', (next) => next === null || next.status === 'closing');
        return closing?.deadline ?? chain.now();
    }

    /**
     * Ends the session when its close window is over: what is left goes to the wallet, the account is gone.
     * @throws ClientError `too_early` with the time from which it works.
     */
    async finishClose(signal?: AbortSignal): Promise<void> {
        const chain = this.parts.chain.with(signal);
        const state = await readEscrow(chain, this.address);
        if (state !== null) {
            if (state.status !== 'closing') {
                throw new ClientError('session_not_open', `The session is ${state.status}: start the close first.`);
            }
            requireTime(chain, state.deadline, 'The close window');
            const value = closingValue(await readChainPrices(chain));
            await this.send(chain, value, SessionEscrow.storeFinishClose({ $$type: 'FinishClose', queryId: 0n }));
            await this.poll(chain, 'The end of the session', (next) => next === null);
        }
        await this.ledger.markClosed();
        await this.dispose();
    }

    /** @returns what the session used and paid, with the chain's figures when it answers. */
    async report(signal?: AbortSignal): Promise<SpendingReport> {
        const state = await readEscrow(this.parts.chain.with(signal), this.address);
        if (state !== null) {
            this.ledger.setDepositLimit(depositLimit(state));
        }
        return spendingReport(this.record, chainFigures(state));
    }

    /** Takes over what the worker knows of an earlier run. */
    async catchUp(signal?: AbortSignal): Promise<void> {
        await this.ledger.adopt(await this.api.account(this.address, signal));
    }

    /** Lets another process use the session. It stays open on the chain. */
    async dispose(): Promise<void> {
        if (!this.disposed) {
            this.disposed = true;
            this.ended.abort();
            await this.refreshing;
            await this.payer.settle();
            await this.parts.unlock();
        }
    }

    /**
     * In tier tdx: sees to it that requests are sealed to a key that the chain says is attested at this moment, and that
     * the session's own snapshot of the attestation does not expire while it is used.
     * @throws ClientError `provider_refused` when nobody vouches for the provider's key.
     */
    requireAttested(signal?: AbortSignal): Promise<void> {
        if (!this.isAttested) {
            return Promise.resolve();
        }
        return this.attesting.run(async () => {
            const { chain, wallet } = this.parts;
            const now = chain.now();
            const expiring = this.record.attestedUntil < now + RefreshBefore && now >= this.nextRefresh;
            if (expiring || now >= this.keyUntil) {
                await this.refreshWorker(signal ?? null).catch((error: unknown) => {
                    if (chain.now() >= this.keyUntil) {
                        throw error;
                    }
                });
            }
            if (expiring) {
                this.nextRefresh = now + RefreshPause;
            }
            if (expiring && wallet !== null && this.record.attestedUntil < this.keyUntil) {
                this.refreshing = this.refreshInBackground();
            }
        });
    }

    /** Requests need not wait for it: without it they are only paid ahead. */
    private async refreshInBackground(): Promise<void> {
        const { signal } = this.ended;
        try {
            await this.refreshAttestation(signal);
        } catch (error) {
            if (!signal.aborted) {
                this.parts.log.warn(
                    { session: this.address.toString(), reason: reasonOf(error) },
                    'The attestation of the session could not be refreshed: the worker grants no credit when it ends.',
                );
            }
        }
    }

    /**
     * Tells the escrow how long the provider is attested now. Happens by itself while the session is used.
     * @throws ClientError `not_confirmed` when nothing changes, for instance because the record is no newer.
     */
    async refreshAttestation(signal?: AbortSignal): Promise<void> {
        const chain = this.parts.chain.with(signal);
        const before = await this.requireState(chain);
        const value = refreshValue(await readChainPrices(chain));
        await this.send(
            chain,
            value,
            SessionEscrow.storeRefreshAttestation({ $$type: 'RefreshAttestation', queryId: 0n }),
        );
        const state = await this.poll(
            chain,
            'The refresh of the attestation',
            (next) => next === null || next.attestedUntil > before.attestedUntil,
        );
        if (state !== null) {
            await this.ledger.setAttestedUntil(state.attestedUntil);
        }
    }

    private get record(): SessionRecord {
        return this.parts.record;
    }

    /** Whether the worker cheated or contradicted itself, or the session was handed over: nothing more is signed. */
    get isStopped(): boolean {
        return this.record.stopped !== null;
    }

    /** nanoTON signed for in all. */
    get signed(): bigint {
        return this.ledger.signed;
    }

    /** SHA-256 of the model's weights, hexadecimal. */
    get weights(): string {
        return agreementOf(this.record).offer.model.toString('hex');
    }

    /** @throws ClientError `session_expired` when the time of the session's key is over. */
    requireFresh(): void {
        const { expiresAt } = this.record;
        if (expiresAt !== 0 && this.parts.chain.now() >= expiresAt) {
            throw new ClientError(
                'session_expired',
                `The key of this session was for use until ${new Date(expiresAt * 1000).toISOString()}. Nothing was sent. ` +
                    'Close the session, which returns what is left, or set a later time with `setExpiry`.',
                { time: expiresAt },
            );
        }
    }

    private requireActive(): void {
        if (this.disposed) {
            throw new ClientError('session_not_open', 'This session was closed or given back: open or resume one.');
        }
    }

    private async payBestEffort(signal?: AbortSignal): Promise<void> {
        try {
            await this.pay(signal);
        } catch (error) {
            signal?.throwIfAborted();
            const reason = error instanceof Error ? error.message : String(error);
            this.parts.log.warn(
                { session: this.address.toString() },
                `The last voucher did not reach the worker: ${reason}`,
            );
        }
    }

    private async refreshWorker(signal: AbortSignal | null): Promise<void> {
        const { chain } = this.parts;
        const provider = await readProviderAt(
            chain.with(signal ?? undefined),
            this.record.registry,
            this.record.provider,
        );
        if (this.isAttested) {
            await this.requireVouched(provider, chain.with(signal ?? undefined));
        }
        this.encryptionKey = provider.encryptionKey;
    }

    /** Whether requests are only sealed to keys that the chain vouches for. */
    private get isAttested(): boolean {
        return this.parts.leastTier === 'tdx' || agreementOf(this.record).leastTier === Tier.Tdx;
    }

    /** @throws ClientError `provider_refused` unless the chain vouches for the provider's key, as session and policy ask. */
    private async requireVouched(provider: ProviderInfo, chain: Chain): Promise<void> {
        const { record, leastTier } = this.parts;
        const terms = agreementOf(record);
        if (terms.leastTier !== Tier.Tdx && leastTier === 'tdx') {
            throw this.refused(provider, 'the session is of tier open, and the policy asks for tier tdx');
        }
        const refusal = refuseKeys(terms, record.workerKey ?? Buffer.alloc(0), provider, chain.now());
        if (refusal !== null) {
            this.keyUntil = 0;
            throw this.refused(provider, refusal);
        }
        const objection = await this.parts.vet(chain, provider);
        if (objection !== null) {
            throw this.refused(provider, objection);
        }
        this.keyUntil = provider.attestedUntil;
    }

    private refused(provider: ProviderInfo, why: string): ClientError {
        return new ClientError(
            'provider_refused',
            `Nothing was sent to provider ${provider.address.toString()}: ${why}. Wait until that changes, or close the ` +
                `session ${this.address.toString()} to get the rest of the deposit back.`,
        );
    }

    private async requireState(chain: Chain): Promise<EscrowState> {
        const state = await readEscrow(chain, this.address);
        if (state !== null && (state.status === 'open' || state.status === 'closing')) {
            return state;
        }
        throw await notOpen(chain, this.address, state);
    }

    private async send(chain: Chain, value: bigint, store: (builder: Builder) => void): Promise<void> {
        const { wallet } = this.parts;
        if (wallet === null) {
            throw new ClientError(
                'no_wallet',
                'This client has a session key only: it can pay out of the deposit, but not top up or close. Do that ' +
                    'with ' +
                    'the wallet that opened the session.',
            );
        }
        const body: Cell = beginCell().store(store).endCell();
        await wallet.send(chain, { to: this.address, value, body, bounce: true });
    }

    private async poll(
        chain: Chain,
        what: string,
        done: (state: EscrowState | null) => boolean,
    ): Promise<EscrowState | null> {
        const until = Date.now() + ConfirmSeconds * 1000;
        while (Date.now() < until) {
            const state = await readEscrow(chain, this.address);
            if (state !== null) {
                this.ledger.setDepositLimit(depositLimit(state));
            }
            if (done(state)) {
                return state;
            }
            await chain.pause(PollSeconds);
        }
        throw new ClientError(
            'not_confirmed',
            `${what} was sent, but its effect was not seen within ${ConfirmSeconds} s. Look at ` +
                `${this.address.toString()} ` +
                'in an explorer before you try again.',
        );
    }
}

/** @throws ClientError `too_early`. @param time unix seconds. */
export function requireTime(chain: Chain, time: number, what: string): void {
    const wait = time - chain.now();
    if (wait > 0) {
        throw new ClientError(
            'too_early',
            `${what} runs until ${new Date(time * 1000).toISOString()}, for another ${wait} s. Nothing was sent.`,
            { time, wait },
        );
    }
}

/** @returns the error for a session that is not open, with what its history tells. */
export async function notOpen(chain: Chain, escrow: Address, state: EscrowState | null): Promise<ClientError> {
    if (state !== null) {
        return new ClientError('session_not_open', `The session ${escrow.toString()} is ${state.status}, not open.`, {
            status: state.status,
        });
    }
    const ending = await readEnding(chain, escrow);
    return new ClientError(
        'session_not_open',
        ending?.kind === 'closed'
            ? `The session ${escrow.toString()} is closed: what was left went to the client's wallet.`
            : `There is no session at ${escrow.toString()}: it was never opened, or was refunded.`,
        { status: 'gone' },
    );
}
