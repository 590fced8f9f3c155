import {
    Address,
    beginCell,
    Cell,
    comment,
    loadTransaction,
    Slice,
    storeMessage,
    toNano,
    Transaction,
} from '@ton/core';
import { TonClient } from '@ton/ton';
import { Devnet, startDevnet } from '../src';
import { code, deploy, get, rpc, throwCode, transfer } from './support';

const parseHashes = (tx: Transaction) => ({ lt: tx.lt.toString(), hash: tx.hash().toString('base64') });

describe('the history of an account', () => {
    let devnet: Devnet;
    let client: TonClient;
    let wallet: Address;
    const amounts = [1n, 2n, 3n, 4n, 5n, 6n, 7n];
    const to = new Address(0, Buffer.alloc(32, 1));

    beforeAll(async () => {
        devnet = await startDevnet({ blockTime: 0 });
        client = devnet.client();
        wallet = devnet.wallet('client').address;
        for (const amount of amounts) {
            await devnet.faucet(to, amount);
        }
    });
    afterAll(() => devnet.close());

    const received = (transactions: Transaction[]) =>
        transactions.map(({ inMessage }) => (inMessage!.info as { value: { coins: bigint } }).value.coins);

    it('comes newest first and at most as much as was asked for', async () => {
        expect(received(await client.getTransactions(to, { limit: 100 }))).toEqual([7n, 6n, 5n, 4n, 3n, 2n, 1n]);
        expect(received(await client.getTransactions(to, { limit: 2 }))).toEqual([7n, 6n]);
        expect((await rpc(devnet, 'getTransactions', { address: to.toString() })).result).toHaveLength(7);
    });

    it('is read page by page from the last transaction of the page before', async () => {
        const pages: bigint[][] = [];
        let from: { lt: string; hash: string } | undefined;
        for (;;) {
            const page = await client.getTransactions(to, { limit: 3, archival: true, ...from });
            if (page.length === 0) {
                break;
            }
            pages.push(received(page));
            from = parseHashes(page[page.length - 1]);
        }
        expect(pages).toEqual([[7n, 6n, 5n], [4n, 3n, 2n], [1n]]);
    });

    it('includes the first transaction of a page when asked to', async () => {
        const [, second] = await client.getTransactions(to, { limit: 2 });
        const page = await client.getTransactions(to, { limit: 2, inclusive: true, ...parseHashes(second) });
        expect(received(page)).toEqual([6n, 5n]);
    });

    it('ends before to_lt', async () => {
        const all = await client.getTransactions(to, { limit: 7 });
        const page = await client.getTransactions(to, { limit: 7, to_lt: all[3].lt.toString() });
        expect(received(page)).toEqual([7n, 6n, 5n]);
    });

    it('gives one transaction by lt and hash, in base64 or hex', async () => {
        const [, , third] = await client.getTransactions(to, { limit: 3 });
        const { lt, hash } = parseHashes(third);
        expect((await client.getTransaction(to, lt, hash))!.hash().equals(third.hash())).toBe(true);
        for (const form of ['base64', 'base64url', 'hex'] as const) {
            const place = { lt, hash: third.hash().toString(form) };
            const query = new URLSearchParams({ address: to.toString(), limit: '1', ...place });
            const { result } = await get(devnet, `getTransactions?${query}`);
            expect(result[0].transaction_id).toMatchObject({ lt, hash });
        }
    });

    it('refuses a place that does not exist, or half of one', async () => {
        const [last] = await client.getTransactions(to, { limit: 1 });
        const { lt, hash } = parseHashes(last);
        const ask = (params: object) => rpc(devnet, 'getTransactions', { address: to.toString(), limit: 1, ...params });
        expect(await ask({ lt: String(last.lt + 1n), hash })).toMatchObject({ status: 404, ok: false, code: 404 });
        expect(await ask({ lt, hash: '00'.repeat(32) })).toMatchObject({ status: 404, ok: false });
        expect(await ask({ lt })).toMatchObject({ status: 422, error: expect.stringContaining('"lt" and "hash"') });
        expect(await ask({ hash })).toMatchObject({ status: 422, error: expect.stringContaining('"lt" and "hash"') });
    });

    it('shows messages the way toncenter does', async () => {
        const body = comment('inference, please');
        await transfer(devnet, 'client', to, toNano(2), { body });
        const [{ result: sent }, { result: got }] = await Promise.all([
            rpc(devnet, 'getTransactions', { address: wallet.toString(), limit: 1 }),
            rpc(devnet, 'getTransactions', { address: to.toString(), limit: 1 }),
        ]);
        const [tx] = sent;
        const parsed = loadTransaction(Cell.fromBase64(tx.data).beginParse());
        expect(tx).toMatchObject({
            '@type': 'raw.transaction',
            address: { '@type': 'accountAddress', account_address: wallet.toString() },
            account: wallet.toRawString(),
            utime: parsed.now,
            fee: parsed.totalFees.coins.toString(),
            transaction_id: { '@type': 'internal.transactionId', ...parseHashes(parsed) },
            in_msg: { source: '', destination: wallet.toString(), value: '0', created_lt: '0' },
        });
        expect(BigInt(tx.storage_fee) + BigInt(tx.other_fee)).toBe(BigInt(tx.fee));

        const [out] = tx.out_msgs;
        const message = parsed.outMessages.get(0)!;
        expect(out).toEqual({
            '@type': 'raw.message',
            hash: beginCell().store(storeMessage(message)).endCell().hash().toString('base64'),
            source: wallet.toString(),
            destination: to.toString(),
            value: toNano(2).toString(),
            extra_currencies: [],
            fwd_fee: (message.info as { forwardFee: bigint }).forwardFee.toString(),
            ihr_fee: '0',
            created_lt: (parsed.lt + 1n).toString(),
            body_hash: body.hash().toString('base64'),
            msg_data: { '@type': 'msg.dataText', text: Buffer.from('inference, please').toString('base64') },
            message: 'inference, please',
            bounce: false,
            bounced: false,
        });
        // The same message at its other end.
        expect(got[0].in_msg).toEqual(out);
        expect(got[0].out_msgs).toEqual([]);
    });

    it('shows a body that is no comment as raw cells, and the state init with it', async () => {
        const body = beginCell().storeUint(0x12345678, 32).storeUint(1, 1).storeRef(Cell.EMPTY).endCell();
        const init = { code: code('ff0030'), data: beginCell().storeUint(77, 32).endCell() };
        await transfer(devnet, 'client', to, 10_000_000n, { body, init });
        const { result } = await rpc(devnet, 'getTransactions', { address: to.toString(), limit: 1 });
        const { msg_data, message, body_hash } = result[0].in_msg;
        expect(Cell.fromBase64(msg_data.body).equals(body)).toBe(true);
        expect(msg_data['@type']).toBe('msg.dataRaw');
        const stateInit: Slice = Cell.fromBase64(msg_data.init_state).beginParse();
        expect(stateInit.loadRef().equals(init.code)).toBe(true);
        expect(message).toBe(Buffer.from('1234567880', 'hex').toString('base64') + '\n');
        expect(body_hash).toBe(body.hash().toString('base64'));
    });

    it('shows that a message came back', async () => {
        const thrower = await deploy(devnet, throwCode);
        await transfer(devnet, 'client', thrower, toNano(1), { bounce: true });
        const { result } = await rpc(devnet, 'getTransactions', { address: wallet.toString(), limit: 1 });
        expect(result[0].in_msg).toMatchObject({ source: thrower.toString(), bounce: false, bounced: true });
        const { result: there } = await rpc(devnet, 'getTransactions', { address: thrower.toString(), limit: 1 });
        expect(there[0].in_msg).toMatchObject({ bounce: true, bounced: false, value: toNano(1).toString() });
    });

    it('charges rent and shows it as storage fee', async () => {
        const contract = await deploy(devnet, code('ff0030'), 5);
        await devnet.increaseTime(365 * 86_400);
        await devnet.faucet(contract, 1000n);
        const { result } = await rpc(devnet, 'getTransactions', { address: contract.toString(), limit: 1 });
        // 135 nanoTON x 2^-16 a cell and second; the account is three cells: itself, its code and its data.
        const year = (3n * 135n * BigInt(365 * 86_400)) >> 16n;
        const fee = BigInt(result[0].storage_fee);
        expect(fee).toBeGreaterThanOrEqual(year);
        expect(fee).toBeLessThan(year + year / 1000n);
    });
});

