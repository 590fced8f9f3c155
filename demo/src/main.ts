import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createClient, FolderStore, Session } from '@ton-compute/client';
import { CoinSymbol } from '@ton-compute/contracts';
import { startDevnet } from '@ton-compute/devnet';
import OpenAI from 'openai';
import { Address, toNano } from '@ton/core';
import { Account, closeTheBooks, Party } from './accounting';
import { afternoon, AnswerTokens, batch, morning, Task } from './conversation';
import { describeDevice, proveGpu } from './gpu';
import { auction, failure } from './jobs';
import { addressIn, runScript, sha256Of } from './market';
import { Root, Service } from './processes';
import { detail, step } from './stage';
import { setUpProvider, startProvider } from './provider';
import { TestRoot } from './test-root';
import { coins, figuresTable, operationsTable, partiesTable } from './tables';
import { WorkerBatch } from './worker-process';

/** Prices of the demonstration, in coins per 1,000,000 tokens: high enough that a few requests show in the table. */
const Prices = { prompt: '300', cached: '75', completion: '900', reasoning: '900' };
const Deposit = toNano('2');
/** The second owner asks for more. */
const HighPrices = { prompt: '450', cached: '110', completion: '1300', reasoning: '1300' };


async function ask(openai: OpenAI, model: string, task: Task): Promise<string> {
    const stream = await openai.chat.completions.create({
        model,
        messages: [{ role: 'user', content: task.prompt }],
        temperature: 0,
        max_tokens: AnswerTokens,
        stream: true,
    });
    let answer = '';
    for await (const chunk of stream) {
        answer += chunk.choices[0]?.delta?.content ?? '';
    }
    if (answer.trim() === '') {
        throw new Error(`No answer to "${task.prompt}"`);
    }
    return answer.trim();
}

async function askAll(openai: OpenAI, model: string, tasks: Task[]): Promise<void> {
    const answers = await Promise.all(tasks.map((task) => ask(openai, model, task)));
    tasks.forEach((task, index) => {
        detail(`${task.kind.padEnd(7)} <- ${task.prompt.replaceAll('\n', ' / ')}`);
        detail(`        -> ${answers[index]}`);
    });
}

async function main(): Promise<boolean> {
    const folder = await mkdtemp(join(tmpdir(), 'ton-compute-demo-'));
    const cleanUps: (() => Promise<unknown>)[] = [() => rm(folder, { recursive: true, force: true })];
    try {
        return await theDay(folder, cleanUps);
    } finally {
        for (const cleanUp of cleanUps.reverse()) {
            await cleanUp();
        }
    }
}

