import { setTimeout as sleep } from 'node:timers/promises';
import { Address, beginCell, Cell, external, storeMessage, toNano } from '@ton/core';
import { Devnet, startDevnet } from '../src';
import { code, deploy, nowCode, readNumber, rpc, selfCallingCode, transfer } from './support';

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

/** Sends an empty order of a wallet and returns what the network answered. */
async function order(devnet: Devnet, name: string, seqno: number) {
    const { contract, keyPair, address } = devnet.wallet(name);
    const body = contract.createTransfer({
        seqno,
        secretKey: keyPair.secretKey,
        messages: [{ info: message(to, 1000n), body: Cell.EMPTY }],
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

describe('a network with a block time', () => {
    it('makes blocks on its own, at the rate that was asked for', () =>
        withDevnet({ blockTime: 50 }, async (devnet) => {
            const first = await lastSeqno(devnet);
            await sleep(1000);
            const made = (await lastSeqno(devnet)) - first;
            expect(made).toBeGreaterThan(10);
            expect(made).toBeLessThanOrEqual(21);
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

    it('spreads an exceptionally long chain of messages over blocks and answers others meanwhile', async () => {
        const bouncing = await deploy(devnet, selfCallingCode);
        const first = await lastSeqno(devnet);
        await transfer(devnet, 'relayer', bouncing, toNano('0.15'));
        const meanwhile = (await rpc(devnet, 'devnet_info')).result;
        expect(meanwhile.pending_messages).toBe(1);
        expect(meanwhile.seqno).toBeGreaterThan(first + 2);

        await order(devnet, 'provider', 0);
        expect(await devnet.client().open(devnet.wallet('provider').contract).getSeqno()).toBe(1);
        for (let i = 0; i < 200 && (await rpc(devnet, 'devnet_info')).result.pending_messages > 0; i++) {
            await sleep(20);
        }
        // Each message paid until nothing was left.
        expect((await rpc(devnet, 'devnet_info')).result.pending_messages).toBe(0);
        expect(await devnet.balance(bouncing)).toBeLessThan(toNano('0.001'));
        for (let seqno = first + 1; seqno <= (await lastSeqno(devnet)); seqno++) {
            expect((await blockTransactions(devnet, seqno)).transactions.length).toBeLessThanOrEqual(250);
        }
    });
});
