import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Address, beginCell, contractAddress, toNano } from '@ton/core';
import { DevnetError, DevnetOptions, startDevnet } from '../src';
import { code, counterCode, deploy, echoCode, globalIdCode, readNumber, rpc, transfer } from './support';

const to = new Address(0, Buffer.alloc(32, 4));
const WEEK = 7 * 86_400;

describe('a network with a state file', () => {
    let folder: string;
    let file: string;

    beforeEach(async () => {
        folder = await mkdtemp(join(tmpdir(), 'devnet-'));
        file = join(folder, 'state.json');
    });
    afterEach(() => rm(folder, { recursive: true }));

    const start = (options: DevnetOptions = {}) => startDevnet({ blockTime: 0, stateFile: file, ...options });

    it('goes on where it ended: balances, contracts, history, blocks and time', async () => {
        const before = await start({ wallets: 2, prices: 'old' });
        const counter = await deploy(before, counterCode, 10);
        await transfer(before, 'provider', to, toNano(3));
        await before.increaseTime(WEEK);
        await before.mine(5);
        const [sent] = await before.client().getTransactions(before.wallet('provider').address, { limit: 1 });
        const look = async (devnet: typeof before) => ({
            balance: await devnet.balance(to),
            wallet: await devnet.balance(devnet.wallet('provider').address),
            history: (await rpc(devnet, 'getTransactions', { address: to.toString() })).result,
            blocks: (
                await rpc(devnet, 'getBlockTransactions', { workchain: 0, shard: '8000000000000000', seqno: 2 })
            ).result,
            block: (await rpc(devnet, 'getMasterchainInfo')).result,
        });
        const expected = await look(before);
        const { time, lt } = await before.info();
        await before.close();

        const after = await start();
        try {
            expect(await look(after)).toEqual(expected);
            const info = await after.info();
            expect(info).toMatchObject({ lt, priceSet: 'old', globalId: -239, transactions: 4 });
            expect(info.wallets.map(({ name }) => name)).toEqual(['deployer', 'provider']);
            expect(info.time).toBeGreaterThanOrEqual(time);
            expect(info.time).toBeLessThan(time + 30);
            expect(await readNumber(after.client(), counter)).toBe(11n);
            // Messages can still be found by what caused them, and new ones follow the old ones.
            const { createdLt } = sent.outMessages.get(0)!.info as { createdLt: bigint };
            const found = await after
                .client()
                .tryLocateResultTx(after.wallet('provider').address, to, createdLt.toString());
            expect(found.hash().toString('base64')).toBe(expected.history[0].transaction_id.hash);
            await transfer(after, 'provider', to, toNano(1));
            const history = await after.client().getTransactions(to, { limit: 10 });
            expect(history).toHaveLength(2);
            expect(history[0].prevTransactionLt).toBe(history[1].lt);
            expect(history[0].lt).toBeGreaterThan(lt);
        } finally {
            await after.close();
        }
    });

    it('keeps a message that still waits for its block', async () => {
        const before = await start({ blockTime: 3_600_000 });
        await transfer(before, 'client', to, toNano(1));
        expect(await before.balance(to)).toBe(0n);
        await before.close();
        const after = await start({ blockTime: 3_600_000 });
        try {
            await after.mine();
            expect(await after.balance(to)).toBe(toNano(1));
        } finally {
            await after.close();
        }
    });

    it('is saved while it runs, when something has happened', async () => {
        const devnet = await start({ saveInterval: 20 });
        try {
            const saved = async () => JSON.parse(await readFile(file, 'utf8')).state.transactions.length;
            expect(await saved()).toBe(0);
            await devnet.faucet(to, 1n);
            while ((await saved()) === 0) {
                await new Promise((resolve) => setTimeout(resolve, 10));
            }
            const { mtimeMs } = await stat(file);
            await new Promise((resolve) => setTimeout(resolve, 100));
            expect((await stat(file)).mtimeMs).toBe(mtimeMs);
        } finally {
            await devnet.close();
        }
    });

    it('keeps the libraries that were published on the masterchain, and contracts run from them', async () => {
        const before = await start();
        // SETCP0, DROP, PUSH c4, 2 PUSHINT, SETLIBCODE: publishes the data.
        const init = { code: code('ff0030ed4472fb06'), data: echoCode };
        await transfer(before, 'deployer', contractAddress(-1, init), toNano(1), { init });
        const hash = echoCode.hash();
        const reference = beginCell().storeUint(2, 8).storeBuffer(hash).endCell({ exotic: true });
        const contract = await deploy(before, reference);
        const ask = async (devnet: typeof before) => {
            const { stack } = await devnet.client().runMethod(contract, 'echo', [{ type: 'int', value: 5n }]);
            expect(stack.readNumber()).toBe(5);
            const missing = Buffer.alloc(32).toString('base64');
            const libraries = [hash.toString('base64'), missing];
            return (await rpc(devnet, 'getLibraries', { libraries })).result;
        };
        const expected = {
            '@type': 'smc.libraryResult',
            result: [
                {
                    '@type': 'smc.libraryEntry',
                    hash: hash.toString('base64'),
                    data: echoCode.toBoc().toString('base64'),
                },
            ],
        };
        expect(await ask(before)).toEqual(expected);
        await before.close();
        const after = await start();
        try {
            expect(await ask(after)).toEqual(expected);
        } finally {
            await after.close();
        }
    });

    it('takes other prices and more wallets when told so, but no other global id', async () => {
        await (await start({ wallets: 1, globalId: -217 })).close();
        const more = await start({ wallets: 3, prices: 'old' });
        const { priceSet, globalId, wallets } = await more.info();
        expect({ priceSet, globalId, count: wallets.length }).toEqual({ priceSet: 'old', globalId: -217, count: 3 });
        expect(await readNumber(more.client(), await deploy(more, globalIdCode))).toBe(-217n);
        await more.close();
        expect((await readFile(file, 'utf8')).length).toBeGreaterThan(1000);
        await expect(start({ globalId: -3 })).rejects.toThrow(/global id -217, this network has -3/);
    });

    it('leaves nothing but the state file behind', async () => {
        await (await start()).close();
        await (await start()).close();
        expect(await readdir(folder)).toEqual(['state.json']);
    });

    it.each([
        ['text of something else', 'once upon a time', 'not a state file'],
        ['JSON of something else', '{"name": "my-project"}', 'not a state file'],
        ['nothing', '', 'not a state file'],
        ['a state of a later version', '{"format":"ton-compute-devnet","version":99}', 'version 99'],
        ['a state without content', '{"format":"ton-compute-devnet","version":1,"sha256":"","state":{}}', 'damaged'],
    ])('refuses a file with %s and leaves it alone', async (_, text, error) => {
        await writeFile(file, text);
        const failure = start();
        await expect(failure).rejects.toThrow(DevnetError);
        await expect(failure).rejects.toThrow(error);
        await expect(failure).rejects.toThrow(file);
        expect(await readFile(file, 'utf8')).toBe(text);
    });

    it('refuses a state in which one character has changed, or that was cut off', async () => {
        const devnet = await start();
        await devnet.faucet(to, 7n);
        await devnet.close();
        const good = await readFile(file, 'utf8');
        const middle = good.indexOf('te6cc') + 40;
        const flipped = good.slice(0, middle) + (good[middle] === 'A' ? 'B' : 'A') + good.slice(middle + 1);
        for (const bad of [flipped, good.slice(0, -100)]) {
            await writeFile(file, bad);
            await expect(start()).rejects.toThrow('damaged');
            expect(await readFile(file, 'utf8')).toBe(bad);
        }
        await writeFile(file, good);
        await (await start()).close();
    });

    it('does not overwrite a file that became something else while it ran', async () => {
        const devnet = await start();
        await writeFile(file, 'precious');
        await expect(devnet.close()).rejects.toThrow('not overwritten');
        expect(await readFile(file, 'utf8')).toBe('precious');
    });

    it('tells at once when the file cannot be written', async () => {
        await writeFile(file, 'a file where a folder is needed');
        const failure = start({ stateFile: join(file, 'state.json') });
        await expect(failure).rejects.toThrow(DevnetError);
        await expect(failure).rejects.toThrow(/state file .*state\.json/);
    });

    it('is created with all folders on the way', async () => {
        const deep = join(folder, 'a', 'b', 'state.json');
        const devnet = await start({ stateFile: deep });
        expect(await readFile(deep, 'utf8')).toContain('ton-compute-devnet');
        await devnet.close();
    });

    it('writes and restores snapshots by name, only in its own folder', async () => {
        const devnet = await start({ snapshotDir: join(folder, 'snapshots') });
        try {
            await devnet.faucet(to, 10n);
            const { result } = await rpc(devnet, 'devnet_snapshot', { path: 'ten.json' });
            expect(result.path).toBe(join(folder, 'snapshots', 'ten.json'));
            await devnet.faucet(to, 5n);
            expect((await rpc(devnet, 'devnet_restore', { path: 'ten.json' })).ok).toBe(true);
            expect(await devnet.balance(to)).toBe(10n);

            for (const path of ['../ten.json', '/etc/passwd', 'a/b', '..', '.hidden', '']) {
                const method = path === '' ? 'devnet_restore' : 'devnet_snapshot';
                const reply = await rpc(devnet, method, { path });
                expect([path, reply.status]).toEqual([path, 422]);
            }
            expect(await rpc(devnet, 'devnet_restore', { path: 'missing.json' })).toMatchObject({ status: 422 });
            await writeFile(join(folder, 'snapshots', 'mine.txt'), 'precious');
            const refused = await rpc(devnet, 'devnet_snapshot', { path: 'mine.txt' });
            expect(refused).toMatchObject({ status: 422, error: expect.stringContaining('not overwritten') });
            expect(await readFile(join(folder, 'snapshots', 'mine.txt'), 'utf8')).toBe('precious');
        } finally {
            await devnet.close();
        }
    });
});

