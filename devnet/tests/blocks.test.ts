import { setTimeout as sleep } from 'node:timers/promises';
import {
    Address,
    beginCell,
    Cell,
    contractAddress,
    external,
    loadShardAccount,
    SendMode,
    storeMessage,
    storeShardAccount,
    toNano,
} from '@ton/core';
import { createShardAccount } from '@ton/sandbox';
import { Devnet, startDevnet } from '../src';
import { Account } from '../src/accounts';
import { Chain } from '../src/chain';
import { SerialQueue } from '../src/serialQueue';
import { code, deploy, nowCode, readNumber, rpc, selfCallingCode, stateInit, transfer } from './support';

const silent = { debug: noLog, info: noLog, warn: noLog, error: noLog };

function noLog(): void {}

const SHARD = '-9223372036854775808';
const to = new Address(0, Buffer.alloc(32, 3));

async function withDevnet(options: Parameters<typeof startDevnet>[0], run: (devnet: Devnet) => Promise<void>) {
    const devnet = await startDevnet(options);
    try {
        await run(devnet);
    } finally {
        await devnet.close();
    }
}

/** Sends 1,000 nanoTON from a wallet and returns what the network answered. */
async function order(devnet: Devnet, name: string, seqno: number, receiver = to) {
    const { contract, keyPair, address } = devnet.wallet(name);
    const { time } = await devnet.info();
    const body = contract.createTransfer({
        seqno,
        timeout: time + 60,
        secretKey: keyPair.secretKey,
        sendMode: SendMode.PAY_GAS_SEPARATELY,
        messages: [{ info: message(receiver, 1000n), body: Cell.EMPTY }],
    });
    const boc = beginCell().store(storeMessage(external({ to: address, body }))).endCell().toBoc().toString('base64');
    return rpc(devnet, 'sendBoc', { boc });
}

function message(dest: Address, coins: bigint) {
    return {
        type: 'internal' as const,
        ihrDisabled: true,
        bounce: false,
        bounced: false,
        dest,
        value: { coins },
        ihrFee: 0n,
        forwardFee: 0n,
        createdAt: 0,
        createdLt: 0n,
    };
}

const lastSeqno = async (devnet: Devnet): Promise<number> =>
    (await rpc(devnet, 'getMasterchainInfo')).result.last.seqno;
const blockTransactions = async (devnet: Devnet, seqno: number, params: object = {}) =>
    (await rpc(devnet, 'getBlockTransactions', { workchain: 0, shard: SHARD, seqno, ...params })).result;

it('a fault of the emulator costs one message and stops nothing', async () => {
    // The emulator also tells the console, which it looks up when it is created: this test must be the first.
    const console = jest.spyOn(globalThis.console, 'error').mockImplementation(noLog);
    const errors: string[] = [];
    const chain = new Chain({
        blockTime: 0,
        automine: true,
        prices: '2026',
        globalId: -239,
        genesisHash: Buffer.alloc(32),
        logger: { ...silent, error: (_, message) => errors.push(message) },
    });
    // An account that claims to be of no size, and then shrinks.
    const init = stateInit(selfCallingCode);
    const address = contractAddress(0, init);
    const broken = createShardAccount({ address, ...init, balance: toNano(1) });
    const boc = beginCell().store(storeShardAccount(broken)).endCell().toBoc().toString('base64');
    await chain.read(({ accounts }) => accounts.set(new Account(address, boc)));
    await chain.faucet(address, toNano('0.01'));
    console.mockRestore();
    expect(errors).toEqual(['A message was dropped']);
    await chain.faucet(to, 5n);
    expect(await chain.read(({ accounts }) => accounts.get(to).balance)).toBe(5n);
});

