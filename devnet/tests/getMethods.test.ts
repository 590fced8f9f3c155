import { Address, beginCell, TupleItem } from '@ton/core';
import { TonClient } from '@ton/ton';
import { Devnet, startDevnet } from '../src';
import {
    code,
    deploy,
    echoCode,
    endlessCode,
    nanCode,
    nowCode,
    nullCode,
    readNumber,
    restOfDataCode,
    rpc,
    throwCode,
} from './support';

const cell = beginCell().storeUint(0xabc, 12).storeRef(beginCell().storeUint(5, 8).endCell()).endCell();
const boc = cell.toBoc().toString('base64');

describe('get-methods', () => {
    let devnet: Devnet;
    let client: TonClient;
    let echo: Address;

    beforeAll(async () => {
        devnet = await startDevnet({ blockTime: 0, logLevel: 'silent' });
        client = devnet.client();
        echo = await deploy(devnet, echoCode);
    });
    afterAll(() => devnet.close());

    const call = async (stack: unknown[], method: unknown = 'echo') =>
        rpc(devnet, 'runGetMethod', { address: echo.toString(), method, stack });
    const echoed = async (stack: unknown[]) => (await call(stack)).result.stack;

    it('passes every kind of argument that TonClient sends, there and back', async () => {
        const big = (1n << 256n) - 1n;
        const stack: TupleItem[] = [
            { type: 'int', value: 0n },
            { type: 'int', value: -1n },
            { type: 'int', value: big },
            { type: 'int', value: -big - 1n },
            { type: 'cell', cell },
            { type: 'slice', cell },
            { type: 'builder', cell },
        ];
        const result = (await client.runMethod(echo, 'echo', stack)).stack;
        expect([1, 2, 3, 4].map(() => result.readBigNumber())).toEqual([0n, -1n, big, -big - 1n]);
        expect([1, 2, 3].map(() => result.readCell().equals(cell))).toEqual([true, true, true]);
        expect(result.remaining).toBe(0);
    });

    it('shows integers in hex and everything made of cells as a cell, like toncenter', async () => {
        expect(await echoed([['num', '-31'], ['num', 255], ['cell', boc], ['slice', boc]])).toEqual([
            ['num', '-0x1f'],
            ['num', '0xff'],
            ['cell', { bytes: boc }],
            ['cell', { bytes: boc }],
        ]);
    });

    it('reads the same argument in every notation that is in use', async () => {
        for (const five of [
            ['num', '5'],
            ['num', 5],
            ['num', '0x5'],
            ['int', '+5'],
            ['tvm.Number', '5'],
            { type: 'num', value: '0x5' },
            { '@type': 'tvm.stackEntryNumber', number: { '@type': 'tvm.numberDecimal', number: '5' } },
        ]) {
            expect(await echoed([five])).toEqual([['num', '0x5']]);
        }
        for (const same of [
            ['cell', boc],
            ['tvm.Cell', boc],
            ['cell', { bytes: boc }],
            ['tvm.Slice', boc],
            ['tvm.Builder', boc],
            { type: 'cell', value: boc },
            { '@type': 'tvm.stackEntryCell', cell: { '@type': 'tvm.cell', bytes: boc } },
            { '@type': 'tvm.stackEntrySlice', slice: { '@type': 'tvm.slice', bytes: boc } },
        ]) {
            expect(await echoed([same])).toEqual([['cell', { bytes: boc }]]);
        }
    });

    it('passes null, nested tuples and lists', async () => {
        const number = (value: number) => ({
            '@type': 'tvm.stackEntryNumber',
            number: { '@type': 'tvm.numberDecimal', number: String(value) },
        });
        const emptyList = { '@type': 'tvm.stackEntryList', list: { '@type': 'tvm.list', elements: [] } };
        expect(await echoed([['null'], ['tuple', []], ['list', []]])).toEqual([
            ['list', { '@type': 'tvm.list', elements: [] }],
            ['tuple', { '@type': 'tvm.tuple', elements: [] }],
            ['list', { '@type': 'tvm.list', elements: [] }],
        ]);
        const inner = ['tuple', { elements: [['num', 2], ['cell', boc], ['null']] }];
        const nested = ['tuple', [['num', 1], inner, ['num', 3]]];
        expect(await echoed([nested])).toEqual([
            [
                'tuple',
                {
                    '@type': 'tvm.tuple',
                    elements: [
                        number(1),
                        {
                            '@type': 'tvm.stackEntryTuple',
                            tuple: {
                                '@type': 'tvm.tuple',
                                elements: [
                                    number(2),
                                    { '@type': 'tvm.stackEntryCell', cell: { '@type': 'tvm.cell', bytes: boc } },
                                    emptyList,
                                ],
                            },
                        },
                        number(3),
                    ],
                },
            ],
        ]);
        // What comes out can be sent in again.
        const [[, list]] = await echoed([['list', [['num', 1], ['num', 2]]]]);
        expect(list.elements).toEqual([number(1), number(2)]);
        expect(await echoed([['list', list]])).toEqual([['list', list]]);
    });

    it('gives null to TonClient as null', async () => {
        const address = await deploy(devnet, nullCode);
        const { stack } = await client.runMethod(address, 'any');
        expect(stack.readBigNumberOpt()).toBeNull();
    });

    it('cuts out a slice that begins in the middle of its cell', async () => {
        const address = await deploy(devnet, restOfDataCode, 0xaabbccdd);
        const { stack } = await client.runMethod(address, 'any');
        expect(stack.readCell().equals(beginCell().storeUint(0xbbccdd, 24).endCell())).toBe(true);
    });

    it('shows NaN as such and takes it as an argument', async () => {
        const address = await deploy(devnet, nanCode);
        const { result } = await rpc(devnet, 'runGetMethod', { address: address.toString(), method: 'x', stack: [] });
        expect(result).toMatchObject({ exit_code: 0, stack: [['num', 'NaN']] });
        expect(await echoed([['num', 'NaN']])).toEqual([['num', 'NaN']]);
    });

    it('calls a method by its number as by its name', async () => {
        const { address } = devnet.wallet('deployer');
        const replies = await Promise.all(
            ['seqno', 85143, '85143'].map((method) =>
                rpc(devnet, 'runGetMethod', { address: address.toString(), method, stack: [] }),
            ),
        );
        expect(new Set(replies.map(({ result }) => JSON.stringify(result))).size).toBe(1);
        const seqno = await client.open(devnet.wallet('deployer').contract).getSeqno();
        expect(seqno).toBeGreaterThan(0);
        expect(replies[0].result).toMatchObject({
            '@type': 'smc.runResult',
            exit_code: 0,
            stack: [['num', `0x${seqno.toString(16)}`]],
        });
    });

    it('reports the exit code of a method that throws, and -14 when it needs more gas than it may', async () => {
        const thrower = await deploy(devnet, throwCode);
        expect((await client.runMethodWithError(thrower, 'any')).exit_code).toBe(42);
        const endless = await deploy(devnet, endlessCode);
        const { exit_code, gas_used } = await client.runMethodWithError(endless, 'any');
        expect(exit_code).toBe(-14);
        expect(gas_used).toBeGreaterThanOrEqual(1_000_000);
        expect(gas_used).toBeLessThan(1_000_100);
    });

    it('cannot show a continuation and says so', async () => {
        // SETCP0, DROP, PUSHCONT { NOP }
        const address = await deploy(devnet, code('ff00309100'));
        const reply = await rpc(devnet, 'runGetMethod', { address: address.toString(), method: 'any', stack: [] });
        expect([reply.status, reply.error]).toEqual([500, expect.stringContaining('no continuation')]);
    });

    it('runs at the time of the network', async () => {
        const clock = await deploy(devnet, nowCode);
        const before = await readNumber(client, clock);
        expect(Math.abs(Number(before) - Date.now() / 1000)).toBeLessThan(3);
        await devnet.increaseTime(1000);
        expect(Number((await readNumber(client, clock)) - before)).toBeGreaterThanOrEqual(1000);
    });

    it.each([
        [[['num', 'five']], '257-bit integer'],
        [[['num', 1.5]], '257-bit integer'],
        [[['num', (1n << 256n).toString()]], '257-bit integer'],
        [[['cell', 'AAAA']], 'bag of cells'],
        [[['cell', {}]], 'bag of cells'],
        [[['continuation', '']], 'not understood'],
        [['num'], 'not understood'],
        [[5], 'not understood'],
        [[null], 'not understood'],
        [[['tuple', 5]], 'needs a list'],
        [[['tuple', Array.from({ length: 256 }, () => ['num', 1])]], 'at most 255'],
    ])('refuses the arguments %j', async (stack, text) => {
        const reply = await call(stack as unknown[]);
        expect([reply.status, reply.error]).toEqual([422, expect.stringContaining(text as string)]);
        expect(reply.error).toContain('argument 0');
    });

    it('refuses arguments that are nested without end', async () => {
        let deep: unknown = ['num', 1];
        for (let i = 0; i < 200; i++) {
            deep = ['tuple', [deep]];
        }
        const reply = await call([deep]);
        expect([reply.status, reply.error]).toEqual([422, expect.stringContaining('levels deep')]);
    });
});
