import { connect } from 'node:net';
import { Address, beginCell, Cell, comment, external, internal, Message, storeMessage } from '@ton/core';
import { DevnetError, Devnet, startDevnet } from '../src';
import { deploy, echoCode, get, post, Reply, rpc, throwCode } from './support';

describe('wrong input', () => {
    let devnet: Devnet;
    let thrower: Address;
    let silent: Address;
    const nobody = new Address(0, Buffer.alloc(32, 6));

    beforeAll(async () => {
        devnet = await startDevnet({ blockTime: 0, logLevel: 'silent' });
        thrower = await deploy(devnet, throwCode);
        silent = await deploy(devnet, echoCode);
    });
    afterAll(() => devnet.close());
    afterEach(async () => {
        // Whatever was sent, the network is still there.
        expect((await rpc(devnet, 'getMasterchainInfo')).ok).toBe(true);
    });

    const boc = (message: Message) => beginCell().store(storeMessage(message)).endCell().toBoc().toString('base64');
    const send = (message: Message) => rpc(devnet, 'sendBoc', { boc: boc(message) });

    function expectError(reply: Reply, status: number, ...texts: string[]) {
        expect(reply).toMatchObject({ status, ok: false, code: status });
        expect(reply.result).toBeUndefined();
        for (const text of texts) {
            expect(reply.error).toContain(text);
        }
    }

    describe('in the request', () => {
        it('tells what is wrong with the body', async () => {
            expectError(await post(devnet.endpoint, '{"method": '), 400, 'not JSON');
            expectError(await post(devnet.endpoint, ''), 400, 'not JSON');
            for (const body of ['[]', '5', 'null', '"x"', '[{"method":"getMasterchainInfo"}]']) {
                expectError(await post(devnet.endpoint, body), 422, 'one JSON-RPC request');
            }
            expectError(await post(devnet.endpoint, '{}'), 422, '"method" is missing');
            expectError(await post(devnet.endpoint, '{"method": 5}'), 422, '"method" is missing');
            for (const params of ['[1]', '"x"', '5']) {
                const reply = await post(devnet.endpoint, `{"method": "getMasterchainInfo", "params": ${params}}`);
                expectError(reply, 422, 'must be an object');
            }
            expectError(await post(devnet.endpoint, 'x'.repeat(2_000_000)), 413, 'too large');
        });

        it('answers with the id of the request, also when it fails', async () => {
            for (const id of ['7', 7, null]) {
                const good = await post(devnet.endpoint, JSON.stringify({ id, method: 'getMasterchainInfo' }));
                const bad = await post(devnet.endpoint, JSON.stringify({ id, method: 'getMasterchain' }));
                expect([good.id, bad.id]).toEqual([id, id]);
            }
        });

        it('names the methods that there are when one is unknown', async () => {
            expectError(await rpc(devnet, 'getMoney'), 422, 'Unknown method "getMoney"', 'getAddressInformation');
            expectError(await rpc(devnet, 'constructor'), 422, 'Unknown method');
            expectError(await rpc(devnet, '__proto__'), 422, 'Unknown method');
            expectError(await get(devnet, 'getMoney'), 404, 'Unknown method "getMoney"');
            expectError(await post(`${devnet.url}/api/v2/getMoney`, '{}'), 404, 'Unknown method');
            const response = await fetch(`${devnet.url}/api/v3/whatever`);
            expect(response.status).toBe(404);
            expect(((await response.json()) as Reply).error).toContain('/api/v2/jsonRPC');
        });

        it('does not change anything for a GET', async () => {
            for (const method of ['sendBoc', 'devnet_mine', 'devnet_faucet', 'devnet_restore']) {
                const response = await fetch(`${devnet.url}/api/v2/${method}`);
                expect(response.status).toBe(405);
                expect(response.headers.get('allow')).toBe('POST');
            }
            expect((await get(devnet, 'devnet_info')).ok).toBe(true);
        });

        it('takes JSON whatever type the client gives to it', async () => {
            for (const type of ['application/json', 'text/plain', 'application/x-www-form-urlencoded', 'x/y; z']) {
                const reply = await post(
                    `${devnet.url}/api/v2/getAddressBalance`,
                    JSON.stringify({ address: nobody.toString() }),
                    { 'content-type': type },
                );
                expect(reply).toMatchObject({ ok: true, result: '0' });
            }
        });

        it('lets pages of every origin in', async () => {
            const preflight = await fetch(devnet.endpoint, {
                method: 'OPTIONS',
                headers: {
                    origin: 'http://localhost:3000',
                    'access-control-request-method': 'POST',
                    'access-control-request-headers': 'content-type,x-ton-client-version',
                },
            });
            expect(preflight.status).toBe(204);
            expect(preflight.headers.get('access-control-allow-headers')).toContain('x-ton-client-version');
            const answer = await fetch(`${devnet.url}/api/v2/getMasterchainInfo`);
            expect(answer.headers.get('access-control-allow-origin')).toBe('*');
        });

        it('survives a client that sends no HTTP at all', async () => {
            await new Promise<void>((resolve) => {
                const socket = connect(devnet.port, '127.0.0.1', () => socket.write('\u0000\u0001nonsense\r\n\r\n'));
                socket.on('close', () => resolve());
                socket.on('error', () => undefined);
                socket.resume();
            });
        });
    });

    describe('in the parameters', () => {
        const methodsWithAddress = [
            'getAddressInformation',
            'getExtendedAddressInformation',
            'getWalletInformation',
            'getAddressBalance',
            'getAddressState',
            'getTransactions',
            'packAddress',
            'unpackAddress',
            'detectAddress',
        ];

        it.each(methodsWithAddress)('%s asks for a proper address', async (method) => {
            expectError(await get(devnet, method), 422, method, '"address" is missing');
            for (const address of ['x', '0:12', 5, { a: 1 }, nobody.toString().slice(0, -1) + 'X']) {
                expectError(await rpc(devnet, method, { address }), 416, 'Incorrect address', '0:6f5b');
            }
        });

        it.each([
            ['getTransactions', { limit: 0 }, 'whole number from 1 to 10000'],
            ['getTransactions', { limit: 'ten' }, 'whole number from 1 to 10000'],
            ['getTransactions', { limit: 1.5 }, 'whole number from 1 to 10000'],
            ['getTransactions', { limit: 10_001 }, 'whole number from 1 to 10000'],
            ['getTransactions', { to_lt: '-1' }, 'not negative'],
            ['getTransactions', { lt: 'x', hash: '00'.repeat(32) }, 'not negative'],
            ['getTransactions', { lt: '1', hash: 'abc' }, '32 bytes in hex or base64'],
            ['runGetMethod', {}, '"method" is missing'],
            ['runGetMethod', { method: {} }, 'expected a text'],
            ['runGetMethod', { method: 2 ** 40 }, 'whole number'],
            ['runGetMethod', { method: 'x', stack: 5 }, 'expected a list'],
            ['estimateFee', {}, '"body" is missing'],
            ['estimateFee', { body: 'nonsense' }, 'bag of cells'],
            ['estimateFee', { body: Cell.EMPTY.toBoc().toString('base64'), ignore_chksig: 'maybe' }, 'true or false'],
            ['tryLocateTx', {}, '"source" is missing'],
            ['shards', {}, '"seqno" is missing'],
            ['shards', { seqno: -1 }, 'whole number'],
            ['getBlockHeader', { workchain: 7, shard: '8000000000000000', seqno: 1 }, 'from -1 to 0'],
            ['getBlockHeader', { workchain: 0, shard: '4000000000000000', seqno: 1 }, 'one shard'],
            ['getBlockTransactions', { workchain: 0, seqno: 1 }, '"shard" is null'],
            ['getConfigParam', {}, '"config_id" is missing'],
            ['getLibraries', { libraries: ['x'] }, '32 bytes'],
            ['sendBoc', {}, '"boc" is missing'],
            ['devnet_faucet', {}, '"amount" is missing'],
            ['devnet_faucet', { amount: '0' }, 'nanoTON from 1'],
            ['devnet_faucet', { amount: '-5' }, 'not negative'],
            ['devnet_faucet', { amount: '1.5' }, 'not negative'],
            ['devnet_faucet', { amount: '9'.repeat(19) }, 'expected'],
            ['devnet_mine', { blocks: 0 }, 'from 1 to'],
            ['devnet_mine', { blocks: 1e9 }, 'from 1 to'],
            ['devnet_increaseTime', {}, '"seconds" is missing'],
            ['devnet_increaseTime', { seconds: -1 }, 'from 0 to'],
            ['devnet_setPrices', { set: '1999' }, 'one of 2026, old'],
        ])('%s refuses %j', async (method, params, text) => {
            const reply = await rpc(devnet, method, { address: nobody.toString(), ...params });
            expectError(reply, 422, method, text);
        });

        it('names the parameters that are set when one is not', async () => {
            expectError(await rpc(devnet, 'getConfigParam', { config_id: 1000 }), 404, '1000 is not set', '19, 20, 21');
        });
    });

    describe('in a message', () => {
        it('that is no message is refused with what was expected', async () => {
            for (const text of ['nonsense', '!!!', 'te6cc', Buffer.alloc(50, 1).toString('base64')]) {
                expectError(await rpc(devnet, 'sendBoc', { boc: text }), 422, 'bag of cells');
            }
            expectError(await rpc(devnet, 'sendBoc', { boc: 5 }), 422, 'bag of cells');
            expectError(
                await rpc(devnet, 'sendBoc', { boc: comment('hello').toBoc().toString('base64') }),
                422,
                'not a message',
            );
        });

        it('that is internal is refused', async () => {
            const message = internal({ to: nobody, value: 5n });
            const info = { ...message.info, src: nobody } as Message['info'];
            expectError(await send({ info, body: message.body }), 422, 'internal', 'external inbound');
        });

        it('to another workchain is refused', async () => {
            const to = new Address(5, Buffer.alloc(32));
            expectError(await send(external({ to, body: Cell.EMPTY })), 422, 'Workchain 5');
        });

        it('that is larger than the network allows is refused', async () => {
            let body = beginCell().storeUint(0, 8).endCell();
            for (let i = 0; i < 600; i++) {
                body = beginCell().storeBuffer(Buffer.alloc(120, i)).storeRef(body).endCell();
            }
            expectError(await send(external({ to: silent, body })), 422, 'at most 65535');
        });

        it('that the contract refuses is answered like a lite server does, with the exit code', async () => {
            const reply = await send(external({ to: thrower, body: Cell.EMPTY }));
            expectError(
                reply,
                500,
                'LITE_SERVER_UNKNOWN: cannot apply external message to current state : ',
                'exitcode=42',
                'threw before it accepted',
                'execute THROW 42',
                thrower.toRawString(),
            );
            expect(await devnet.client().getTransactions(thrower, { limit: 5 })).toHaveLength(1);
        });

        it('that the contract does not accept is told apart from one at which it throws', async () => {
            expectError(await send(external({ to: silent, body: Cell.EMPTY })), 500, 'exitcode=0', 'without accepting');
        });

        it('to an account without code says so', async () => {
            await devnet.faucet(nobody, 1_000_000_000n);
            expectError(await send(external({ to: nobody, body: Cell.EMPTY })), 500, 'Failed to unpack account state');
        });

        it('to an account that cannot pay says so', async () => {
            const poor = new Address(0, Buffer.alloc(32, 61));
            const reply = await send(external({ to: poor, body: Cell.EMPTY }));
            expectError(reply, 500, 'balance of 0 nanoTON', 'send coins');
        });

        it('with an old number or signature of a wallet brings the exit code of the wallet', async () => {
            const { contract, keyPair, address } = devnet.wallet('client');
            const order = (seqno: number, secretKey: Buffer, timeout?: number) =>
                send(
                    external({
                        to: address,
                        body: contract.createTransfer({ seqno, secretKey, timeout, messages: [] }),
                    }),
                );
            expectError(await order(1, keyPair.secretKey), 500, 'exitcode=33');
            expectError(await order(0, Buffer.alloc(64, 1)), 500, 'exitcode=35');
            expectError(await order(0, keyPair.secretKey, 1000), 500, 'exitcode=36');
            expect((await order(0, keyPair.secretKey)).ok).toBe(true);
        });

        it('with fees nobody can estimate is refused in the same way', async () => {
            const reply = await rpc(devnet, 'estimateFee', {
                address: thrower.toString(),
                body: Cell.EMPTY.toBoc().toString('base64'),
            });
            expectError(reply, 500, 'exitcode=42');
        });

        it('returns its hash, and the one that no packing changes', async () => {
            const { contract, keyPair, address } = devnet.wallet('relayer');
            const body = contract.createTransfer({ seqno: 0, secretKey: keyPair.secretKey, messages: [] });
            const message = external({ to: address, body });
            const { result } = await rpc(devnet, 'sendBocReturnHash', { boc: boc(message) });
            expect(result).toMatchObject({
                '@type': 'raw.extMessageInfo',
                hash: beginCell().store(storeMessage(message)).endCell().hash().toString('base64'),
            });
            const normalized = beginCell()
                .store(storeMessage(message, { forceRef: true }))
                .endCell();
            expect(result.hash_norm).toBe(normalized.hash().toString('base64'));
        });

        it('can be sent in parts', async () => {
            const { contract, keyPair, address, init } = devnet.wallet('governance');
            const body = contract.createTransfer({ seqno: 0, secretKey: keyPair.secretKey, messages: [] });
            const { result } = await rpc(devnet, 'sendQuery', {
                address: address.toString(),
                body: body.toBoc().toString('base64'),
                init_code: init.code.toBoc().toString('base64'),
                init_data: init.data.toBoc().toString('base64'),
            });
            expect(result).toEqual({ '@type': 'ok' });
            expect(await devnet.client().open(contract).getSeqno()).toBe(1);
        });

        it('that expired only because the clock was moved explains it', async () => {
            const { contract, keyPair } = devnet.wallet('provider');
            const body = contract.createTransfer({ seqno: 0, secretKey: keyPair.secretKey, messages: [] });
            await devnet.increaseTime(3600);
            const reply = await send(external({ to: contract.address, body }));
            expectError(reply, 500, 'exitcode=36', 'ahead of the machine', 'sync_utime');
            // The sender of the library reads the clock of the network.
            await devnet.wallet('provider').sender(devnet.client()).send({ to: nobody, value: 1n });
            expect(await devnet.client().open(contract).getSeqno()).toBe(1);
        });
    });
});

