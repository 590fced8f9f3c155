import { createServer, Server } from 'node:http';
import { AddressInfo } from 'node:net';
import { Address, toNano } from '@ton/core';
import { KeyPair, keyPairFromSeed, getSecureRandomBytes } from '@ton/crypto';
import { parseQuote, platformMessage } from '@ton-compute/attestation';
import { TestAuthority } from '@ton-compute/attestation/testing';
import {
    accountOf, attestationContext, bidValue, bigIntToHash, Delivery, deliveryPayload, deliveryValue, hashToBigInt, JobAgreement, JobEscrow,
    JobOutcome, packDelivery, packRegistration, Provider, providerDeployment, ProviderRegistry,
    reportDataOf, signPayload, unpackJobTerms,
} from '@ton-compute/contracts';
import { Devnet, DevnetWallet } from '@ton-compute/devnet';
import {
    bundleRoot, EncryptionKeyPair, generateEncryptionKeyPair, instructionsHash, JobInstructions, JobItem, JobItemResult, openContent,
    openContentKey, packBundle, packJson, parseInstructions, parseItem, sealContent, unpackBundle,
} from '@ton-compute/protocol';
import { readFromUrl, writeToUrl } from '@ton-compute/storage';
import { Chain } from '../../src/chain/chain';
import { readChainPrices } from '../../src/chain/fees';

/** What a worker makes of an item; small and the same everywhere, so that tests can say what it should be. */
export function answerTo(item: JobItem, instructions: JobInstructions): JobItemResult {
    if ('input' in item) {
        return { status: 'ok', embedding: [item.input.length, 0.5], promptTokens: item.input.length };
    }
    const text = 'prompt' in item ? item.prompt : JSON.stringify(item.messages);
    if (text === 'impossible') {
        return { status: 'error', code: 'context_exceeded', message: 'The prompt is too long.' };
    }
    return { status: 'ok', content: `${instructions.system}${text.toUpperCase()}`, finishReason: 'stop', promptTokens: text.length, completionTokens: 3 };
}

/** A provider with an attested machine that does jobs by hand: each step is a call, and may be done wrong. */
export class JobProvider {
    /** Jobs that clients told it of. */
    readonly told: string[] = [];
    measurement = '';

    private constructor(
        private readonly devnet: Devnet,
        private readonly verifier: Address,
        private readonly authority: TestAuthority,
        private readonly owner: DevnetWallet,
        private readonly name: string,
        readonly workerKey: KeyPair,
        readonly encryption: EncryptionKeyPair,
        readonly address: Address,
        private readonly http: Server,
    ) {}

    /** Registers number `index` of the registry and has it attested. */
    static async start(
        devnet: Devnet, registry: Address, verifier: Address, authority: TestAuthority, owner: DevnetWallet, index: number,
    ): Promise<JobProvider> {
        const workerKey = keyPairFromSeed(await getSecureRandomBytes(32));
        const encryption = await generateEncryptionKeyPair();
        const { address } = await providerDeployment(registry, BigInt(index));
        const http = createServer();
        await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
        const provider = new JobProvider(devnet, verifier, authority, owner, `machine ${index}`, workerKey, encryption, address, http);
        http.on('request', (request, response) => {
            let body = '';
            request.on('data', (part) => (body += part)).on('end', () => {
                provider.told.push(`${request.method} ${request.url} ${body}`);
                response.writeHead(202).end();
            });
        });
        const chain = devnet.client();
        await chain.open(ProviderRegistry.ProviderRegistry.fromAddress(registry)).send(owner.sender(chain), { value: toNano('6') }, {
            $$type: 'RegisterProvider',
            queryId: 0n,
            registration: packRegistration({
                workerKey: workerKey.publicKey,
                encryptionKey: Buffer.from(encryption.publicKey),
                dailyCap: toNano('10'),
                verifier,
                endpoint: `http://127.0.0.1:${(http.address() as AddressInfo).port}`,
            }),
        });
        await provider.attest();
        return provider;
    }

    private get contract() {
        return this.devnet.client().open(Provider.Provider.fromAddress(this.address));
    }

    private sender() {
        return this.owner.sender(this.devnet.client());
    }

