import { createHash, randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { Address, beginCell } from '@ton/core';
import {
    caTypeOf,
    parseQuote,
    platformMessage,
    Quote,
    quoteMessage,
    QuoteSource,
} from '@ton-compute/attestation';
import {
    attestationContext,
    attestationValue,
    AttestedKeys,
    bigIntToHash,
    describeExitCode,
    errorByCode,
    PlatformKey,
    platformKeyDeployment,
    Provider,
    reportDataOf,
    requestNonceValue,
    tcbStatusName,
} from '@ton-compute/contracts';

import { Chain } from '../chain/chain';
import { ProviderRecord, readProvider } from '../chain/provider-record';
import { messageOf } from '../errors';
import { WorkerKeys } from '../keys/keys';
import { Logger } from '../logger';
import { setAttesterCommand } from '../registration';
import { CollateralCaretaker, Machines } from './collateral';
import { AttestFailure } from './errors';
import { GasWallet, Incoming } from './gas-wallet';
import { AcceptedQuote, QuoteFile } from './quote-file';
import { GpuEvidence } from './source';
import { NetworkVerifier, RootKind } from './verifier';

export type AttesterOptions = {
    chain: Chain;
    globalId: number;
    /** The provider contract. */
    provider: Address;
    keys: WorkerKeys;
    verifier: NetworkVerifier;
    wallet: GasWallet;
    source: QuoteSource;
    evidence: GpuEvidence;
    caretaker: CollateralCaretaker;
    file: QuoteFile;
    logger: Logger;
    /** Seconds before the end of the record at which it is renewed. */
    renewBefore: number;
    /** Seconds between two looks at the record. */
    interval: number;
    /** Seconds before the second attempt; doubles. */
    firstPause: number;
    /** Called at each attempt and at its end. */
    onAttempt?: (result: 'started' | 'accepted' | 'failed') => void;
};

/** What is known of the attestation of this worker. */
export type AttestationStatus = {
    /** 'attested': the record is there and names our keys. */
    state: 'starting' | 'attesting' | 'attested' | 'waiting';
    root: RootKind;
    verifier: string;
    gasWallet: string;
    /** Unix seconds; 0 while there is no record of our keys. */
    attestedUntil: number;
    tcbStatus: string | null;
    /** 64 hexadecimal digits. */
    measurement: string | null;
    machineId: string | null;
    attempts: number;
    failures: number;
    /** Why the last attempt failed, as long as no other one has succeeded. */
    lastError: string | null;
};

/** Prices may rise between the estimate and the transaction; what is not used comes back. */
const Margin = 2n;
/** A nonce that lives shorter is not worth a quote, seconds. */
const LeastNonceLife = 600;
/** The longest pauses between attempts, seconds: of those that cost nothing, and of those that were paid for. */
const LongestPause = 60;
const LongestPaidPause = 3600;
/** Seconds between two looks at the collateral. */
const CareInterval = 3600;

/** Keeps the worker attested: at the start, before the record ends, and when it is for other keys. */
export class Attester {
    private record: ProviderRecord | null = null;
    private accepted: AcceptedQuote | null = null;
    private running: Promise<void> = Promise.resolve();
    private readonly stopping = new AbortController();
    private state: AttestationStatus['state'] = 'starting';
    private attempts = 0;
    private failures = 0;
    private lastError: string | null = null;
    private machines: Machines | null = null;
    private lookedAfter = -Infinity;

    constructor(private readonly options: AttesterOptions) {}

    /** Works in the background from here on. */
    start(): void {
        this.running = this.run();
    }

    async stop(): Promise<void> {
        this.stopping.abort();
        await this.running;
    }

    get status(): AttestationStatus {
        const { verifier, wallet } = this.options;
        const current = this.attested ? (this.record?.attestation ?? null) : null;
        return {
            state: this.state,
            root: verifier.root,
            verifier: verifier.address.toString(),
            gasWallet: wallet.address.toString({ bounceable: false }),
            attestedUntil: current?.until ?? 0,
            tcbStatus: current === null ? null : tcbStatusName(current.tcbStatus),
            measurement: current?.measurement.toString('hex') ?? null,
            machineId: current?.machineId.toString('hex') ?? null,
            attempts: this.attempts,
            failures: this.failures,
            lastError: this.lastError,
        };
    }

    /** The quote that the record on the chain rests on; null while there is none. */
    get quote(): AcceptedQuote | null {
        return this.attested ? this.accepted : null;
    }

    /** Whether the chain says, as far as it was read, that this worker's keys are attested now. */
    get attested(): boolean {
        const { record } = this;
        const until = record?.attestation?.until ?? 0;
        return record !== null && this.isOurs(record) && until > this.options.chain.now();
    }

    private get signal(): AbortSignal {
        return this.stopping.signal;
    }

    private async run(): Promise<void> {
        this.accepted = await this.options.file.load();
        let pause = 0;
        while (!this.signal.aborted) {
            try {
                await this.round();
                pause = 0;
            } catch (error) {
                if (this.signal.aborted) {
                    return;
                }
                pause = this.note(error, pause);
            }
            await sleep((pause || this.options.interval) * 1000, undefined, { signal: this.signal }).catch(() => undefined);
        }
    }

    /** @returns seconds until the next attempt. */
    private note(error: unknown, before: number): number {
        const { firstPause, logger } = this.options;
        const paid = error instanceof AttestFailure && error.paid;
        const pause = Math.min(before === 0 ? firstPause : 2 * before, paid ? LongestPaidPause : LongestPause);
        if (this.state === 'attesting') {
            this.failures += 1;
            this.options.onAttempt?.('failed');
        }
        this.state = this.attested ? 'attested' : 'waiting';
        this.lastError = messageOf(error);
        logger.warn({ reason: this.lastError, pause }, 'The worker could not be attested; tried again.');
        return pause;
    }

    /** Looks at the record, and attests if there is a reason. */
    private async round(): Promise<void> {
        const { chain, provider, logger } = this.options;
        this.record = await readProvider(chain, provider);
        const reason = this.reason(this.record);
        if (reason !== null) {
            this.state = 'attesting';
            this.attempts += 1;
            this.options.onAttempt?.('started');
            logger.info({ reason }, 'The worker has to be attested.');
            await this.attest(this.record);
            this.options.onAttempt?.('accepted');
        }
        this.state = 'attested';
        this.lastError = null;
        await this.lookAfterCollateral();
    }

    /** @returns why a quote is needed now, or null. */
    private reason(record: ProviderRecord): string | null {
        const now = this.options.chain.now();
        const until = record.attestation?.until ?? 0;
        if (until === 0) {
            return 'The provider has no attestation record.';
        }
        if (until <= now) {
            return `The record has expired ${now - until} s ago.`;
        }
        if (!this.isOurs(record)) {
            return 'The record is for other keys: the machine was booted anew, or moved.';
        }
        if (record.attestation?.evidenceHash.equals(this.options.evidence.hash) !== true) {
            return 'The record is for other GPU evidence.';
        }
        const quote = this.accepted;
        if (quote === null || quote.until !== until || !quote.workerKey.equals(this.keys.worker.publicKey)) {
            return 'The quote of the record is not at hand, so it could not be shown.';
        }
        // Collateral may end a record so early that it would be due at once; then half of its life is enough.
        const half = quote.attestedAt + (until - quote.attestedAt) / 2;
        if (now >= Math.max(until - this.options.renewBefore, half)) {
            return `The record ends in ${until - now} s.`;
        }
        return null;
    }

    private isOurs({ workerKey, encryptionKey }: ProviderRecord): boolean {
        const { worker, encryption } = this.keys;
        return workerKey.equals(worker.publicKey) && encryptionKey.equals(encryption.publicKey);
    }

    private get keys(): WorkerKeys {
        return this.options.keys;
    }

    private async attest(record: ProviderRecord): Promise<void> {
        const { chain, provider, globalId, evidence, source, logger, file } = this.options;
        this.requireAttester(record);
        const binding: AttestedKeys = {
            workerKey: this.keys.worker.publicKey,
            encryptionKey: this.keys.encryption.publicKey,
            evidenceHash: evidence.hash,
            nonce: await this.nonce(),
        };
        const reportData = reportDataOf(provider, globalId, binding);
        const raw = await source.quote(reportData, this.signal);
        const quote = parseQuote(raw);
        if (!quote.body.reportData.equals(reportData)) {
            throw new AttestFailure('The quote carries other report_data than were asked for. Restart the guest.', false);
        }
        logger.info({ bytes: raw.length, version: quote.version }, 'The machine has made a quote.');
        this.machines = machinesOf(quote);
        await this.options.caretaker.see(this.machines, this.signal);
        this.lookedAfter = performance.now();
        await this.submit(quote, binding);
        this.record = await readProvider(chain, provider);
        const { attestation } = this.record;
        if (attestation === null || !this.attested) {
            throw new AttestFailure(
                'The provider has accepted the quote, but its record is not for these keys. Does another worker run for ' +
                    'this provider? One provider is one worker.',
                true,
            );
        }
        const { workerKey, encryptionKey, evidenceHash, nonce } = binding;
        const { until } = attestation;
        this.accepted = {
            quote: raw,
            workerKey,
            encryptionKey,
            evidenceHash,
            nonce: bigIntToHash(nonce),
            until,
            attestedAt: chain.now(),
        };
        await file.save(this.accepted);
        logger.info(
            {
                until: new Date(until * 1000).toISOString(),
                tcb: tcbStatusName(attestation.tcbStatus),
                measurement: attestation.measurement.toString('hex'),
                root: this.options.verifier.root,
            },
            'The worker is attested.',
        );
    }

    /** The provider would refuse the quote of anybody else, and it would have been paid for. */
    private requireAttester({ owner, attester, address }: ProviderRecord): void {
        const { wallet } = this.options;
        if (attester?.equals(wallet.address) !== true && !owner.equals(wallet.address)) {
            throw new AttestFailure(
                `The provider takes quotes from ${attester === null ? 'its owner' : `its owner and ${attester.toString()}`} ` +
                    `only, not from this worker's gas wallet. Let the owner name it: ` +
                    `${setAttesterCommand(address.toString(), wallet.address.toString({ bounceable: false }))}`,
                false,
            );
        }
    }

    /** @returns a nonce of the provider that lives long enough; asks for a new one if need be. */
    private async nonce(): Promise<bigint> {
        const { chain, provider, wallet, logger } = this.options;
        const contract = chain.open(Provider.Provider.fromAddress(provider));
        const { nonce, validUntil } = await contract.getAttestationNonce();
        if (nonce !== 0n && Number(validUntil) - chain.now() >= LeastNonceLife) {
            return nonce;
        }
        const queryId = randomQueryId();
        const body = beginCell()
            .store(Provider.storeRequestNonce({ $$type: 'RequestNonce', queryId }))
            .endCell();
        const value = Margin * requestNonceValue(await chain.prices());
        const issued = await wallet.exchange({ to: provider, value, body }, nonceIn(provider, queryId), this.signal);
        logger.info('The provider has given a nonce.');
        return issued;
    }

    /** Has the quote verified, and the machine registered if it is new. @throws {AttestFailure} with the reason. */
    private async submit(quote: Quote, binding: AttestedKeys): Promise<void> {
        const { chain, provider, verifier, wallet, logger } = this.options;
        const hash = createHash('sha256').update(quote.certificates[0].signed).digest();
        const { address: platform } = await platformKeyDeployment(verifier.address, hash);
        const known = await this.knownQeReport(platform);
        const queryId = randomQueryId();
        const request = { replyTo: provider, context: attestationContext(binding), queryId };
        const values = await verifier.minimumValues();
        const arriving = attestationValue(await chain.prices());
        const message =
            known === null
                ? {
                      to: verifier.address,
                      value: Margin * (values.registerPlatform + arriving),
                      body: platformMessage(quote, request).body,
                  }
                : {
                      to: platform,
                      value: Margin * (values.verifyQuote + arriving),
                      body: quoteMessage(quote, { ...request, knownQeReport: known }).body,
                  };
        logger.info(
            { platform: platform.toString() },
            known === null ? 'The machine is new to the verifier: registering it with the quote.' : 'Sending the quote.',
        );
        const reason = await wallet.exchange(message, outcomeIn(provider, queryId), this.signal);
        if (reason !== 0) {
            throw new AttestFailure(`The quote was rejected. ${reasonText(reason)}`, true);
        }
    }

    /** @returns hash of the QE report that a platform knows, zeros for none; null when it is not registered. */
    private async knownQeReport(platform: Address): Promise<Buffer | null> {
        const { chain } = this.options;
        if ((await chain.account(platform)).code === null) {
            return null;
        }
        const { qeReportHash } = await chain.open(PlatformKey.PlatformKey.fromAddress(platform)).getPlatformData();
        return bigIntToHash(qeReportHash);
    }

    /** The record is good; the collateral has to last too. */
    private async lookAfterCollateral(): Promise<void> {
        if (performance.now() - this.lookedAfter < CareInterval * 1000) {
            return;
        }
        if (this.machines === null && this.accepted !== null) {
            this.machines = machinesOf(parseQuote(this.accepted.quote));
        }
        if (this.machines !== null) {
            this.lookedAfter = performance.now();
            await this.options.caretaker.see(this.machines, this.signal).catch((error: unknown) => {
                this.options.logger.warn({ reason: messageOf(error) }, 'The collateral needs attention.');
            });
        }
    }
}

function machinesOf({ certificates: [certificate] }: Quote): Machines {
    return { fmspc: (certificate.sgx?.fmspc ?? Buffer.alloc(6)).toString('hex').toUpperCase(), ca: caTypeOf(certificate) };
}

function randomQueryId(): bigint {
    return randomBytes(8).readBigUInt64BE();
}

function nonceIn(provider: Address, queryId: bigint) {
    return ({ from, body }: Incoming): bigint | undefined => {
        const fields = body.beginParse();
        const ours =
            from.equals(provider) &&
            fields.remainingBits >= 352 &&
            fields.loadUint(32) === Provider.Provider.opcodes.NonceIssued &&
            fields.loadUintBig(64) === queryId;
        return ours ? fields.loadUintBig(256) : undefined;
    };
}

function outcomeIn(provider: Address, queryId: bigint) {
    return ({ from, body }: Incoming): number | undefined => {
        const fields = body.beginParse();
        const ours =
            from.equals(provider) &&
            fields.remainingBits >= 112 &&
            fields.loadUint(32) === Provider.Provider.opcodes.AttestationOutcome &&
            fields.loadUintBig(64) === queryId;
        return ours ? fields.loadUint(16) : undefined;
    };
}

/** @returns why a quote was rejected, in words. */
function reasonText(reason: number): string {
    const entry = errorByCode(reason);
    return entry === undefined ? describeExitCode(reason) : `${entry.meaning} ${entry.remedy} (${entry.name}, ${reason})`;
}