describe('snapshots in memory', () => {
    it('bring everything back, as often as wanted', async () => {
        const devnet = await startDevnet({ blockTime: 0 });
        try {
            const counter = await deploy(devnet, counterCode);
            const { result } = await rpc(devnet, 'devnet_snapshot');
            const { lt, seqno, time } = await devnet.info();
            for (let i = 0; i < 2; i++) {
                await transfer(devnet, 'client', counter, toNano(1));
                await devnet.increaseTime(WEEK);
                await devnet.setPrices('old');
                expect(await readNumber(devnet.client(), counter)).toBe(2n);
                const restored = await rpc(devnet, 'devnet_restore', { id: result.id });
                expect(restored.result).toMatchObject({ seqno });
                const info = await devnet.info();
                expect(info).toMatchObject({ lt, seqno, priceSet: '2026' });
                expect(info.time - time).toBeLessThan(60);
                expect(await readNumber(devnet.client(), counter)).toBe(1n);
                expect(await devnet.client().getTransactions(counter, { limit: 10 })).toHaveLength(1);
            }
        } finally {
            await devnet.close();
        }
    });

    it('are sixteen at most', async () => {
        const devnet = await startDevnet({ blockTime: 0 });
        try {
            const names = [];
            for (let i = 0; i < 17; i++) {
                names.push(await devnet.snapshot());
            }
            await expect(devnet.restore(names[0])).rejects.toThrow(`There is no snapshot "${names[0]}"`);
            await devnet.restore(names[1]);
            expect(await rpc(devnet, 'devnet_restore', { id: 'nonsense' })).toMatchObject({ status: 422 });
        } finally {
            await devnet.close();
        }
    });
});