describe('wrong options', () => {
    it.each([
        [{ port: 70_000 }, 'port is 70000'],
        [{ port: 1.5 }, 'port is 1.5'],
        [{ blockTime: -1 }, 'blockTime is -1'],
        [{ wallets: 11 }, 'from 0 to 10'],
        [{ globalId: 2 ** 31 }, 'globalId'],
        [{ prices: '1999' as never }, 'one of 2026, old'],
        [{ host: '203.0.113.1' }, 'Cannot listen'],
    ])('%j are refused', async (options, text) => {
        const failure = startDevnet(options);
        await expect(failure).rejects.toThrow(DevnetError);
        await expect(failure).rejects.toThrow(text);
    });

    it('such as a port that is taken are refused with advice', async () => {
        const first = await startDevnet({ blockTime: 0 });
        try {
            await expect(startDevnet({ port: first.port })).rejects.toThrow(/is in use.*choose another port/);
            expect((await rpc(first, 'getMasterchainInfo')).ok).toBe(true);
        } finally {
            await first.close();
        }
    });

    it('such as a wallet that does not exist are refused with the names of those that do', async () => {
        const devnet = await startDevnet({ blockTime: 0, wallets: 2 });
        try {
            expect(() => devnet.wallet('bob')).toThrow('deployer, provider');
        } finally {
            await devnet.close();
            await devnet.close();
        }
    });
});