async function theDay(folder: string, cleanUps: (() => Promise<unknown>)[]): Promise<boolean> {
    step('The local network starts: the real virtual machine behind the API of toncenter.');
    const devnet = await startDevnet({ port: 0, wallets: 7 });
    cleanUps.push(() => devnet.close());
    const chain = devnet.client();
    const [deployer, owner, secondOwner, clientWallet, governance] = [
        'deployer', 'provider', 'provider-2', 'client', 'governance',
    ].map((name) => devnet.wallet(name));
    const wallets: [string, Address][] = [
        ['client', clientWallet.address],
        ['first GPU owner', owner.address],
        ['second GPU owner', secondOwner.address],
        ['treasury (governance)', governance.address],
        ['deployer', deployer.address],
    ];
    const parties: Party[] = [];
    for (const [name, address] of wallets) {
        parties.push({ name, address, before: await chain.getBalance(address), isWallet: true });
    }
    const contract = (name: string, address: Address) =>
        parties.push({ name, address, before: 0n, isWallet: false });
    detail(`${devnet.endpoint}, prices in force since 2026-04-29`);

    step('The verifier of attestations is deployed and learns its collateral, with the scripts for testnet and mainnet.');
    detail('TEST ROOT: there is no Intel machine here. A test authority stands in for Intel, so whatever is attested in this');
    detail('demonstration proves NOTHING about hardware. Contracts, messages and checks are those of the real thing.');
    const testRoot = new TestRoot((await devnet.info()).time);
    const root = { ROOT_KEY: testRoot.rootKey, TEST_ROOT: 'yes' };
    const verifier = addressIn(await runScript(devnet, deployer, 'deployVerifier', root), 'verifier');
    await runScript(devnet, deployer, 'addCollateral', {
        VERIFIER: verifier.toString(),
        COLLATERAL: await testRoot.writeCollateral(join(folder, 'collateral.json')),
    });
    for (const [name, address] of await testRoot.accounts(verifier)) {
        contract(name, address);
    }
    detail(`AttestationVerifier ${verifier.toString()}`);

    step('The registry is deployed; it names the verifier for ever.');
    const registry = addressIn(
        await runScript(devnet, deployer, 'deployRegistry', {
            VERIFIER: verifier.toString(),
            TEST_ROOT: 'yes',
            GOVERNANCE: governance.address.toString(),
            TREASURY: governance.address.toString(),
        }),
        'registry',
    );
    contract('ProviderRegistry', registry);
    detail(`ProviderRegistry ${registry.toString()}`);

    step("Two GPU owners register: keys of their workers, the model on offer at different prices, coins for quotes and bids.");
    const modelPath = process.env.MODEL_PATH ?? join(Root, 'worker/model/tiny-chat.gguf');
    const model = (await sha256Of(modelPath)).toString('hex');
    const store = join(folder, 'store');
    await mkdir(store);
    const shared = { devnet, registry, folder, model, store, parties };
    const first = await setUpProvider({ ...shared, owner, name: 'first', prices: Prices });
    const second = await setUpProvider({ ...shared, owner: secondOwner, name: 'second', prices: HighPrices });
    const { worker, provider } = first;

    step('Both workers start, ask the chain for a nonce and have their quotes verified on-chain.');
    for (const each of [first, second]) {
        cleanUps.push(async () => each.worker.kill());
        detail(`image     ${await startProvider(devnet, each)}`);
    }

    step('The client finds the provider through the registry, checks its attestation and opens a session of tier tdx.');
    const trusted = testRoot.measurement;
    const client = await createClient({
        endpoint: devnet.endpoint,
        registry,
        wallet: { mnemonic: clientWallet.mnemonic, version: 'v4r2' },
        // An image that the client trusts, up to date; and, for this demonstration only, a root that is not Intel's.
        policy: { leastTier: 'tdx', measurements: [trusted], allowTestRoot: true },
        store: join(folder, 'client'),
    });
    const { offers } = await client.find();
    detail(`${offers.length} offer found; tier tdx with the demanded image, by get-methods alone (TEST ROOT allowed)`);
    const session = await client.open({ deposit: Deposit });
    contract('SessionEscrow 1', session.address);
    detail(`session ${session.address.toString()} with a deposit of ${coins(Deposit)} ${CoinSymbol}`);

    step(`Morning: ${morning.length} requests at once, sealed to the worker's key, answers streamed.`);
    await askAll(new OpenAI({ baseURL: session.baseURL, apiKey: 'none', fetch: session.fetch }), session.model, morning);
    await session.pay();

    step('Afternoon: the official openai client against the local endpoint, in a session of its own.');
    const served = await serve(devnet.endpoint, registry, clientWallet.mnemonic, join(folder, 'served'), trusted);
    cleanUps.push(async () => served.service.kill());
    contract('SessionEscrow 2', served.session);
    detail(`${served.url}, session ${served.session.toString()}`);
    await askAll(new OpenAI({ baseURL: served.url, apiKey: 'none' }), served.model, afternoon);
    await served.service.stop();

    step(`Evening: a batch of ${batch.length} goes out to auction among both providers.`);
    const objects = new FolderStore(store);
    const won = await auction(client, model, objects);
    contract('JobEscrow 1', won.address);
    contract('JobListing 1', (await won.status()).listing!);

    step('Another job is given to the second provider alone, whose machine is switched off before it can deliver.');
    const lost = await failure(client, model, objects, second, (time) => devnet.setTime(time));
    contract('JobEscrow 2', lost.address);

    step('The worker settles both sessions with one external message.');
    detail(settled(await worker.settle()));

    step('The provider closes the second session; the client closes the first and waits for the end of its window.');
    detail(settled(await worker.close(served.session)));
    const report = await session.report();
    await closeByClient(session, (time) => devnet.setTime(time));
    detail(`session 1: ${report.requests} requests, used ${coins(report.amount)}; the rest is back with the client`);

    step('The provider withdraws: protocol fee to the treasury, the rest to the owner.');
    await runScript(devnet, owner, 'withdraw', { PROVIDER: provider.toString() });
    const { device } = await worker.status();
    await worker.stop();

    step('The books.');
    const account = await closeTheBooks(chain, parties);
    process.stdout.write(`\n${partiesTable(account)}\n\n${operationsTable(account)}\n\n`);
    const requests = morning.length;
    process.stdout.write(
        `${figuresTable([
            ['cost per request (tokens)', `${coins(report.perRequest)} ${CoinSymbol}`],
            ['cost per 1,000,000 tokens', `${coins(report.perMillionTokens)} ${CoinSymbol}`],
            ['tokens', `${report.tokens.prompt} prompt, ${report.tokens.completion} completion in ${requests} requests`],
            ['engine', 'llama.cpp, embedded'],
            ['device', describeDevice(device)],
            ['chain fees in all', `${coins(account.fees)} ${CoinSymbol}`],
        ])}\n`,
    );
    if (process.env.REQUIRE_GPU === '1') {
        process.stdout.write(`\n${proveGpu(device).join('\n')}\n`);
    }
    return verdict(account);
}

