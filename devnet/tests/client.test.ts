import { createHash } from 'node:crypto';
import {
    Address,
    beginCell,
    Cell,
    comment,
    contractAddress,
    ContractProvider,
    external,
    openContract,
    storeMessage,
    toNano,
} from '@ton/core';
import { mnemonicToPrivateKey, mnemonicValidate } from '@ton/crypto';
import { wordlist } from '@ton/crypto/dist/mnemonic/wordlist';
import { TonClient, WalletContractV4 } from '@ton/ton';
import { Devnet, developmentWallets, MAX_WALLETS, startDevnet } from '../src';
import { developmentKeys } from '../src/developmentKeys';
import {
    counterCode,
    deploy,
    echoCode,
    globalIdCode,
    readNumber,
    rpc,
    stateInit,
    transfer,
    walletSender,
} from './support';

describe('TonClient of @ton/ton against the network', () => {
    let devnet: Devnet;
    let client: TonClient;
    const nobody = new Address(0, Buffer.alloc(32, 7));

    beforeAll(async () => {
        devnet = await startDevnet({ automine: true });
        client = new TonClient({ endpoint: devnet.endpoint });
    });
    afterAll(() => devnet.close());

    it('reads the state of a funded wallet', async () => {
        const { address, init } = devnet.wallet('provider');
        const state = await client.getContractState(address);
        expect(state.state).toBe('active');
        expect(state.balance).toBe(toNano(10_000));
        expect(state.lastTransaction).toBeNull();
        expect(Cell.fromBoc(state.code!)[0].equals(init.code)).toBe(true);
        expect(Cell.fromBoc(state.data!)[0].equals(init.data)).toBe(true);
        expect(state.blockId.workchain).toBe(-1);
        expect(Math.abs(state.timestampt - Date.now() / 1000)).toBeLessThan(5);
        expect(await client.getBalance(address)).toBe(toNano(10_000));
        expect(await client.isContractDeployed(address)).toBe(true);
    });

    it('tells that nothing is at an address that was never used', async () => {
        const state = await client.getContractState(nobody);
        expect(state).toMatchObject({ state: 'uninitialized', balance: 0n, code: null, lastTransaction: null });
        expect(await client.isContractDeployed(nobody)).toBe(false);
        await expect(client.runMethod(nobody, 'seqno')).rejects.toThrow('exit_code: -13');
    });

    it('sends coins through the wallet contract and shows both transactions', async () => {
        const to = new Address(0, Buffer.alloc(32, 8));
        const { address } = devnet.wallet('client');
        await transfer(devnet, 'client', to, toNano('1.5'), { body: comment('for the model') });
        expect(await client.getBalance(to)).toBe(toNano('1.5'));

        const [sent] = await client.getTransactions(address, { limit: 1 });
        expect(sent.inMessage?.info.type).toBe('external-in');
        expect(sent.outMessagesCount).toBe(1);
        const [received] = await client.getTransactions(to, { limit: 10 });
        expect(received.inMessage?.info).toMatchObject({ type: 'internal', value: { coins: toNano('1.5') } });
        expect(received.inMessage?.body.equals(comment('for the model'))).toBe(true);
        expect(received.lt).toBeGreaterThan(sent.lt);

        const state = await client.getContractState(address);
        expect(state.lastTransaction).toEqual({ lt: sent.lt.toString(), hash: sent.hash().toString('base64') });
        // What forwarding costs is collected in part here, in part where the message arrives.
        const { forwardFee } = sent.outMessages.get(0)!.info as { forwardFee: bigint };
        expect(await client.getBalance(address)).toBe(
            toNano(10_000) - toNano('1.5') - sent.totalFees.coins - forwardFee,
        );
    });

    it('deploys a contract through provider and sender, and calls it', async () => {
        const init = stateInit(counterCode, 1000);
        const contract = openContract(
            {
                address: contractAddress(0, init),
                init,
                sendCount: (provider: ContractProvider, value: bigint) =>
                    provider.internal(walletSender(devnet, 'deployer'), { value, bounce: false }),
                getCount: async (provider: ContractProvider) =>
                    (await provider.get('count', [])).stack.readBigNumber(),
                getLast: async (provider: ContractProvider) => (await provider.getState()).last!,
                getHistory: (
                    provider: ContractProvider,
                    address: Address,
                    last: { lt: bigint; hash: Buffer },
                ) => provider.getTransactions(address, last.lt, last.hash, 10),
            },
            ({ address, init }) => client.provider(address, init),
        );
        await contract.sendCount(toNano('0.1'));
        await contract.sendCount(toNano('0.1'));
        expect(await contract.getCount()).toBe(1002n);
        const history = await contract.getHistory(contract.address, await contract.getLast());
        expect(history.map((tx) => tx.inMessage?.init !== undefined && tx.inMessage.init !== null)).toEqual([
            false,
            true,
        ]);
    });

    it('deploys with an external message that carries the state init', async () => {
        const keys = devnet.wallet('relayer').keyPair;
        const wallet = WalletContractV4.create({ workchain: 0, publicKey: keys.publicKey, walletId: 5 });
        await devnet.faucet(wallet.address, toNano(1));
        await client.open(wallet).sendTransfer({
            seqno: 0,
            secretKey: keys.secretKey,
            messages: [],
        });
        expect(await client.isContractDeployed(wallet.address)).toBe(true);
        expect(await client.open(wallet).getSeqno()).toBe(1);
    });

    it('sends a serialised message as a file and as a message', async () => {
        const { contract, keyPair, address } = devnet.wallet('governance');
        const order = (seqno: number) =>
            contract.createTransfer({ seqno, secretKey: keyPair.secretKey, messages: [] });
        const message = (seqno: number) => external({ to: address, body: order(seqno) });
        await client.sendFile(beginCell().store(storeMessage(message(0))).endCell().toBoc());
        await client.sendMessage(message(1));
        await client.sendExternalMessage(contract, message(2).body);
        expect(await client.open(contract).getSeqno()).toBe(3);
    });

    it('calls a get-method and reports its gas, or its exit code', async () => {
        const echo = await deploy(devnet, echoCode);
        const { stack, gas_used } = await client.callGetMethod(echo, 'anything', [{ type: 'int', value: -7n }]);
        expect(stack.readBigNumber()).toBe(-7n);
        // SETCP0, DROP and an implicit return.
        expect(gas_used).toBe(26 + 18 + 5);
        const { exit_code } = await client.runMethodWithError(devnet.wallet('deployer').address, 'no_such_method');
        expect(exit_code).toBe(11);
        await expect(client.runMethod(devnet.wallet('deployer').address, 'no_such_method')).rejects.toThrow('11');
    });

    it('walks from the masterchain to the transactions of an account', async () => {
        const to = new Address(0, Buffer.alloc(32, 9));
        await devnet.faucet(to, 5n);
        const { latestSeqno, initSeqno, workchain } = await client.getMasterchainInfo();
        expect({ initSeqno, workchain }).toEqual({ initSeqno: 0, workchain: -1 });
        const [tx] = await client.getTransactions(to, { limit: 1 });

        const found: string[] = [];
        for (let seqno = 1; seqno <= latestSeqno; seqno++) {
            const [shard] = await client.getWorkchainShards(seqno);
            expect(shard.workchain).toBe(0);
            for (const item of await client.getShardTransactions(shard.workchain, shard.seqno, shard.shard)) {
                if (item.account.equals(to)) {
                    found.push(`${item.lt} ${item.hash}`);
                }
            }
        }
        expect(found).toEqual([`${tx.lt} ${tx.hash().toString('base64')}`]);
    });

    it('finds the transaction that a message caused and the one that sent it', async () => {
        const { address } = devnet.wallet('deployer');
        const echo = await deploy(devnet, echoCode, 2);
        await transfer(devnet, 'deployer', echo, toNano(1));
        const [sent] = await client.getTransactions(address, { limit: 1 });
        const [received] = await client.getTransactions(echo, { limit: 1 });
        const { createdLt } = sent.outMessages.get(0)!.info as { createdLt: bigint };

        const result = await client.tryLocateResultTx(address, echo, createdLt.toString());
        expect(result.hash().equals(received.hash())).toBe(true);
        const source = await client.tryLocateSourceTx(address, echo, createdLt.toString());
        expect(source.hash().equals(sent.hash())).toBe(true);
        const same = await rpc(devnet, 'tryLocateTx', {
            source: address.toString(),
            destination: echo.toString(),
            created_lt: Number(createdLt),
        });
        expect(same.result.transaction_id.hash).toBe(received.hash().toString('base64'));

        for (const [from, to, lt] of [
            [echo, address, createdLt],
            [address, echo, createdLt + 1n],
        ] as const) {
            const params = { source: from.toString(), destination: to.toString(), created_lt: lt.toString() };
            for (const method of ['tryLocateResultTx', 'tryLocateSourceTx']) {
                const reply = await rpc(devnet, method, params);
                expect([reply.status, reply.error]).toEqual([404, expect.stringContaining('Tx not found')]);
            }
        }
    });

    it('works with an endpoint that is the base of the API', async () => {
        for (const path of ['/', '/jsonRPC', '/api/v2', '/api/v2/', '/api/v2/jsonRPC']) {
            const other = new TonClient({ endpoint: devnet.url + path });
            expect(await other.getBalance(nobody)).toBe(0n);
        }
    });

    it('has the global id of the mainnet unless told otherwise, in contracts as in the configuration', async () => {
        const contract = await deploy(devnet, globalIdCode);
        expect(await readNumber(client, contract)).toBe(-239n);

        const other = await startDevnet({ automine: true, globalId: -217, blockTime: 0 });
        try {
            const address = await deploy(other, globalIdCode);
            expect(await readNumber(other.client(), address)).toBe(-217n);
            const { result } = await rpc(other, 'getConfigParam', { config_id: 19 });
            expect(Cell.fromBase64(result.config.bytes).beginParse().loadInt(32)).toBe(-217);
            expect((await rpc(other, 'devnet_info')).result.global_id).toBe(-217);
        } finally {
            await other.close();
        }
    });
});

describe('the development wallets', () => {
    it('come from their names by the rule in their file', () => {
        for (const { name, attempt, mnemonic } of developmentKeys) {
            const words = Array.from({ length: 24 }, (_, i) => {
                const hash = createHash('sha256').update(`ton-compute devnet ${name} ${attempt} ${i}`).digest();
                return wordlist[hash.readUInt16BE(0) % 2048];
            });
            expect(mnemonic).toBe(words.join(' '));
        }
    });

    it('have the valid mnemonics and the keys that their file says', async () => {
        const wallets = developmentWallets(MAX_WALLETS);
        expect(new Set(wallets.map(({ address }) => address.toRawString())).size).toBe(10);
        await Promise.all(
            wallets.map(async ({ mnemonic, keyPair }) => {
                expect(mnemonic).toHaveLength(24);
                expect(await mnemonicValidate([...mnemonic])).toBe(true);
                expect(await mnemonicToPrivateKey([...mnemonic])).toEqual(keyPair);
            }),
        );
    });
});