describe('a network with a block time', () => {
    it('makes blocks on its own, at the rate that was asked for', () =>
        withDevnet({ blockTime: 25 }, async (devnet) => {
            const first = await lastSeqno(devnet);
            const start = performance.now();
            await sleep(500);
            const made = (await lastSeqno(devnet)) - first;
            expect(made).toBeGreaterThan(5);
            expect(made).toBeLessThanOrEqual((performance.now() - start) / 25 + 1);
        }));

    it('keeps an external message for the next block, with all that follows from it', () =>
        withDevnet({ blockTime: 3_600_000 }, async (devnet) => {
            expect((await order(devnet, 'client', 0)).ok).toBe(true);
            expect((await rpc(devnet, 'devnet_info')).result.pending_messages).toBe(1);
            expect(await devnet.balance(to)).toBe(0n);
            const seqno = await devnet.mine();
            expect(await devnet.balance(to)).toBe(1000n);
            const accounts = (await blockTransactions(devnet, seqno)).transactions.map(
                ({ account }: { account: string }) => account,
            );
            expect(accounts.sort()).toEqual([devnet.wallet('client').address.toRawString(), to.toRawString()].sort());
        }));

    it('drops a message that another one has made unacceptable, and goes on', () =>
        withDevnet({ blockTime: 3_600_000, logLevel: 'silent' }, async (devnet) => {
            expect((await order(devnet, 'client', 0)).ok).toBe(true);
            expect((await order(devnet, 'client', 0)).ok).toBe(true);
            expect((await order(devnet, 'provider', 0)).ok).toBe(true);
            await devnet.mine();
            expect(await devnet.balance(to)).toBe(2000n);
            expect(await devnet.client().open(devnet.wallet('client').contract).getSeqno()).toBe(1);
        }));

    it('can still execute each message at once', () =>
        withDevnet({ blockTime: 50, automine: true }, async (devnet) => {
            await order(devnet, 'client', 0);
            expect(await devnet.balance(to)).toBe(1000n);
            const before = await lastSeqno(devnet);
            await sleep(200);
            expect(await lastSeqno(devnet)).toBeGreaterThan(before);
        }));
});