describe('forms of an address', () => {
    let devnet: Devnet;
    beforeAll(async () => {
        devnet = await startDevnet({ blockTime: 0, wallets: 1 });
    });
    afterAll(() => devnet.close());

    const address = new Address(0, Buffer.alloc(32, 0xfb));

    it('are converted into each other', async () => {
        const raw = address.toRawString();
        expect((await get(devnet, `packAddress?address=${raw}`)).result).toBe(address.toString());
        for (const text of [address.toString(), address.toString({ urlSafe: false }), raw]) {
            expect((await rpc(devnet, 'unpackAddress', { address: text })).result).toBe(raw);
        }
        const detected = async (text: string) => (await rpc(devnet, 'detectAddress', { address: text })).result;
        expect(await detected(raw)).toEqual({
            raw_form: raw,
            bounceable: { b64: address.toString({ urlSafe: false }), b64url: address.toString() },
            non_bounceable: {
                b64: address.toString({ urlSafe: false, bounceable: false }),
                b64url: address.toString({ bounceable: false }),
            },
            given_type: 'raw_form',
            test_only: false,
        });
        expect((await detected(address.toString())).given_type).toBe('friendly_bounceable');
        expect(await detected(address.toString({ bounceable: false, testOnly: true }))).toMatchObject({
            given_type: 'friendly_non_bounceable',
            test_only: true,
        });
    });

    it('are told apart from hashes', async () => {
        const hash = address.hash;
        const { result } = await get(devnet, `detectHash?hash=${hash.toString('hex')}`);
        expect(result).toEqual({
            b64: hash.toString('base64'),
            b64url: hash.toString('base64url'),
            hex: hash.toString('hex'),
        });
    });

    it('lead to everything about an account', async () => {
        const { address: wallet, init } = devnet.wallets[0];
        const ask = async (method: string) => (await get(devnet, `${method}?address=${wallet}`)).result;
        expect(await ask('getAddressBalance')).toBe('10000000000000');
        expect(await ask('getAddressState')).toBe('active');
        expect(await ask('getAddressInformation')).toMatchObject({
            '@type': 'raw.fullAccountState',
            balance: '10000000000000',
            code: init.code.toBoc().toString('base64'),
            frozen_hash: '',
            state: 'active',
        });
        expect(await ask('getWalletInformation')).toMatchObject({
            wallet: true,
            wallet_type: 'wallet v4 r2',
            seqno: 0,
            wallet_id: 698983191,
            balance: '10000000000000',
            account_state: 'active',
        });
        expect(await ask('getExtendedAddressInformation')).toMatchObject({
            '@type': 'fullAccountState',
            account_state: { '@type': 'wallet.v4.accountState', wallet_id: '698983191', seqno: 0 },
        });
    });

    it('tell a contract that is no wallet, and nothing at all, from a wallet', async () => {
        const contract = await deploy(devnet, throwCode);
        const ask = async (method: string, of: Address) => (await get(devnet, `${method}?address=${of}`)).result;
        expect(await ask('getWalletInformation', contract)).toMatchObject({ wallet: false, account_state: 'active' });
        expect((await ask('getExtendedAddressInformation', contract)).account_state).toMatchObject({
            '@type': 'raw.accountState',
            code: throwCode.toBoc().toString('base64'),
        });
        expect(await ask('getWalletInformation', address)).toMatchObject({
            wallet: false,
            balance: '0',
            account_state: 'uninitialized',
        });
        expect((await ask('getExtendedAddressInformation', address)).account_state['@type']).toBe(
            'uninited.accountState',
        );
        expect(await ask('getAddressState', address)).toBe('uninitialized');
    });
});