async function serve(
    endpoint: string,
    registry: Address,
    mnemonic: readonly string[],
    store: string,
    measurement: string,
): Promise<{ service: Service; url: string; model: string; session: Address }> {
    const found = new Map<string, string>();
    const { service } = await Service.start(
        'local endpoint',
        ['node', `${Root}/client/dist/cli.js`, 'serve', '--endpoint', endpoint, '--registry', registry.toString(), '--tier', 'tdx',
         '--measurement', measurement, '--allow-test-root', '--deposit', '1', '--port', '0', '--store', store, '--wallet-version', 'v4r2'],
        { WALLET_MNEMONIC: mnemonic.join(' ') },
        (line) => {
            const [, name, value] = /^([^:]+): (.*)$/.exec(line) ?? [];
            found.set(name, value);
            return name === 'session' ? true : undefined;
        },
        60,
    );
    return {
        service,
        url: found.get('OpenAI-compatible endpoint')!,
        model: found.get('model')!,
        session: Address.parse(found.get('session')!),
    };
}

/** @returns what a batch did, in words. @throws Error when it did nothing. */
function settled({ outcome, items, claimed, message }: WorkerBatch): string {
    if (outcome !== 'settled') {
        throw new Error(`The worker could not settle (${outcome}): ${message}`);
    }
    return `${message} ${items} item(s), ${coins(BigInt(claimed))} ${CoinSymbol} arrived.`;
}

async function closeByClient(session: Session, setTime: (time: number) => Promise<number>): Promise<void> {
    const end = await session.startClose();
    await setTime(end + 1);
    await session.finishClose();
    await session.dispose();
}

function verdict(account: Account): boolean {
    if (account.missing === 0n) {
        process.stdout.write('\nEvery coin is accounted for: before = after + chain fees, to the nano.\n');
        return true;
    }
    process.stdout.write(`\n${coins(account.missing)} ${CoinSymbol} are not accounted for. This must not happen: please report it.\n`);
    return false;
}

main().then(
    (accounted) => {
        process.exitCode = accounted ? 0 : 1;
    },
    (error: unknown) => {
        process.stderr.write(`\nThe demo failed: ${error instanceof Error ? error.message : String(error)}\n`);
        process.exitCode = 1;
    },
);