describe('a network without a block time', () => {
    let devnet: Devnet;
    beforeAll(async () => {
        devnet = await startDevnet({ blockTime: 0 });
    });
    afterAll(() => devnet.close());

    it('makes a block for each message and no other', async () => {
        const first = await lastSeqno(devnet);
        await sleep(50);
        expect(await lastSeqno(devnet)).toBe(first);
        await order(devnet, 'client', 0);
        expect(await lastSeqno(devnet)).toBe(first + 1);
    });

    it('makes as many empty blocks as it is told', async () => {
        const first = await lastSeqno(devnet);
        expect((await rpc(devnet, 'devnet_mine', { blocks: 7 })).result).toEqual({ '@type': 'ok', seqno: first + 7 });
        expect((await rpc(devnet, 'devnet_mine')).result.seqno).toBe(first + 8);
        expect((await blockTransactions(devnet, first + 3)).transactions).toEqual([]);
    });

    it('puts a transaction into the block of the workchain of its account', async () => {
        const master = new Address(-1, Buffer.alloc(32, 3));
        await devnet.faucet(master, 5n);
        const seqno = await lastSeqno(devnet);
        expect((await blockTransactions(devnet, seqno)).transactions).toEqual([]);
        const { transactions } = await blockTransactions(devnet, seqno, { workchain: -1 });
        expect(transactions).toMatchObject([{ '@type': 'blocks.shortTxId', account: master.toRawString() }]);
    });

    it('lists a block in parts and in full', async () => {
        const { contract, keyPair, address } = devnet.wallet('governance');
        const receivers = [1, 2, 3, 4].map((i) => new Address(0, Buffer.alloc(32, 0x10 * i)));
        await devnet.client().open(contract).sendTransfer({
            seqno: 0,
            secretKey: keyPair.secretKey,
            sendMode: SendMode.PAY_GAS_SEPARATELY,
            messages: receivers.map((receiver) => ({ info: message(receiver, 10n), body: Cell.EMPTY })),
        });
        const seqno = await lastSeqno(devnet);
        const whole = await blockTransactions(devnet, seqno);
        expect(whole).toMatchObject({ '@type': 'blocks.transactions', incomplete: false });
        expect(whole.transactions.map((tx: { account: string }) => tx.account)).toEqual(
            [...receivers, address].map((account) => account.toRawString()).sort(),
        );
        const first = await blockTransactions(devnet, seqno, { count: 3 });
        expect([first.incomplete, first.req_count]).toEqual([true, 3]);
        const last = first.transactions[2];
        const rest = await blockTransactions(devnet, seqno, {
            after_lt: last.lt,
            after_hash: Address.parseRaw(last.account).hash.toString('base64'),
        });
        expect([...first.transactions, ...rest.transactions]).toEqual(whole.transactions);

        const full = await rpc(devnet, 'getBlockTransactionsExt', { workchain: 0, shard: SHARD, seqno });
        expect(full.result.transactions.map((tx: { account: string }) => tx.account)).toEqual(
            whole.transactions.map((tx: { account: string }) => tx.account),
        );
        expect(full.result.transactions[0]['@type']).toBe('raw.transaction');
    });

    it('finds a block by number, logical time and Unix time', async () => {
        await devnet.increaseTime(10);
        await devnet.faucet(to, 1n);
        const [tx] = await devnet.client().getTransactions(to, { limit: 1 });
        const seqno = await lastSeqno(devnet);
        await devnet.increaseTime(10);
        await devnet.mine(3);
        const look = (params: object) => rpc(devnet, 'lookupBlock', { workchain: 0, shard: SHARD, ...params });
        for (const params of [{ seqno }, { lt: tx.lt.toString() }, { unixtime: tx.now }, { unixtime: tx.now - 1 }]) {
            const { result } = await look(params);
            // Raising the time makes an empty block first.
            expect([seqno, seqno - 1]).toContain(result.seqno);
            expect(result).toMatchObject({ '@type': 'ton.blockIdExt', workchain: 0 });
        }
        expect((await look({ lt: tx.lt.toString() })).result.seqno).toBe(seqno);
        expect((await look({ unixtime: tx.now + 1 })).result.seqno).toBe(seqno + 1);
        expect(await look({ unixtime: 4_000_000_000 })).toMatchObject({ status: 404 });
        expect(await look({ seqno: 1_000_000 })).toMatchObject({ status: 404 });
        expect(await look({ seqno, lt: '1' })).toMatchObject({ status: 422 });
        expect(await look({})).toMatchObject({ status: 422 });
    });

    it('shows the header of a block, and the same hashes every time', async () => {
        await devnet.faucet(to, 1n);
        const [tx] = await devnet.client().getTransactions(to, { limit: 1 });
        const seqno = await lastSeqno(devnet);
        const ask = async () =>
            (await rpc(devnet, 'getBlockHeader', { workchain: 0, shard: '8000000000000000', seqno })).result;
        const header = await ask();
        expect(header).toMatchObject({
            '@type': 'blocks.header',
            global_id: -239,
            start_lt: tx.lt.toString(),
            end_lt: (tx.lt + 1n).toString(),
            gen_utime: tx.now,
            prev_blocks: [{ seqno: seqno - 1 }],
        });
        expect(await ask()).toEqual(header);
        expect(header.id.root_hash).not.toBe(header.id.file_hash);
        expect(header.prev_blocks[0].root_hash).not.toBe(header.id.root_hash);
        const { result } = await rpc(devnet, 'shards', { seqno });
        expect(result.shards).toEqual([header.id]);
        const { result: consensus } = await rpc(devnet, 'getConsensusBlock');
        expect(consensus).toEqual({ consensus_block: seqno, timestamp: tx.now });
    });

    it('travels forward in time, for everybody to see, and never back', async () => {
        const clock = await deploy(devnet, nowCode);
        const client = devnet.client();
        const start = Number(await readNumber(client, clock));
        const { result } = await rpc(devnet, 'devnet_increaseTime', { seconds: 86_400 });
        expect(result.time - start).toBeGreaterThanOrEqual(86_400);
        expect(result.time - start).toBeLessThan(86_405);
        expect((await client.getContractState(clock)).timestampt).toBeGreaterThanOrEqual(result.time);
        await devnet.faucet(clock, 1n);
        const [tx] = await client.getTransactions(clock, { limit: 1 });
        expect(tx.now).toBeGreaterThanOrEqual(result.time);

        const target = tx.now + 1000;
        expect((await rpc(devnet, 'devnet_setTime', { time: target })).result.time).toBe(target);
        expect(Number(await readNumber(client, clock)) - target).toBeLessThan(3);
        const back = await rpc(devnet, 'devnet_setTime', { time: target - 100 });
        expect([back.status, back.error]).toEqual([422, expect.stringContaining('only moves forward')]);
        const tooFar = await rpc(devnet, 'devnet_setTime', { time: 2 ** 32 });
        expect(tooFar.status).toBe(422);
        expect(Number(await readNumber(client, clock)) - target).toBeLessThan(5);
    });

    it('gives coins to anybody, in a transaction', async () => {
        const lucky = new Address(0, Buffer.alloc(32, 77));
        const amount = toNano(123_456_789).toString();
        expect((await rpc(devnet, 'devnet_faucet', { address: lucky.toString(), amount })).ok).toBe(true);
        expect((await rpc(devnet, 'getAddressBalance', { address: lucky.toString() })).result).toBe(amount);
        const [tx] = await devnet.client().getTransactions(lucky, { limit: 1 });
        expect(tx.inMessage?.info).toMatchObject({ type: 'internal', bounce: false });
        await devnet.faucet(lucky.toString(), 1n);
        expect(await devnet.balance(lucky)).toBe(BigInt(amount) + 1n);
    });

    it('gives each block random numbers of its own', async () => {
        // SETCP0, DROP, RANDU256
        const dice = await deploy(devnet, code('ff0030f810'));
        const client = devnet.client();
        const first = await readNumber(client, dice);
        expect(await readNumber(client, dice)).toBe(first);
        await devnet.mine();
        expect(await readNumber(client, dice)).not.toBe(first);
    });
});

