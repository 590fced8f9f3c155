import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { setTimeout as sleep } from 'node:timers/promises';
import { Address, beginCell, Cell, toNano } from '@ton/core';
import {
    accountOf,
    bigIntToHash,
    JobAgreement,
    jobDeployment,
    JobEscrow,
    JobTask,
    packJobTerms,
    Provider,
    providerMarket,
} from '@ton-compute/contracts';
import {
    bundleRoot,
    instructionsHash,
    JobInstructions,
    JobItemResult,
    newContentKey,
    openContent,
    packBundle,
    packJson,
    parseItemResult,
    sealContent,
    sealContentKey,
    unpackBundle,
} from '@ton-compute/protocol';

import { TestOffer } from './offers';
import { TestNetwork } from './network';
import { clockOf } from './verifier';

export async function until(condition: () => boolean | Promise<boolean>, seconds = 40): Promise<void> {
    for (const end = performance.now() + seconds * 1000; !(await condition()); await sleep(50)) {
        if (performance.now() > end) {
            throw new Error(`It did not become true within ${seconds} s.`);
        }
    }
}

export type TestContent = {
    /** Plaintext items. */
    items: Buffer[];
    instructions?: Partial<JobInstructions>;
};

/** A sealed input in a folder, with its key. */
export class TestInput {
    readonly contentKey = newContentKey();
    readonly name = randomBytes(8).toString('hex');
    readonly bundle: { instructions: Buffer; items: Buffer[] };
    readonly bytes: Buffer;
    readonly instructions: JobInstructions;

    constructor(
        readonly folder: string,
        { items, instructions }: TestContent,
    ) {
        mkdirSync(folder, { recursive: true });
        this.instructions = {
            version: 1,
            task: 'chat',
            system: '',
            parameters: { max_tokens: 8, temperature: 0 },
            output: { writeUrl: this.url('out'), readUrl: this.url('out') },
            ...instructions,
        };
        this.bundle = {
            instructions: sealContent(this.contentKey, 'instructions', 0, packJson(this.instructions)),
            items: items.map((item, index) => sealContent(this.contentKey, 'input', index, item)),
        };
        this.bytes = packBundle(this.bundle);
        writeFileSync(this.path('in'), this.bytes);
    }

    path(what: 'in' | 'out'): string {
        return join(this.folder, `${this.name}.${what}`);
    }

    url(what: 'in' | 'out'): string {
        return pathToFileURL(this.path(what)).href;
    }

    /** What the terms say of it. */
    terms(): Pick<JobAgreement, 'inputRoot' | 'itemCount' | 'specification'> {
        return {
            inputRoot: bundleRoot(this.bundle),
            itemCount: this.bundle.items.length,
            specification: {
                task: this.instructions.task === 'chat' ? JobTask.Chat : JobTask.Embeddings,
                promptTokens: 400n,
                completionTokens: BigInt(8 * this.bundle.items.length),
                inputBytes: BigInt(this.bytes.length),
                instructionsHash: instructionsHash(this.bundle.instructions),
                inputUrl: this.url('in'),
            },
        };
    }

    /** The sealed output. */
    output(): Buffer {
        return readFileSync(this.path('out'));
    }

    results(): JobItemResult[] {
        return unpackBundle(this.output()).items.map((item, index) => parseItemResult(openContent(this.contentKey, 'output', index, item)));
    }
}

export const prompts = (...texts: string[]) => texts.map((prompt) => packJson({ prompt }));

/** The client's side of one job. */
export class TestJob {
    private constructor(
        private readonly network: TestNetwork,
        readonly input: TestInput,
        readonly agreement: JobAgreement,
        readonly address: Address,
        private readonly contract: JobEscrow.JobEscrow,
    ) {}

    private static count = 0n;

    static async create(network: TestNetwork, input: TestInput, changes: Partial<JobAgreement> = {}): Promise<TestJob> {
        const agreement: JobAgreement = {
            client: network.payer.address,
            salt: (TestJob.count += 1n),
            provider: null,
            acceptedTcbStatuses: 0xff,
            measurement: null,
            model: TestOffer.model,
            awardDeadline: (await clockOf(network.devnet)) + 900,
            deliveryTime: 3_600,
            ceiling: toNano('1'),
            bond: toNano('0.1'),
            bidStep: toNano('0.01'),
            market: await providerMarket(network.registry),
            ...input.terms(),
            ...changes,
        };
        const { address, init } = await jobDeployment(packJobTerms(agreement));
        return new TestJob(network, input, agreement, address, new JobEscrow.JobEscrow(address, init));
    }

    async post(listed: boolean): Promise<this> {
        const listing = listed ? toNano('0.5') : 0n;
        const value = this.agreement.ceiling + listing + toNano('1');
        await this.opened.send(this.network.sender(this.network.payer), { value }, { $$type: 'PostJob', queryId: 0n, listing });
        return this;
    }

    data(): Promise<JobEscrow.JobData> {
        return this.opened.getJobData();
    }

    async gone(): Promise<boolean> {
        return (await this.network.client.getContractState(this.address)).state !== 'active';
    }

    async hasBid(): Promise<boolean> {
        return (await this.data()).provider !== 0n;
    }

    /** Awards the job to its best bid. @param sealedKey instead of the right one. */
    async award(sealedKey?: Cell): Promise<void> {
        const { provider, amount, openedLt } = await this.data();
        const { encryptionKey } = await this.network.client.open(Provider.Provider.fromAddress(this.network.provider)).getProviderData();
        const context = { globalId: -3, job: this.address, openedLt };
        const sealed = await sealContentKey(bigIntToHash(encryptionKey), context, this.input.contentKey);
        await this.opened.send(
            this.network.sender(this.network.payer),
            { value: toNano('0.1') },
            { $$type: 'AwardJob', queryId: 0n, provider, amount, sealedKey: sealedKey ?? beginCell().storeBuffer(sealed).endCell() },
        );
    }

    /** Tells a worker about it. */
    announce(url: string): Promise<Response> {
        return fetch(`${url}/jobs`, {
            method: 'POST',
            headers: { 'content-type': 'application/json' },
            body: JSON.stringify({ job: this.address.toString() }),
        });
    }

    get account(): bigint {
        return accountOf(this.address);
    }

    private get opened() {
        return this.network.client.open(this.contract);
    }
}