    /** Has the machine quoted and verified. */
    async attest(): Promise<void> {
        await this.contract.send(this.sender(), { value: toNano('0.2') }, { $$type: 'RequestNonce', queryId: 1n });
        const { nonce } = await this.contract.getAttestationNonce();
        const keys = {
            workerKey: this.workerKey.publicKey,
            encryptionKey: Buffer.from(this.encryption.publicKey),
            evidenceHash: Buffer.alloc(32),
            nonce,
        };
        const { globalId } = await this.devnet.info();
        const reportData = reportDataOf(this.address, globalId, keys);
        // Each machine runs an image of its own, so that clients can tell them apart.
        const td = { reportData, mrTd: Buffer.alloc(48, this.name) };
        const quote = parseQuote(this.authority.platform({ name: this.name }).quote({ td }));
        const { body } = platformMessage(quote, { replyTo: this.address, context: attestationContext(keys), queryId: 2n });
        await this.sender().send({ to: this.verifier, value: toNano('5'), body });
        const { attestedUntil, measurement } = await this.contract.getProviderData();
        if (attestedUntil === 0n) {
            throw new Error(`${this.name} is not attested.`);
        }
        this.measurement = bigIntToHash(measurement).toString('hex');
    }

    private data(job: Address) {
        return this.devnet.client().open(JobEscrow.JobEscrow.fromAddress(job)).getJobData();
    }

    /** @param amount nanoTON. */
    async bid(job: Address, amount: bigint): Promise<void> {
        const { openedLt, terms } = await this.data(job);
        const prices = await readChainPrices(new Chain({ endpoint: this.devnet.endpoint }));
        await this.contract.send(this.sender(), { value: 2n * bidValue(prices, unpackJobTerms(terms).bond) }, {
            $$type: 'RelayBid', openedLt, amount, job: accountOf(job),
        });
    }

    /** Opens the input as the awarded worker. @throws when anything is not what the terms say. */
    async open(job: Address): Promise<{ agreement: JobAgreement; contentKey: Buffer; instructions: JobInstructions; items: JobItem[] }> {
        const data = await this.data(job);
        const agreement = unpackJobTerms(data.terms);
        const { specification } = agreement;
        const { globalId } = await this.devnet.info();
        const context = { globalId, job, openedLt: data.openedLt };
        const contentKey = await openContentKey(this.encryption, context, data.sealedKey!.beginParse().loadBuffer(80));
        const bytes = (await readFromUrl(specification.inputUrl, Number(specification.inputBytes)))!;
        const bundle = unpackBundle(bytes);
        if (
            bytes.length !== Number(specification.inputBytes) ||
            !bundleRoot(bundle).equals(agreement.inputRoot) ||
            !instructionsHash(bundle.instructions!).equals(specification.instructionsHash) ||
            bundle.items.length !== agreement.itemCount
        ) {
            throw new Error('The input is not what the terms say.');
        }
        const instructions = parseInstructions(openContent(contentKey, 'instructions', 0, bundle.instructions!));
        const items = bundle.items.map((sealed, index) => parseItem(instructions.task, openContent(contentKey, 'input', index, sealed)));
        return { agreement, contentKey, instructions, items };
    }

    /** Does the work and uploads it. @returns the root to sign. */
    async work(job: Address): Promise<Buffer> {
        const { contentKey, instructions, items } = await this.open(job);
        const results = items.map((item) => answerTo(item, instructions));
        const bundle = { instructions: null, items: results.map((result, index) => sealContent(contentKey, 'output', index, packJson(result))) };
        await writeToUrl(instructions.output.writeUrl, packBundle(bundle));
        return bundleRoot(bundle);
    }

    async deliver(job: Address, outputRoot: Buffer): Promise<void> {
        await this.relay(job, { outcome: JobOutcome.Delivered, outputRoot: hashToBigInt(outputRoot) });
    }

    /** @param reason one of DeclineReason. */
    async decline(job: Address, reason: number): Promise<void> {
        await this.relay(job, { outcome: JobOutcome.Declined, outputRoot: BigInt(reason) });
    }

    private async relay(job: Address, delivery: Delivery): Promise<void> {
        const { openedLt } = await this.data(job);
        const { globalId } = await this.devnet.info();
        const signature = signPayload(deliveryPayload({ globalId, contract: job, openedLt }, delivery), this.workerKey.secretKey);
        const prices = await readChainPrices(new Chain({ endpoint: this.devnet.endpoint }));
        await this.contract.send(this.sender(), { value: 2n * deliveryValue(prices) }, {
            $$type: 'RelayDelivery', job: accountOf(job), delivery: packDelivery(delivery, signature),
        });
    }

    /** Waits for the award of a job, and does it. */
    async serve(job: Address): Promise<void> {
        await this.awarded(job);
        await this.deliver(job, await this.work(job));
    }

    async awarded(job: Address): Promise<void> {
        for (const end = Date.now() + 30_000; ; await new Promise((resolve) => setTimeout(resolve, 50))) {
            const data = await this.data(job);
            if (data.status === 2n && data.provider === accountOf(this.address)) {
                return;
            }
            if (Date.now() > end) {
                throw new Error('The job was not awarded.');
            }
        }
    }

    async stop(): Promise<void> {
        this.http.closeAllConnections();
        await new Promise((resolve) => this.http.close(resolve));
    }
}