it('an exceptionally long chain of messages is spread over blocks, and does not hold up requests', async () => {
    const chain = new Chain({
        blockTime: 0,
        automine: true,
        prices: '2026',
        globalId: -239,
        genesisHash: Buffer.alloc(32),
        logger: silent,
        blockTransactions: 10,
    });
    const address = new Address(0, Buffer.alloc(32, 9));
    await chain.createAccount(address, stateInit(selfCallingCode), 1n);
    await chain.faucet(address, toNano('0.01'));

    const look = () =>
        chain.read(({ blocks, history, pending }) => ({ blocks: blocks.lastSeqno, size: history.size, pending }));
    // Two blocks are full when the request is answered, and one message is on its way; the rest comes by itself.
    expect(await look()).toEqual({ blocks: 2, size: 20, pending: 1 });
    while ((await look()).pending > 0) {
        await sleep(1);
    }
    const { size, blocks } = await look();
    expect(size).toBeGreaterThan(40);
    expect(blocks).toBe(Math.ceil(size / 10));
    const [balance, sizes] = await chain.read(({ accounts, blocks }) => [
        accounts.get(address).balance,
        Array.from({ length: blocks.lastSeqno }, (_, i) => blocks.get(i + 1)!.transactions.length),
    ]);
    // Each message paid until nothing was left.
    expect(balance).toBeLessThan(toNano('0.001'));
    expect(sizes.slice(0, -1).every((length) => length === 10)).toBe(true);
});

describe('an account that is there from the start', () => {
    it('has the size that a transaction would give it', async () => {
        const chain = new Chain({
            blockTime: 0,
            automine: true,
            prices: '2026',
            globalId: -239,
            genesisHash: Buffer.alloc(32),
            logger: silent,
        });
        const init = stateInit(code('ff0030', code('ff')));
        const address = contractAddress(0, init);
        const size = () =>
            chain.read(({ accounts }) => {
                const cell = Cell.fromBase64(accounts.get(address).shardAccount);
                return loadShardAccount(cell.beginParse()).account!.storageStats.used;
            });
        await chain.createAccount(address, init, 1_000_000n);
        const created = await size();
        // The balance keeps its length, so nothing in the account changes its size.
        await chain.faucet(address, 1_000n);
        expect(await size()).toEqual(created);
        expect(created).toMatchObject({ cells: 4n });
    });
});

const receivers = Array.from({ length: 10 }, (_, i) => new Address(0, Buffer.alloc(32, i + 1)));

describe('requests at the same time', () => {
    let devnet: Devnet;

    beforeAll(async () => {
        devnet = await startDevnet({ automine: true, blockTime: 20, wallets: 5, logLevel: 'silent' });
    });
    afterAll(() => devnet.close());

    it('from all wallets at once are all executed, each exactly once', async () => {
        const names = devnet.wallets.map(({ name }) => name);
        for (let seqno = 0; seqno < 2; seqno++) {
            const replies = await Promise.all(
                names.flatMap((name, i) => {
                    const to = receivers[seqno * names.length + i];
                    // The second copy has the same seqno: exactly one of the two may win.
                    return [order(devnet, name, seqno, to), order(devnet, name, seqno, to)];
                }),
            );
            const accepted = replies.filter(({ ok }) => ok);
            const refused = replies.filter(({ ok }) => !ok);
            expect([accepted.length, refused.length]).toEqual([5, 5]);
            expect(refused.every(({ status, error }) => status === 500 && error.includes('exitcode=33'))).toBe(true);
        }
        for (const to of receivers) {
            expect(await devnet.balance(to)).toBe(1000n);
        }
        // No two transactions share a logical time, and each is in exactly one block.
        const { seqno } = await devnet.info();
        const seen: string[] = [];
        for (let block = 0; block <= seqno; block++) {
            const { result } = await rpc(devnet, 'getBlockTransactions', {
                workchain: 0,
                shard: '8000000000000000',
                seqno: block,
            });
            seen.push(...result.transactions.map(({ lt }: { lt: string }) => lt));
        }
        expect(new Set(seen).size).toBe(seen.length);
        expect(seen).toHaveLength(20);
    });

    it('that read never see the middle of a chain of messages', async () => {
        // Passes what it gets on to the address in its data:
        // SETCP0, DROP, 0x10 PUSHINT, NEWC, 6 STU, PUSH c4, CTOS, SWAP, STSLICE, 0 PUSHINT, STGRAMS, 0 PUSHINT, SWAP,
        // 107 STU, ENDC, 64 PUSHINT, SENDRAWMSG
        const forwardCode = code('ff00308010c8cb05ed44d001ce70fa027001cb6ac9810040fb00');
        const end = new Address(0, Buffer.alloc(32, 0xee));
        let next = end;
        for (let i = 0; i < 6; i++) {
            const init = { code: forwardCode, data: beginCell().storeAddress(next).endCell() };
            next = contractAddress(0, init);
            await devnet.faucet(next, toNano(1));
            await transfer(devnet, 'deployer', next, toNano('0.01'), { init });
        }
        const chainStart = next;
        const before = await devnet.balance(end);
        let done = false;
        const sending = (async () => {
            for (let i = 0; i < 5; i++) {
                await transfer(devnet, 'client', chainStart, toNano('0.1'));
            }
            done = true;
        })();
        const counts: number[][] = [];
        while (!done) {
            const { result } = await rpc(devnet, 'devnet_info');
            counts.push([result.transactions, result.pending_messages]);
        }
        await sending;
        expect(await devnet.balance(end)).toBeGreaterThan(before);
        const atFirst = counts[0][0];
        // One chain is 8 transactions: the wallet, six contracts, and the end.
        for (const [transactions, pending] of counts) {
            expect([(transactions - atFirst) % 8, pending]).toEqual([0, 0]);
        }
        expect((await devnet.info()).transactions - atFirst).toBeLessThanOrEqual(40);
        expect(counts.length).toBeGreaterThan(2);
    });

    it('of many get-methods all get their own answer', async () => {
        const echo = await deploy(devnet, code('ff0030'));
        const client = devnet.client();
        const answers = await Promise.all(
            Array.from({ length: 50 }, async (_, i) =>
                (await client.runMethod(echo, 'echo', [{ type: 'int', value: BigInt(i) }])).stack.readNumber(),
            ),
        );
        expect(answers).toEqual(Array.from({ length: 50 }, (_, i) => i));
        expect(await readNumber(client, devnet.wallet('provider').address, 'seqno')).toBe(2n);
    });
});

describe('the queue', () => {
    it('runs one job after the other, also after one that fails', async () => {
        const queue = new SerialQueue();
        const log: string[] = [];
        const job = (name: string, fails = false) =>
            queue.run(async () => {
                log.push(`${name} begins`);
                await new Promise((resolve) => setTimeout(resolve, 5));
                log.push(`${name} ends`);
                if (fails) {
                    throw new Error(name);
                }
                return name;
            });
        const results = await Promise.allSettled([job('a'), job('b', true), job('c')]);
        expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
        expect(log).toEqual(['a begins', 'a ends', 'b begins', 'b ends', 'c begins', 'c ends']);
        expect(queue.length).toBe(0);
    });
});
